"""Whole outlets over simulated paths: near and far, fast and thin, with hiccups. Far is not slow, and thin is."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import attrs
import pytest
from tests.core.stream.simulated import Path, SimulatedTransport, Viewer, run
from tests.core.stream.test_outlet import Owner, balanced, make
from tests.core.world import AUDIO, VIDEO

from camcast.media import NS_PER_S, MediaKind, Packet
from camcast.stream.outlet import Limits, Outlet, OutletState

pytestmark = pytest.mark.slow

RATE, GOP = 25, 50
SOUNDS = 50
JOIN = 3.3
"""Seconds of the stream before the attempt begins: in the middle of a group of pictures."""
CUT = 9.0
END = 24.0
TRIPS = [0.05, 0.15, 0.3, 0.6]

# What a transport tells: positions and unsent, positions alone, or neither.
EXACT, POSITIONS, PLAIN = (True, True), (True, False), (False, False)


@attrs.frozen
class Journey:
    """What became of one attempt."""

    outlet: Outlet
    pictures: list[tuple[float, int]]
    """When each came, and its number."""
    round_trip: float
    """As the outlet sees it."""

    @property
    def first(self) -> float:
        return self.pictures[0][0] - JOIN

    @property
    def dropped(self) -> int:
        return sum(count for (kind, _), count in self.outlet.counters.dropped.items() if kind is MediaKind.VIDEO)

    def missing(self, since: float, until: float) -> list[int]:
        """Pictures of that time in the stream that did not come."""
        return sorted(set(range(int(since * RATE) + 1, int(until * RATE))) - {number for _, number in self.pictures})

    def delay(self, since: float, until: float) -> float:
        """The longest time from a picture to its arrival."""
        return max(at - number / RATE for at, number in self.pictures if since <= at < until)


def frame(number: int, bitrate: float) -> Packet:
    mean = bitrate / 8 / RATE
    size = int(mean * 8) if number % GOP == 0 else int(mean * (GOP - 8) / (GOP - 1))
    time = number * NS_PER_S // RATE
    return Packet(VIDEO, time, time, number % GOP == 0, number.to_bytes(4, "big") + bytes(max(0, size - 4)))


async def _travel(link: float, trip: float, media: float, cut: float, tells: tuple[bool, bool], end: float) -> Journey:
    loop = asyncio.get_running_loop()
    path = Path(link / 8, trip, ((CUT, CUT + cut),) if cut else ())
    transport = SimulatedTransport(path, *tells)
    hub = make(audio=True)
    outlet = Outlet(transport, Limits(), Owner(), now=loop.time)  # type: ignore[arg-type]
    viewer = Viewer(transport)
    frames = sounds = 0
    while loop.time() < end:
        while frames / RATE <= loop.time():
            hub.packet(frame(frames, media))
            frames += 1
        while media > 500_000 and sounds / SOUNDS <= loop.time():
            time = sounds * NS_PER_S // SOUNDS
            hub.packet(Packet(AUDIO, time, time, True, bytes(160)))
            sounds += 1
        if outlet.base is None and loop.time() >= JOIN and outlet.state is OutletState.WAITING and not hub.outlets:
            outlet.start(hub)
        await asyncio.sleep(0.01)
        path.advance(loop.time())
        viewer.look()
    assert balanced(outlet)
    numbers = [(at, packet) for at, packet in viewer.came if packet.track.kind is MediaKind.VIDEO]
    found = [(at, int.from_bytes(packet.payload[:4], "big")) for at, packet in numbers]
    for (_, before), (_, after) in pairwise(found):
        assert after == before + 1 or after % GOP == 0, "a group of pictures is never torn"
    return Journey(outlet, found, outlet._ledger.round_trip(loop.time()))


def travel(
    link: float, trip: float, media: float, cut: float = 0.0, tells: tuple[bool, bool] = EXACT, end: float = END
) -> Journey:
    return run(_travel(link, trip, media, cut, tells, end))


@pytest.mark.parametrize("tells", [EXACT, POSITIONS, PLAIN], ids=["exact", "positions", "plain"])
@pytest.mark.parametrize("trip", TRIPS)
@pytest.mark.parametrize(("link", "media"), [(0.3e6, 0.12e6), (2.5e6, 1e6), (20e6, 2e6)])
def test_with_headroom_every_picture_comes_from_the_start_on(
    link: float, media: float, trip: float, tells: tuple[bool, bool]
) -> None:
    journey = travel(link, trip, media, tells=tells, end=14.0)
    assert journey.dropped == 0
    assert journey.first < 0.3 + 3 * trip
    assert journey.missing(GOP / RATE, 14 - trip - 0.2) == []
    assert journey.delay(JOIN + 5, 14) < trip / 2 + 0.3


@pytest.mark.parametrize("tells", [EXACT, POSITIONS, PLAIN], ids=["exact", "positions", "plain"])
@pytest.mark.parametrize("trip", TRIPS)
@pytest.mark.parametrize("cut", [0.5, 1.5, 4.0])
def test_after_a_hiccup_pictures_are_back_at_the_next_keyframes(
    cut: float, trip: float, tells: tuple[bool, bool]
) -> None:
    """TCP sends again some time after the cut, and then opens its window anew, which takes some eight round trips."""
    again = wait = Path(1, trip).timeout
    while again < cut:
        wait *= 2
        again += wait
    back = CUT + again + 9 * trip + GOP / RATE
    end = back + 4
    journey = travel(2.5e6, trip, 1e6, cut, tells, end)
    assert journey.missing(back, end - trip - 0.2) == []
    assert journey.outlet.state is OutletState.LIVE
    assert journey.delay(back + trip, end) < trip / 2 + 0.3, "and nothing of the hiccup stays behind"


@pytest.mark.parametrize("tells", [EXACT, POSITIONS, PLAIN], ids=["exact", "positions", "plain"])
@pytest.mark.parametrize("trip", TRIPS)
@pytest.mark.parametrize("link", [0.3e6, 2.5e6])
def test_a_link_too_thin_for_its_stream_drops_up_to_keyframes_and_stays_near_the_present(
    link: float, trip: float, tells: tuple[bool, bool]
) -> None:
    journey = travel(link, trip, 1.5 * link, tells=tells)
    offered = END * RATE - GOP
    assert 0.2 * offered < journey.dropped < 0.8 * offered
    assert journey.first < 0.7 + 4 * trip
    keys = [number for _, number in journey.pictures if number % GOP == 0]
    assert len(keys) >= 3, "pictures go on, a group at a time"
    # What the bottleneck's own queue holds counts as distance where the transport does not tell what has left.
    queued = Path(link / 8, trip).buffer / (link / 8) + (0 if tells[1] else 1.5)
    assert journey.delay(JOIN + 5, END) < 2.5 + queued + 5 * trip


def test_far_and_fast_is_never_behind() -> None:
    journey = travel(100e6, 0.6, 12e6, end=12.0)
    assert journey.missing(6, 11.3) == []
    assert journey.round_trip == pytest.approx(0.6, abs=0.05)
    assert journey.outlet.lag < 0.1
    assert journey.outlet.waiting > 0.5, "half a second is on its way, for ever"
