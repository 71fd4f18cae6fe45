"""The eleven acceptance tests that follow from what users of such systems suffer from, in short forms.

Each runs with its servers on this machine, and with a round trip of 150 ms between.

 1  peers that are silent, stop reading, read too slowly, reset or close; names that lead elsewhere between attempts
 2  the first publication is fine, every later one refused
 3  a name that is in use for a while
 4  the source is gone while the output reconnects
 5  timestamps across 2^24, 2^31 and 2^32 ms; cameras that begin anew at 0 or run ten times too fast
 6  one of four destinations dead or slow
 7  the key never shows, whatever happens
 8  a flapping primary
 9  stop() in every state, from any thread
10  connecting outputs do not hold up the loop
11  what was sent is what arrived, bit for bit
"""

from __future__ import annotations

import gc
import itertools
import socket
import time
import tracemalloc
from typing import Any

import pytest
from attrs import evolve

from camcast.config import TargetConfig
from camcast.errors import ErrorClass
from camcast.events import AttemptFailed, AttemptStarted, Moved, SessionState
from camcast.media import MediaKind, TagType
from camcast.session import connection
from camcast_rtmp.receiver import Refusal
from tests.faults.proxy import Greeting
from tests.integration.air import (
    FAST,
    Camera,
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
from tests.integration.kit import camera, until
from tests.integration.place import Place, place
from tests.media import made
from tests.servers.process import free_port

__all__ = ["place", "quick_moves"]


# --- 1 ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("greeting", [Greeting.SILENT, Greeting.DEAF])
async def test_acceptance_01_a_peer_that_accepts_and_stays_silent(place: Place, greeting: Greeting) -> None:
    async with place.receiver() as receiver:
        with place.proxy(receiver, greeting=greeting) as proxy:
            target = TargetConfig(url=f"rtmp://{proxy.address}/live/cam0", connect_timeout=0.4)
            config = chain(target, receiver.url("live", "cam0"))
            async with on_air(camera(0, made("h264_aac"), config)) as (running, events):
                await moves_on(only(running), 15)
                assert "0.4 s" in str(of(events, AttemptFailed)[0])
            await receiver.until(lambda: not receiver.live())
            arrived(only(running), received(receiver.recordings), clean=True)


async def test_acceptance_01_a_peer_that_stops_reading(place: Place) -> None:
    async with place.receiver() as first, place.receiver() as second:
        config = chain(first.url("live", "cam0"), second.url("live", "cam0"))
        async with on_air(camera(0, made("camera_1080p"), config)) as (running, events):
            one = only(running)
            await stable(running)
            first.pause()
            await until(lambda: of(events, Moved))
            assert "none acknowledged" in one.metrics.last_error
            await moves_on(one, 10)
        first.resume()
        await first.until(lambda: not first.live())
        await second.until(lambda: not second.live())
        arrived(one, received([*first.recordings, *second.recordings]), clean=False)


async def test_acceptance_01_a_peer_that_reads_at_a_tenth_of_the_bitrate(place: Place) -> None:
    """Never broken, hardly ever up to date, and memory stays flat."""
    path = made("camera_1080p")
    async with place.receiver(keep=0) as receiver:
        with place.proxy(receiver) as proxy:
            config = chain(f"rtmp://{proxy.address}/live/cam0", stall_timeout=5.0)
            async with on_air(camera(0, path, config)) as (running, events):
                one = only(running)
                await stable(running)
                proxy.rate_up = 400_000
                await until(lambda: one.metrics.dropped.get("video: link behind", 0) > 30)
                gc.collect()
                tracemalloc.start()
                before, dropped = tracemalloc.get_traced_memory()[0], one.metrics.frames_dropped
                waiting: list[int] = []

                def later() -> bool:
                    waiting.append(one.metrics.pending)
                    return one.metrics.frames_dropped >= dropped + 120

                await until(later)
                gc.collect()
                grown = tracemalloc.get_traced_memory()[0] - before
                tracemalloc.stop()
                assert one.state is SessionState.CONNECTED
                assert not of(events, AttemptFailed)
                # 120 frames are 2 MB: nothing of the sort is kept, and what waits is within the outlet's bound.
                assert max(waiting) < 4 * 2**20 + 400_000
                assert grown < 1_000_000
                proxy.rate_up = None
                # The picture is back, and goes through: only then is all acknowledged soon after the end.
                await moves_on(one, 90)
                await until(lambda: one.metrics.lag < 0.3)
            await receiver.until(lambda: not receiver.live())
            (recording,) = receiver.recordings
            flow = one.recorder.flow
            headers = 2  # the sequence header, and the picture's end of sequence
            assert recording.counts[TagType.VIDEO] == flow.sent[MediaKind.VIDEO] + flow.replayed + headers


@pytest.mark.parametrize("reset", [True, False], ids=["RST", "FIN"])
async def test_acceptance_01_a_peer_that_goes(place: Place, reset: bool) -> None:
    async with place.receiver() as receiver:
        config = chain(receiver.url("live", "cam0"))
        async with on_air(camera(0, made("h264_aac"), config)) as (running, _):
            one = only(running)
            for count in (2, 3):
                await stable(running)
                receiver.drop(reset=reset)
                await until(lambda count=count: len(receiver.recordings) == count)  # type: ignore[misc]
            await moves_on(one, 15)
        await receiver.until(lambda: not receiver.live())
        arrived(one, received(receiver.recordings), clean=False)


async def test_acceptance_01_a_name_that_leads_elsewhere_between_attempts(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads_to = [place.host]
    real = socket.getaddrinfo

    def look_up(host: str, *rest: Any, **more: Any) -> Any:
        return real(leads_to[0] if host == "ingest.test" else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    async with place.receiver() as first, place.receiver(host=place.other_host, port=first.port) as second:
        config = chain(f"rtmp://ingest.test:{first.port}/live/cam0")
        async with on_air(camera(0, made("h264_aac"), config)) as (running, _):
            await stable(running)
            leads_to[0] = place.other_host
            await first.stop()
            await until(lambda: second.live("cam0"))
            await moves_on(only(running), 15)
        await second.until(lambda: not second.live())
        arrived(only(running), received([*first.recordings, *second.recordings]), clean=False)


# --- 2 and 3 ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("agrees_first", [False, True], ids=["refusal", "start, then close"])
async def test_acceptance_02_every_later_publication_is_refused(
    place: Place, agrees_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attempts stay few, the session leaves CONNECTED, and gives up in the end."""
    monkeypatch.setattr(connection, "REFUSED_DELAY", 0.1)
    monkeypatch.setattr(connection, "BUSY_DELAY", 0.1)
    monkeypatch.setattr(connection, "BUSY_PATIENCE", 0.5)
    async with place.receiver() as receiver:
        receiver.start_then_close = agrees_first
        receiver.on_publish = lambda app, key: (
            Refusal("NetStream.Publish.Denied", "no") if receiver.recordings else None
        )
        config = chain(receiver.url("live", "cam0"), retry_policy=evolve(FAST, max_attempts=20))
        async with on_air(camera(0, made("h264_aac"), config)) as (running, events):
            one = only(running)
            await stable(running)
            receiver.drop()
            await until(lambda: one.recorder.failed_attempts >= 3)
            assert one.state is not SessionState.CONNECTED
            if not agrees_first:
                await until(lambda: one.state is SessionState.FAILED)
                assert len(of(events, AttemptStarted)) <= 3 + connection.MAX_REFUSALS
            assert receiver.accepted <= one.metrics.attempts
        await receiver.until(lambda: not receiver.live())
        arrived(one, received(receiver.recordings), clean=False)


async def test_acceptance_03_a_name_in_use_then_success(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "BUSY_DELAY", 0.1)
    async with place.receiver() as receiver:
        receiver.held.add("cam0")
        async with on_air(camera(0, made("h264_aac"), chain(receiver.url("live", "cam0")))) as (running, _):
            one = only(running)
            await until(lambda: one.recorder.errors.get(ErrorClass.BUSY, 0) >= 4)
            assert one.metrics.retries == 0
            receiver.held.clear()
            await moves_on(one, 15)
            assert one.recorder.errors.keys() == {ErrorClass.BUSY}
        await receiver.until(lambda: not receiver.live())
        arrived(one, received(receiver.recordings), clean=True)


# --- 4 and 5 ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first_back", ["source", "server"])
async def test_acceptance_04_source_and_server_gone_at_once(place: Place, first_back: str) -> None:
    async with place.receiver() as receiver:
        config = chain(receiver.url("live", "cam0"), idle_timeout=0.5)
        async with on_air(pushed(config)) as (running, _):
            one, source = only(running), Camera(running, made("h264_aac_ts"))
            await stable(running)
            source.on = False
            await receiver.stop()
            await until(lambda: one.state is SessionState.DISCONNECTED)
            if first_back == "source":
                source.on = True
                await until(lambda: one.state is SessionState.ERROR)
                await receiver.start()
            else:
                await receiver.start()
                assert not receiver.live()
                source.on = True
            await until(lambda: receiver.live("cam0"))
            await moves_on(one, 15)
            await source.close()
        await receiver.until(lambda: not receiver.live())
        got = received(receiver.recordings)
        assert got[MediaKind.VIDEO] >= 15
        flow = one.recorder.flow
        assert got[MediaKind.VIDEO] <= flow.sent[MediaKind.VIDEO] + flow.replayed + sum(flow.dropped.values())


def video_times(recording: Any) -> list[int]:
    return [tag.time for tag in recording.tags if tag.type is TagType.VIDEO]


@pytest.mark.parametrize("wrap", [0xFFFFFF, 2**31, 2**32])
async def test_acceptance_05_timestamps_across_the_wraps_and_a_reconnect(place: Place, wrap: int) -> None:
    """Each attempt's timeline begins shortly before the wrap and crosses it."""
    async with place.receiver() as receiver:
        config = chain(receiver.url("live", "cam0"))
        async with on_air(camera(0, made("h264_aac"), config), first_timestamp=wrap - 600) as (running, _):
            await until(lambda: running.sessions and len(receiver.recordings) == 1)
            await moves_on(only(running), 30)
            receiver.drop()
            await until(lambda: len(receiver.recordings) == 2)
            await moves_on(only(running), 30)
        for recording in receiver.recordings:
            times = video_times(recording)
            steps = [(after - before) & 0xFFFFFFFF for before, after in itertools.pairwise(times)]
            assert times[0] == wrap - 600
            assert sum(steps) > 600
            assert max(steps) < 1500


@pytest.mark.parametrize("trouble", ["begins anew at 0", "ten times too fast"])
async def test_acceptance_05_cameras_with_bad_clocks(place: Place, trouble: str) -> None:
    async with place.receiver() as receiver:
        config = chain(receiver.url("live", "cam0"))
        async with on_air(pushed(config)) as (running, events):
            one = only(running)
            source = Camera(running, made("h264_aac_ts"), speed=10.0 if trouble.startswith("ten") else 1.0)
            await stable(running)
            if trouble.startswith("begins"):
                source.zero = time.monotonic_ns()
            await moves_on(one, 50)
            assert one.state is SessionState.CONNECTED
            assert one.metrics.frames_dropped == 0
            await source.close()
        assert not of(events, AttemptFailed)
        await receiver.until(lambda: not receiver.live())
        (recording,) = receiver.recordings
        times = video_times(recording)
        assert times == sorted(times)
        if trouble.startswith("begins"):
            assert max(after - before for before, after in itertools.pairwise(times)) < 1000
        arrived(one, received(receiver.recordings), clean=True)


# --- 6 ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", ["dead", "slow", "deaf"])
async def test_acceptance_06_three_of_four_lose_no_frame(place: Place, trouble: str) -> None:
    path = made("h264_b_aac")
    async with place.receiver() as receiver, place.receiver(keep=0) as bad:
        with place.proxy(bad) as proxy:
            dead = f"rtmp://{place.host}:{free_port()}/live/bad"
            url = dead if trouble == "dead" else f"rtmp://{proxy.address}/live/bad"
            good = [chain(receiver.url("live", f"out{n}"), output=f"out{n}") for n in range(3)]
            async with on_air(camera(0, path, chain(url, output="bad"), *good)) as (running, _):
                sessions = [one for one in inner(running) if one.key.output != "bad"]
                (ill,) = running.sessions.find(output="bad")
                await until(lambda: all(one.policy.stable for one in sessions))
                if trouble == "slow":
                    proxy.rate_up = 40_000
                    await until(lambda: ill.metrics.frames_dropped > 20)
                elif trouble == "deaf":
                    proxy.freeze()
                    await until(lambda: ill.metrics.frames_dropped > 10)
                else:
                    await until(lambda: ill.metrics.failed_attempts >= 3)
                for one in sessions:
                    await moves_on(one, 15)
                proxy.rate_up = None
            await receiver.until(lambda: not receiver.live())
            for one in sessions:
                assert one.metrics.frames_dropped == 0
                arrived(one, received(receiver.of(one.key.output)), clean=True)
