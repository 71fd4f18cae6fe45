"""What a sender may cost: a share of a processor, new parameters now and then, and beginnings."""

from __future__ import annotations

import pytest
from tests.plugins.source_kit import Sink

from camcast.media import MediaKind, Packet, Track
from camcast_kit_ingest.effort import MAX_CHANGES, WINDOW, Effort, TooMuch
from camcast_kit_ingest.intake import Intake
from camcast_kit_ingest.rests import REST, Rests


def test_half_of_a_processor_is_borne_for_ever_and_more_for_a_moment() -> None:
    effort = Effort(0.0)
    effort.took(0.9, 0.0)
    for second in range(1, 100):
        effort.took(0.5, float(second))
    # 80 % of one: the second that is borne at once is used up after three of them.
    effort = Effort(0.0)
    for tenth in range(30):
        effort.took(0.08, tenth / 10)
    with pytest.raises(TooMuch, match="takes more than 50% of a processor for 2 s"):
        effort.took(0.2, 3.0)


def test_what_is_sent_on_is_not_the_senders() -> None:
    taken = 0.0
    effort = Effort(0.0, lambda: taken)
    for tenth in range(100):
        taken += 0.09
        effort.took(0.1, tenth / 10)
    # Something is sent on now and then of which nobody was told that it was the sender's.
    taken += 5.0
    effort.took(0.1, 10.0)
    with pytest.raises(TooMuch):
        effort.took(1.1, 10.1)


def test_parameters_may_change_now_and_then() -> None:
    effort = Effort(0.0)
    for number in range(200):
        effort.changed(number * WINDOW / MAX_CHANGES)
    for _ in range(MAX_CHANGES):
        effort.changed(1e6)
    with pytest.raises(TooMuch, match="changes its media's parameters all the time: 21 times in 10 s"):
        effort.changed(1e6)


def test_new_parameters_with_every_picture_are_no_cameras() -> None:
    sink = Sink()
    intake = Intake(sink, lambda code, text: None)
    intake.begin()
    intake.expect([MediaKind.VIDEO])

    def picture(number: int) -> None:
        track = Track(kind=MediaKind.VIDEO, codec="h264", width=number)
        intake.packet(Packet(track, number, number, True, b"x"), number * 40_000_000)

    for number in range(MAX_CHANGES):
        picture(number)
    with pytest.raises(TooMuch):
        picture(MAX_CHANGES)
    assert len(sink.packets) == MAX_CHANGES
    # Whoever comes after it is not held to that.
    intake.begin()
    intake.expect([MediaKind.VIDEO])
    picture(MAX_CHANGES)
    assert len(sink.packets) == MAX_CHANGES + 1


def test_behind_one_that_was_cut_off_nobody_is_let_in_for_a_while() -> None:
    rests = Rests(0.0)
    assert rests.let_in(1.0)
    rests.cut_off(2.0)
    assert not rests.let_in(2.0 + REST - 0.1)
    assert rests.let_in(2.0 + REST)


def test_whoever_begins_all_the_time_is_let_in_twice_a_second() -> None:
    rests = Rests(0.0)
    assert sum(rests.let_in(tenth / 10) for tenth in range(600)) == pytest.approx(120, abs=5)
