"""How long it takes by the README alone: `make newcomer`.

From an empty home to a picture with sound at YouTube, and from there to four cameras at a server of one's own.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.newcomer import readme
from tests.newcomer.visit import Home, Shell, house, own_server
from tests.servers.process import wait_for

AIM, FOUR = 120.0, 300.0
"""Seconds: to one camera at YouTube, and from there to four cameras at a server of one's own."""
PATIENCE = 120.0


class Clock:
    """Tells what has happened, and when."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def tell(self, text: str) -> float:
        seconds = time.monotonic() - self._began
        sys.stdout.write(f"{seconds:6.1f} s  {text}\n")
        sys.stdout.flush()
        return seconds


def main() -> None:
    one, four = readme.part("push"), readme.part("file")
    with (
        tempfile.TemporaryDirectory() as name,
        house(Path(name), (*one.cameras, *four.cameras), readme.push()) as at,
        own_server(at, Path(name)) as server,
    ):
        home, clock = Home.empty(Path(name)), Clock()
        clock.tell("an empty home, and the README")
        home.install(readme.part("install"), cache=None)
        clock.tell("camcast is installed; everything that it needs was downloaded")
        with at.typing(home, one) as shell:
            at.platform.wait("on air", seconds=PATIENCE)
            first = clock.tell("one camera: picture and sound are at the platform, and shown")
            ended(shell)
        with at.typing(home, four) as shell:
            wait_for(lambda: server.arrived(4), timeout=PATIENCE, why=f"all four\n{shell.said}")
            last = clock.tell("four cameras: all are at a server of one's own")
            ended(shell)
    sys.stdout.write(f"One camera to YouTube in {first:.0f} s (aim: {AIM:.0f} s), ")
    sys.stdout.write(f"four more to a server in {last - first:.0f} s (aim: {FOUR:.0f} s).\n")


def ended(shell: Shell) -> None:
    """Press Ctrl-C. Ends this program where that one did not end well."""
    if status := shell.ctrl_c():
        sys.exit(f"it ended with {status}:\n{shell.said}")


if __name__ == "__main__":
    main()
