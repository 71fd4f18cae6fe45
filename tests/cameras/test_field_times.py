"""Further cameras of the field whose clocks, reports and tracks disagree: what is wrong with one moves nothing else."""

from __future__ import annotations

from collections.abc import Callable
from math import floor
from struct import pack, unpack
from typing import Any

import attrs
import pytest
import pytest_asyncio

from tests.cameras import clips, rtp
from tests.cameras.script import NEVER, Asked, Reply, Rule, Script
from tests.cameras.shared import watched_together
from tests.cameras.watch import Watched

pytestmark = pytest.mark.xdist_group("cameras-field_times")
"""What all tests here share is made once."""

SECONDS = 4.0
FRAMES = round(SECONDS * clips.FPS)
SOON = (0.3, 1.3, 2.3, 3.3)
LATER = (0.8, 1.8, 2.8, 3.8)
"""When picture and sound report."""


def camera(*rules: Rule, **settings: Any) -> Script:
    video = rtp.video_track(clips.video("h264", frames=FRAMES))
    audio = rtp.aac_track(clips.sound("aac", seconds=SECONDS))
    return Script([video, audio], rules, **settings)


# --- moments ------------------------------------------------------------------------------------------------


def informed(*times: int | None) -> Script:
    """RTP-Info says that playing began at these timestamps, by how much they are off the first ones; None = at 0."""

    def rule(asked: Asked, reply: Reply) -> Reply | None:
        if asked.method == "PLAY":
            entries = [
                f"url={asked.url}/{track};seq=1;rtptime={0 if off is None else base + off & 0xFFFFFFFF}"
                for track, base, off in zip(("video", "audio"), BASES, times, strict=True)
            ]
            reply.headers["RTP-Info"] = ",".join(entries)
        return reply

    return camera(rule)


def reporting(
    wall: Callable[[float], float] = lambda at: 1_700_000_000 + at,
    sound_wall: Callable[[float], float] | None = None,
    change: Callable[[bytes, int], bytes] = lambda report, track: report,
    **settings: Any,
) -> Script:
    """Both tracks report, each by its wall clock; what becomes of each report."""
    script = camera(**settings)
    video, audio = script.tracks
    video.reports, audio.reports = SOON, LATER
    video.wall, audio.wall = wall, sound_wall or wall

    def mangle(packets: list[tuple[float, int, bytes]]) -> list[tuple[float, int, bytes]]:
        return [(at, which, change(data, which // 2) if which % 2 else data) for at, which, data in packets]

    script.mangle = mangle
    return script


BASES = (3_000_000, 77_000)
"""RTP timestamps of the first picture and sound."""
CLOCKS = (90_000, 48_000)


def time_changed(make: Callable[[int], int], only: int = 1, base: int | None = None) -> Callable[[bytes, int], bytes]:
    """Another RTP timestamp in the reports of one track, of its time since the beginning, at `base`."""
    base = BASES[only] if base is None else base

    def change(report: bytes, track: int) -> bytes:
        (told,) = unpack("!I", report[16:20])
        return (
            report
            if track != only
            else report[:16] + pack("!I", make(told - base & 0xFFFFFFFF) & 0xFFFFFFFF) + report[20:]
        )

    return change


def microseconds(report: bytes, track: int) -> bytes:
    """The wall clock's fraction is told in microseconds, as `gettimeofday` has it."""
    seconds, fraction = unpack("!II", report[8:16])
    return report[:8] + pack("!II", seconds, fraction * 1_000_000 >> 32) + report[16:]


def without_base(only: int, base: int) -> Script:
    """One track's reports leave out that its timestamps begin with this."""
    script = reporting(change=time_changed(lambda time: time, only, base))
    script.tracks[only].base = base
    return script


def older(seconds: float, *tracks: int) -> Callable[[bytes, int], bytes]:
    """Reports of these tracks are about a moment before they are made."""

    def change(report: bytes, track: int) -> bytes:
        if track not in tracks:
            return report
        wall, time = unpack("!QI", report[8:20])
        wall, time = wall - round(seconds * 2**32), time - round(seconds * CLOCKS[track]) & 0xFFFFFFFF
        return report[:8] + pack("!QI", wall, time) + report[20:]

    return change


MOMENTS: dict[str, Script] = {
    "RTP-Info of 0": informed(None, None),
    "RTP-Info of 0 for sound": informed(0, None),
    "RTP-Info of another session": informed(900_000_000, 123_456_789),
    # Whoever waits for a viewer makes his reports later, by fractions.
    "reports of whole seconds": reporting(lambda at: 1_700_000_000 + floor(at), beginning=NEVER),
    "fractions in microseconds": reporting(change=microseconds, beginning=NEVER),
    "reports without the timestamps' base": reporting(change=time_changed(lambda time: time, only=0)),
    "reports of sound without the timestamps' base": without_base(1, 77_000),
    "reports of the picture without a small base": without_base(0, 126_000),
    "reports that are old": reporting(change=older(2.0, 0, 1)),
    "reports of sound that are old": reporting(change=older(2.0, 1)),
    "reports by 90 kHz": reporting(change=time_changed(lambda time: 77_000 + time * 90 // 48)),
    "reports that stand still": reporting(change=time_changed(lambda time: 77_000)),
    "reports of timestamp 0": reporting(change=time_changed(lambda time: 0)),
    "a wall clock that is set twice": reporting(lambda at: 1_700_000_000 + at + (1.0 if 1.0 < at < 2.5 else 0.0)),
    "a wall clock that leaps an hour": reporting(lambda at: 1_700_000_000 + at + (3600 if at > 2 else 0.0)),
    "a wall clock that is set a little": reporting(lambda at: 1_700_000_000 + at + (0.4 if at > 2 else 0.0)),
    "wall clocks two hours apart": reporting(sound_wall=lambda at: 1_700_007_200 + at),
    "a wall clock that begins at 0": reporting(lambda at: at - rtp.NTP_1970 + (0 if at < 1.5 else 3_900_000_000)),
}

# --- one track's fault --------------------------------------------------------------------------------------


def sound_changed(change: Callable[[int, rtp.Payload], rtp.Payload | None], **settings: Any) -> Script:
    """What becomes of each packet of sound; its place comes first."""
    script = camera(**settings)
    audio = script.tracks[1]
    made = [change(place, payload) for place, payload in enumerate(audio.payloads)]
    audio.payloads = [payload for payload in made if payload is not None]
    return script


def picture_changed(change: Callable[[int, rtp.Payload], rtp.Payload | None], **settings: Any) -> Script:
    script = camera(**settings)
    video = script.tracks[0]
    made = [change(place, payload) for place, payload in enumerate(video.payloads)]
    video.payloads = [payload for payload in made if payload is not None]
    return script


def in_bursts(place: int, payload: rtp.Payload) -> rtp.Payload:
    """Half a second of it at a time."""
    return attrs.evolve(payload, at=(int(payload.at * 2) + 1) / 2)


FAULTS: dict[str, Script] = {
    "sound without times": sound_changed(lambda n, p: attrs.evolve(p, time=0)),
    "sound with times at random": sound_changed(lambda n, p: attrs.evolve(p, time=n * 2_654_435_761 & 0xFFFFFFFF)),
    "sound in bursts": sound_changed(in_bursts, beginning=0.6),
    "sound at the picture's clock": sound_changed(lambda n, p: attrs.evolve(p, time=p.time * 90 // 48)),
    "sound that ends": sound_changed(lambda n, p: p if p.at < 2 else None),
    "sound half of which is damaged": sound_changed(
        lambda n, p: attrs.evolve(p, data=b"\xff\xff" + p.data[2:]) if n > 30 and n % 2 else p
    ),
    "sound that leaps back": sound_changed(lambda n, p: attrs.evolve(p, time=p.time % 48_000)),
    "sound that pauses": sound_changed(lambda n, p: None if 1 < p.at < 2.5 else p),
    "sound of other numbers": sound_changed(lambda n, p: attrs.evolve(p, payload_type=20) if n % 2 else p),
    "sound a second late": sound_changed(lambda n, p: attrs.evolve(p, at=p.at + 1.0), beginning=1.1),
}
PICTURES: dict[str, Script] = {
    "a picture that pauses": picture_changed(lambda n, p: None if 1.0 < p.at < 2.4 else p),
    "a picture in bursts": picture_changed(in_bursts, beginning=0.6),
    "a picture with times at random": picture_changed(
        lambda n, p: attrs.evolve(p, time=(p.time // 3600) * 2_654_435_761 & 0xFFFFFFFF)
    ),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Watched]:
    return await watched_together(tmp_path_factory, "field_times", MOMENTS | FAULTS | PICTURES)


@pytest.mark.parametrize("name", MOMENTS)
def test_what_is_said_of_moments_moves_no_sound(name: str, watched: dict[str, Watched]) -> None:
    one = watched[name]
    assert one.whole(FRAMES), (one.numbers, one.reasons, one.notes)
    assert one.steps() == {40}
    assert one.sound_steps <= set(range(19, 25)) | one.aac_steps, sorted(one.sound_steps)
    assert one.apart < 0.2 + one.late


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_sound_costs_no_picture(name: str, watched: dict[str, Watched]) -> None:
    one = watched[name]
    assert one.whole(FRAMES), (one.numbers, one.reasons, one.notes)
    assert one.steps() == {40}, sorted(one.steps())


@pytest.mark.parametrize("name", PICTURES)
def test_a_fault_of_the_picture_costs_no_sound(name: str, watched: dict[str, Watched]) -> None:
    one = watched[name]
    assert one.numbers[-1] == FRAMES - 1, (one.numbers, one.reasons, one.notes)
    # One that comes in bursts is seen late, and sound begins where it does.
    assert one.heard > SECONDS - (one.numbers[0] or 0) / clips.FPS - 0.6 - one.late, one.notes
    assert one.sound_steps <= one.aac_steps, sorted(one.sound_steps)
