"""WHEP against viewers of another implementation (aiortc, in processes of their own)."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import ssl
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest
from tests.media import made
from tests.plugins.transport_harness import Clip, DirectHandover, Events, context, feed, load, longer, reached
from tests.plugins.whep_kit import Viewers, hashes, kind, watching
from tests.servers.certificates import Authority
from tests.servers.process import free_port

from camcast.errors import BusyError, MisconfiguredError, NetworkError
from camcast.kinds import TransportKind
from camcast.media import MediaKind, Packet
from camcast_whip import peer
from camcast_whip.track import payloads
from camcast_whip.whep import audience
from camcast_whip.whep.options import WhepOptions

__all__ = ["kind"]


@pytest.fixture(autouse=True)
def no_leaks() -> Iterator[None]:
    def threads() -> int:
        return sum("whip" in thread.name for thread in threading.enumerate())

    before = threads()
    yield
    deadline = time.monotonic() + 3
    while threads() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threads() <= before


@attrs.frozen
class OnAir:
    """An output that is on the air, and fed for as long as the test lasts."""

    transport: Any
    events: Events
    url: str
    """For viewers."""

    def figure(self, name: str) -> float:
        return float(self.transport.stats()[name])

    async def reaches(self, name: str, value: float) -> None:
        await reached(lambda: self.figure(name) >= value, timeout=30, why=f"{name} = {value}")


@contextlib.asynccontextmanager
async def on_air(
    kind: TransportKind, clip: Clip, *, scheme: str = "whep", seconds: float = 60.0, **options: Any
) -> AsyncIterator[OnAir]:
    port = free_port()
    made_context, events = context(kind, f"{scheme}://127.0.0.1:{port}/gate", options=WhepOptions(**options))
    transport = kind.build(made_context)
    try:
        await transport.connect()
        await transport.publish(clip.tracks)
        feeding = asyncio.create_task(feed(transport, longer(clip, seconds)))
        try:
            yield OnAir(transport, events, f"http{'s' if scheme == 'wheps' else ''}://127.0.0.1:{port}/gate")
        finally:
            feeding.cancel()
            await asyncio.wait({feeding})
    finally:
        await transport.close()


def complete(viewers: Viewers, viewer: int, packets: list[Packet]) -> None:
    """What a viewer got begins with a keyframe and goes on without a hole, each unit as it was sent; sound likewise."""
    for media in MediaKind:
        theirs = [unit["hashes"] for unit in viewers.units(viewer, media)]
        ours = [packet for packet in packets if packet.track.kind is media]
        sent = [hashes(packet) for packet in ours]
        # The clip is played again and again, so there are several places where it may have begun.
        starts = [at for at, one in enumerate(sent) if one == theirs[0] and ours[at].keyframe]
        assert any(sent[at : at + len(theirs)] == theirs for at in starts), f"{media.value} has a hole"


# --- who watches ------------------------------------------------------------------------------------------


async def test_every_unit_reaches_every_viewer_from_the_last_keyframe_on(kind: TransportKind) -> None:
    clip = load(made("h264_opus"))
    async with on_air(kind, clip) as output:
        await output.reaches("units", 20)
        assert output.figure("packetized_units") == 0, "nobody watches yet"
        async with watching(output.url, count=2) as viewers:
            await viewers.until(lambda v: all(len(v.units(n, MediaKind.VIDEO)) >= 60 for n in range(2)))
            for number in range(2):
                complete(viewers, number, longer(clip, 60))
                # The group was sent close together, so that what is shown is the present.
                ticks = [unit["time"] for unit in viewers.units(number, MediaKind.VIDEO)]
                steps = [b - a for a, b in itertools.pairwise(ticks)]
                assert steps[0] == 90, "a millisecond, at 90 kHz"
                assert all(0 < step <= 90 * 100 for step in steps)
            await viewers.leave()
            assert [one["deleted"] for one in viewers.said if "deleted" in one] == [200, 200]
        await reached(lambda: output.figure("viewers") == 0)
        assert output.figure("viewers_seen") == 2
        assert output.figure("viewers_gone") == 0
        assert not output.events.losses
        assert output.transport.pending == 0


async def test_twenty_viewers_cost_one_cutting(kind: TransportKind, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = load(made("h264_opus"))
    cut: list[int] = []

    def counted(packet: Packet, size: int) -> list[bytes]:
        cut.append(id(packet))
        return payloads(packet, size)

    monkeypatch.setattr(audience, "payloads", counted)
    async with on_air(kind, clip, viewers=20) as output, watching(output.url, count=20) as viewers:
        await output.reaches("viewers", 20)
        await viewers.until(lambda v: all(len(v.units(number, MediaKind.VIDEO)) >= 30 for number in range(20)))
        for number in range(20):
            complete(viewers, number, longer(clip, 60))
        assert len(cut) == len(set(cut)), "some unit was cut twice"
        assert len(cut) == output.figure("packetized_units") <= output.figure("units")
        assert output.figure("packets_sent") > 20 * 30


async def test_a_viewer_that_has_died_is_noticed(kind: TransportKind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "CONSENT_INTERVAL", 0.3)
    monkeypatch.setattr(peer, "CONSENT_EXPIRES", 1.5)
    async with on_air(kind, load(made("h264_opus"))) as output, watching(output.url) as viewers:
        await output.reaches("viewers", 1)
        viewers.kill()
        await output.reaches("viewers_gone", 1)
        assert output.figure("viewers") == 0
        assert not output.events.losses


async def test_a_viewer_that_never_reads_costs_nobody_a_picture(kind: TransportKind) -> None:
    clip = load(made("h264_opus"))
    async with on_air(kind, clip) as output, watching(output.url) as stopped, watching(output.url) as going:
        await output.reaches("viewers", 2)
        os.kill(stopped.process.pid, signal.SIGSTOP)
        before = len(going.units(0, MediaKind.VIDEO))
        await going.until(lambda v: len(v.units(0, MediaKind.VIDEO)) >= before + 75)
        complete(going, 0, longer(clip, 60))
        assert output.transport.pending < 100_000
        assert not output.events.losses


async def test_the_end_of_an_output_is_told_to_those_who_watch(kind: TransportKind) -> None:
    async with watchers_of(kind) as (output, viewers):
        await output.transport.close()
        await viewers.until(lambda v: v.states("closed") == 2)


@contextlib.asynccontextmanager
async def watchers_of(kind: TransportKind) -> AsyncIterator[tuple[OnAir, Viewers]]:
    async with on_air(kind, load(made("h264_opus"))) as output, watching(output.url, count=2) as viewers:
        await output.reaches("viewers", 2)
        yield output, viewers


async def test_a_viewer_may_want_the_picture_alone_and_has_to_know_the_token(kind: TransportKind) -> None:
    token = "who-watches-4711"
    async with (
        on_air(kind, load(made("h264_opus")), token=token) as output,
        watching(output.url, token=token, kinds=["video"]) as viewers,
    ):
        await viewers.until(lambda v: len(v.units(0, MediaKind.VIDEO)) >= 25)
        assert viewers.units(0, MediaKind.AUDIO) == []


async def test_a_viewer_may_tell_its_addresses_later(kind: TransportKind) -> None:
    async with on_air(kind, load(made("h264_opus"))) as output, watching(output.url, trickle=True) as viewers:
        await viewers.until(lambda v: len(v.units(0, MediaKind.VIDEO)) >= 25)
        assert [one["patched"] for one in viewers.said if "patched" in one] == [204]


# --- where it waits ---------------------------------------------------------------------------------------


async def test_outputs_share_a_port_and_not_a_path(kind: TransportKind) -> None:
    clip, port, handover = load(made("h264_opus")), free_port(), DirectHandover()

    def build(path: str, **options: Any) -> Any:
        made_context, _ = context(
            kind, f"whep://127.0.0.1:{port}/{path}", handover=handover, options=WhepOptions(**options)
        )
        return kind.build(made_context)

    one, other, same, odd = build("a"), build("b"), build("a"), build("c", certificate="x", certificate_key="y")
    try:
        await one.connect()
        await other.connect()
        with pytest.raises(BusyError, match="another output is watched at /a"):
            await same.connect()
        with pytest.raises(MisconfiguredError, match="another certificate, or none"):
            await odd.connect()
        await one.publish(clip.tracks)
        await one.close()
        # The door is open for as long as somebody needs it.
        again = build("a")
        await again.connect()
        await again.close()
    finally:
        for transport in (one, other, same, odd):
            await transport.close()
    with contextlib.closing(await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", port)) as taken:
        late = build("a")
        with pytest.raises(NetworkError, match=f"port {port} of 127.0.0.1 is taken by another program"):
            await late.connect()
        await late.close()
    await taken.wait_closed()


async def test_a_door_that_has_fallen_shut_is_told(kind: TransportKind) -> None:
    async with on_air(kind, load(made("h264_opus"))) as output:
        output.transport._door.server.should_exit = True
        await asyncio.wait_for(output.events.loss.wait(), 20)
        assert "nobody can come any more" in str(output.events.losses[0])


async def test_a_door_that_has_fallen_shut_is_no_place_to_come_back_to(kind: TransportKind) -> None:
    """Of two outputs there, one is back before the other has left."""
    clip, port, handover = load(made("h264_opus")), free_port(), DirectHandover()

    def build(path: str) -> tuple[Any, Events]:
        made_context, events = context(kind, f"whep://127.0.0.1:{port}/{path}", handover=handover)
        return kind.build(made_context), events

    (one, events), (other, _), (again, _) = build("a"), build("b"), build("a")
    try:
        await one.connect()
        await other.connect()
        one._door.server.should_exit = True
        await asyncio.wait_for(events.loss.wait(), 20)
        await one.close()
        await again.connect()
        await again.publish(clip.tracks)
        await other.close()
        async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{port}/a") as answer:
            assert answer.status == 204
    finally:
        for transport in (one, other, again):
            await transport.close()


async def test_over_tls(kind: TransportKind, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate = authority.issue("server", "127.0.0.1")
    options: dict[str, Any] = {"certificate": str(certificate.cert_file), "certificate_key": str(certificate.key_file)}
    trust = ssl.create_default_context(cafile=str(authority.ca_file))
    async with (
        on_air(kind, load(made("h264_opus")), scheme="wheps", **options) as output,
        aiohttp.ClientSession() as client,
        client.options(output.url, ssl=trust) as answer,
    ):
        assert (answer.status, answer.headers["Accept-Post"]) == (200, "application/sdp")


async def test_a_certificate_that_cannot_be_used_is_told(kind: TransportKind, tmp_path: Path) -> None:
    path = tmp_path / "none.pem"
    options = WhepOptions(certificate=str(path), certificate_key=str(path))
    made_context, _ = context(kind, f"wheps://127.0.0.1:{free_port()}/gate", options=options)
    transport = kind.build(made_context)
    with pytest.raises(MisconfiguredError, match=r"cannot use the certificate .*No such file"):
        await transport.connect()
    await transport.close()


async def test_codecs_of_no_browser_are_told(kind: TransportKind) -> None:
    clip = load(made("h264_aac"))
    made_context, _ = context(kind, f"whep://127.0.0.1:{free_port()}/gate")
    transport = kind.build(made_context)
    await transport.connect()
    try:
        with pytest.raises(MisconfiguredError, match=r"H\.264 and Opus; this stream has aac: transcode it"):
            await transport.publish(clip.tracks)
    finally:
        await transport.close()
