"""Cameras with bad clocks: what a viewer sees keeps its time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import attrs
import pytest
import pytest_asyncio

from tests.cameras import clips, rtp
from tests.cameras.script import Script
from tests.cameras.shared import watched_together
from tests.cameras.watch import Watched

pytestmark = pytest.mark.xdist_group("cameras-clocks")
"""What all tests here share is made once."""

SECONDS = 6.0
FRAMES = round(SECONDS * clips.FPS)
LONG = 10.0


def camera(seconds: float = SECONDS, **sound: Any) -> Script:
    video = rtp.video_track(clips.video("h264", frames=round(seconds * clips.FPS)))
    audio = rtp.aac_track(clips.sound("aac", seconds=seconds))
    for name, value in sound.items():
        setattr(audio, name, value)
    return Script([video, audio])


def wall_clock_set(seconds: float) -> Script:
    """In mid-stream the camera's wall clock is set; sound's report tells first."""
    script = camera()
    video, audio = script.tracks
    for track, offset in ((audio, 0.0), (video, 0.3)):
        track.reports = [0.5 + offset, 1.5 + offset, 2.5 + offset, 3.5 + offset, 4.5 + offset]
        track.wall = lambda at: 1_700_000_000 + at + (seconds if at >= 2.4 else 0.0)
    return script


def fast_sound(factor: float, seconds: float = SECONDS) -> Script:
    """Sound's timestamps run so many times too fast."""
    script = camera(seconds)
    audio = script.tracks[1]
    audio.payloads = [attrs.evolve(payload, time=round(payload.time * factor)) for payload in audio.payloads]
    return script


def fast_picture(factor: float) -> Script:
    """The picture's timestamps run so many times too fast."""
    script = camera()
    video = script.tracks[0]
    video.payloads = [attrs.evolve(payload, time=round(payload.time * factor)) for payload in video.payloads]
    return script


def media_clock_set(seconds: float) -> Script:
    """In mid-stream the timestamps of picture and sound leap."""
    script = camera()
    for track in script.tracks:
        leap = round(seconds * track.clock)
        track.payloads = [attrs.evolve(p, time=p.time + (leap if p.at >= 2.4 else 0)) for p in track.payloads]
    return script


def timed(change: Callable[[int], int], which: int = 0) -> Script:
    """What becomes of the timestamps of one track, the picture's or the sound's."""
    script = camera()
    track = script.tracks[which]
    track.payloads = [attrs.evolve(payload, time=change(payload.time)) for payload in track.payloads]
    return script


def reporting(video: Mapping[str, object], audio: Mapping[str, object]) -> Script:
    """A camera whose tracks report each in its way."""
    script = camera()
    for track, settings in zip(script.tracks, (video, audio), strict=True):
        for name, value in settings.items():
            setattr(track, name, value)
    return script


OFTEN = {"reports": [0.4, 1.4, 2.4, 3.4, 4.4]}
LESS_OFTEN = {"reports": [0.9, 2.9, 4.9]}
STILL = {
    "no times": timed(lambda time: 0),
    "times of groups": timed(lambda time: time // 43_200 * 43_200),
    "times in ms": timed(lambda time: time // 90),
}
"""Cameras whose picture's timestamps do not tell one picture from the next."""
ODD_REPORTS = {
    "only the picture's reports": reporting(OFTEN, {}),
    "only the sound's reports": reporting({}, OFTEN),
    "reports of two epochs": reporting(OFTEN, {**LESS_OFTEN, "wall": lambda at: 100 + at}),
    "reports of no wall clock": reporting({**OFTEN, "wall": lambda at: -2_208_988_800}, OFTEN),
    "reports that are late": reporting(OFTEN, {**LESS_OFTEN, "wall": lambda at: 1_700_000_000 + at + at % 0.05}),
}

SCRIPTS = {
    "plain": camera(),
    "set forward": wall_clock_set(3.0),
    "set back": wall_clock_set(-3.0),
    # By when it is found out, its times are seconds ahead, and sound is left out until real time is there too.
    "sound too fast": fast_sound(2.5, LONG),
    "sound too slow": fast_sound(0.3),
}
OTHERS = {
    "media set forward": media_clock_set(3.0),
    "media set back": media_clock_set(-3.0),
    "picture too fast": fast_picture(2.5),
    "picture too slow": fast_picture(0.3),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Watched]:
    return await watched_together(tmp_path_factory, "clocks", SCRIPTS | OTHERS | STILL | ODD_REPORTS, seconds=20.0)


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_picture_keeps_its_time(name: str, watched: dict[str, Watched]) -> None:
    one = watched[name]
    assert one.whole(round(LONG * clips.FPS) if name == "sound too fast" else FRAMES)
    assert one.steps() == {40}


@pytest.mark.parametrize("name", ["plain", "set forward", "set back"])
def test_a_wall_clock_that_is_set_moves_no_sound(name: str, watched: dict[str, Watched]) -> None:
    sound = watched[name].seen.sound[5:]
    steps = [round((b.time - a.time) * 1000) for a, b in pairwise(sound)]
    assert min(steps) >= 18
    assert max(steps) <= 25
    assert watched[name].notes == (
        [] if name == "plain" else ["its clock was set while it played, which leaves no hole"]
    )


def test_sound_with_a_wrong_clock_is_told_and_comes_back_to_the_picture(watched: dict[str, Watched]) -> None:
    one = watched["sound too fast"]
    assert [note for note in one.notes if note.startswith("the clock of its audio runs at 2.")]
    # The last sound was taken when the last picture was, as far as a busy machine tells. Unmended, it is 15 s off.
    assert one.apart < 0.6 + one.late


@pytest.mark.parametrize("name", ["picture too fast", "picture too slow"])
def test_a_wrong_clock_of_the_picture_moves_no_sound(name: str, watched: dict[str, Watched]) -> None:
    one = watched[name]
    assert one.whole(FRAMES)
    # Times ahead of the sound's may cost some of it at the beginning.
    assert one.heard > one.lasting - 1.0
    assert one.sound_steps <= one.aac_steps


@pytest.mark.parametrize("name", ["media set forward", "media set back"])
def test_a_media_clock_that_is_set_leaves_no_hole(name: str, watched: dict[str, Watched]) -> None:
    one = watched[name]
    assert one.whole(FRAMES)
    for times in ([one.time for one in one.seen.pictures], [one.time for one in one.seen.sound[5:]]):
        # At the leap (3 s) it goes on by arrival, which a busy machine blurs by as long as it holds units up.
        assert max(later - earlier for earlier, later in pairwise(times)) < 0.6 + one.late
    assert one.apart < 0.3 + one.late


@pytest.mark.parametrize("name", STILL)
def test_times_that_tell_nothing_are_replaced_within_seconds(name: str, watched: dict[str, Watched]) -> None:
    one = watched[name]
    assert one.whole(FRAMES)
    (told,) = one.notes
    assert told.startswith("the clock of its video stands still from one unit to the next; arrival times replace")
    later = [picture.time for picture in one.seen.pictures if (picture.number or 0) >= FRAMES - 50]
    # Evened out, and in all as long as it takes.
    assert max(b - a for a, b in pairwise(later)) < 0.08 + one.late
    assert later[-1] - later[0] == pytest.approx(49 / clips.FPS, abs=0.3 + one.late)
    assert one.apart < 0.3 + one.late


@pytest.mark.parametrize("name", ODD_REPORTS)
def test_reports_that_say_little_move_nothing(name: str, watched: dict[str, Watched]) -> None:
    one = watched[name]
    assert one.whole(FRAMES)
    assert one.steps() == {40}
    assert one.sound_steps <= set(range(19, 25)) | one.aac_steps
    assert one.apart < 0.15 + one.late
    assert not one.notes
