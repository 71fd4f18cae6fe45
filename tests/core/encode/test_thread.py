"""What becomes of an encoder's thread: its bugs are its plugin's, and a hang is no slowness."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

import attrs
import pytest
from tests.core.world import VIDEO, until

from camcast.encode import thread
from camcast.encode.thread import Encode, EncoderThread, Held
from camcast.engine.handover import LoopHandover
from camcast.errors import CamcastError, EncoderError, PluginError
from camcast.host import PluginHost
from camcast.media import Frame, Packet


def test_a_step_that_does_not_end_has_hung_and_is_told_once() -> None:
    held = Held()
    found = [at for at in range(40) if held.see(7, float(at))]
    assert found == [max(int(thread.HANG), thread.LOOKS)]


def test_steps_that_are_slow_have_not_hung() -> None:
    held = Held()
    assert not any(held.see(int(at // (thread.HANG - 1)), float(at)) for at in range(200))


def test_a_thread_that_waits_for_work_has_not_hung() -> None:
    held = Held()
    assert not any(held.see(None, float(at)) for at in range(100))


def test_a_process_that_was_suspended_has_not_hung() -> None:
    held = Held()
    assert not held.see(7, 0.0)
    assert not held.see(7, 60.0)
    assert not held.see(8, 60.04)


@attrs.define(eq=False)
class Encoder:
    """Does with each picture what the test says."""

    work: Callable[[], Sequence[Packet]]
    closed: bool = False

    def encode(self, frame: Frame) -> Sequence[Packet]:
        return self.work()

    def close(self) -> None:
        self.closed = True


class Place:
    """A thread with an encoder, and what it told."""

    def __init__(self, work: Callable[[], Sequence[Packet]], host: PluginHost | None = None) -> None:
        self.host = host or PluginHost(entry_points=False)
        self.encoder = Encoder(work)
        self.errors: list[CamcastError] = []
        self.slow = 0
        self.thread = EncoderThread(
            Encode(lambda: self.encoder),  # type: ignore[arg-type, return-value]
            LoopHandover(asyncio.get_running_loop()),
            self.host,
            name="gate-video",
            on_packet=lambda packet: None,
            on_error=self.errors.append,
            on_drop=lambda kind, count: None,
            on_slow=self._slow,
        )

    def _slow(self) -> None:
        self.slow += 1

    def put(self) -> None:
        self.thread.put(Frame(VIDEO, 0, None))  # type: ignore[arg-type]


async def test_an_encoder_that_hangs_is_told_apart_from_a_slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread, "HANG", 0.2)
    go_on = threading.Event()

    def hang() -> Sequence[Packet]:
        go_on.wait(30)
        return []

    place = Place(hang)

    def told() -> bool:
        place.put()
        return bool(place.errors)

    await until(told)
    (error,) = place.errors
    assert isinstance(error, PluginError)
    assert str(error).startswith("camcast-gate-video has hung for 0.2 s in threading.py:")
    assert place.host.faults.counts == {"camcast-gate-video": 1}
    place.thread.stop()
    for _ in range(2 * thread.LOOKS):
        place.put()
    assert len(place.errors) == 1
    assert place.slow == 0
    go_on.set()
    await until(lambda: place.encoder.closed)


async def test_a_bug_of_an_encoder_is_its_plugins_and_traced_once(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> Sequence[Packet]:
        raise ZeroDivisionError("by zero")

    host = PluginHost(entry_points=False)
    for count in (1, 2):
        place = Place(fail, host)
        place.put()
        await until(lambda errors=place.errors: errors)  # type: ignore[misc]
        (error,) = place.errors
        assert isinstance(error, PluginError)
        assert "by a bug of its own: ZeroDivisionError: by zero" in str(error)
        assert host.faults.counts == {"camcast-gate-video": count}
    assert caplog.text.count("Traceback") == 1


async def test_an_encoder_that_says_that_it_failed_has_no_bug() -> None:
    def fail() -> Sequence[Packet]:
        raise EncoderError("the device is gone")

    place = Place(fail)
    place.put()
    await until(lambda: place.errors)
    assert [(type(error), str(error)) for error in place.errors] == [(EncoderError, "the device is gone")]
    assert not place.host.faults.counts
