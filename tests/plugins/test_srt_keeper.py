"""The process that libsrt's are copied from: begun seldom, asked within a deadline, replaced where it hangs."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import threading
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from tests.plugins.srt_processes import ended, fork_servers
from tests.plugins.transport_harness import reached

from camcast.config.session import RetryPolicy
from camcast.config.target import TargetConfig
from camcast_srt import keeper as keeping
from camcast_srt import origin as originating
from camcast_srt.keeper import IDLE, Keeper
from camcast_srt.origin import Origin
from camcast_srt.process import SrtProcess
from camcast_srt.wire import Page


def origin(keeper: Keeper) -> Origin:
    assert keeper._kept.origin is not None
    return keeper._kept.origin


def close(made: tuple[SrtProcess, Page]) -> None:
    process, page = made
    process.end()
    page.close()


async def gone(one: Origin) -> None:
    await reached(lambda: one.ended)


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    made = Keeper()
    yield made
    made._kept.close()


def test_it_stays_for_longer_than_attempts_to_a_dead_server_are_apart() -> None:
    assert RetryPolicy().max_delay * 1.2 + TargetConfig(url="srt://a:9").connect_timeout < IDLE


async def test_it_is_begun_once_and_not_on_the_loop(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    began_on: list[int] = []

    def begun(*arguments: Any) -> Origin:
        began_on.append(threading.get_ident())
        return Origin(*arguments)

    monkeypatch.setattr(keeping, "Origin", begun)
    for made in await asyncio.gather(*(keeper.process(20.0) for _ in range(3))):
        close(made)
    close(await keeper.process(20.0))
    assert len(began_on) == 1
    assert began_on[0] != threading.get_ident()


async def test_it_ends_with_the_keeper_also_where_it_is_not_the_first() -> None:
    before = {one.pid for one in fork_servers()}
    keeper = Keeper()
    for _ in range(2):
        close(await keeper.process(20.0))
        last = origin(keeper)
        last._process.kill()
        await gone(last)
    close(await keeper.process(20.0))
    (process,) = [one for one in fork_servers() if one.pid not in before]
    del keeper, last
    gc.collect()
    await reached(lambda: ended(process))


async def test_one_that_hangs_is_replaced(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    close(await keeper.process(20.0))
    hangs = origin(keeper)
    monkeypatch.setattr(originating, "TAKES", 0.3)
    monkeypatch.setattr(originating, "_AT_LEAST", 0.3)
    os.kill(hangs._process.pid, signal.SIGSTOP)
    hung = psutil.Process(hangs._process.pid)
    # Both wait for the same one: what the first finds out ends the other's waiting too.
    asked = [asyncio.create_task(keeper.process(60.0)) for _ in range(2)]
    await reached(lambda: ended(hung))
    monkeypatch.setattr(originating, "TAKES", 20.0)
    monkeypatch.setattr(originating, "_AT_LEAST", 20.0)
    for made in await asyncio.gather(*asked):
        close(made)
    assert origin(keeper) is not hangs


async def test_an_attempt_waits_for_it_no_longer_than_it_may(keeper: Keeper) -> None:
    close(await keeper.process(20.0))
    slow = origin(keeper)
    os.kill(slow._process.pid, signal.SIGSTOP)
    with pytest.raises(TimeoutError, match="in time"):
        await keeper.process(0.1)
    os.kill(slow._process.pid, signal.SIGCONT)
    close(await keeper.process(20.0))
    assert origin(keeper) is slow, "it was only late"


async def test_a_full_queue_is_waited_for(keeper: Keeper) -> None:
    close(await keeper.process(20.0))
    busy = origin(keeper)
    os.kill(busy._process.pid, signal.SIGSTOP)
    with contextlib.suppress(BlockingIOError):
        while True:
            busy._channel.send(b"n", socket.MSG_DONTWAIT)
    asked = asyncio.create_task(keeper.process(20.0))
    await asyncio.sleep(0)
    os.kill(busy._process.pid, signal.SIGCONT)
    close(await asked)
    assert origin(keeper) is busy


async def test_one_that_is_given_up_leaves_nothing_behind(keeper: Keeper) -> None:
    close(await keeper.process(20.0))
    os.kill(origin(keeper)._process.pid, signal.SIGSTOP)
    before = psutil.Process().num_fds()
    asked = asyncio.create_task(keeper.process(20.0))
    await reached(lambda: psutil.Process().num_fds() > before)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert psutil.Process().num_fds() == before
    os.kill(origin(keeper)._process.pid, signal.SIGCONT)
