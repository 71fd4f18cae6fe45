"""QueuedTransport: what it promises holds whatever the author's coroutines do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest
from tests.plugins.transport_harness import Events, context, reached

from camcast.contracts import TransportContext, unsent
from camcast.errors import NetworkError, RefusedError
from camcast.kinds import Acceptance, TransportKind
from camcast.media import MediaKind, Packet, Tag, TagType, Track, Unit
from camcast.queued import QueuedTransport

VIDEO = Track(kind=MediaKind.VIDEO, codec="made-up")
AUDIO = Track(kind=MediaKind.AUDIO, codec="made-up-sound")
URL = "made-up://user:the-password@host/app/the-secret-key"


class Recorder(QueuedTransport):
    """An author's transport whose steps can be made to fail or to hang."""

    def __init__(self, made: TransportContext, **more: Any) -> None:
        super().__init__(made, **more)
        self.units: list[tuple[Unit, int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.held = 0
        self.here: int | None = None
        """Of `held`, what has not left, where the library says so."""
        self.ends = 0
        self.release = asyncio.Event()
        self.trouble: dict[str, BaseException | str] = {}

    async def _meet(self, step: str) -> None:
        trouble = self.trouble.get(step)
        if isinstance(trouble, BaseException):
            raise trouble
        while trouble == "hang":
            await asyncio.Event().wait()
        while trouble == "ignore" and not self.release.is_set():
            try:
                await self.release.wait()
            except asyncio.CancelledError:
                continue

    async def open(self) -> Acceptance | None:
        await self._meet("open")
        return Acceptance(codecs={})

    async def begin(self, tracks: Sequence[Track]) -> None:
        await self._meet("begin")

    async def write(self, unit: Unit, time: int) -> None:
        await self.gate.wait()
        await self._meet("write")
        self.units.append((unit, time))

    async def end(self) -> None:
        self.ends += 1
        await self._meet("end")

    def unacknowledged(self) -> int:
        return self.held

    def not_sent(self) -> int | None:
        return super().not_sent() if self.here is None else self.here


KIND = TransportKind(
    name="recorder", title="", schemes=("made-up",), build=Recorder, accepts=lambda target: Acceptance(codecs={})
)


def make(timeout: float = 5.0, **more: Any) -> tuple[Recorder, Events]:
    made, events = context(KIND, URL, connect_timeout=timeout)
    return Recorder(made, **more), events


async def start(transport: Recorder) -> None:
    await transport.connect()
    await transport.publish([VIDEO, AUDIO])


async def published(**more: Any) -> tuple[Recorder, Events]:
    transport, events = make(**more)
    assert await transport.connect() is not None
    await transport.publish([VIDEO, AUDIO])
    return transport, events


def picture(number: int, size: int = 100, *, keyframe: bool = False, disposable: bool = False) -> Packet:
    return Packet(VIDEO, number, number, keyframe, bytes(size), disposable=disposable)


def sound(number: int, size: int = 10) -> Packet:
    return Packet(AUDIO, number, number, True, bytes(size))


async def test_units_are_written_in_order_and_counted() -> None:
    transport, events = await published()
    units = [picture(0, keyframe=True), sound(1), picture(2)]
    for number, unit in enumerate(units):
        transport.send(unit, number)
    assert transport.pending == 210
    assert transport.acked == 0
    await reached(lambda: transport.pending == 0)
    assert transport.units == [(unit, number) for number, unit in enumerate(units)]
    assert transport.acked == 210
    await transport.close()
    assert not events.losses
    assert transport.ends == 1


async def test_what_the_library_holds_is_pending_and_not_acknowledged() -> None:
    transport, _ = await published()
    transport.send(picture(0, keyframe=True), 0)
    await reached(lambda: transport.acked == 100)
    transport.held = 60
    transport.send(picture(1), 1)
    await reached(lambda: len(transport.units) == 2)
    await reached(lambda: transport.pending == 60)
    assert transport.acked == 140
    transport.held = 90
    assert transport.acked == 140, "never falls"
    transport.held = 0
    await transport.close()


async def test_what_has_not_left_is_told_apart_from_what_is_on_its_way() -> None:
    transport, _ = await published()
    transport.gate.clear()
    transport.send(picture(0, keyframe=True), 0)
    assert unsent(transport) == transport.pending == 100, "nothing is on its way, so what waits is all here"
    transport.held = 60
    assert transport.pending == 160
    assert unsent(transport) is None, "the library holds 60 bytes and does not say where they are"
    transport.here = 20
    assert unsent(transport) == 120
    transport.gate.set()
    await transport.close()


async def test_a_unit_is_acknowledged_at_the_position_that_send_returned() -> None:
    transport, _ = await published(limit=250)
    first, second = transport.send(picture(0, keyframe=True), 0), transport.send(sound(1), 1)
    assert (first, second) == (100, 110)
    assert transport.send(picture(2, size=400), 2) == 110, "left out: it ends where the one before it did"
    await reached(lambda: transport.acked >= second)
    assert transport.acked == 110
    transport.held = 5
    assert transport.send(sound(3), 3) == 120
    await reached(lambda: transport.pending == 5)
    assert transport.acked == 115, "the sound is not there whole"
    await transport.close()
    assert transport.send(sound(4), 4) == 120, "nothing is taken any more"


async def test_a_full_queue_leaves_out_until_a_keyframe() -> None:
    transport, events = await published(limit=1000)
    transport.gate.clear()
    for number in range(10):
        transport.send(picture(number, keyframe=number == 0), number)
    transport.send(picture(10), 10)
    transport.send(sound(11), 11)
    assert transport.pending == 1000
    transport.gate.set()
    await reached(lambda: transport.pending == 0)
    for number in (12, 13):
        transport.send(picture(number), number)
    transport.send(sound(14), 14)
    transport.send(picture(15, keyframe=True), 15)
    transport.send(picture(16), 16)
    await reached(lambda: len(transport.units) == 13)
    assert [number for _, number in transport.units] == [*range(10), 14, 15, 16]
    assert transport.stats()["left_out_video"] == 3
    assert transport.stats()["left_out_audio"] == 1
    assert [code for code, _ in events.notes] == ["queue_full", "queue_full"]
    await transport.close()


async def test_a_disposable_picture_may_be_left_out_alone() -> None:
    transport, _ = await published(limit=300)
    transport.gate.clear()
    for number in range(3):
        transport.send(picture(number, keyframe=number == 0), number)
    transport.send(picture(3, disposable=True), 3)
    transport.gate.set()
    await reached(lambda: transport.pending == 0)
    transport.send(picture(4), 4)
    await reached(lambda: len(transport.units) == 4)
    await transport.close()


async def test_headers_always_fit_but_not_without_end() -> None:
    transport, events = await published(limit=10)
    transport.gate.clear()
    header = Tag(TagType.VIDEO, 0, b"", b"header")
    for _ in range(5):
        transport.send(header, 0)
    assert transport.pending == 30
    for _ in range(20_000):
        transport.send(header, 0)
    await asyncio.wait_for(events.loss.wait(), 1)
    assert "full of headers" in str(events.losses[0])
    await transport.close()


@pytest.mark.parametrize("step", ["open", "begin"])
@pytest.mark.parametrize("trouble", ["hang", "ignore"])
async def test_connecting_and_publishing_have_deadlines(step: str, trouble: str) -> None:
    transport, events = make(0.1)
    transport.trouble[step] = trouble
    began = time.monotonic()
    with pytest.raises(NetworkError, match="not done"):
        await start(transport)
    await transport.close()
    assert time.monotonic() - began < 2
    assert not events.losses
    transport.release.set()


async def test_foreign_exceptions_are_translated_without_secrets() -> None:
    for step in ("open", "begin"):
        transport, _ = make()
        transport.trouble[step] = ValueError("no luck with the-secret-key and the-password")
        with pytest.raises(NetworkError) as caught:
            await start(transport)
        assert "ValueError: no luck with" in str(caught.value)
        assert "secret" not in str(caught.value)
        assert "password" not in str(caught.value)
        assert caught.value.__suppress_context__
        await transport.close()
        assert transport.ends == 1
    transport, _ = make()
    transport.trouble["open"] = RefusedError("no", stage="connect")
    with pytest.raises(RefusedError):
        await transport.connect()
    await transport.close()


@pytest.mark.parametrize(
    ("trouble", "words"), [(OSError("gone, the-secret-key"), "OSError: gone"), ("hang", "not done within 0.1 s")]
)
async def test_a_failed_or_late_write_loses_the_attempt_once(trouble: Any, words: str) -> None:
    transport, events = await published(write_deadline=0.1)
    transport.trouble["write"] = trouble
    transport.send(picture(0, keyframe=True), 0)
    transport.send(picture(1), 1)
    await asyncio.wait_for(events.loss.wait(), 2)
    assert words in str(events.losses[0])
    assert "secret" not in str(events.losses[0])
    assert events.losses[0].stage == "streaming"
    acked = transport.acked
    transport.send(picture(2), 2)
    assert transport.acked == acked
    await transport.close()
    assert len(events.losses) == 1


@pytest.mark.parametrize("step", ["write", "end"])
@pytest.mark.parametrize("trouble", ["hang", "ignore", RuntimeError("at the end")])
async def test_closing_is_bounded(step: str, trouble: Any) -> None:
    transport, events = await published()
    transport.trouble[step] = trouble
    transport.send(picture(0, keyframe=True), 0)
    began = time.monotonic()
    await transport.close()
    assert time.monotonic() - began < 2
    await transport.close()
    if trouble != "hang" or step == "end":
        assert transport.ends == 1
    assert [type(error) for error in events.losses] == ([NetworkError] if isinstance(trouble, RuntimeError) else [])[
        : step == "write"
    ]
    transport.release.set()


async def test_closing_lets_the_queue_drain() -> None:
    transport, _ = await published()
    for number in range(50):
        transport.send(picture(number, keyframe=number == 0), number)
    await transport.close()
    assert len(transport.units) == 50


async def test_wrong_order_and_early_close() -> None:
    transport, _ = make()
    with pytest.raises(NetworkError):
        await transport.publish([VIDEO])
    transport.send(picture(0, keyframe=True), 0)
    assert transport.pending == 0
    await transport.close()
    with pytest.raises(NetworkError):
        await transport.connect()
    assert transport.ends == 0
    transport, _ = await published()
    with pytest.raises(NetworkError):
        await transport.connect()
    with pytest.raises(NetworkError):
        await transport.publish([VIDEO])
    await transport.close()
    transport.send(picture(0, keyframe=True), 0)
    assert transport.pending == 0


async def test_a_close_that_is_cancelled_at_once_ends_all_the_same() -> None:
    transport, _ = await published()
    closing = asyncio.create_task(transport.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    await transport.close()
    assert transport.ends == 1


@pytest.mark.parametrize("step", ["open", "begin", "write", "end"])
async def test_cancelled_at_every_step(step: str) -> None:
    transport, events = make()
    transport.trouble[step] = "hang"

    async def life() -> None:
        await transport.connect()
        await transport.publish([VIDEO])
        transport.send(picture(0, keyframe=True), 0)
        await transport.close()

    task = asyncio.create_task(life())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await transport.close()
    assert not events.losses
    assert [other for other in asyncio.all_tasks() if other is not asyncio.current_task()] == []
