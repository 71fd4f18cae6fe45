"""The rules of a service: it starts and ends in order, hears everything, keeps up, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import time

from camcast.services import EVENTS
from camcast.testing.conformance import base
from camcast.testing.conformance.rule import Rules, broken, expect
from camcast.testing.conformance.service_bench import ServiceBench
from camcast.testing.conformance.watch import Before, until
from camcast.testing.conformance.watcher_rules import samples

RULES: Rules[ServiceBench] = Rules()

END = 2.0
_FLOOD = 3 * EVENTS


@RULES.add
def lists_without_loading(bench: ServiceBench) -> None:
    """Listing the kind imports nothing heavy."""
    base.lists_without_loading(bench.host, bench.kind)


@RULES.add
def refuses_unknown_options(bench: ServiceBench) -> None:
    """An option that is misspelt is an error, and those given to the kit are none."""
    bench.kind.check(bench.options)
    base.refuses_unknown_options(bench)


@RULES.add
def hides_secret_options(bench: ServiceBench) -> None:
    """Options that are named like a secret are hidden from the repr of their class."""
    base.hides_secret_options(bench.kind)


@RULES.add
async def serves_until_cancelled(bench: ServiceBench) -> None:
    """It goes on running, and ends within 2 s of being cancelled."""
    async with bench.running() as service:
        await service.stays()
        began = time.monotonic()
        ended = await service.end(END + 3.0)
        took = time.monotonic() - began
        expect(ended and took <= END, f"it had not ended {END:g} s after it was cancelled")
        expect(service.thread.error is None, f"when cancelled it raised {service.thread.error!r}")


@RULES.add
async def leaves_nothing_behind(bench: ServiceBench) -> None:
    """After its end there are no more threads and descriptors than before, and it can be started again."""
    for attempt in range(3):
        before = Before()
        async with bench.running() as service:
            await service.stays()
            await service.end(END)
        # The first time, libraries open and start what they keep.
        if attempt and (left := await before.left()):
            broken(f"it left {left}")


@RULES.add
async def hears_every_event(bench: ServiceBench) -> None:
    """No event ends it, not even one that it does not know: later versions tell more."""
    async with bench.running() as service:
        await service.stays()
        for event in samples():
            service.tell(event)
        await service.stays()


@RULES.add
async def keeps_up_with_events(bench: ServiceBench) -> None:
    """It reads its queue of events at all times: whatever takes long must not stand between it and the next."""
    async with bench.running() as service:
        await service.stays()
        event = next(samples())
        for _ in range(_FLOOD):
            service.tell(event)
        if not await until(lambda: not service.view.unread_for(), 10.0):
            broken("it has not read its events for 10 s after many came at once")
        await service.stays(0.2)


@RULES.add
async def keeps_its_loop_free(bench: ServiceBench) -> None:
    """Its event loop answers within 1 s while events come."""
    async with bench.running() as service:
        await service.stays()
        event = next(samples())
        for _ in range(20):
            service.tell(event)
            service.thread.look()
            await asyncio.sleep(0.05)
        if not await until(lambda: service.thread.answered, 1.0):
            broken("its loop has not answered for 1 s: await, or use a thread")


@RULES.add
async def outlives_the_engine(bench: ServiceBench) -> None:
    """When the engine has gone, its calls fail; it does not hang, and ends when it is cancelled."""
    async with bench.running() as service:
        await service.stays()
        await service.engine.stop()
        service.view.close()
        await asyncio.sleep(0.5)
        expect(await service.end(END), f"it had not ended {END:g} s after it was cancelled")
