"""What sound takes of a link, by looks with made-up clocks."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from tests.core.world import AUDIO, VIDEO

from camcast.session.sound_room import SAME, SOUND, SoundRoom
from camcast.stream.flow import FlowCounters


@attrs.define
class Outlet:
    counters: FlowCounters = attrs.field(factory=FlowCounters)


@attrs.define
class OnAir:
    tracks: Any = (VIDEO, AUDIO)
    outlet: Outlet = attrs.field(factory=Outlet)


@attrs.define
class Playing:
    """Sound of a rate, looked at four times a second."""

    on_air: Any = attrs.field(factory=OnAir)
    room: SoundRoom = attrs.field(factory=SoundRoom)
    now: float = 0.0

    def play(self, rate: float, seconds: float) -> list[int]:
        found = []
        for _ in range(round(seconds * 4)):
            self.now += 0.25
            self.on_air.outlet.counters.sound_bytes += round(rate / 8 / 4)
            found.append(self.room.look(self.on_air, self.now))
        return found


def test_without_a_sound_track_it_takes_nothing() -> None:
    assert Playing(OnAir(tracks=(VIDEO,))).play(64_000, 3) == [0] * 12


def test_it_is_taken_for_what_most_take_until_it_is_known() -> None:
    found = Playing().play(64_000, 5)
    assert found[0] == SOUND
    assert found[-1] == pytest.approx(64_000, rel=0.01)


def test_what_wavers_is_one_rate() -> None:
    playing = Playing()
    playing.play(200_000, 6)
    found = {rate for turn in range(20) for rate in playing.play(200_000 * (1 + SAME / 2 * (turn % 3 - 1)), 1)}
    assert len(found) == 1
    assert playing.play(400_000, 6)[-1] == pytest.approx(400_000, rel=SAME)


def test_sound_that_has_not_come_yet_keeps_its_room_and_what_stops_gives_it_back() -> None:
    playing = Playing()
    assert playing.play(0, 6)[-1] == SOUND
    playing.play(64_000, 6)
    assert playing.play(0, 6)[-1] < 0.2 * 64_000


def test_further_tracks_take_room_beside_it_for_as_long_as_they_are_there() -> None:
    playing = Playing(OnAir(tracks=(VIDEO,)))
    found = [playing.room.look(playing.on_air, 0.0, rate) for rate in (0, 300_000, 310_000, 400_000, 390_000, 0)]
    assert found == [0, 300_000, 300_000, 400_000, 400_000, 0]
    playing = Playing()
    assert playing.room.look(playing.on_air, 0.0, 300_000) == SOUND + 300_000


def test_another_count_says_nothing_of_the_one_before() -> None:
    playing = Playing()
    playing.play(64_000, 6)
    playing.on_air.outlet.counters = FlowCounters()
    assert all(abs(rate - 64_000) < 7_000 for rate in playing.play(64_000, 3))
