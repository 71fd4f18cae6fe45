"""WHIP against a receiver of another implementation (aiortc behind aiohttp, in a process of its own)."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.media import made
from tests.plugins.transport_harness import (
    Clip,
    DirectHandover,
    Events,
    context,
    feed,
    load,
    longer,
    publishing,
    reached,
)
from tests.plugins.whip_kit import kind, server, shared
from tests.servers.certificates import Authority, Certificate
from tests.servers.janus import Janus, JanusWhip, pictures, recorded
from tests.servers.process import free_port
from tests.servers.whip import Received, WhipServer

from camcast.bitstream.nal import split_prefixed
from camcast.errors import BusyError, ErrorClass, MisconfiguredError, NetworkError, RefusedError, TransportError
from camcast.kinds import TransportKind
from camcast.media import NS_PER_MS, MediaKind, Packet
from camcast_whip.options import WhipOptions

__all__ = ["kind", "server", "shared"]

TOKEN = "correct-horse-battery"


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[WhipServer]:
    """A server to be frozen or killed."""
    with WhipServer(tmp_path / "whip") as running:
        yield running


@pytest.fixture(autouse=True)
def no_leaks() -> Iterator[None]:
    before = len(threads())
    yield
    deadline = time.monotonic() + 3
    while len(threads()) > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(threads()) <= before


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if "whip" in thread.name]


def build(kind: TransportKind, url: str, **more: Any) -> tuple[Any, Events]:
    more.setdefault("connect_timeout", 5.0)
    made_context, events = context(kind, url, **more)
    return kind.build(made_context), events


def hashes(packet: Packet) -> tuple[str, ...]:
    parts = split_prefixed(packet.payload) if packet.track.kind is MediaKind.VIDEO else [packet.payload]
    return tuple(hashlib.sha256(part).hexdigest()[:16] for part in parts)


def compare(sent: Sequence[Packet], received: Sequence[Received]) -> None:
    """Every unit, in order, at its time. The receiver's jitter buffer still holds the last picture, and five frames of
    sound: these are not missing."""
    for media, held in ((MediaKind.VIDEO, 1), (MediaKind.AUDIO, 5)):
        ours = [packet for packet in sent if packet.track.kind is media]
        theirs = [unit for unit in received if unit.kind == media.value]
        assert len(theirs) >= len(ours) - held
        assert [unit.hashes for unit in theirs] == [hashes(packet) for packet in ours[: len(theirs)]]
        rate = 90 if media is MediaKind.VIDEO else 48
        first = ours[0].dts // NS_PER_MS if ours else 0
        assert [unit.time for unit in theirs] == [
            (packet.dts // NS_PER_MS - first) * rate for packet in ours[: len(theirs)]
        ]


# --- frames -----------------------------------------------------------------------------------------------


async def test_every_frame_arrives_and_is_acknowledged(kind: TransportKind, server: WhipServer) -> None:
    clip = load(made("h264_opus"))
    packets = longer(clip, 5.0)
    async with publishing(kind, server.url(), clip) as (transport, events):
        await feed(transport, packets)
        await reached(lambda: transport.pending == 0 and transport.acked, why="acknowledged")
        await reached(lambda: transport.acked == sum(len(packet.payload) for packet in packets), why="all of it")
        stats = transport.stats()
        assert 0 < stats["rtt_ms"] < 1000
        assert stats["receiver_reports"] >= 2
        assert stats["overflow_packets"] == stats["damaged_packets"] == 0
    assert not events.losses
    await reached(lambda: len(server.received()) >= len(packets) - 6)
    compare(packets, server.received())
    state = await asyncio.to_thread(server.state)
    assert [one["method"] for one in state["requests"]] == ["OPTIONS", "POST", "DELETE"]
    assert state["deleted"] == [0]
    assert not state["peers"]


async def test_every_frame_arrives_at_janus(kind: TransportKind, tmp_path: Path) -> None:
    """Another implementation still: libnice, OpenSSL, libsrtp and a parser of its own."""
    clip = load(made("h264_opus"))
    with Janus(tmp_path) as server:
        async with JanusWhip(server) as whip:
            async with publishing(kind, whip.url, clip) as (transport, events):
                await feed(transport, clip.packets)
                await reached(lambda: transport.acked == sum(len(packet.payload) for packet in clip.packets))
            assert not events.losses
            assert not events.notes
            (room,) = whip.rooms
        server.stop()
        video = pictures(list(recorded(server.recording(room, "video"))))
        audio = list(recorded(server.recording(room, "audio")))
    sent = [split_prefixed(packet.payload) for packet in clip.packets if packet.track.kind is MediaKind.VIDEO]
    sounds = [packet.payload for packet in clip.packets if packet.track.kind is MediaKind.AUDIO]
    assert video == sent
    assert [packet.payload for packet in audio] == sounds


async def test_a_group_of_pictures_at_once_arrives_whole(kind: TransportKind, server: WhipServer) -> None:
    """What a new attempt begins with: a megabyte in a row, more than a socket's buffer holds."""
    clip = load(made("camera_1080p"))
    packets = [packet for packet in clip.packets if packet.track.kind is MediaKind.VIDEO][:55]
    only_video = Clip(tuple(track for track in clip.tracks if track.kind is MediaKind.VIDEO), tuple(packets))
    assert sum(len(packet.payload) for packet in packets) > 800_000
    async with publishing(kind, server.url(), only_video) as (transport, _):
        for packet in packets:
            transport.send(packet, packet.dts // NS_PER_MS)
        assert transport.pending > 400_000
        await reached(lambda: transport.acked == sum(len(packet.payload) for packet in packets), why="acknowledged")
        await reached(lambda: len(server.received()) >= 54)
        assert transport.stats()["packets_resent"] <= 5
    compare(packets, server.received())


async def test_sixteen_at_once_from_one_thread(kind: TransportKind, server: WhipServer) -> None:
    clip = load(made("h264_only"))
    packets = longer(clip, 1.0)
    handover = DirectHandover()
    built = [build(kind, server.url(f"whip/cam{number}"), handover=handover) for number in range(16)]

    async def run(transport: Any) -> None:
        await transport.connect()
        await transport.publish(clip.tracks)
        await feed(transport, packets)
        await reached(lambda: transport.acked == sum(len(packet.payload) for packet in packets))

    try:
        await asyncio.gather(*(run(transport) for transport, _ in built))
        assert len(threads()) == 1
    finally:
        await asyncio.gather(*(transport.close() for transport, _ in built))
    received = server.received()
    for session in range(16):
        assert len([unit for unit in received if unit.session == session]) >= len(packets) - 1


@pytest.mark.parametrize("behaviour", ["chunked", "until-close", "absolute", "no-location", "redirect/3"])
async def test_answers_of_all_kinds(kind: TransportKind, server: WhipServer, behaviour: str) -> None:
    clip = load(made("h264_opus"))
    options = WhipOptions(token=TOKEN)
    async with publishing(kind, server.url(f"{behaviour}/camera-7"), clip, options=options) as (transport, events):
        await feed(transport, clip.packets[:30], speed=8)
        await reached(lambda: transport.acked)
    state = await asyncio.to_thread(server.state)
    assert {one["authorization"] for one in state["requests"]} == {f"Bearer {TOKEN}"}
    codes = [code for code, _ in events.notes]
    if behaviour == "no-location":
        assert "whip_no_location" in codes
        await reached(lambda: not threads())
    else:
        assert "whip_no_location" not in codes
        assert state["deleted"] == [0]
    assert not events.losses


async def test_a_server_that_takes_the_streams_own_profile(kind: TransportKind, server: WhipServer) -> None:
    clip = load(made("h264_only"))
    async with publishing(kind, server.url("any-profile/x"), clip) as (transport, events):
        await feed(transport, clip.packets[:20], speed=4)
        await reached(lambda: transport.acked)
    assert not events.notes
    assert len(server.received()) >= 19


async def test_a_track_that_is_refused_is_left_out(kind: TransportKind, server: WhipServer) -> None:
    clip = load(made("h264_opus"))
    async with publishing(kind, server.url("video-only/x"), clip) as (transport, events):
        await feed(transport, clip.packets[:50], speed=4)
        await reached(lambda: transport.acked == sum(len(packet.payload) for packet in clip.packets[:50]))
        assert transport.stats()["refused_packets"] > 10
    assert "whip_track_refused" in [code for code, _ in events.notes]
    assert {unit.kind for unit in server.received()} == {"video"}


# --- who may ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [WhipOptions(token="wrong-horse-battery"), WhipOptions()])
async def test_a_wrong_token_and_none_are_refused(kind: TransportKind, tmp_path: Path, options: WhipOptions) -> None:
    with WhipServer(tmp_path, token=TOKEN) as server:
        transport, events = build(kind, server.url(), options=options)
        await transport.connect()
        with pytest.raises(RefusedError) as caught:
            await transport.publish(load(made("h264_only")).tracks)
        await transport.close()
    assert "401" in str(caught.value)
    assert "token" in str(caught.value)
    assert "horse" not in str(caught.value) + repr(transport) + repr(transport._context)
    assert not events.losses


@pytest.mark.parametrize("field", ["token", "stream_key"])
async def test_the_right_token(kind: TransportKind, tmp_path: Path, field: str) -> None:
    clip = load(made("h264_only"))
    more: dict[str, Any] = {"options": WhipOptions(token=TOKEN)} if field == "token" else {"stream_key": TOKEN}
    with WhipServer(tmp_path, token=TOKEN) as server:
        async with publishing(kind, server.url(), clip, **more) as (transport, _):
            await feed(transport, clip.packets[:10], speed=4)
            await reached(lambda: transport.acked)


REFUSALS = {
    "status/403": (RefusedError, "403"),
    "status/404": (RefusedError, "check the path"),
    "status/409": (BusyError, "409"),
    "status/422": (RefusedError, "refused the offer"),
    "status/429": (NetworkError, "429"),
    "status/503": (NetworkError, "503"),
    "status/204": (RefusedError, "expected application/sdp"),
    "garbage": (RefusedError, "cannot be used"),
    "html": (RefusedError, "application/sdp"),
    "endless": (NetworkError, "longer than"),
    "nothing": (NetworkError, "closed the connection"),
    "redirect/9/x": (NetworkError, "redirects in a row"),
}


@pytest.mark.parametrize("path", REFUSALS)
async def test_refusals_are_told_apart_and_hold_no_secret(
    kind: TransportKind, server: WhipServer, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    error, words = REFUSALS[path]
    url = server.url(f"{path}?key=hidden-key-77")
    transport, events = build(kind, url, options=WhipOptions(token=TOKEN))
    await transport.connect()
    with pytest.raises(error) as caught:
        await transport.publish(load(made("h264_only")).tracks)
    await transport.close()
    assert words in str(caught.value)
    shown = [str(caught.value), repr(caught.value), repr(transport), repr(events), caplog.text]
    for secret in ("horse", "hidden-key"):
        assert not [text for text in shown if secret in text]
    assert not events.losses


async def test_a_redirect_elsewhere_is_the_sessions_to_decide_and_takes_no_token_along(
    kind: TransportKind, server: WhipServer, tmp_path: Path
) -> None:
    with WhipServer(tmp_path / "other") as other:
        elsewhere = f"http://{other.address}/whip/moved"
        transport, events = build(kind, server.url(f"to?{elsewhere}"), options=WhipOptions(token=TOKEN))
        await transport.connect()
        with pytest.raises(RefusedError, match="another origin"):
            await transport.publish(load(made("h264_only")).tracks)
        await transport.close()
        assert events.redirects == [f"whip://{other.address}/whip/moved"]
        assert (await asyncio.to_thread(other.state))["requests"] == []


async def test_a_redirect_from_https_to_http_is_not_followed(
    kind: TransportKind, authority: Authority, certificate: Certificate, server: WhipServer, tmp_path: Path
) -> None:
    with WhipServer(tmp_path / "tls", certificate=certificate) as secure:
        url = secure.url(f"to?http://{server.address}/whip/moved")
        transport, events = build(kind, url, ca_file=str(authority.ca_file), options=WhipOptions(token=TOKEN))
        await transport.connect()
        with pytest.raises(NetworkError, match="from https to http"):
            await transport.publish(load(made("h264_only")).tracks)
        await transport.close()
    assert events.redirects == []
    assert (await asyncio.to_thread(server.state))["requests"] == []


# --- TLS --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trust", ["ca_file", "fingerprint", "insecure"])
async def test_over_tls(
    kind: TransportKind, authority: Authority, certificate: Certificate, tmp_path: Path, trust: str
) -> None:
    how = {"ca_file": str(authority.ca_file), "fingerprint": certificate.fingerprint, "insecure": True}
    clip = load(made("h264_only"))
    with WhipServer(tmp_path / "tls", certificate=certificate) as server:
        async with publishing(kind, server.url(), clip, **{trust: how[trust]}) as (transport, events):
            await feed(transport, clip.packets[:10], speed=4)
            await reached(lambda: transport.acked)
            expires = transport.stats().get("certificate_expires")
    # What is pinned, or taken as it is, may be out of date.
    assert (expires is not None) is (trust == "ca_file")
    assert expires is None or 9 * 86400 < expires - time.time() < 11 * 86400
    assert ("tls_insecure" in [code for code, _ in events.notes]) is (trust == "insecure")


async def test_a_certificate_that_is_not_trusted(
    kind: TransportKind, certificate: Certificate, server: WhipServer, tmp_path: Path
) -> None:
    async def fails(url: str, **more: Any) -> TransportError:
        transport, _ = build(kind, url, **more)
        with pytest.raises(TransportError) as caught:
            await transport.connect()
        await transport.close()
        return caught.value

    with WhipServer(tmp_path / "tls", certificate=certificate) as secure:
        unknown = await fails(secure.url())
        assert isinstance(unknown, RefusedError)
        assert "ca_file" in str(unknown)
        pinned = await fails(secure.url(), fingerprint="ab" * 32)
        assert isinstance(pinned, MisconfiguredError)
        assert certificate.fingerprint in str(pinned)
    plain = await fails(server.url().replace("whip://", "whips://"))
    assert plain.error_class is ErrorClass.NETWORK
    assert plain.stage == "tls"


# --- faults -----------------------------------------------------------------------------------------------


async def test_nobody_there_and_a_silent_server(kind: TransportKind, server: WhipServer) -> None:
    for url, words in (
        (f"whip://127.0.0.1:{free_port()}/x", "refused"),
        (server.url("silent/x"), r"no answer to POST within 0\.7 s"),
    ):
        transport, _ = build(kind, url, connect_timeout=0.7)
        began = time.monotonic()

        async def whole(transport: Any = transport) -> None:
            await transport.connect()
            await transport.publish(load(made("h264_only")).tracks)

        with pytest.raises(NetworkError, match=words):
            await whole()
        assert time.monotonic() - began < 5
        await transport.close()


async def test_no_media_path_is_told_within_the_deadline(kind: TransportKind, mortal: WhipServer) -> None:
    """The server answers and then says nothing more."""
    transport, _ = build(kind, mortal.url("mute/x"), connect_timeout=1.0)
    await transport.connect()
    began = time.monotonic()
    with pytest.raises(NetworkError, match="no media path"):
        await transport.publish(load(made("h264_only")).tracks)
    assert time.monotonic() - began < 4
    mortal.freeze()
    began = time.monotonic()
    await transport.close()
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("fault", ["freeze", "kill"])
async def test_a_dead_peer_is_a_stall(kind: TransportKind, mortal: WhipServer, fault: str) -> None:
    server = mortal
    clip = load(made("h264_opus"))
    packets = longer(clip, 30.0)
    async with publishing(kind, server.url(), clip) as (transport, _):
        stop = asyncio.Event()
        feeder = asyncio.create_task(feed(transport, packets, until=stop.is_set))
        try:
            await reached(lambda: transport.stats()["receiver_reports"] >= 6, why="the peer's habit is known")
            assert transport.pending < 50_000
            getattr(server, fault)()
            died = time.monotonic()
            await reached(lambda: transport.pending > 100_000, timeout=8, why="nothing is acknowledged")
            assert time.monotonic() - died < 6.5
            acked = transport.acked
            before = transport.pending
            await reached(lambda: transport.pending > before + 20_000, why="it grows")
            assert transport.acked == acked
            if fault == "freeze":
                server.thaw()
                await reached(lambda: transport.acked > acked and transport.pending < 50_000, why="it was transient")
        finally:
            stop.set()
            await feeder


async def test_a_server_that_hangs_up_is_a_loss(kind: TransportKind, server: WhipServer) -> None:
    clip = load(made("h264_only"))
    async with publishing(kind, server.url(), clip) as (transport, events):
        await feed(transport, clip.packets[:10], speed=4)
        await asyncio.to_thread(server.ask, "hangup")
        await asyncio.wait_for(events.loss.wait(), 5)
        (error,) = events.losses
        assert error.error_class is ErrorClass.NETWORK
        assert "ended the connection" in str(error)
        transport.send(clip.packets[11], 500)
        assert transport.pending == 0
        assert transport.stats()["sent_after_loss"] == 1


async def test_a_receiver_asks_for_a_keyframe(kind: TransportKind, server: WhipServer) -> None:
    clip = load(made("h264_only"))
    async with publishing(kind, server.url(), clip) as (transport, events):
        await feed(transport, clip.packets[:10], speed=4)
        await reached(lambda: transport.acked)
        await asyncio.to_thread(server.ask, "pli")
        await reached(lambda: events.keyframes == 1)
        asked, began = 1, time.monotonic()
        while events.keyframes < 3:
            await asyncio.to_thread(server.ask, "pli")
            asked += 1
        assert time.monotonic() - began >= 0.3
        assert asked > 3
        assert transport.stats()["keyframe_requests"] == 3


async def test_what_is_told_survives_a_full_hand_over(kind: TransportKind, server: WhipServer) -> None:
    clip = load(made("h264_only"))
    handover = DirectHandover()
    async with publishing(kind, server.url(), clip, handover=handover) as (_, events):
        handover.full = True
        await asyncio.to_thread(server.ask, "hangup")
        await asyncio.sleep(0.1)
        assert not events.losses
        handover.full = False
        await asyncio.wait_for(events.loss.wait(), 5)


# --- order ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["resolve", "connect", "publish"])
async def test_cancelled_anywhere(kind: TransportKind, server: WhipServer, step: str) -> None:
    url = server.url({"connect": "silent/x", "publish": "mute/x"}.get(step, "whip/x"))
    transport, events = build(kind, url)
    if step == "publish":
        await transport.connect()
    work = transport.publish(load(made("h264_only")).tracks) if step == "publish" else transport.connect()
    task = asyncio.create_task(work)
    if step != "resolve":
        await asyncio.sleep(0)
        await asyncio.sleep(0.03)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await transport.close()
    await transport.close()
    assert not events.losses


async def test_closing_what_was_never_opened_and_using_it_afterwards(kind: TransportKind, server: WhipServer) -> None:
    transport, _ = build(kind, server.url())
    await transport.close()
    with pytest.raises(NetworkError):
        await transport.connect()
    with pytest.raises(NetworkError):
        await transport.publish(load(made("h264_only")).tracks)
    transport.send(load(made("h264_only")).packets[0], 0)
    assert (transport.pending, transport.acked) == (0, 0)


async def test_media_that_does_not_fit(kind: TransportKind, server: WhipServer) -> None:
    clip = load(made("h264_aac"))
    transport, _ = build(kind, server.url())
    await transport.connect()
    with pytest.raises(MisconfiguredError, match="aac: transcode"):
        await transport.publish(clip.tracks)
    await transport.close()
    good = load(made("h264_opus"))
    async with publishing(kind, server.url(), good) as (transport, events):
        sound = next(packet for packet in clip.packets if packet.track.kind is MediaKind.AUDIO)
        transport.send(sound, 0)
        first, *following = [packet for packet in good.packets[:120] if packet.track.kind is MediaKind.VIDEO]
        transport.send(attrs.evolve(first, payload=b"\0\0\0\xffno"), 0)
        for packet in following:
            transport.send(packet, packet.dts // NS_PER_MS)
        await reached(lambda: transport.stats()["damaged_packets"] == 1)
        await reached(lambda: transport.pending == 0)
        stats = transport.stats()
        assert stats["unknown_packets"] == 1
        first_key = next(index for index, packet in enumerate(following) if packet.keyframe)
        assert stats["keyframe_awaited_packets"] == first_key > 0
        assert events.keyframes == 1
    assert {code for code, _ in events.notes} >= {"whip_damaged_packets", "whip_unknown_packets"}
