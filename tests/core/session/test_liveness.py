"""The stall rule, with a clock in hand: no sleeps, and bounds both ways."""

from __future__ import annotations

from collections import deque

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camcast.session.liveness import LONGEST_TRIP, LOOK, SUSPICION, TRIPS, Liveness, Stall

SIZE = 1000


@attrs.define
class Path:
    """A peer that acknowledges after `trip` seconds, until it dies; looked at every `look` seconds."""

    liveness: Liveness
    trip: float
    look: float = LOOK
    dies: float = float("inf")
    now: float = 0.0
    acked: int = 0
    waits: deque[float] = attrs.field(factory=deque)
    """When each frame was sent that is not acknowledged."""
    answered: float = 0.0
    """When the last acknowledgement came."""

    def run(self, until: float, *, frames: float | None = None) -> tuple[float, Stall] | None:
        """Look until `until`, sending a frame every `frames` seconds; when a stall was found and what it says."""
        next_frame = self.now
        while self.now < until:
            while frames is not None and next_frame <= self.now:
                self.waits.append(next_frame)
                next_frame += frames
            # Acknowledged is what the peer got before it died, once the answer has come back.
            while self.waits and self.waits[0] + self.trip <= self.now and self.waits[0] + self.trip / 2 < self.dies:
                self.answered = self.waits.popleft() + self.trip
                self.acked += SIZE
            oldest = self.waits[0] if self.waits else self.now
            stall = self.liveness.look(self.acked, SIZE * len(self.waits), self.now - oldest, self.now)
            if stall is not None:
                return self.now, stall
            self.now += self.look
        return None

    @property
    def silent_since(self) -> float:
        return max(self.answered, self.waits[0])


def path(trip: float, *, timeout: float = 5.0, look: float = LOOK, answered: float = 0.0) -> Path:
    return Path(Liveness(timeout, 0, 0.0, trip=answered), trip, look)


def test_nothing_under_way_is_no_stall() -> None:
    liveness = Liveness(5.0, 1000, 0.0)
    assert [liveness.look(1000, 0, 0.0, now) for now in range(1, 3600)] == [None] * 3599
    assert liveness.due() == float("inf")
    assert not liveness.suspicious(7200.0)


def test_silence_begins_when_something_is_sent_after_a_pause() -> None:
    way = path(0.02)
    assert way.run(60.0) is None
    way.dies = 60.0
    way.waits.append(60.1)
    found = way.run(100.0)
    assert found is not None
    assert found[0] == pytest.approx(65.0 + LOOK)
    assert found[1].silent == pytest.approx(4.9 + LOOK)


@pytest.mark.parametrize("trip", [0.0, 0.02, 0.3, 0.6, 1.2])
@pytest.mark.parametrize("dies", [7.0, 7.1, 7.24])
def test_a_dead_peer_is_noticed_within_its_timeout_and_one_look(trip: float, dies: float) -> None:
    way = path(trip)
    way.dies = dies
    found = way.run(60.0, frames=0.04)
    assert found is not None
    assert way.silent_since + 5.0 - LOOK <= found[0] <= way.silent_since + 5.0 + LOOK
    assert str(found[1]).startswith(f"stalled: {found[1].pending} bytes sent and none acknowledged for ")


@settings(max_examples=200, deadline=None)
@given(
    st.floats(0.0, LONGEST_TRIP),
    st.floats(5.0, 60.0),
    st.floats(0.01, LOOK),
    st.floats(0.02, 2.0),
    st.floats(3.0, 12.0),
)
def test_never_later_than_the_timeout_and_one_look(
    trip: float, timeout: float, look: float, frames: float, dies: float
) -> None:
    way = path(trip, timeout=timeout, look=look)
    way.dies = dies
    found = way.run(dies + timeout + 10.0, frames=frames)
    assert found is not None
    assert found[0] <= way.silent_since + timeout + look + 1e-6


@pytest.mark.parametrize("frames", [0.04, 0.5, 3.0])
def test_a_long_way_is_not_a_dead_one(frames: float) -> None:
    """A link by satellite, with a timeout below its round trip: the way is learnt from what it answers."""
    way = path(0.6, timeout=0.5, answered=0.7)
    assert way.run(120.0, frames=frames) is None
    assert way.liveness.trip > 0.3


def test_before_anything_is_acknowledged_the_way_is_known_from_what_an_answer_took() -> None:
    assert path(0.6, timeout=0.4, answered=0.6).run(5.0, frames=0.04) is None
    hasty = path(0.6, timeout=0.4).run(5.0, frames=0.04)
    assert hasty is not None
    assert hasty[0] < 0.7


def test_a_pause_that_was_survived_is_not_the_way() -> None:
    """After 4 s without an acknowledgement the next stall is noticed as early as any other."""
    way = path(0.02)
    way.run(3.0, frames=0.04)
    way.trip = 4.0
    way.run(12.0, frames=0.04)
    way.dies = way.now
    found = way.run(60.0, frames=0.04)
    assert found is not None
    assert found[0] <= way.silent_since + 5.0 + LOOK
    assert TRIPS * LONGEST_TRIP < 5.0


def test_a_long_way_fades_when_the_way_is_short_again() -> None:
    way = path(0.02, timeout=0.5, answered=1.5)
    way.run(60.0, frames=0.04)
    way.dies = way.now
    found = way.run(120.0, frames=0.04)
    assert found is not None
    assert found[0] <= way.dies + 0.5 + 2 * LOOK


def test_what_was_acknowledged_before_media_begins_is_none_of_it() -> None:
    liveness = Liveness(5.0, 3073, 0.0)
    liveness.look(3073, 0, 0.0, 0.1)
    assert liveness.begun is None
    liveness.look(3073, 900, 0.1, 0.2)
    assert liveness.begun is None
    liveness.look(3973, 0, 0.0, 0.3)
    assert liveness.begun == 0.3
    liveness.look(4973, 0, 0.0, 0.4)
    assert liveness.begun == 0.3


def test_a_busy_loop_that_looks_late_does_not_take_its_own_pause_for_the_peers() -> None:
    """For 4.9 s nobody looked; acknowledgements came meanwhile, and the next are on their way."""
    liveness = Liveness(5.0, 0, 0.0)
    liveness.look(1000, 500, 0.1, 1.0)
    assert liveness.look(90_000, 500, 4.9, 5.9) is None
    assert liveness.look(90_000, 500, 5.2, 6.2) is None
    assert liveness.due() == pytest.approx(5.9 - LOOK + SUSPICION * 5.0)


def test_when_it_would_be_noticed_is_known_beforehand() -> None:
    liveness = Liveness(5.0, 0, 0.0)
    liveness.look(1000, 0, 0.0, 10.0)
    liveness.look(1000, 500, 0.05, 10.25)
    assert SUSPICION * 5.0 < 5.0 - 1.0, "early enough to connect elsewhere"
    prepare = 10.2 + SUSPICION * 5.0
    assert liveness.due() == pytest.approx(prepare)
    assert not liveness.suspicious(prepare - 0.01)
    assert liveness.look(1000, 500, prepare + 0.01 - 10.2, prepare + 0.01) is None
    assert liveness.suspicious(prepare + 0.01)
    assert liveness.due() == pytest.approx(15.2)
    assert liveness.look(1000, 500, 4.99, 15.19) is None
    assert liveness.look(1000, 500, 5.0, 15.2) is not None


def test_bytes_that_are_no_units_count_from_the_last_look() -> None:
    """A transport's own messages are pending, but the outlet knows of nothing that waits."""
    liveness = Liveness(5.0, 0, 0.0)
    liveness.look(0, 0, 0.0, 1.0)
    assert liveness.look(0, 64, 0.0, 5.9) is None
    assert liveness.look(0, 64, 0.0, 6.0) == Stall(64, 5.0)


def test_what_is_acknowledged_before_the_first_unit_is_sent_is_no_media() -> None:
    """A candidate waits for its keyframe while its server acknowledges what the protocol says."""
    liveness = Liveness(5.0, 3073, 0.0)
    liveness.rest(3173, 100.0)
    assert liveness.look(3173, 500, 0.1, 100.2) is None
    assert liveness.begun is None
    assert liveness.due() == pytest.approx(100.1 + SUSPICION * 5.0)


def test_an_acknowledgement_ends_a_silence_of_which_nobody_knows_what_waits() -> None:
    """A transport's own messages are answered: the next silence begins with that answer."""
    liveness = Liveness(5.0, 0, 0.0)
    assert liveness.look(0, 64, 0.0, 1.0) is None
    assert liveness.look(32, 32, 0.0, 4.0) is None
    assert liveness.due() == pytest.approx(4.0 + SUSPICION * 5.0)
    assert liveness.look(32, 32, 0.0, 8.9) is None
    assert liveness.look(32, 32, 0.0, 9.0) == Stall(32, 5.0)


def test_what_rests_has_no_silence_behind_it() -> None:
    """A candidate has waited for a minute; its first unit waits from when it was sent."""
    liveness = Liveness(5.0, 0, 0.0)
    liveness.rest(0, 60.0)
    assert liveness.look(0, 64, 0.0, 60.1) is None
    assert liveness.due() == pytest.approx(60.0 + SUSPICION * 5.0)


def test_a_single_byte_under_way_is_under_way() -> None:
    liveness = Liveness(5.0, 0, 0.0)
    liveness.look(0, 0, 0.0, 1.0)
    assert liveness.look(0, 1, 0.0, 6.5) == Stall(1, 5.5)
    assert liveness.suspicious(6.5)
    assert liveness.due() == pytest.approx(6.0)
