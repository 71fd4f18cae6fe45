"""Services for tests, good and bad ones."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import attrs

from camcast import events
from camcast.errors import ServiceError
from camcast.hooks import hookimpl
from camcast.kinds import ServiceKind
from camcast.services import ServiceContext

Run = Callable[[ServiceContext], Coroutine[Any, Any, None]]


@attrs.frozen
class Options:
    """Of the service of these tests."""

    word: str = ""
    token: str = attrs.field(default="", repr=False)


@attrs.define(eq=False)
class Made:
    """A service whose run is a function."""

    context: ServiceContext
    function: Run

    async def run(self) -> None:
        await self.function(self.context)


class Plugin:
    """Brings one service kind, and remembers each context that it was built with."""

    def __init__(self, run: Run, name: str = "bell", **settings: Any) -> None:
        self.contexts: list[ServiceContext] = []
        self.threads: list[int] = []
        self._run, self._name, self._settings = run, name, settings

    @hookimpl
    def camcast_services(self) -> Sequence[ServiceKind]:
        return [
            ServiceKind(
                name=self._name,
                title="A bell",
                build=self._build,
                options=Options,
                **self._settings,
            )
        ]

    def _build(self, context: ServiceContext) -> Made:
        self.contexts.append(context)
        self.threads.append(threading.get_ident())
        return Made(context, self._run)


async def waits(context: ServiceContext) -> None:
    """A good service that does nothing."""
    await asyncio.Event().wait()


async def reads(context: ServiceContext) -> None:
    """A good one that hears everything."""
    async for event in context.engine.events():
        context.log.debug("%s", event.name)
    await asyncio.Event().wait()


async def raises(context: ServiceContext) -> None:
    raise RuntimeError(f"the token is {context.options.token}")


async def away(context: ServiceContext) -> None:
    raise ServiceError(f"the broker refuses {context.options.token}")


async def hopeless(context: ServiceContext) -> None:
    raise ServiceError("nobody can mend this", fatal=True)


async def returns(context: ServiceContext) -> None:
    return


async def leaves(context: ServiceContext) -> None:
    raise SystemExit(3)


async def blocks(context: ServiceContext) -> None:
    """Holds its own loop for longer than anybody waits here."""
    time.sleep(30)  # noqa: ASYNC251


async def deaf(context: ServiceContext) -> None:
    """Asks for events, and never reads one."""
    queue = context.engine.events(3)
    await asyncio.Event().wait()
    queue.close()


async def stubborn(context: ServiceContext) -> None:
    """Will not be cancelled."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            continue


async def chatters(context: ServiceContext) -> None:
    for number in range(1000):
        context.note("chatter", f"number {number} of {context.options.token}")
    await asyncio.Event().wait()


async def picky(context: ServiceContext) -> None:
    """Fails at an event that it does not know."""
    async for event in context.engine.events():
        if type(event) not in vars(events).values():
            raise ValueError(event.name)
