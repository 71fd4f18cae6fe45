"""How long it takes from an empty home to a picture with sound at YouTube, by the README alone: `make newcomer`."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.newcomer import readme
from tests.newcomer.visit import Home, house

AIM = 120.0
"""Seconds."""


def main() -> None:
    typed = readme.part("push")
    with tempfile.TemporaryDirectory() as folder, house(Path(folder), typed.cameras, readme.push()) as at:
        home = Home.empty(Path(folder))
        began = time.monotonic()

        def tell(text: str) -> float:
            seconds = time.monotonic() - began
            sys.stdout.write(f"{seconds:6.1f} s  {text}\n")
            sys.stdout.flush()
            return seconds

        tell("an empty home, and the README")
        home.install(readme.part("install"), cache=None)
        tell("camcast is installed; everything that it needs was downloaded")
        with at.typing(home, typed) as shell:
            at.platform.wait("on air", seconds=60)
            seconds = tell("picture and sound are at the platform, and shown")
            status = shell.ctrl_c()
    if status:
        sys.exit(f"camcast push ended with {status}:\n{shell.said}")
    sys.stdout.write(f"One camera to YouTube in {seconds:.0f} s (aim: {AIM:.0f} s).\n")


if __name__ == "__main__":
    main()
