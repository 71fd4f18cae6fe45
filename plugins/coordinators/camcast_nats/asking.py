"""One connection's calls of nats-py: each ends by a deadline, and its errors are camcast's.

What a user may not do, the server does not answer: it says so beside (`-ERR 'Permissions Violation …'`), and the call
waits for its deadline. The library hands that over without saying which call it is about.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import nats.errors
import nats.js.errors

from camcast.errors import Conflict, CoordinatorError
from camcast.redaction import words

_FORBIDDEN = "permissions violation"
_WRONG_SEQUENCE = 10071
"""JetStream's error code: something else is there than was expected."""


class Unanswered(CoordinatorError):
    """A call was not answered within its deadline."""


class Forbidden(CoordinatorError):
    """A call was not answered, and the server has said meanwhile that this user may not do something."""


@contextmanager
def translated(shown: Callable[[str], str] = words) -> Iterator[None]:
    """Errors of the library as camcast's. `shown` makes the server's words in them fit to be shown."""
    try:
        yield
    except nats.js.errors.KeyWrongLastSequenceError:
        raise Conflict("something else is there already") from None
    except nats.js.errors.APIError as error:
        if error.err_code == _WRONG_SEQUENCE:
            raise Conflict("something else is there already") from None
        raise CoordinatorError(f"NATS refuses: {shown(error.description or type(error).__name__)}") from None
    except (nats.errors.NoRespondersError, nats.js.errors.NoStreamResponseError):
        raise CoordinatorError("no JetStream answers: is it switched on, and has its cluster a leader?") from None
    except (nats.errors.TimeoutError, TimeoutError):
        raise Unanswered("NATS does not answer in time") from None
    except (nats.errors.Error, OSError) as error:
        raise CoordinatorError(f"NATS: {shown(str(error) or type(error).__name__)}") from None


@contextmanager
def ending() -> Iterator[None]:
    """Within, a library may pass over that its caller is to end: then that is raised at the end of it all the same.

    nats-py's flush passes over it, and so does `asyncio.wait_for` up to Python 3.11 when the answer comes in the same
    turn. The caller would go on for ever, since nobody cancels twice.
    """
    task = asyncio.current_task()
    assert task is not None, "called outside of a task"
    before = task.cancelling()
    try:
        yield
    finally:
        if task.cancelling() > before:
            raise asyncio.CancelledError


class Asking:
    """`deadline`: seconds for a call. The library keeps it while it waits for an answer; twice that is kept here.
    `shown` makes the server's words fit to be shown."""

    def __init__(self, deadline: float, shown: Callable[[str], str] = words) -> None:
        self.shown = shown
        self._most = 2 * deadline
        self._forbidden = ""
        self._count = 0
        self._hasty: set[asyncio.Timeout] = set()

    async def hear(self, error: Exception) -> None:
        """As the library's `error_cb` wants it: what belongs to no call. What fails tells the rest."""
        text = str(error).removeprefix("nats: ")
        if _FORBIDDEN in text:
            self._forbidden, self._count = self.shown(text), self._count + 1
            for waiting in self._hasty:
                waiting.reschedule(asyncio.get_running_loop().time())
            self._hasty.clear()

    @asynccontextmanager
    async def told(self, *, alone: bool = False) -> AsyncIterator[None]:
        """Within, something is asked. `alone`: nothing else is, so what is forbidden meanwhile is this, and ends it.

        Raises `Conflict`, `Forbidden`, `CoordinatorError`.
        """
        before = self._count
        with ending():
            try:
                with translated(self.shown):
                    async with asyncio.timeout(self._most) as waiting:
                        if alone:
                            self._hasty.add(waiting)
                        try:
                            yield
                        finally:
                            self._hasty.discard(waiting)
            except Unanswered:
                if self._count > before:
                    raise Forbidden(f"NATS does not let this user do that: {self._forbidden}") from None
                raise
