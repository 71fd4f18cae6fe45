"""How this program starts Python, by this and nothing else, and how the threads of its processes take turns."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping

HELD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
"""Signals to the whole group are the parent's business: it ends what it has begun, in order."""


def interpreter() -> list[str]:
    """This interpreter, looking for modules nowhere but where this process may: never in the working directory."""
    flags = [("-I", sys.flags.isolated), ("-E", sys.flags.ignore_environment), ("-s", sys.flags.no_user_site)]
    return [sys.executable, "-P", *(flag for flag, given in flags if given)]


Process = subprocess.Popen[bytes]
PIPE, NOWHERE = subprocess.PIPE, subprocess.DEVNULL


_NEEDED = frozenset(
    {"PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "VIRTUAL_ENV", "ASAN_OPTIONS", "UBSAN_OPTIONS"}
)
_NEEDED_ALSO = ("PYTHON", "LD_", "DYLD_", "MALLOC_", "GLIBC_", "LC_", "COVERAGE_", "COV_CORE_")
"""What the names of such variables begin with."""


def bare_environment() -> dict[str, str]:
    """Of our environment what the interpreter, and the loader of libraries, look at: no stream key is among it."""
    return {name: value for name, value in os.environ.items() if name in _NEEDED or name.startswith(_NEEDED_ALSO)}


def begin(*arguments: str, stdin: int, stdout: int, env: Mapping[str, str] | None = None) -> Process:
    """Run `arguments` in `interpreter()`, with `HELD` blocked until it says itself what it does with them.

    Its standard error is ours; the other two are a descriptor, `PIPE` or `NOWHERE`. `env` is its environment, None =
    ours. Raises `OSError`. Without an await, as what others start meanwhile must not begin with signals blocked.
    """
    with held_back():
        return subprocess.Popen([*interpreter(), *arguments], bufsize=0, stdin=stdin, stdout=stdout, env=env)


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """What is started within begins with `HELD` blocked."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


TURN = 0.001
"""Seconds after which a thread that computes lets another one go on, instead of Python's 0.005."""
SHORT_TURN = 0.0002
"""… while a thread works that has said `hurry`."""


class _Turns:
    """How long turns are in this process. From any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = False
        self._hurried = 0

    def take(self) -> None:
        with self._lock:
            self._taken = True
            self._set()

    def hurry(self, by: int) -> None:
        with self._lock:
            self._hurried += by
            if self._taken:
                self._set()

    def _set(self) -> None:
        sys.setswitchinterval(SHORT_TURN if self._hurried else TURN)


_turns = _Turns()


def take_turns() -> None:
    """For processes of our own only, as it concerns all threads: those that compute hold the loop up less.

    Each call to the system gives the interpreter away. Where another thread computes meanwhile, a loop with ten things
    to send waits ten times as long as a switch takes before it has sent them: with sixteen servers that flood WebRTC,
    and Python's setting, others' pictures are late by half a second; with `TURN` by half of that, or less [measured].
    """
    _turns.take()


def hurry() -> None:
    """This thread works from now on, and others should wait for it less than for any: turns are short, where they are
    ours, until it says `rest` as often.

    Not always, as that costs processor time where encoders compute (decision 37). From any thread.
    """
    _turns.hurry(1)


def rest() -> None:
    """This thread waits, or has ended; see `hurry`."""
    _turns.hurry(-1)
