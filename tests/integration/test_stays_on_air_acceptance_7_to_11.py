"""The other acceptance tests, of the engine as a whole; the list is in `test_stays_on_air_acceptance_1_to_6`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from camcast import Config, EngineThread
from camcast.config import TargetConfig
from camcast.events import AttemptFailed, AttemptStarted, Moved, Note
from camcast.media import MediaKind
from camcast.stream.flow import REASON_UNHEARD
from camcast_rtmp.receiver import Receiver, Refusal
from tests.compare import Media, compare
from tests.far.starved import waited
from tests.faults.proxy import Greeting
from tests.integration.air import (
    arrived,
    chain,
    inner,
    moves_on,
    of,
    on_air,
    only,
    pushed,
    quick_moves,
    received,
    stable,
)
from tests.integration.kit import balance, camera, until
from tests.integration.place import Place, place
from tests.media import made
from tests.servers.process import free_port

__all__ = ["place", "quick_moves"]


# --- 7 ----------------------------------------------------------------------------------------------------

SECRET = "s3cr?t=k/e&y#home%1"
PARTS = ("s3cr", "k/e&y", "y#home", "home%1", "%23home", "%26y")


async def test_acceptance_07_the_key_never_shows_whatever_happens(
    place: Place, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], quick_moves: None
) -> None:
    """Failure, busy name, failover, failback, refusal in the server's words, give-up: all texts that come out."""
    caplog.set_level(logging.DEBUG)
    async with place.receiver() as first, place.receiver() as second:
        first.held.add(SECRET.partition("?")[0])
        second.on_publish = lambda app, key: (
            Refusal("NetStream.Publish.Denied", f"{key} is unknown") if second.recordings else None
        )
        config = chain(first.url("live", SECRET), second.url("live", SECRET), failback_after=0.3)
        argv = " ".join(sys.orig_argv)
        async with on_air(camera(0, made("h264_aac"), config)) as (running, events):
            one = only(running)
            await until(lambda: second.live())
            first.held.clear()
            await until(lambda: of(events, Moved))
            first.drop(reset=True)
            await until(lambda: one.recorder.failed_attempts >= 3)
            texts = [repr(running.stats()), repr(running.config), repr(config), one.target_shown, argv]
        texts += [event.text + repr(event) for event in events]
    texts += [record.getMessage() + str(record.exc_info or "") for record in caplog.records]
    texts += [*capfd.readouterr()]
    for part in PARTS:
        assert not [text for text in texts if part in text]


# --- 8 ----------------------------------------------------------------------------------------------------


async def test_acceptance_08_a_flapping_primary_is_not_chased(place: Place, quick_moves: None) -> None:
    async with place.receiver() as first, place.receiver() as second:
        config = chain(first.url("live", "cam0"), second.url("live", "cam0"), failback_after=0.2, max_moves_per_hour=2)
        async with on_air(camera(0, made("h264_aac"), config)) as (running, events):
            one = only(running)

            def held() -> bool:
                """Whoever comes back to the primary is thrown out again."""
                if one.active is not None and one.active.index == 0 and one.policy.stable:
                    first.drop(reset=True)
                return any(isinstance(event, Note) and event.code == "failback_held" for event in events)

            await until(held, timeout=30.0)
            await moves_on(one, 25)
            why = [event.why for event in events if isinstance(event, Moved)]
            assert why == ["failover", "failback"] * 2 + ["failover"]
            assert one.active is not None
            assert one.active.index == 1
        await second.until(lambda: not second.live())
        arrived(one, received([*first.recordings, *second.recordings]), clean=False)


# --- 9 ----------------------------------------------------------------------------------------------------


def _hang(*_: Any, **__: Any) -> Any:
    threading.Event().wait(60)


@pytest.mark.parametrize(
    "state", ["live", "handshake", "connect", "publish", "hung name", "backing off", "deaf", "idle"]
)
def test_acceptance_09_stop_returns_in_every_state_from_any_thread(
    place: Place, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[Any] = []
    with on_a_thread(place.receiver()) as (receiver, call):
        url = receiver.url("live", "cam0")
        if state in ("handshake", "connect", "publish"):
            receiver.silent = state
        elif state == "hung name":
            url = "rtmp://hangs.test/live/cam0"
            monkeypatch.setattr(socket, "getaddrinfo", _hang)
        elif state == "backing off":
            url = f"rtmp://{place.host}:{free_port()}/live/cam0"
        one_camera = (
            pushed(chain(url)) if state == "idle" else camera(0, made("camera_1080p"), chain(url, stall_timeout=60.0))
        )
        engine = EngineThread(Config(cameras=(one_camera,)), on_event=events.append)
        engine.start()
        reached: dict[str, Callable[[], object]] = {
            "live": lambda: receiver.live(),
            "deaf": lambda: receiver.live(),
            "hung name": lambda: of(events, AttemptStarted),
            "backing off": lambda: of(events, AttemptFailed),
            "idle": lambda: True,
        }
        _wait(reached.get(state, lambda: state in receiver.unanswered))
        if state == "deaf":
            call(receiver.pause)
            _wait(lambda: engine.stats().sessions[0].pending > 200_000)
        errors: list[BaseException] = []

        def stop() -> None:
            try:
                engine.stop(within=12.0)
            except BaseException as error:  # noqa: BLE001  told by the test's own thread
                errors.append(error)

        stopper = threading.Thread(target=stop)
        stopper.start()
        stopper.join(15.0)
        assert not stopper.is_alive()
        assert not errors
        balance(engine.engine)
        assert not [thread for thread in threading.enumerate() if thread.name == "camcast-engine"]


@contextlib.contextmanager
def on_a_thread(receiver: Receiver) -> Iterator[tuple[Receiver, Callable[[Callable[[], None]], object]]]:
    """A receiver on a loop of its own, so that a test may block; and what calls something there."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(receiver.start(), loop).result(10)
        yield receiver, loop.call_soon_threadsafe
        asyncio.run_coroutine_threadsafe(receiver.stop(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def _wait(condition: Callable[[], object], timeout: float = 15.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# --- 10 ---------------------------------------------------------------------------------------------------

STALL = 0.1


async def test_acceptance_10_connecting_outputs_do_not_hold_up_the_loop(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dozens of attempts of every kind that fails, and the loop is never held up for more than 100 ms."""
    real = socket.getaddrinfo

    def look_up(host: str, *rest: Any) -> Any:
        if host == "unknown.test":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return _hang() if host == "hangs.test" else real(host, *rest)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    stalls: list[float] = []
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        last, before = time.monotonic(), waited()
        while True:
            await asyncio.sleep(0.005)
            now, since = time.monotonic(), waited()
            # Whoever blocks in a call, computes, or holds the interpreter lock does not wait for a processor.
            if now - last - (since - before) > STALL:
                stalls.append(now - last)
            ticks += 1
            last, before = time.monotonic(), since

    # A full queue of connections: whoever comes now gets no answer at all.
    with place.there():
        full = socket.create_server((place.host, 0), backlog=0)
        waiting = [socket.create_connection(full.getsockname())]
    async with place.receiver() as receiver:
        with place.proxy(receiver, greeting=Greeting.SILENT) as proxy:
            urls = {
                "good": receiver.url("live", "good"),
                "silent": f"rtmp://{proxy.address}/live/a",
                "tls": f"rtmps://{proxy.address}/live/b",
                "dead": f"rtmp://{place.host}:{free_port()}/live/c",
                "name": "rtmp://hangs.test/live/d",
                "unknown": "rtmp://unknown.test/live/e",
                "full": f"rtmp://{place.host}:{full.getsockname()[1]}/live/f",
            }
            outputs = [
                chain(TargetConfig(url=url, connect_timeout=5.0 if output == "good" else 0.2), output=output)
                for output, url in urls.items()
            ]
            async with on_air(camera(0, made("h264_aac"), *outputs)) as (running, events):
                await until(lambda: of(events, AttemptStarted))
                ticker = asyncio.create_task(tick())
                started = len(of(events, AttemptStarted))
                await until(lambda: len(of(events, AttemptStarted)) >= started + 40)
                ticker.cancel()
                tried = {event.key.output for event in of(events, AttemptFailed) if isinstance(event, AttemptFailed)}
                assert tried == set(urls) - {"good"}
                (good,) = (one for one in inner(running) if one.key.output == "good")
                assert good.metrics.frames_dropped == 0
            await receiver.until(lambda: not receiver.live())
            arrived(good, received(receiver.of("good")), clean=True)
    for held in (full, *waiting):
        held.close()
    assert ticks > 100
    assert not stalls, f"the loop was held up for {[f'{stall:.2f} s' for stall in stalls]}"


# --- 11 ---------------------------------------------------------------------------------------------------


async def test_acceptance_11_what_was_sent_is_what_arrived_bit_for_bit(place: Place, tmp_path: Path) -> None:
    """Through a network that cuts the stream into odd pieces, to a server that writes down what it gets."""
    path = made("h264_b_aac")
    with place.nginx(tmp_path / "nginx") as nginx, place.proxy(nginx, delay=0.02, rate_up=4_000_000) as proxy:
        config = chain(f"rtmp://{proxy.address}/record/cam0")
        async with on_air(camera(0, path, config)) as (running, _):
            await stable(running)
            await moves_on(only(running), 100)
        recording = Media.read(nginx.recording("cam0"))
    result = compare(path, recording, loop=True, from_keyframe=1)
    assert result.frames > 60
    flow = only(running).recorder.flow
    assert set(flow.dropped) <= {(MediaKind.AUDIO, REASON_UNHEARD)}
    assert len(recording.video) == flow.sent[MediaKind.VIDEO] + flow.replayed
    assert len(recording.audio) == flow.sent[MediaKind.AUDIO]
