"""Whatever a plugin's transport does, an attempt sees a result, a `TransportError`, or nothing."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Never

import pytest
from tests.core.session.test_session import KEY, balance, chain, state
from tests.core.world import VIDEO, MemoryTransport, World, until

from camcast.contracts import TransportContext
from camcast.errors import BusyError, ErrorClass, MediaError, NetworkError, PluginFault, TransportError
from camcast.events import AttemptFailed, SessionState
from camcast.kinds import Acceptance, Confidence, Take, TransportKind
from camcast.media import Track, Unit
from camcast.session import guard
from camcast.session.guard import Guarded
from camcast.target import Target

ACCEPTS = Acceptance(codecs={"toyvideo": Take(Confidence.YES)})
SECRET = "the-key"


class Scripted:
    """A transport that does what a test says. `waits` None: its figures are broken."""

    acked = 0

    def __init__(self, context: TransportContext, steps: Mapping[str, Callable[[], Awaitable[Any]]]) -> None:
        self.context = context
        self.steps = steps
        self.waits: int | None = 0
        self.closed = 0

    @property
    def pending(self) -> int:
        if self.waits is None:
            raise ZeroDivisionError("in the plugin's pending")
        return self.waits

    async def connect(self) -> Acceptance | None:
        found: Acceptance | None = await self._step("connect")
        return found

    async def publish(self, tracks: Sequence[Track]) -> None:
        await self._step("publish")

    def send(self, unit: Unit, time: int) -> None:
        raise AssertionError("nobody sends here")

    async def close(self) -> None:
        self.closed += 1
        await self._step("close")

    def stats(self) -> Mapping[str, float]:
        return {"toys": 1.0}

    async def _step(self, name: str) -> Any:
        return await self.steps[name]() if name in self.steps else None


def guarded(**steps: Callable[[], Awaitable[Any]]) -> tuple[Guarded, Scripted]:
    built: list[Scripted] = []

    def build(context: TransportContext) -> Scripted:
        built.append(Scripted(context, steps))
        return built[0]

    return Guarded(_kind(build), _context()), built[0]


async def test_a_step_that_fails_in_the_turn_in_which_it_is_given_up_prints_nothing() -> None:
    told: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: told.append(context))
    refused = loop.create_future()

    async def connect() -> None:
        await refused

    one, _ = guarded(connect=connect)
    connecting = asyncio.create_task(one.connect())
    await asyncio.sleep(0.01)
    refused.set_exception(NetworkError("connection refused"))
    await asyncio.sleep(0)  # the step has failed, and nobody has looked yet
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    del connecting
    await asyncio.sleep(0)  # until then asyncio itself holds what was raised
    gc.collect()
    assert told == []


def _kind(build: Callable[[TransportContext], Any]) -> TransportKind:
    return TransportKind(name="toys", title="Toys", schemes=("mem",), build=build, accepts=lambda target: ACCEPTS)


def _context() -> TransportContext:
    nothing: Any = None
    return TransportContext(
        target=Target(url=f"mem://host/{SECRET}", connect_timeout=0.01),
        options=None,
        events=nothing,
        resolver=nothing,
        handover=nothing,
        codec=nothing,
        label="cam0_main",
    )


def raising(error: BaseException) -> Callable[[], Awaitable[Any]]:
    async def step() -> None:
        raise error

    return step


async def test_what_the_configuration_says_holds_where_the_servers_answer_says_nothing() -> None:
    transport, _ = guarded()
    assert await transport.connect() is ACCEPTS
    other = Acceptance(codecs={})

    async def answer() -> Acceptance:
        return other

    transport, _ = guarded(connect=answer)
    assert await transport.connect() is other


@pytest.mark.parametrize("step", ["connect", "publish"])
async def test_a_step_that_forgets_its_deadline_is_given_up(step: str) -> None:
    transport, _ = guarded(**{step: asyncio.Event().wait})
    with pytest.raises(
        NetworkError, match=rf"transport toys did not {step} within 0.08 s, nor did it give up"
    ) as caught:
        await (transport.connect() if step == "connect" else transport.publish((VIDEO,)))
    assert caught.value.stage == step


async def test_a_step_that_ignores_being_cancelled_is_left_behind(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(guard, "GRACE", 0.01)
    monkeypatch.setattr(guard, "CLOSE_DEADLINE", 0.02)
    enough = asyncio.Event()

    async def stubborn() -> None:
        while not enough.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await enough.wait()

    transport, _ = guarded(connect=stubborn, close=stubborn)
    async with asyncio.timeout(2):
        with pytest.raises(NetworkError, match="did not connect within"):
            await transport.connect()
        await transport.close()
    assert "transport toys ignores being cancelled" in caplog.text
    assert "transport toys did not close within 0.02 s" in caplog.text
    enough.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_cancelling_an_attempt_cancels_its_step() -> None:
    ended: list[str] = []

    async def patient() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("step")

    transport, _ = guarded(connect=patient)
    task = asyncio.create_task(transport.connect())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["step"]


@pytest.mark.parametrize(
    ("raised", "wanted", "text"),
    [
        (BusyError("in use"), BusyError, "in use"),
        (MediaError("no such codec"), NetworkError, "no such codec"),
        (
            ZeroDivisionError(f"mem://host/{SECRET}"),
            PluginFault,
            "transport toys failed in {step}, by a bug of its own: ZeroDivisionError: mem://host/***",
        ),
        (TimeoutError("its own"), NetworkError, "TimeoutError: its own"),
        (asyncio.CancelledError(), NetworkError, "_Cancelled: by its own library"),
    ],
)
async def test_foreign_exceptions_are_translated_once(
    raised: BaseException, wanted: type[TransportError], text: str, caplog: pytest.LogCaptureFixture
) -> None:
    for step in ("connect", "publish"):
        transport, _ = guarded(**{step: raising(raised)})
        with pytest.raises(wanted) as caught:
            await (transport.connect() if step == "connect" else transport.publish((VIDEO,)))
        assert str(caught.value) == text.format(step=step)
        assert SECRET not in caplog.text


async def test_a_plugin_that_cannot_be_built_is_a_failed_attempt(caplog: pytest.LogCaptureFixture) -> None:
    def build(context: TransportContext) -> Any:
        raise LookupError(f"no library for {context.target.url}")

    with pytest.raises(PluginFault, match=r"LookupError: 'no library for mem://host/\*\*\*'|LookupError: no library"):
        Guarded(_kind(build), _context())
    assert "Transport toys failed in build" in caplog.text
    assert SECRET not in caplog.text


async def test_figures_that_raise() -> None:
    transport, built = guarded()
    assert transport.read() == (0, 0)
    assert transport.figures() == ({"toys": 1.0}, 0)
    built.waits = None
    with pytest.raises(PluginFault, match="ZeroDivisionError"):
        transport.read()
    assert transport.figures() == ({}, 0)
    await transport.drain(10.0, asyncio.get_running_loop().create_future())
    await transport.close()
    assert built.closed == 1


async def test_what_it_offers_beside_and_cannot_say_is_not_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    transport, _ = guarded()
    assert (transport.impaired, transport.findings) == (False, ())
    monkeypatch.setattr(Scripted, "impaired", 1, raising=False)
    monkeypatch.setattr(Scripted, "findings", [f"it greets with {SECRET}", 7], raising=False)
    assert transport.impaired is True
    assert transport.findings == ("it greets with ***", "7")

    def fails(self: Scripted) -> Never:
        raise ZeroDivisionError("in the plugin's own")

    for name in ("impaired", "findings"):
        monkeypatch.setattr(Scripted, name, property(fails))
    for _ in range(2):
        said: tuple[object, object] = transport.impaired, transport.findings
        assert said == (False, ())
    for name in ("impaired", "findings"):
        assert sum(f"in {name} (told once" in text for text in caplog.messages) == 1


async def test_draining_ends_when_nothing_is_pending_or_the_connection_is_lost_or_time_is_up() -> None:
    transport, built = guarded()
    lost: asyncio.Future[TransportError] = asyncio.get_running_loop().create_future()
    built.waits = 500
    began = time.monotonic()
    await transport.drain(0.05, lost)
    assert 0.05 <= time.monotonic() - began < 1.0
    asyncio.get_running_loop().call_later(0.02, lambda: setattr(built, "waits", 0))
    async with asyncio.timeout(2):
        await transport.drain(60.0, lost)
    built.waits = 500
    asyncio.get_running_loop().call_later(0.02, lost.set_result, NetworkError("gone"))
    async with asyncio.timeout(2):
        await transport.drain(60.0, lost)


async def test_a_close_that_raises_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    transport, _ = guarded(close=raising(OSError("bad descriptor")))
    await transport.close()
    assert "Transport toys failed in close" in caplog.text


async def test_the_longest_answer_is_what_the_path_is_taken_for() -> None:
    async def slow() -> None:
        await asyncio.sleep(0.03)

    transport, _ = guarded(connect=slow)
    assert transport.trip == 0
    await transport.connect()
    await transport.publish((VIDEO,))
    assert 0.03 <= transport.trip < 0.08


async def test_a_pending_that_raises_while_it_drains_does_not_keep_the_connection_open(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The figures break in the moment of the goodbye: the transport is closed all the same."""
    broken = False
    closed: list[MemoryTransport] = []
    close = MemoryTransport.close

    def pending(self: MemoryTransport) -> int:
        if broken:
            raise ZeroDivisionError("in the plugin's pending")
        return 0

    async def noted(self: MemoryTransport) -> None:
        closed.append(self)
        await close(self)

    monkeypatch.setattr(MemoryTransport, "pending", property(pending, lambda self, value: None), raising=False)
    monkeypatch.setattr(MemoryTransport, "close", noted)
    await world.start(chain("a"))
    await until(lambda: state(world) is SessionState.CONNECTED and len(world.servers.live("a")[0].units) > 5)
    transport = world.servers.live("a")[0].transport
    broken = True
    with caplog.at_level(logging.ERROR):
        await world.engine.sessions.delete_session(KEY)
    assert closed == [transport]
    assert not world.servers.alive
    broken = False
    balance(world)


async def test_a_connect_that_cancels_itself_does_not_end_the_session(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cancelled(self: MemoryTransport) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(MemoryTransport, "connect", cancelled)
    await world.start(chain("a"))
    await until(lambda: world.of(AttemptFailed))
    failure = world.of(AttemptFailed)[0]
    assert isinstance(failure, AttemptFailed)
    assert failure.error_class is ErrorClass.NETWORK
    monkeypatch.undo()
    session = world.engine.sessions.get(KEY)
    assert session is not None
    session.retry_now()
    await until(lambda: state(world) is SessionState.CONNECTED)
