"""The push examples run as they are."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

from tests.media import clip

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_push_asyncio() -> None:
    done = run("push_asyncio.py")
    assert done.returncode == 0, done.stderr
    assert "pushed 100 pictures, 0 refused; the session is connected" in done.stdout
    received = re.search(r"received (\d+) tags", done.stdout)
    assert received is not None
    assert int(received[1]) > 80


def test_push_opencv_works_or_says_what_it_needs() -> None:
    done = run("push_opencv.py", str(clip("carphone_pristine.mp4")))
    if importlib.util.find_spec("cv2") is None:
        assert done.returncode == 1
        assert done.stderr.strip() == "This example needs OpenCV: pip install opencv-python-headless"
    else:
        assert done.returncode == 0, done.stderr
        assert "0 refused; the session is connected" in done.stdout
