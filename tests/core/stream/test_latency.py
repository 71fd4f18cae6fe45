"""How long media takes from the source to the peer's acknowledgement: a moving average, worked out by hand."""

from __future__ import annotations

import attrs
import pytest
from tests.core.world import picture

from camcast.media import MediaKind, Unit
from camcast.stream import sender
from camcast.stream.flow import FlowCounters
from camcast.stream.ledger import Ledger
from camcast.stream.outlet import Limits
from camcast.stream.sender import LATENCY_SHARE, Sender

SIZE = 100


@attrs.define(eq=False)
class Peer:
    """Acknowledges when the test says so."""

    acked: int = 0
    taken: int = 0

    @property
    def pending(self) -> int:
        return self.taken - self.acked

    def send(self, unit: Unit, time: int) -> int:
        self.taken += SIZE
        return self.taken


class Owner:
    def dropped(self, kind: MediaKind) -> None:
        raise AssertionError(kind)

    def slow(self, seconds: float) -> None:
        """A busy machine's affair."""

    def broken(self, error: Exception) -> None:
        raise error


@attrs.define(eq=False)
class Place:
    peer: Peer
    sender: Sender
    now: float = 100.0

    def pictures(self, count: int, *, arrival: float) -> None:
        for number in range(count):
            packet = picture(number, size=SIZE)
            self.sender.send(packet, MediaKind.VIDEO, int(arrival * 1e9))

    def acknowledged(self, count: int) -> float:
        """So many pictures more are; returns the latency that is shown then, in seconds."""
        self.peer.acked += count * SIZE
        self.sender.look()
        return self.sender.counters.latency


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    peer = Peer()
    counters = FlowCounters()
    made = Sender(peer, Ledger(Limits()), Owner(), counters, 0, lambda: place.now)  # type: ignore[arg-type, attr-defined]
    place = Place(peer, made)
    monkeypatch.setattr(sender, "monotonic_ns", lambda: int(place.now * 1e9))
    return place


def test_it_is_from_the_sources_hand_over_to_the_acknowledgement(place: Place) -> None:
    place.pictures(1, arrival=99.6)
    assert place.acknowledged(0) == 0.0
    place.now = 100.4
    assert place.acknowledged(1) == pytest.approx(0.8 * LATENCY_SHARE)


def test_it_is_an_average_that_moves(place: Place) -> None:
    shown = 0.0
    for _ in range(200):
        place.now += 0.2
        place.pictures(1, arrival=place.now)
        place.now += 0.3
        shown += (0.3 - shown) * LATENCY_SHARE
        assert place.acknowledged(1) == pytest.approx(shown)
    assert shown == pytest.approx(0.3, rel=0.01)
    place.pictures(1, arrival=place.now - 10.0)
    assert place.acknowledged(1) == pytest.approx(shown + (10.0 - shown) * LATENCY_SHARE)
    assert 0 < LATENCY_SHARE < 0.1


def test_it_is_told_apart_where_it_comes_from(place: Place) -> None:
    """A slow encoder is not a slow network."""
    for _ in range(200):
        place.now += 0.1
        place.pictures(1, arrival=place.now - 0.4)
        place.now += 0.2
        place.acknowledged(1)
    assert place.sender.counters.latency == pytest.approx(0.6, rel=0.01)
    assert place.sender.counters.way == pytest.approx(0.2, rel=0.01)


def test_what_was_under_way_while_nothing_ran_says_nothing_of_the_way(place: Place) -> None:
    place.pictures(1, arrival=100.0)
    place.acknowledged(0)
    place.now += 60.0
    assert place.acknowledged(1) == 0.0
    place.pictures(1, arrival=place.now)
    place.now += 0.2
    assert place.acknowledged(1) == pytest.approx(0.2 * LATENCY_SHARE)


def test_the_newest_of_several_counts_and_pictures_sent_again_do_not(place: Place) -> None:
    place.pictures(1, arrival=99.0)
    place.pictures(1, arrival=99.9)
    assert place.acknowledged(2) == pytest.approx(0.1 * LATENCY_SHARE)
    place.sender.send(picture(9, size=SIZE), None, 0)
    assert place.acknowledged(1) == pytest.approx(0.1 * LATENCY_SHARE)
