"""What a player shows after a reconnect, a failover, a move: the present at once, in the right order, sound in sync.

The test picture carries its number and the wall clock; recordings are decoded as a player would.
"""

from __future__ import annotations

import io
import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import av
import pytest

from camcast.events import Moved, Note
from camcast.media import MediaKind, TagType
from camcast.session.health import Health
from camcast.testing import strip
from camcast.testing.recording import Recording
from camcast_rtmp.receiver import Receiver
from tests.compare import compare
from tests.integration.air import arrived, chain, moves_on, of, on_air, only, quick_moves, received, stable
from tests.integration.kit import camera, drawn, until
from tests.media import encode, made

__all__ = ["quick_moves"]

FRAME = 40
"""ms."""
GOP = 2.0
REORDER = 4
"""Where a stream is cut off, so many of its last pictures may lack others that are shown before them."""


@attrs.frozen
class Shown:
    """One decoded picture. Times are ms; `pts` is the stream's."""

    number: int
    wall: int
    pts: float


def decode(recording: Recording) -> tuple[list[Shown], list[float]]:
    """(pictures, times of sound blocks) in the order in which a decoder gives them."""
    pictures: list[Shown] = []
    sounds: list[float] = []
    with av.open(io.BytesIO(recording.flv()), "r") as container:
        for frame in container.decode(*container.streams.video, *container.streams.audio):
            if isinstance(frame, av.AudioFrame):
                sounds.append((frame.time or 0.0) * 1000)
            elif isinstance(frame, av.VideoFrame):
                mark = strip.read(frame)
                assert mark is not None, f"a broken picture at {frame.time} s"
                pictures.append(Shown(mark.number, mark.wall_ms, (frame.time or 0.0) * 1000))
    return pictures, sounds


def delays(recording: Recording, pictures: Sequence[Shown]) -> list[float]:
    """How old each picture is, in ms, when shown by a player that begins at its first byte and never waits."""
    first = next(at for tag, at in zip(recording.tags, recording.arrivals, strict=True) if tag.type is TagType.VIDEO)
    started = time.time_ns() / 1e6 - (time.monotonic_ns() - first) / 1e6
    return [started + shown.pts - pictures[0].pts - shown.wall for shown in pictures]


def in_order(pictures: Sequence[Shown]) -> None:
    numbers = [shown.number for shown in pictures]
    assert numbers == sorted(set(numbers)), "pictures shown twice, or out of order"


def pictures_since_keyframe(recording: Recording) -> int:
    video = [tag for tag in recording.tags if tag.type is TagType.VIDEO]
    return len(list(itertools.takewhile(lambda tag: tag.body[0] >> 4 != 1, reversed(video))))


async def mid_group(receiver: Receiver, name: str = "cam0") -> None:
    """Until most of a group of pictures has been sent: the worst moment to begin anew."""
    await receiver.until(lambda: pictures_since_keyframe(receiver.live(name)[-1]) == int(GOP * 25 * 0.7), timeout=20)


@pytest.mark.parametrize("b_frames", [0, 2])
async def test_after_a_reconnect_the_present_is_shown(b_frames: int) -> None:
    async with Receiver() as receiver:
        config = chain(receiver.url("live", "cam0"))
        async with on_air(drawn(0, config, tone=440, gop=GOP, b_frames=b_frames)) as (running, _):
            one = only(running)
            await stable(running)
            await mid_group(receiver)
            receiver.drop(reset=True)
            await until(lambda: len(receiver.of("cam0")) == 2)
            await moves_on(one, 60)
            assert one.recorder.flow.replayed >= 10
        await receiver.until(lambda: not receiver.live())
        arrived(one, received(receiver.recordings), clean=False)
    before, _ = decode(receiver.recordings[0])
    pictures, sounds = decode(receiver.recordings[1])
    in_order(before)
    in_order(pictures)
    age = delays(receiver.recordings[1], pictures)
    # Of the group that began over a second before, the last pictures are on the screen within a few ms.
    fresh = next(index for index, shown in enumerate(pictures) if shown.number > before[-1].number)
    assert pictures[fresh].pts - pictures[0].pts < 400
    assert all(-FRAME < old < 600 for old in age[fresh:]), [round(old) for old in age]
    # From there on one picture follows the other at the camera's pace.
    steps = [(b.number - a.number, round(b.pts - a.pts)) for a, b in itertools.pairwise(pictures[fresh + 1 : -REORDER])]
    assert all(number == 1 and abs(step - FRAME) <= 1 for number, step in steps), steps
    assert abs(sounds[0] - pictures[fresh].pts) < 300


async def test_after_a_reconnect_sound_and_picture_are_in_step(tmp_path: Path) -> None:
    """Audio and video units of a clip with B-frames keep their distance: one offset fits all."""
    path = made("h264_b_aac")
    async with Receiver() as receiver:
        async with on_air(camera(0, path, chain(receiver.url("live", "cam0")))) as (running, _):
            one = only(running)
            await stable(running)
            for count in (2, 3):
                receiver.drop(reset=True)
                await until(lambda count=count: len(receiver.of("cam0")) == count)  # type: ignore[misc]
                await stable(running)
            await moves_on(one, 30)
        await receiver.until(lambda: not receiver.live())
        arrived(one, received(receiver.recordings), clean=False)
    kept = tmp_path / "last.flv"
    kept.write_bytes(receiver.recordings[-1].flv())
    result = compare(path, kept, loop=True, from_keyframe=1)
    assert result.frames > 20
    assert result.spread <= 2.0


async def test_a_planned_move_shows_every_picture_once(quick_moves: None) -> None:
    """Failback at a keyframe: what the fallback no longer gets, the primary has."""
    async with Receiver() as first, Receiver() as second:
        first.held.add("cam0")
        config = chain(first.url("live", "cam0"), second.url("live", "cam0"), failback_after=0.3)
        async with on_air(drawn(0, config, b_frames=2)) as (running, events):
            one = only(running)
            await until(lambda: second.live("cam0"))
            await moves_on(one, 15)
            first.held.clear()
            await until(lambda: of(events, Moved), timeout=20)
            await moves_on(one, 40)
        await first.until(lambda: not first.live())
        await second.until(lambda: not second.live())
        flow = one.recorder.flow
        assert not [reason for (_, reason), count in flow.dropped.items() if count and "keyframe" not in reason]
        arrived(one, received([*first.recordings, *second.recordings]), clean=True)
    old, _ = decode(second.recordings[-1])
    new, _ = decode(first.recordings[-1])
    in_order(old)
    in_order(new)
    assert new[0].number == old[-1].number + 1
    numbers = [shown.number for shown in new[:-REORDER]]
    assert numbers == list(range(new[0].number, new[0].number + len(numbers)))


STANDBYS: dict[str, Callable[[list[Shown], list[Shown]], bool]] = {
    "warm": lambda first, second: second[0].number <= first[-1].number + 1,
    "hot": lambda first, second: second[0].number < first[-1].number,
}


@pytest.mark.parametrize("standby", list(STANDBYS))
async def test_a_standby_carries_on_where_the_other_was_lost(standby: str) -> None:
    async with Receiver() as first, Receiver() as second:
        config = chain(first.url("live", "cam0"), second.url("live", "cam0"), standby=standby)
        async with on_air(drawn(0, config, b_frames=2, gop=GOP)) as (running, events):
            one = only(running)
            await stable(running)
            await until(lambda: second.accepted == 1 and (standby == "warm" or second.live("cam0")))
            await mid_group(first)
            first.drop(reset=True)
            await until(lambda: of(events, Moved))
            await moves_on(one, 40)
            assert second.accepted == 1
            if standby == "hot":
                assert second.live("cam0")
                codes = [event.code for event in of(events, Note) if isinstance(event, Note)]
                assert codes.index("redundancy") < codes.index("redundancy_lost")
        await second.until(lambda: not second.live())
        got = received(second.recordings if standby == "hot" else [*first.recordings, *second.recordings])
        assert got[MediaKind.VIDEO] >= 40
    (old, _), (new, _) = decode(first.recordings[0]), decode(second.recordings[0])
    in_order(old)
    in_order(new)
    assert STANDBYS[standby](old, new)
    if standby == "hot":
        numbers = {shown.number for shown in new}
        assert set(range(old[-1].number - 20, new[-REORDER].number)) <= numbers


async def test_a_reconnect_far_from_the_next_keyframe_is_told_and_sound_goes_on(tmp_path: Path) -> None:
    """Twenty seconds from keyframe to keyframe, and nothing is replayed."""
    clip = tmp_path / "rare.mp4"
    encode(clip, seconds=44, gop=20.0)
    async with Receiver() as receiver:
        config = chain(receiver.url("live", "cam0"), replay="off")
        async with on_air(camera(0, clip, config)) as (running, events):
            one = only(running)
            # A keyframe has just come, so the next one is far away, also once the session is stable ten seconds later.
            await until(lambda: receiver.recordings and receiver.recordings[0].counts[TagType.VIDEO] > 1, timeout=20)
            await stable(running)

            def told() -> list[Note]:
                return [note for note in of(events, Note) if note.code == "keyframe_awaited"]

            before = len(told())
            receiver.drop()
            await until(lambda: len(receiver.recordings) == 2)
            await until(lambda: len(told()) > before, timeout=20)
            assert "sound goes out alone" in told()[-1].message
            second = receiver.recordings[-1]
            await until(lambda: second.counts[TagType.AUDIO] > 10)
            assert second.counts[TagType.VIDEO] <= 1, "its header only"
            assert one.health is Health.UNHEALTHY
            await until(lambda: one.health is Health.HEALTHY, timeout=20)
            await until(lambda: second.counts[TagType.VIDEO] > 1)
        await receiver.until(lambda: not receiver.live())
        times = {kind: [tag.time for tag in second.tags if tag.type is kind] for kind in (TagType.AUDIO, TagType.VIDEO)}
        for found in times.values():
            assert found == sorted(found)
