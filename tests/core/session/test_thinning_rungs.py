"""What there is to send over a thin link, what is asked of the camera's streams for it, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from tests.core.session.test_thinning import DOWN, GOP, MBIT, STEP, SUB, THIN, THINNER, Feed, OnAir, Place
from tests.core.world import AUDIO, VIDEO

from camcast.config import Adapt
from camcast.events import Note
from camcast.flv.packer import to_ms
from camcast.media import NS_PER_S
from camcast.session.sound_room import SOUND
from camcast.session.thinning import FREE, GONE, PATIENCE, UNSEEN
from camcast.session.uplinks import EARLY
from camcast.stream.meters import Times
from camcast.stream.negotiation import COPY, NONE
from camcast.stream.regulator import LOOK
from camcast.stream.selector import EARLY as PUT_EARLY

TINY = attrs.evolve(VIDEO, config=b"tiny", width=16, height=12)
NEEDED = "without disposable pictures"


def rungs(place: Place) -> dict[str, float]:
    """What there is, with its bit/s."""
    on_air: Any = place.on_air
    return {str(rung): rung.rate for rung in place.thinning._rungs(on_air, place.now)}


def reasons(place: Place) -> set[str]:
    return {reason for _, _, reason in place.told()}


def play_until(place: Place, reached: Callable[[], bool], seconds: float = 2 * PATIENCE) -> None:
    for _ in range(round(seconds / LOOK)):
        if reached():
            return
        place.play(LOOK)
    raise AssertionError(f"not within {seconds} s")


def test_each_rung_takes_what_its_pictures_take() -> None:
    place = Place(main=Feed(VIDEO, 12_500, disposable=True))
    place.begin()
    place.play(5)
    found = rungs(place)
    assert list(found) == ["", NEEDED, "sub", "sub, keyframes only"]
    assert list(found.values()) == pytest.approx([2 * MBIT, MBIT, 0.4 * MBIT, 0.4 * MBIT / GOP], rel=0.05)


@pytest.mark.parametrize(("share", "there"), [(0.8 * FREE, False), (1.2 * FREE, True)])
def test_to_leave_out_next_to_nothing_is_no_rung(share: float, there: bool) -> None:
    place = Place()
    place.begin()
    place.play(5)
    place.streams.meter("").disposable = share
    assert (NEEDED in rungs(place)) == there


def test_a_stream_smaller_than_most_sound_takes_something() -> None:
    place = Place(sub=Feed(SUB, 500, off=GOP // 2, sound=8))
    place.begin()
    place.play(5)
    assert 508 * 8 * NS_PER_S / STEP < SOUND
    assert rungs(place)["sub"] == pytest.approx(500 * 8 * NS_PER_S / STEP, rel=0.002)


def test_the_sound_of_what_is_published_has_its_room() -> None:
    place = Place()
    looked: Any = OnAir(place.begin().outlet, place.main.rendition, tracks=(VIDEO, AUDIO))
    place.thinning.look(looked, place.now, place.share)
    assert place.thinning._ladder.beside == SOUND


def test_a_queue_that_stands_from_the_beginning_is_none_of_the_way() -> None:
    place = Place()
    place.begin().trip = 0.02
    place.play(1)
    assert place.thinning._ladder._seen.base == 0.02, "each answer takes 0.05 s"


def test_another_streams_pictures_are_copied_without_its_sound() -> None:
    keys = []

    class Asked(Feed):
        def acquire(self, key: Any, user: object) -> Any:
            keys.append(key)
            return super().acquire(key, user)

    place = Place(sub=Asked(SUB, 2_500, off=GOP // 2))
    place.main.rendition.key = attrs.evolve(place.main.rendition.key, video="toy", audio="toyaudio", audio_form="x")
    place.thin(THIN, "sub")
    assert [(key.video, key.audio, key.audio_form) for key in keys] == [(COPY, NONE, "")]


def test_another_streams_pictures_come_at_their_own_moment_whenever_it_began() -> None:
    later = 7 * NS_PER_S
    place = Place(sub=Feed(SUB, 2_500, off=GOP // 2, later=later))
    on_air = place.thin(THIN, "sub")
    assert place.streams.behind("sub") == Times(later, later)
    place.play(1)
    sent = [unit for unit, _ in on_air.outlet.link.sent if unit.packet is not None]
    assert sent[-1].packet.track.width == SUB.width  # type: ignore[union-attr]
    assert abs(sent[-1].time - to_ms((place.number - 1) * STEP)) <= PUT_EARLY + 1


def test_what_is_sent_for_long_is_not_missing() -> None:
    place = Place()
    place.thin(THIN, "sub")
    place.play(6 * PATIENCE)
    assert UNSEEN not in reasons(place)


def test_each_stream_has_all_of_the_patience() -> None:
    place = Place(attrs.evolve(DOWN, down_to=("sub", "tiny")))
    place.others["tiny"] = tiny = Feed(TINY, 1_000)
    on_air = place.begin()
    place.play(5)
    place.sub.gop = tiny.gop = 10**9
    on_air.outlet.rate = THIN
    play_until(place, lambda: bool(place.sub.rendition.users))
    on_air.outlet.rate = THINNER
    play_until(place, lambda: bool(tiny.rendition.users))
    asked = place.now
    play_until(place, lambda: "tiny" not in rungs(place))
    assert place.now - asked >= PATIENCE


def test_an_attempt_that_begins_late_has_all_of_the_patience() -> None:
    place = Place()
    place.thin(THIN, "sub")
    place.end()
    place.now += 2 * PATIENCE
    place.begin(THIN)
    place.play_until("sub", 3)
    assert UNSEEN not in reasons(place)


def test_nobody_is_blamed_while_it_cannot_be_asked() -> None:
    place = Place()
    place.thin(THIN, "sub")
    place.end()
    on_air = place.begin(silent=True)
    on_air.outlet.state = type(on_air.outlet.state).REPLAY
    looked: Any = on_air
    for _ in range(round(1.5 * PATIENCE / LOOK)):
        place.now += LOOK
        place.sub.pulse.silent_for = 0.0
        place.thinning.look(looked, place.now, place.share)
        # One that is blamed is left out for a while, and comes back.
        assert "sub" in rungs(place)


def test_a_stream_that_offers_nothing_is_gone() -> None:
    place = Place()
    place.thin(THIN, "sub")
    place.sub.offers = ()
    place.play_until("keyframes only", 5)
    assert place.told()[-1][2] == GONE


def test_a_stream_that_was_made_anew_on_the_air_is_taken_with_the_next_step() -> None:
    place = Place()
    place.thin(THIN, "sub")
    before = place.sub
    after = place.others["sub"] = Feed(SUB, 2_500, off=GOP // 2)
    place.thin(THINNER, "sub, keyframes only")
    assert (len(after.rendition.users), before.rendition.users) == (1, [])


def test_a_session_that_ends_gives_back_what_it_took() -> None:
    place = Place()
    place.thin(THIN, "sub")
    place.thinning.end()
    assert (place.sub.rendition.users, place.thinning.now.picture) == ([], "")


def test_a_path_is_looked_at_a_few_times_a_second_however_often_it_is_called() -> None:
    place = Place()
    on_air = place.begin()
    looked: Any = on_air
    readings = []
    on_air.outlet.reading = lambda: readings.append(place.now)  # type: ignore[method-assign]
    for _ in range(1000):
        place.now += LOOK / 100
        place.thinning.look(looked, place.now, place.share)
    assert len(readings) <= 10 / EARLY + 1


def test_what_cannot_be_sent_is_told_again_with_the_next_attempt() -> None:
    place = Place()
    place.sub.error = KeyError("x")
    for _ in range(2):
        place.begin()
        place.play(5)
        assert place.on_air is not None
        place.on_air.outlet.rate = THIN
        place.play(5)
        place.end()
    assert [note.code for note in place.of(Note)] == ["stream_not_taken"] * 2


def test_a_server_that_takes_no_other_picture_is_no_news_where_none_is_to_be_sent() -> None:
    place = Place(Adapt(then="keyframes"))
    place.begin(another_picture=False)
    place.play(2)
    assert list(place.of(Note)) == []
