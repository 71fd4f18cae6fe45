"""A plugin's coordinator behind a guard: whatever it does, a member sees an answer or a `CoordinatorError`.

A bug is told once with its trace, by the coordinator's name, and counted from then on. A call that forgets its own
deadline is given up: a renewal that hangs must not keep the next one from being made while the lease goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import attrs

from camcast.coordinators import (
    Card,
    Coordinator,
    CoordinatorContext,
    CoordinatorKind,
    Desired,
    Holder,
    Line,
    News,
    Order,
)
from camcast.errors import CamcastError, CoordinatorError
from camcast.hosting.faults import Faults
from camcast.patience import quiet, wait_patiently
from camcast.redaction import redact_text, url_secrets
from camcast.target import option_secrets

T = TypeVar("T")

DEADLINES = 1.25
"""A call's own deadlines after which it is given up. A renewal is begun a fifth of the lease after the last one and has
another fifth, so with this there is time for one more before a member stops, at three fifths."""

STEPS = 10
"""Times as long for what is asked for in many steps, each with a deadline: what is desired goes in parts."""


def guarded(kind: CoordinatorKind, context: CoordinatorContext, faults: Faults) -> Guarded:
    """What `kind` builds. Its bugs are told to `faults`, without its secrets. Raises `CamcastError`."""
    secrets = option_secrets(context.options).union(*map(url_secrets, context.url.split(",")))
    bugs = Bugs(kind.name, faults, lambda text: redact_text(text, secrets))
    try:
        store = kind.build(context)
    except CamcastError:
        raise
    except Exception as error:  # noqa: BLE001  whatever the plugin raises
        raise bugs.failure("build", error) from None
    return Guarded(store, bugs, DEADLINES * context.deadline)


@attrs.frozen
class Bugs:
    """Those of one coordinator."""

    name: str
    faults: Faults
    clean: Callable[[str], str] = str
    """Takes secrets out of a text."""

    def failure(self, what: str, error: Exception) -> CoordinatorError:
        """What was raised in `what` as the member's failure."""
        who = f"coordinator {self.name}"
        self.faults.tell(who, what, error, clean=self.clean)
        text = self.clean(f"{type(error).__name__}: {error}")
        return CoordinatorError(f"{who} failed in {what}, by a bug of its own: {text}")


class Guarded:
    """Implements `Coordinator`."""

    def __init__(self, store: Coordinator, bugs: Bugs, seconds: float) -> None:
        """`seconds`: for one call."""
        self._store = store
        self._bugs = bugs
        self._seconds = seconds

    async def run(self, hear: Callable[[News], object]) -> None:
        try:
            await self._store.run(hear)
        except CamcastError:
            raise
        except Exception as error:  # noqa: BLE001  whatever the plugin raises
            raise self._bugs.failure("run", error) from None

    async def renew(self, card: Card, after: int) -> int:
        return await self._answer("renew", int, lambda: self._store.renew(card, after))

    async def bury(self, name: str, after: int) -> None:
        await self._call("bury", lambda: self._store.bury(name, after))

    async def claim(self, camera_id: int, holder: Holder, after: int, giver: Holder | None = None) -> int:
        return await self._answer("claim", int, lambda: self._store.claim(camera_id, holder, after, giver))

    async def release(self, camera_id: int, fence: int) -> None:
        await self._call("release", lambda: self._store.release(camera_id, fence))

    async def put(self, desired: Desired) -> None:
        await self._call("put", lambda: self._store.put(desired), STEPS)

    async def version(self, number: int) -> Desired:
        return await self._answer("version", Desired, lambda: self._store.version(number), STEPS)

    async def order(self, name: str, order: Order) -> None:
        await self._call("order", lambda: self._store.order(name, order))

    async def tell(self, line: Line) -> None:
        await self._call("tell", lambda: self._store.tell(line))

    # --- inside ---------------------------------------------------------------------------------------------

    async def _answer(self, what: str, takes: type[T], call: Callable[[], Coroutine[Any, Any, T]], steps: int = 1) -> T:
        answer = await self._call(what, call, steps)
        if not isinstance(answer, takes):
            error = TypeError(f"it gave {type(answer).__name__}, not {takes.__name__}")
            raise self._bugs.failure(what, error)
        return answer

    async def _call(self, what: str, call: Callable[[], Coroutine[Any, Any, T]], steps: int = 1) -> T:
        """In a task of its own: one that ignores being cancelled is left behind."""
        seconds = steps * self._seconds

        async def doing() -> T:
            return await call()

        task = quiet(asyncio.create_task(doing()))
        try:
            await wait_patiently({task}, seconds)
        finally:
            if not task.done():
                task.cancel()
        if not task.done():
            late = f"coordinator {self._bugs.name} did not {what} within {seconds:g} s, nor did it give up"
            raise CoordinatorError(late)
        if task.cancelled():
            raise CoordinatorError(f"coordinator {self._bugs.name} was cancelled in {what}, by its own library")
        try:
            return task.result()
        except CamcastError:
            raise
        except Exception as error:  # noqa: BLE001  whatever the plugin raises
            raise self._bugs.failure(what, error) from None
