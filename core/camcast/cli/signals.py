"""What signals ask of the command, from its first line on.

SIGINT and SIGTERM: end in order; once more: hurry. SIGHUP: read the configuration again. SIGUSR1: open the log file
anew. They are taken over before anything heavy is imported, and given back by commands that a signal may simply end.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

STOPS = (signal.SIGINT, signal.SIGTERM)
TAKEN = (*STOPS, signal.SIGUSR1, signal.SIGHUP)
RUNNING = ("run", "push", "demo")
"""Commands that end in order."""
FLEET = "fleet"
"""A command with commands of its own, of which one does."""
VALUED = ("--block",)
"""Options before the command that are followed by a value."""
GOODBYE = b"camcast: asked to stop before anything had begun; nothing was\n"
_SLICE = 0.25
"""Seconds after which it is looked how an end goes."""
HARD_END = b"camcast: it did not end in order in time; it is ended\n"


def command(arguments: Sequence[str]) -> str:
    """The command among the arguments of a command line, before anything can parse them; "" for none."""
    rest = iter(arguments)
    for argument in rest:
        if argument in VALUED:
            next(rest, None)
        elif not argument.startswith("-"):
            return argument
    return ""


class Signals:
    """What has been asked so far, and who is to be told."""

    def __init__(self) -> None:
        self.stops = 0
        """How often an end was asked for."""
        self.terminated = False
        """Whether whoever sees to this process had it end: SIGTERM, or another command."""
        self.reloads = 0
        self.reopenings = 0
        self._whole = False
        """Whether this process is the command and nothing else."""
        self._begun = False
        self._at_work = False
        self._told: Callable[[], object] | None = None
        self._before: dict[int, object] = {}

    def install(self) -> None:
        """Take the signals over: this process is the command and nothing else."""
        self._whole = True
        self._take()

    def _take(self) -> None:
        self._before = {number: signal.signal(number, self._asked) for number in TAKEN}

    def restore(self) -> None:
        """Give them back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._before = {}

    def over(self) -> None:
        """The command has ended, with an exit status that is its own: what still comes must not become another.

        The interpreter takes a while to end, and gives handlers back before it has.
        """
        for number in self._before:
            signal.signal(number, signal.SIG_IGN)

    @contextlib.contextmanager
    def listening(self, told: Callable[[], object]) -> Iterator[None]:
        """Within, `told()` is called in the main thread whenever a signal has asked for something.

        Takes the signals over for so long where nobody has done it before. Afterwards they change nothing any more:
        the command is ending.
        """
        own = not self._before
        if own:
            self.stops = self.reloads = self.reopenings = 0
            self.terminated = False
            self._take()
        self._begun, self._told = True, told
        try:
            if self.stops or self.reloads or self.reopenings:
                told()
            yield
        finally:
            self._told = None
            if own:
                self.restore()
                self._begun = False

    def end_within(self, seconds: float) -> None:
        """End the process all the same if it still lives then: something keeps it from ending in order.

        What it does within `at_work` does not count. Only where it is the command and nothing else.
        """

        def end() -> None:
            left = seconds
            while left > 0:
                time.sleep(_SLICE)
                if not self._at_work:
                    left -= _SLICE
            os.write(2, HARD_END)
            os._exit(1)

        if self._whole:
            threading.Thread(target=end, name="camcast-end", daemon=True).start()

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Within, the command does what is left to do once everything has ended, for as long as that takes."""
        self._at_work = True
        try:
            yield
        finally:
            self._at_work = False

    def leave(self, status: int) -> None:
        """End the process here and now, where it is the command and nothing else: its streams are stuck."""
        if self._whole:
            os._exit(status)

    def _asked(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self.reloads += 1
        elif number == signal.SIGUSR1:
            self.reopenings += 1
        else:
            self.stops += 1
            self.terminated |= number == signal.SIGTERM
            if not self._begun:
                self._end_early(number)
        if self._told is not None:
            self._told()

    def _end_early(self, number: int) -> None:
        """Nothing runs yet that would have to be ended; and whatever is being imported or read must not delay it."""
        if command(sys.argv[1:]) in RUNNING:
            os.write(2, GOODBYE)
            os._exit(0)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


asked = Signals()
"""This process's."""
