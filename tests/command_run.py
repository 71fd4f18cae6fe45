"""`camcast run` in a process of its own, its log in a file: for tests that watch one from outside."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs


@attrs.define
class Command:
    """A running `camcast run`."""

    process: subprocess.Popen[str]
    logged: Path

    @property
    def log(self) -> str:
        """So far."""
        return self.logged.read_text()

    def end(self) -> dict[str, Any]:
        """End it; returns its figures."""
        self.process.terminate()
        out, _ = self.process.communicate(timeout=30)
        return json.loads(out)  # type: ignore[no-any-return]


@contextlib.contextmanager
def command_run(folder: Path, config: Mapping[str, object], *options: str, **environment: str) -> Iterator[Command]:
    """Its configuration and its log are put into `folder`; `environment` goes on top of this process's own."""
    file, logged = folder / "c.json", folder / "log"
    file.write_text(json.dumps(config))
    with logged.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "camcast", "run", str(file), "--plain", "--json", *options],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, **environment},
        )
    try:
        yield Command(process, logged)
    finally:
        process.kill()
        process.communicate()
