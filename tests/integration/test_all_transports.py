"""Every transport with one and the same test body, at real servers; all five at once; one chain across them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from camcast.config import TargetConfig
from camcast.errors import ErrorClass
from camcast.events import AttemptFailed, Event, Moved, SessionState
from camcast.media import MediaKind, Packet, Tag, Unit
from camcast.stream.rendition import FlvPacker
from camcast_librtmp.transport import LibrtmpTransport
from camcast_rtmp.driver import RtmpTransport
from camcast_srt.transport import SrtTransport
from camcast_whip.transport import WhipTransport
from tests.compare import Media
from tests.integration.air import chain, inner, moves_on, of, on_air, only, quick_moves, stable
from tests.integration.kit import camera, connected, until
from tests.integration.peers import KEY, PASSPHRASE, PEERS, Peer
from tests.media import made

__all__ = ["quick_moves"]

SECONDS = 30
FRAMES = 25 * SECONDS


@pytest.fixture
def peers(tmp_path: Path) -> Iterator[dict[str, Peer]]:
    """All five servers."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(cls(tmp_path / name)) for name, cls in PEERS.items()}  # type: ignore[call-arg]


def classes(events: list[Event]) -> list[ErrorClass]:
    """Of the attempts that failed."""
    return [event.error_class for event in of(events, AttemptFailed)]


@pytest.mark.parametrize("name", PEERS)
async def test_refused_stalled_killed_and_back(name: str, tmp_path: Path, quick_moves: None) -> None:
    with PEERS[name](tmp_path / name) as peer:  # type: ignore[call-arg]
        refused = chain(peer.refused(), output="refused")
        async with on_air(camera(0, made("h264_aac"), refused)) as (running, events):
            await until(lambda: ErrorClass.REFUSED in classes(events), timeout=20)
            # One that agrees and then closes without a word may just have been restarted: it is asked once more.
            assert classes(events) in ([ErrorClass.REFUSED], [ErrorClass.UNEXPLAINED, ErrorClass.REFUSED])
            await running.remove_output(refused.key)
            await running.add_output(chain(peer.target(), output="good"))
            one = only(running)
            await stable(running)
            peer.stall()
            # Told by the session, or, where a library that blocks notices it as soon, by the transport.
            await until(lambda: any(word in one.metrics.last_error for word in ("acknowledged", "took nothing")))
            peer.resume()
            # Longer than a server takes to say no by closing: after that, the end of a connection is its loss.
            await moves_on(one, 80, timeout=30)
            failures = one.metrics.failed_attempts
            peer.server.kill()
            await until(lambda: one.metrics.failed_attempts > failures)
            peer.server.start()
            await moves_on(one, timeout=30)
            # The server may hold on to the name of the connection that stood still.
            assert ErrorClass.NETWORK in one.recorder.errors.keys() <= {ErrorClass.NETWORK, ErrorClass.BUSY}
        texts = [event.text for event in events] + [repr(event) for event in events]
        assert not [text for text in texts if KEY in text or PASSPHRASE in text]


async def test_one_camera_to_all_five_at_once(peers: dict[str, Peer], monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a minute: every frame is at every receiver, and all five were handed the very same bytes."""
    sent: dict[str, list[Unit]] = defaultdict(list)
    for cls in (RtmpTransport, LibrtmpTransport, SrtTransport, WhipTransport):
        monkeypatch.setattr(cls, "send", _remembering(cls.send, sent))  # type: ignore[arg-type]
    made_tags = _counting_tags(monkeypatch)
    clip = made("h264_aac")
    sessions = [chain(peer.target(), output=name) for name, peer in peers.items()]
    async with on_air(camera(0, clip, *sessions)) as (running, events):
        await connected(running)
        await until(lambda: all(one.metrics.video_sent >= FRAMES for one in running.sessions), SECONDS + 30)
        (stream,) = running.stats().streams
        # Tags, packets as they are, and packets with sound that WebRTC takes.
        assert (stream.renditions, stream.transcoders) == (3, 1)
        assert {one.metrics.frames_dropped for one in running.sessions} == {0}
        tags = made_tags[0]
    assert not of(events, AttemptFailed)
    for name, peer in peers.items():
        assert await asyncio.to_thread(peer.holds_every_frame, clip) >= FRAMES - 50, name
    assert len(sent) == len(PEERS)
    pictures = [_pictures(units) for units in sent.values()]
    assert len(set.union(*pictures)) == len(Media.read(clip).video), "a picture's bytes are one object, for all five"
    assert len({frozenset(each) for each in pictures}) == 1
    most = max(sum(isinstance(unit, Tag) and unit.packet is not None for unit in units) for units in sent.values())
    assert FRAMES < tags <= most + 100, "each tag is made once; a group may have been made before anybody was there"


def _remembering(send: Callable[..., None], sent: dict[str, list[Unit]]) -> Callable[..., None]:
    def remember(self: Any, unit: Unit, time: int) -> None:
        sent[self._context.label].append(unit)
        send(self, unit, time)

    return remember


def _counting_tags(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    count = [0]

    def counted(self: FlvPacker, packet: Packet) -> Tag:
        count[0] += 1
        return self.tag(packet)

    monkeypatch.setattr(FlvPacker, "unit", counted)
    return count


def _pictures(units: list[Unit]) -> set[int]:
    """Which objects the pictures' bytes are. They are all kept, so no two have one address."""
    packets = [(unit.packet, unit.body) if isinstance(unit, Tag) else (unit, unit.payload) for unit in units]
    return {id(body) for packet, body in packets if packet is not None and packet.track.kind is MediaKind.VIDEO}


async def test_none_waits_for_another(peers: dict[str, Peer]) -> None:
    """Two that stand still cost the other three nothing."""
    sessions = [chain(peer.target(), output=name) for name, peer in peers.items()]
    async with on_air(camera(0, made("h264_aac"), *sessions)) as (running, _):
        await stable(running)
        by_name = {one.config.output: one for one in inner(running)}
        for name in ("rtmp", "srt"):
            peers[name].stall()
        await until(lambda: all(by_name[name].metrics.last_error for name in ("rtmp", "srt")))
        for name in ("rtmps", "librtmp", "whip"):
            await moves_on(by_name[name], 25)
            assert by_name[name].metrics.frames_dropped == 0
            assert by_name[name].state is SessionState.CONNECTED
            assert not by_name[name].metrics.last_error
        for name in ("rtmp", "srt"):
            peers[name].resume()


async def test_failover_across_different_transports_in_one_chain(peers: dict[str, Peer], quick_moves: None) -> None:
    order = ("rtmp", "srt", "whip", "librtmp")
    targets: list[TargetConfig] = [peers[name].target() for name in order]
    async with on_air(camera(0, made("h264_aac"), chain(*targets))) as (running, events):
        one = only(running)
        for number, name in enumerate(order):
            await until(lambda number=number: len(of(events, Moved)) == number)  # type: ignore[misc]
            await stable(running)
            await moves_on(one, 10)
            assert one.active is not None
            assert one.active.index == number
            if number < len(order) - 1:
                peers[name].server.kill()
        moves = [event for event in of(events, Moved) if isinstance(event, Moved)]
    assert [event.why for event in moves] == ["failover"] * 3
    assert [event.new.partition(":")[0] for event in moves] == ["srt", "whip", "rtmp"]
