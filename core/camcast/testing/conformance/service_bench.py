"""One service under test beside a running engine without cameras."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any

import attrs

from camcast.config import Config
from camcast.config.secrets import resolve_options, resolve_reference
from camcast.engine import Engine
from camcast.engine.service_thread import ServiceThread
from camcast.engine.view import View
from camcast.events import Event
from camcast.host import PluginHost
from camcast.kinds import ServiceKind
from camcast.services import ServiceContext
from camcast.testing.conformance.rule import broken
from camcast.testing.conformance.watch import until

SETTLE = 1.0
"""Seconds after which a service that has not ended is taken to run."""


@attrs.define(eq=False)
class ServiceUnderTest:
    """A service that runs beside `engine`."""

    engine: Engine
    view: View
    thread: ServiceThread
    notes: list[tuple[str, str]] = attrs.field(factory=list)

    def tell(self, event: Event) -> None:
        """Have it hear an event."""
        self.view.tell(event)

    async def stays(self, seconds: float = SETTLE) -> None:
        """Wait; broken when it ends by itself."""
        if await until(self.thread.ended.is_set, seconds):
            why = self.thread.error
            broken(f"run() {f'raised {type(why).__name__}: {why}' if why else 'returned'} although nothing was wrong")

    async def end(self, within: float) -> bool:
        """Cancel it; whether it ended in time."""
        self.thread.cancel()
        return await until(self.thread.ended.is_set, within)


class ServiceBench:
    """Makes services that run."""

    def __init__(self, host: PluginHost, kind: ServiceKind, options: Mapping[str, Any]) -> None:
        self.host, self.kind, self.options = host, kind, dict(options)

    def structured(self, options: Mapping[str, Any] | None = None) -> Any:
        """The options as the service gets them. Raises `ConfigError`."""
        given = self.options if options is None else options
        return self.host.structure_options(self.kind, resolve_options(given, resolve_reference), "options")

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[ServiceUnderTest]:
        """The service, in a thread of its own, until the block ends."""
        async with Engine(Config(), host=self.host) as engine:
            view = engine.view()
            notes: list[tuple[str, str]] = []
            context = ServiceContext(
                name=self.kind.name,
                options=self.structured(),
                engine=view,
                log=logging.getLogger("camcast.conformance"),
                note=lambda code, text: notes.append((code, text)),
            )

            async def main() -> None:
                await self.kind.build(context).run()

            thread = ServiceThread(self.kind.name, main)
            thread.start()
            try:
                yield ServiceUnderTest(engine, view, thread, notes)
            finally:
                view.close()
                thread.cancel()
                # What does not end is told by the rule about that; here it must only not be waited for.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(5.0):
                        await thread.ended.wait()
