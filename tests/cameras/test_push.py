"""What a program pushes, as odd as what cameras send: it is shown, at its times, or what becomes of it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import attrs
import pytest
import pytest_asyncio

from camcast import Engine, SourceConfig
from camcast.contracts import PushHandle
from camcast.events import Note
from camcast.media import NS_PER_MS
from camcast_push.counts import PushCounts
from camcast_push.feed import PushFeed
from tests.cameras import clips
from tests.cameras.shared import shared
from tests.cameras.watch import LATER, Watched, watch_sources

pytestmark = pytest.mark.xdist_group("cameras-push")
"""What all tests here share is made once."""

FRAMES = 100
COUNTED = range(48, FRAMES - 3)
"""Pictures that are looked at: an encoder begins when a session does, and keeps the last ones back."""
HOUR = 3_600_000
"""ms."""


@attrs.frozen
class Pushed:
    """Access units with their times in ms, in the order and at the moments in which they are pushed."""

    codec: str
    units: Sequence[tuple[bytes, int, int | None]] = attrs.field(repr=False)
    """(data, pts, dts)."""
    steps: tuple[int, ...] = (clips.STEP,)
    """ms between pictures, at the viewer."""
    told: str = ""
    """Part of what is told of it."""
    damaged: int = 0


def plain(codec: str = "h264", b_frames: int = 0) -> Pushed:
    clip = clips.video(codec, frames=FRAMES, b_frames=b_frames)
    return Pushed(codec, [(unit.data, unit.pts, unit.dts if b_frames else None) for unit in clip.units])


def moved(leap: int) -> Pushed:
    """From the middle on, times are so many ms later."""
    made = plain()
    return attrs.evolve(
        made, units=[(data, pts + (leap if n >= 60 else 0), dts) for n, (data, pts, dts) in enumerate(made.units)]
    )


def with_rubbish() -> Pushed:
    """Every tenth unit comes with one that is none."""
    units = []
    for number, unit in enumerate(plain().units):
        units += [unit] if number % 10 else [(b"\xff" * 40, unit[1], None), unit]
    return Pushed("h264", units, damaged=FRAMES // 10)


def doubled() -> Pushed:
    """Every tenth picture has the time of the one before."""
    units = [(data, pts - (clips.STEP if n % 10 == 9 else 0), None) for n, (data, pts, _) in enumerate(plain().units)]
    return Pushed("h264", units, steps=(1, clips.STEP, 2 * clips.STEP - 1, 2 * clips.STEP))


def resized() -> Pushed:
    half = FRAMES // 2
    units = [*clips.video("h264", frames=half).units]
    units += clips.video("h264", frames=half, first=half, size=(208, 128)).units
    return Pushed("h264", [(unit.data, number * clips.STEP, None) for number, unit in enumerate(units)])


PUSHED = {
    "plain": plain(),
    "b-frames": plain(b_frames=2),
    "rubbish between": with_rubbish(),
    "an hour later": moved(HOUR),
    "an hour earlier": moved(-HOUR),
    "two with one time": doubled(),
    "another size": resized(),
    "mjpeg": attrs.evolve(plain("mjpeg"), told="mjpeg"),
    "vp8": attrs.evolve(plain("vp8"), told="vp8"),
}


def ns(time: int) -> int:
    """On a timeline that has been running for a while."""
    return (time + 2 * HOUR) * NS_PER_MS


async def push(feed: PushFeed, what: Pushed) -> None:
    """Everything at its time, as if it had been made just now."""
    await feed.ready()
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for number, (data, pts, dts) in enumerate(what.units):
        await asyncio.sleep(begun + number * FRAMES / len(what.units) / clips.FPS - loop.time())
        feed.packet(data, pts=ns(pts), dts=None if dts is None else ns(dts))
    feed.end()


@attrs.define
class Outcome:
    watched: Watched
    counts: PushCounts


async def pushed(directory: Path) -> dict[str, Outcome]:
    feeds: dict[str, PushHandle] = {}

    async def push_all(engine: Engine) -> None:
        async with asyncio.TaskGroup() as together:
            for number, (name, what) in enumerate(PUSHED.items()):
                feed = feeds[name] = engine.push(number, 0)
                assert isinstance(feed, PushFeed)
                together.create_task(push(feed, what))

    sources = {
        name: SourceConfig(type="push", options={"video": what.codec}, retry_policy=LATER)
        for name, what in PUSHED.items()
    }
    shown = await watch_sources(directory, sources, seconds=30.0, push=push_all)
    return {name: Outcome(one, feeds[name].counts) for name, one in shown.items()}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    return (await shared(tmp_path_factory, "push", {0: pushed}))[0]


@pytest.mark.parametrize("name", PUSHED)
def test_what_is_pushed_is_shown_at_its_times(name: str, outcomes: dict[str, Outcome]) -> None:
    one, what = outcomes[name].watched, PUSHED[name]
    shown = [picture for picture in one.seen.pictures if picture.number in COUNTED]
    assert [picture.number for picture in shown] == list(COUNTED)
    steps = [round((after.time - before.time) * 1000) for before, after in pairwise(shown)]
    if "hour" in name:
        # Where it leaps, it goes on by when it came.
        leap = 60 - COUNTED.start - 1
        assert 0 < steps.pop(leap) < 400
    assert set(steps) <= set(what.steps)


@pytest.mark.parametrize("name", PUSHED)
def test_what_becomes_of_it_is_told_and_counted(name: str, outcomes: dict[str, Outcome]) -> None:
    outcome, what = outcomes[name], PUSHED[name]
    notes = [event for event in outcome.watched.events if isinstance(event, Note) and event.code == "transcoding"]
    assert len(notes) == bool(what.told)
    assert all(what.told in note.message for note in notes)
    counts = outcome.counts
    assert counts.offered == len(what.units)
    assert counts.dropped.get("damaged", 0) == what.damaged
    assert counts.delivered == FRAMES


def test_another_size_is_seen_as_such(outcomes: dict[str, Outcome]) -> None:
    assert {picture.size for picture in outcomes["another size"].watched.seen.pictures} == {clips.SIZE, (208, 128)}
