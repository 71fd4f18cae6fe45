"""A camera of the kernel's interface that a process takes for a device file; see `video_device.c`."""

from __future__ import annotations

import subprocess
from pathlib import Path

WIDTH, HEIGHT, RATE, STEP = 320, 240, 25, 4
"""As in `video_device.c`."""
GREYS = range(16, 216, STEP)


class VideoDevice:
    """One camera, in `folder`, for processes that are started with its `environment`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "video0"
        self._library = folder / "video_device.so"
        source = Path(__file__).with_suffix(".c")
        strict = ["-Wall", "-Wextra", "-Werror"]
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-O1", *strict, "-o", str(self._library), str(source), "-ldl"], check=True
        )
        self.does("well")

    @property
    def environment(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self._library), "VIDEO_DEVICE": str(self.path)}

    @property
    def taken(self) -> int:
        """Pictures that were taken of it so far."""
        told = self.path.with_suffix(".taken")
        return int(told.read_text() or 0) if told.exists() else 0

    def does(self, *words: str) -> None:
        """From its next picture on; "well" or what `video_device.c` lists."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text(" ".join(words))
        fresh.rename(self.path)

    def pull(self) -> None:
        """Pull the cable: what is open fails, and its file is gone."""
        self.path.unlink()
