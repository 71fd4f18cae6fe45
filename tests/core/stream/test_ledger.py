"""What is under way: settled, on its way, waiting here; and what that says of the link. No clock, no transport."""

from __future__ import annotations

import attrs
import pytest

from camcast.media import NS_PER_MS, NS_PER_S, MediaKind
from camcast.session.liveness import LOOK
from camcast.stream.ledger import ASK, CALM, CALM_BYTES, PATH_BYTES, ROOM, Ledger, Limits
from camcast.stream.marks import END

VIDEO, AUDIO = MediaKind.VIDEO, MediaKind.AUDIO
STEP = 0.04


@attrs.define(eq=False)
class Books:
    """A ledger, and the hand that sends: units of 25 a second, one clock for the stream and the wall."""

    ledger: Ledger = attrs.field(factory=lambda: Ledger(Limits()))
    now: float = 0.0
    sent: int = 0

    def send(self, count: int = 1, size: int = 1000, *, at_once: bool = False) -> None:
        """Send `count` units, `STEP` apart on both clocks, or `at_once`."""
        for _ in range(count):
            ledger = self.ledger
            ledger.end += size
            ledger.marks.append((ledger.end, round(self.sent * STEP * 1000), self.now, 0, VIDEO))
            self.sent += 1
            if not at_once:
                self.now += STEP

    def look(self, *, acked: int, unsent: int | None) -> None:
        self.ledger.look(self.now, acked, unsent)

    @property
    def lag(self) -> float:
        return self.ledger.lag(self.now)

    @property
    def next_dts(self) -> int:
        return round(self.sent * STEP * NS_PER_S)


# --- settling -----------------------------------------------------------------------------------------------


def test_what_is_acknowledged_whole_is_settled_and_the_newest_of_it_returned() -> None:
    books = Books()
    books.send(3)
    newest = books.ledger.look(books.now, 2999, 0)
    assert newest is not None
    assert newest[END] == 2000
    assert [mark[END] for mark in books.ledger.marks] == [3000]
    assert books.ledger.look(books.now, 2999, 0) is None


def test_waiting_is_the_time_since_the_oldest_unacknowledged_was_sent() -> None:
    books = Books()
    assert books.ledger.waiting(5.0) == 0
    books.send(10)
    books.now = 3.0
    books.look(acked=5000, unsent=0)
    assert books.ledger.waiting(books.now) == pytest.approx(3.0 - 5 * STEP), "whether it has left or not"
    books.look(acked=10_000, unsent=0)
    assert books.ledger.waiting(books.now) == 0


def test_delivered_is_more_than_a_handshake_and_headers() -> None:
    ledger = Ledger(Limits())
    ledger.end = ledger.headers_end = 4000  # a handshake of 3000, and headers
    ledger.marks.append((4000, 0, 0.0, 0, None))
    ledger.look(0.1, 3000, 0)
    assert not ledger.delivered
    ledger.look(0.2, 4000, 0)
    assert not ledger.delivered
    ledger.end = 5000
    ledger.marks.append((5000, 0, 0.2, 0, VIDEO))
    ledger.look(0.3, 4999, 0)
    assert not ledger.delivered
    ledger.look(0.4, 5000, 0)
    assert ledger.delivered
    ledger.end = ledger.headers_end = 6000  # headers in mid-stream
    ledger.marks.append((6000, 0, 0.4, 0, None))
    ledger.look(0.5, 6000, 0)
    assert ledger.delivered


# --- lag ----------------------------------------------------------------------------------------------------


def test_nothing_pending_is_no_lag() -> None:
    books = Books()
    books.send(100)
    books.look(acked=100_000, unsent=0)
    books.now += 10
    assert books.lag == 0
    assert not books.ledger.behind(VIDEO, books.next_dts, books.now)
    books.look(acked=100_000, unsent=None)
    assert books.lag == 0


def test_what_has_left_is_no_lag_however_long_it_takes() -> None:
    books = Books()
    books.send(100)
    books.look(acked=0, unsent=0)
    assert books.ledger.waiting(books.now) == pytest.approx(4.0)
    assert books.lag == 0
    assert not books.ledger.behind(VIDEO, books.next_dts, books.now)


def test_what_waits_here_is_lag() -> None:
    books = Books()
    books.send(25)
    books.look(acked=5000, unsent=10_000)
    assert books.lag == pytest.approx(9 * STEP), "units 15 to 24"
    assert books.ledger.waiting_bytes(books.now) == 10_000
    books.look(acked=5000, unsent=9_999)
    assert books.lag == pytest.approx(9 * STEP), "a unit that has left in part waits"
    books.look(acked=5000, unsent=9_000)
    assert books.lag == pytest.approx(8 * STEP)


def test_a_burst_has_not_waited_yet() -> None:
    books = Books()
    books.send(50, at_once=True)
    books.look(acked=0, unsent=50_000)
    assert books.lag == 0
    books.now += 0.3
    assert books.lag == pytest.approx(0.3)


def test_a_stall_is_no_lag_and_lag_no_stall() -> None:
    """A peer that is gone: all has left, nothing comes back. A slow link: it waits here, and all that left is there."""
    gone = Books()
    gone.send(100)
    gone.look(acked=10_000, unsent=0)
    assert (gone.lag, gone.ledger.waiting(gone.now)) == (0, pytest.approx(90 * STEP))  # type: ignore[comparison-overlap]
    slow = Books()
    slow.send(100)
    slow.look(acked=60_000, unsent=40_000)
    assert slow.lag == pytest.approx(39 * STEP)
    assert slow.ledger.waiting(slow.now) == pytest.approx(40 * STEP)


# --- a transport that does not tell what has left --------------------------------------------------------------


def test_without_unsent_the_round_trip_is_taken_off() -> None:
    """Units come back 0.6 s after they were sent, for ever: that is the path. 1.2 s is 0.6 s of lag."""
    books = Books()
    for _ in range(100):
        books.send()
        books.look(acked=max(0, books.sent - 15) * 1000, unsent=None)
        assert books.lag <= STEP + 1e-9
    assert books.ledger.round_trip(books.now) == pytest.approx(16 * STEP), "seen one step later"
    books.send(15)
    books.look(acked=85_000, unsent=None)
    assert books.lag == pytest.approx(29 * STEP - 16 * STEP)


def test_before_anything_came_back_all_of_it_may_be_on_its_way() -> None:
    books = Books()
    books.send(25)
    books.look(acked=0, unsent=None)
    assert books.lag == 0
    books.send(25)
    books.look(acked=0, unsent=None)
    assert books.lag == pytest.approx(49 * STEP - 1.5), "no path is longer than 1.5 s"


def test_what_waits_here_says_nothing_of_the_round_trip() -> None:
    books = Books()
    books.send(25)
    books.look(acked=0, unsent=25_000)
    assert books.ledger.round_trip(books.now) == 0
    books.look(acked=0, unsent=10_000)
    assert books.ledger.round_trip(books.now) == pytest.approx(1.0), "the oldest has left, and is not back yet"


def test_a_path_that_became_longer_is_no_lag_for_ever() -> None:
    books = Books()
    books.send(10)
    books.look(acked=10_000, unsent=None)
    for _ in range(300):
        books.send()
        books.look(acked=max(10, books.sent - 10) * 1000, unsent=None)
    assert books.lag <= STEP + 1e-9
    assert books.ledger.round_trip(books.now) == pytest.approx(0.4, abs=STEP)


def test_bytes_within_a_round_trip_are_on_their_way_but_not_without_end() -> None:
    books = Books()
    books.send(15, size=1000)
    books.look(acked=1000, unsent=None)
    assert books.ledger.round_trip(books.now) == pytest.approx(0.6)
    books.send(10, size=1_000_000)
    books.look(acked=15_000, unsent=None)
    assert books.ledger.round_trip(books.now) == pytest.approx(0.44)
    assert books.ledger.waiting_bytes(books.now) == 0
    books.now += 0.3
    assert books.ledger.waiting_bytes(books.now) == 7_000_000, "what was sent from 0.7 to 0.44 s ago"
    books.send(20, size=1_000_000, at_once=True)
    books.look(acked=15_000, unsent=None)
    assert books.ledger.waiting_bytes(books.now) == 30_000_000 - PATH_BYTES


# --- the bounds ---------------------------------------------------------------------------------------------


def test_over_the_bound_pictures_are_left_out_and_sound_only_four_times_as_late() -> None:
    books = Books()
    books.send(17)
    books.look(acked=0, unsent=17_000)
    assert not books.ledger.behind(VIDEO, books.next_dts, books.now), "0.68 s with this one"
    books.send(1)
    books.look(acked=0, unsent=18_000)
    assert books.ledger.behind(VIDEO, books.next_dts, books.now)
    assert not books.ledger.behind(AUDIO, books.next_dts, books.now)
    books.send(51)
    books.look(acked=0, unsent=69_000)
    assert not books.ledger.behind(AUDIO, books.next_dts, books.now), "2.76 s with this one"
    books.send(2)
    books.look(acked=0, unsent=71_000)
    assert books.ledger.behind(AUDIO, books.next_dts, books.now)


def test_the_bound_in_bytes_holds_what_waits_here_and_not_what_is_on_its_way() -> None:
    """A far path of 100 Mbit/s has 7.5 MB under way, and its bound is 4 MiB."""
    books = Books()
    books.send(15, size=500_000)
    books.look(acked=0, unsent=100_000)
    assert not books.ledger.behind(VIDEO, books.next_dts, books.now)
    books.send(10, size=500_000, at_once=True)
    books.look(acked=0, unsent=4_000_000)
    assert not books.ledger.behind(VIDEO, books.next_dts, books.now)
    books.look(acked=0, unsent=4_500_000)
    assert books.ledger.behind(VIDEO, books.next_dts, books.now)
    books.ledger.keyframe(3_000_000)
    assert not books.ledger.behind(VIDEO, books.next_dts, books.now), "two keyframes always may wait"
    books.send(4, size=500_000, at_once=True)
    books.look(acked=0, unsent=6_000_001)
    assert books.ledger.behind(VIDEO, books.next_dts, books.now), "and no more"


def test_the_bound_is_never_below_what_a_keyframe_takes_at_the_links_rate() -> None:
    """50 kB/s and keyframes of 100 kB: 2 s each. With 0.7 s every one of them would cost the pictures after it."""
    books = Books()
    books.ledger.keyframe(100_000)
    books.send(1, size=100_000)
    gone = 0
    for _ in range(25):
        books.send(1, size=1000)
        gone = round(books.now * 50_000)
        books.look(acked=gone, unsent=books.ledger.end - gone)
    assert books.ledger.bound(books.now) == pytest.approx(1.5 * 100_000 / 50_000, rel=0.1)
    assert books.lag > 0.7
    assert not books.ledger.behind(VIDEO, books.next_dts, books.now)
    # Once nothing waits the rate is not known, and the bound is the usual one.
    books.look(acked=books.ledger.end, unsent=0)
    assert books.ledger.bound(books.now) == 0.7


def test_the_bound_leaves_a_window_the_round_trips_to_open() -> None:
    """A keyframe of 100 kB on a new connection over 600 ms: windows of 15, 29, 58 kB leave before it is gone."""
    books = Books()
    books.send(1)
    books.now = 0.6
    books.look(acked=1000, unsent=0)
    assert books.ledger.bound(books.now) == 0.7
    books.ledger.keyframe(100_000)
    assert books.ledger.bound(books.now) == pytest.approx(0.6 * 2.97, rel=0.01)
    near = Books()
    near.send(1)
    near.now = 0.02
    near.look(acked=1000, unsent=0)
    near.ledger.keyframe(100_000)
    assert near.ledger.bound(near.now) == 0.7


def test_keyframes_that_were_large_once_fade() -> None:
    books = Books()
    books.send(1)
    books.now = 0.6
    books.look(acked=1000, unsent=0)
    books.ledger.keyframe(1_000_000)
    before = books.ledger.bound(books.now)
    for _ in range(50):
        books.ledger.keyframe(10_000)
    assert books.ledger.bound(books.now) < before / 3


# --- catching up --------------------------------------------------------------------------------------------


def test_video_resumes_when_next_to_nothing_waits() -> None:
    books = Books()
    books.send(10)
    books.look(acked=10_000, unsent=0)
    books.send(10)
    books.look(acked=10_000, unsent=5_000)
    assert books.ledger.caught_up(books.now)
    assert not books.ledger.caught_up(books.now, books.next_dts), "with the picture that is to come it is 0.2 s"
    books.look(acked=10_000, unsent=4_000)
    assert books.ledger.caught_up(books.now, books.next_dts)


def test_old_units_that_wait_are_lag_although_nothing_newer_was_sent() -> None:
    books = Books()
    books.send(10)
    books.look(acked=10_000, unsent=0)
    books.send(4)
    books.now += 3.0
    books.look(acked=10_000, unsent=4_000)
    assert not books.ledger.caught_up(books.now, books.next_dts + 3 * NS_PER_S)


def test_over_a_long_way_a_round_trip_of_media_may_wait_when_video_resumes() -> None:
    """A window's worth leaves each round trip; the rest waits for the next, on the best of links."""
    books = Books()
    books.send(1)
    books.now = 0.6
    books.look(acked=1000, unsent=0)
    books.send(20)
    books.look(acked=1000, unsent=8_000)
    assert books.lag == pytest.approx(0.28)
    assert books.ledger.caught_up(books.now)
    books.look(acked=1000, unsent=12_000)
    assert books.lag > 0.7 / 2
    assert not books.ledger.caught_up(books.now), "but never more than half the bound"


# --- a replay's room ------------------------------------------------------------------------------------------


def test_a_replay_has_room_for_what_waits_here() -> None:
    books = Books()
    books.send(1, size=ROOM)
    books.look(acked=0, unsent=ROOM)
    assert books.ledger.room()
    books.send(1, size=1)
    books.look(acked=0, unsent=ROOM + 1)
    assert not books.ledger.room()
    books.send(1, size=5_000_000)
    books.look(acked=0, unsent=0)
    assert books.ledger.room(), "all of it is on its way"
    assert books.ledger.gone == books.ledger.end


def test_without_unsent_a_replays_room_opens_by_what_is_acknowledged() -> None:
    books = Books()
    books.send(1, size=ROOM + 1)
    books.look(acked=0, unsent=None)
    assert not books.ledger.room()
    books.look(acked=1, unsent=None)
    assert books.ledger.room()
    books.send(1, size=ROOM)
    books.look(acked=ROOM // 2, unsent=None)
    assert not books.ledger.room()
    books.look(acked=ROOM // 2 + 1, unsent=None)
    assert books.ledger.room()
    # A transport that had bytes under way before: less than nothing is acknowledged.
    clogged = Books()
    clogged.look(acked=-(1 << 20), unsent=None)
    assert not clogged.ledger.room()


# --- when to ask again ---------------------------------------------------------------------------------------


def clear(ledger: Ledger, end: int, dts: int) -> bool:
    """The test that an outlet makes for each unit."""
    return not (end > ledger.clear_until or dts > ledger.clear_before)


def test_with_nothing_waiting_the_transport_is_asked_after_so_much_of_the_stream() -> None:
    books = Books()
    assert not clear(books.ledger, 0, 0), "at first"
    books.send(1)
    books.look(acked=1000, unsent=0)
    dts = books.next_dts
    assert not books.ledger.behind(VIDEO, dts, books.now)
    assert clear(books.ledger, 1000 + CALM_BYTES, dts + CALM)
    assert not clear(books.ledger, 1001 + CALM_BYTES, dts)
    assert not clear(books.ledger, 1000, dts + CALM + 1)


@pytest.mark.parametrize("unsent", [2_000, 9_000, 16_000, None])
def test_until_it_is_asked_again_the_link_cannot_be_over_its_bound(unsent: int | None) -> None:
    """Whatever waits: up to the moment that it gives, nothing left meanwhile could have brought it over."""
    books = Books()
    books.send(16)
    books.look(acked=0, unsent=unsent)
    assert not books.ledger.behind(VIDEO, books.next_dts, books.now)
    asked = books.sent
    while clear(books.ledger, books.ledger.end, books.next_dts):
        assert books.ledger.lag(books.now, books.next_dts) <= 0.7
        books.send(1)
    assert books.sent - asked <= 8, "and it is asked within a third of a second"


def test_whoever_looks_spares_the_outlet_its_own_look() -> None:
    """A session's look at the peer comes more often than the outlet would ask, so that asks no more."""
    books = Books()
    books.send(1)
    books.look(acked=1000, unsent=0)
    for _ in range(100):
        since = books.next_dts
        while books.next_dts - since < LOOK * NS_PER_S:
            assert clear(books.ledger, books.ledger.end, books.next_dts)
            books.send(1)
        books.look(acked=books.ledger.end - 1000, unsent=0)


def test_until_it_is_asked_again_no_more_bytes_can_wait_than_may() -> None:
    """Where as good as all that may wait does, not even one unit more is taken without a question."""
    books = Books(Ledger(Limits(seconds=60.0, bytes=400_000)))
    books.send(3, size=100_000)
    books.look(acked=0, unsent=300_000)
    assert not books.ledger.behind(VIDEO, books.next_dts, books.now)
    assert clear(books.ledger, books.ledger.end + 100_000, books.next_dts)
    assert not clear(books.ledger, books.ledger.end + 100_001, books.next_dts)
    assert not clear(books.ledger, books.ledger.end, books.next_dts + ASK + 1)


def test_other_bounds_hold_from_the_next_unit_on() -> None:
    books = Books()
    books.send(1)
    books.look(acked=1000, unsent=0)
    assert clear(books.ledger, 1000, books.next_dts)
    books.ledger.limit(Limits(seconds=0.1, bytes=5000))
    assert not clear(books.ledger, 1000, books.next_dts), "what was found by the old ones is not to be gone by"
    books.look(acked=1000, unsent=0)
    assert not clear(books.ledger, 6001, 0)
    assert not clear(books.ledger, 1000, books.next_dts + 101 * NS_PER_MS)
    books.send(3)
    books.look(acked=1000, unsent=3000)
    assert books.ledger.behind(VIDEO, books.next_dts, books.now)


def test_small_bounds_are_asked_for_sooner() -> None:
    books = Books(Ledger(Limits(seconds=0.1, bytes=5000)))
    books.send(1)
    books.look(acked=1000, unsent=0)
    assert not books.ledger.behind(VIDEO, books.next_dts, books.now)
    assert not clear(books.ledger, 6001, books.next_dts)
    assert not clear(books.ledger, 1000, books.next_dts + 101 * NS_PER_MS)


# --- a queue on the way -------------------------------------------------------------------------------------


def with_a_queue(seconds: float) -> Books:
    """Nothing waits here; everything is acknowledged so much later than at first."""
    books = Books()
    for _ in range(250):
        books.send()
        trip = STEP if books.now < 1 else seconds
        books.look(acked=max(0, books.sent - max(0, round(trip / STEP) - 1)) * 1000, unsent=0)
    return books


def test_a_queue_of_seconds_on_the_way_leaves_pictures_out_and_sound_much_later() -> None:
    short, long, longest = (with_a_queue(seconds) for seconds in (1.5, 2.4, 3.0))
    assert not short.ledger.behind(VIDEO, short.next_dts, short.now)
    assert long.ledger.behind(VIDEO, long.next_dts, long.now)
    assert longest.ledger.behind(VIDEO, longest.next_dts, longest.now)
    assert not longest.ledger.behind(AUDIO, longest.next_dts, longest.now)
    assert not longest.ledger.caught_up(longest.now, longest.next_dts)
    assert longest.lag == 0, "nothing waits here"


def test_what_waits_here_is_no_queue_on_the_way() -> None:
    """It is judged by its own bound. Counted twice, it would keep pictures back that nothing on the way does."""
    books = Books(Ledger(Limits(seconds=60.0)))
    for _ in range(250):
        books.send()
        here = 0 if books.now < 1 else min(75, books.sent - 25) * 1000
        books.look(acked=max(0, books.ledger.end - here - 4000), unsent=here)
    assert books.lag == pytest.approx(3.0, abs=0.1)
    assert not books.ledger.behind(VIDEO, books.next_dts, books.now)


def test_with_a_queue_on_the_way_it_is_asked_about_each_unit() -> None:
    """Whoever else looks, and so finds that nothing waits here, does not spare the outlet its question."""
    short, long = with_a_queue(1.5), with_a_queue(2.4)
    assert clear(short.ledger, short.ledger.end, short.next_dts)
    assert not clear(long.ledger, long.ledger.end, long.next_dts + ASK)
    for _ in range(20):
        long.send()
        long.look(acked=long.ledger.end - 60_000, unsent=0)
    assert not clear(long.ledger, long.ledger.end, long.next_dts)
    assert not long.ledger.behind(AUDIO, long.next_dts, long.now)
    assert not clear(long.ledger, long.ledger.end, long.next_dts), "what sound may, pictures may not"


def test_it_counts_as_caught_up_when_the_queue_is_gone() -> None:
    books = with_a_queue(3.0)
    books.look(acked=books.ledger.end, unsent=0)
    assert books.ledger.caught_up(books.now, books.next_dts)
    assert not books.ledger.behind(VIDEO, books.next_dts, books.now)


def test_a_transport_that_knows_only_what_is_acknowledged_has_one_bound_for_both() -> None:
    books = Books()
    for _ in range(250):
        books.send()
        books.look(acked=max(0, books.sent - (1 if books.now < 1 else 75)) * 1000, unsent=None)
    assert books.ledger.behind(VIDEO, books.next_dts, books.now)
    assert books.lag > 0.7
