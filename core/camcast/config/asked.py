"""Calls of plugins while a configuration is read: none ends the reading with a trace, none holds it up for ever."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, TypeVar

from camcast.daemons import Daemons
from camcast.errors import CamcastError

if TYPE_CHECKING:
    from camcast.host import PluginHost

T = TypeVar("T")

READABLE = (ValueError, OSError, CamcastError)
"""What plugins raise with a text for people. Anything else is a bug of theirs."""
DEADLINE = 15.0
"""Seconds for a library to be imported, an encoder to be opened, a secret to be found."""
WASTED = 30.0
"""Seconds that calls without an answer may take altogether: a vault that hangs is asked for each camera's password."""
SHORT = 0.1
"""Seconds for each call after that: what does not hang answers at once."""


class Patience:
    """Has calls of one sort made on threads that hold up nobody. Used by one thread."""

    def __init__(self, sort: str) -> None:
        """`sort`: for the names of the threads."""
        self._threads = _threads(sort)
        self._wasted = 0.0

    def within(self, what: str, call: Callable[[], T]) -> T:
        """The result of `call`. Raises what it raises, `RuntimeError` for what would end the program, and
        `TimeoutError`, which names `what`, after `DEADLINE`, or earlier where others have used up `WASTED`."""
        answer: SimpleQueue[tuple[list[T], Exception | None]] = SimpleQueue()

        def run() -> None:
            try:
                answer.put(([call()], None))
            except Exception as error:  # noqa: BLE001  raised again where it was called
                answer.put(([], error))
            except BaseException as error:  # noqa: BLE001  by a plugin that exits, or a library that panics
                answer.put(([], RuntimeError(f"it raised {type(error).__name__}")))

        left = WASTED - self._wasted
        seconds = min(DEADLINE, max(left, SHORT))
        self._threads.run(run)
        try:
            result, failure = answer.get(timeout=seconds)
        except Empty:
            self._wasted += seconds
            before = "" if left >= DEADLINE else f", after {WASTED:g} s in which others gave none"
            raise TimeoutError(f"{what}: no answer within {seconds:g} s{before}") from None
        if failure is not None:
            raise failure
        return result[0]


@cache
def _threads(sort: str) -> Daemons:
    """Of all that are asked so: a part of a configuration is read by itself, and each would leave one that rests."""
    return Daemons(f"camcast-{sort}")


def bug(
    host: PluginHost, who: str, where: str, error: Exception, clean: Callable[[str], str] = lambda text: text
) -> str:
    """What is said of an exception that is none of `READABLE`. Its trace goes into the log, once.

    `who`: such as "transport mine"; `where`: what was called; `clean` takes secrets out of a trace.
    """
    host.faults.tell(who, where, error, clean=clean)
    return f"{who} failed in {where}, by a bug of its own: {type(error).__name__}"
