"""Scripted cameras through camcast to viewers: one engine, and for each camera an FFmpeg that decodes its output."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import attrs

from camcast import CameraConfig, Config, Engine, RetryPolicy, SessionConfig, SourceConfig, StreamConfig, SystemConfig
from camcast.events import Connected, Event, SourceChanged, SourceNote, SourceState
from tests.cameras import clips
from tests.cameras.script import Script
from tests.cameras.server import Camera, Log
from tests.cameras.viewer import Seen, Viewer
from tests.cameras.within_http import WithinHttp

_T = TypeVar("_T")
QUICK = RetryPolicy(initial_delay=0.2, max_delay=0.5, max_attempts=None, stable_after=0.5)
LATER = RetryPolicy(initial_delay=60.0, max_delay=60.0, max_attempts=None, stable_after=3600.0)
"""A camera that has ended is not asked again."""
TOGETHER = 12
"""Cameras that are watched at a time: each of them and each viewer wants its share of the machine at each moment."""
PROMPT = 0.5
"""Seconds within which a viewer sees the first group of a file."""
TRIES = 4
HELD_UP = 0.03
"""Seconds that the machine may hold up before what comes of that is allowed for."""
HELD_UP_LONG = 0.15
"""The same, before sound may be that much beside the picture that it is brought back faster."""
TICK = 0.005
"""Seconds between looks at whether cameras and engine are held up."""
ENDING = 10.0
"""Seconds that a viewer gets to end when its publisher has gone."""
NOBODY = 0.3
"""The same where none had come."""
AFTER = 0.3
"""Seconds from a camera's end to that of its session, so that what it sent last arrives."""


@attrs.define
class Watched:
    """What came of one camera."""

    seen: Seen
    events: list[Event]
    held_up: float = 0.0
    """Seconds for which the loop of cameras and engine stood still in one second at the most."""
    log: Log | None = None
    """A scripted camera's."""

    @property
    def late(self) -> float:
        """Seconds by which the machine, not the camera, may have moved anything that goes by its arrival."""
        return max(self.held_up, self.log.late if self.log else 0.0)

    @property
    def camera(self) -> Log:
        assert self.log is not None
        return self.log

    @property
    def numbers(self) -> list[int | None]:
        return self.seen.numbers

    def whole(self, frames: int, gop: int = 12) -> bool:
        """Whether all pictures were shown, from the first group on, or a later one where the machine was busy."""
        begin = self.numbers[0] if self.numbers else None
        return begin in range(0, frames * 2 // 3, gop) and self.numbers == list(range(begin or 0, frames))

    def steps(self, gop: int = 12) -> set[int]:
        """Distances of the pictures in ms, behind the group with which the session began: that one is squeezed."""
        begin = (self.numbers[0] or 0) + gop if self.numbers else 0
        times = [picture.time for picture in self.seen.pictures if (picture.number or 0) >= begin]
        return {round((after - before) * 1000) for before, after in pairwise(times)}

    @property
    def sound_steps(self) -> set[int]:
        """Distances of the blocks of sound in ms, behind the first few."""
        return {round((after.time - before.time) * 1000) for before, after in pairwise(self.seen.sound[5:])}

    @property
    def aac_steps(self) -> set[int]:
        """Which distances of blocks of AAC at 48 kHz are right: where packets were late, some may be stretched by a
        sixteenth, or a sixth, until sound is where the camera's reports say."""
        if self.late <= HELD_UP:
            return {21, 22}
        return set(range(20, 24) if self.late <= HELD_UP_LONG else range(17, 26))

    @property
    def apart(self) -> float:
        """Seconds between the last sound and the last picture. The machine may add `late`."""
        return abs(self.seen.sound[-1].time - self.seen.pictures[-1].time)

    @property
    def lasting(self) -> float:
        """Seconds of media that was shown, without the camera's wait for its viewer. Pictures that are replayed in
        haste when a session begins take none, and have no sound."""
        times = [picture.time for picture in self.seen.pictures]
        return min(len(times), (times[-1] - times[0]) * clips.FPS + 1) / clips.FPS

    @property
    def heard(self) -> float:
        """Seconds of sound that is no silence."""
        return sum(block.seconds for block in self.seen.sound if block.loud)

    @property
    def notes(self) -> list[str]:
        return [event.message for event in self.events if isinstance(event, SourceNote)]

    @property
    def reasons(self) -> list[str]:
        """Why the source ended, each time."""
        return [event.reason for event in self.events if isinstance(event, SourceChanged) and event.reason]


async def watch(
    directory: Path,
    scripts: Mapping[str, Script],
    *,
    seconds: float = 15.0,
    runs: int = 1,
    again: RetryPolicy | None = None,
) -> dict[str, Watched]:
    """Run each script's camera until its source has ended `runs` times, for `seconds` at most.

    `again`: how a camera that has ended is asked again; without, at once where there are several runs, else never.
    """
    watched: dict[str, Watched] = {}
    for number, some in enumerate(batched(by_length(scripts))):
        watched |= await _watch_some(directory / f"batch{number}", some, seconds=seconds, runs=runs, again=again)
    return watched


def by_length(scripts: Mapping[str, Script]) -> dict[str, Script]:
    """The shortest first: a part takes as long as the longest in it."""
    return dict(sorted(scripts.items(), key=lambda item: item[1].seconds))


def batched(items: Mapping[str, _T], most: int = TOGETHER) -> Iterator[dict[str, _T]]:
    """In their order, in parts of about the same size, none larger than `most`."""
    parts = -(-len(items) // most)
    for part in range(parts):
        yield dict(list(items.items())[len(items) * part // parts : len(items) * (part + 1) // parts])


async def _watch_some(
    directory: Path, scripts: Mapping[str, Script], *, seconds: float, runs: int, again: RetryPolicy | None
) -> dict[str, Watched]:
    async with contextlib.AsyncExitStack() as stack:
        viewed = {name: asyncio.Event() for name in scripts}
        cameras = {
            name: await stack.enter_async_context(
                (WithinHttp if script.within_http else Camera)(script, viewed=viewed[name])
            )
            for name, script in scripts.items()
        }
        again = again or (QUICK if runs > 1 else LATER)
        sources = {
            name: SourceConfig(type="rtsp", url=camera.url, options=camera.script.options, retry_policy=again)
            for name, camera in cameras.items()
        }
        shown = await watch_sources(directory, sources, seconds=seconds, runs=runs, viewed=viewed)
    return {name: attrs.evolve(one, log=cameras[name].log) for name, one in shown.items()}


async def watch_files(directory: Path, files: Mapping[str, Path], *, seconds: float = 20.0) -> dict[str, Watched]:
    """Play each file once, from its beginning to its end. A file does not wait until somebody sees it: where a busy
    machine was too slow for that, it is played again."""
    sources = {name: SourceConfig(type="file", url=str(path), retry_policy=LATER) for name, path in files.items()}
    watched: dict[str, Watched] = {}
    for again in range(TRIES):
        waiting = {name: source for name, source in sources.items() if name not in watched or came_late(watched[name])}
        for number, some in enumerate(batched(waiting)):
            watched |= await watch_sources(directory / f"try{again}batch{number}", some, seconds=seconds)
    return watched


def came_late(one: Watched) -> bool:
    """Whether the viewer was there too late to see what the test is about."""
    began = [e.time for e in one.events if isinstance(e, SourceChanged) and e.new is SourceState.RUNNING]
    seen = [event.time for event in one.events if isinstance(event, Connected)]
    return bool(began) and (not seen or seen[0] - began[0] > PROMPT)


async def watch_sources(
    directory: Path,
    sources: Mapping[str, SourceConfig],
    *,
    seconds: float,
    runs: int = 1,
    viewed: Mapping[str, asyncio.Event] | None = None,
    push: Callable[[Engine], Coroutine[None, None, None]] | None = None,
) -> dict[str, Watched]:
    """What a viewer of each source sees, and its events, until all have ended `runs` times.

    `viewed`: of each source, set when its viewer is there. `push`: runs beside the engine, for sources that are fed.
    """
    async with contextlib.AsyncExitStack() as stack:
        viewers = {name: Viewer(directory / f"viewer{number}") for number, name in enumerate(sources)}
        for viewer in viewers.values():
            stack.callback(viewer.stop)
        await asyncio.gather(*(viewer.ready() for viewer in viewers.values()))
        events: dict[str, list[Event]] = {name: [] for name in sources}
        configs = [
            _config(number, name, source, viewers[name]) for number, (name, source) in enumerate(sources.items())
        ]
        engine = Engine(Config(system=SystemConfig(max_cameras=len(configs)), cameras=tuple(configs)))
        stream = engine.events()
        async with engine, asyncio.TaskGroup() as beside:
            holding = beside.create_task(_held_up(held_up := [0.0]))
            if push is not None:
                beside.create_task(push(engine))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await _collect(stream, events, runs, viewed or {})
            await asyncio.sleep(AFTER)
            holding.cancel()
        came = {name: any(isinstance(event, Connected) for event in told) for name, told in events.items()}
        seen = await asyncio.gather(*(one.seen(ENDING if came[name] else NOBODY) for name, one in viewers.items()))
    return {name: Watched(one, events[name], held_up[0]) for name, one in zip(sources, seen, strict=True)}


async def _held_up(longest: list[float]) -> None:
    """Keeps how long nothing ran in one second, at the most."""
    loop = asyncio.get_running_loop()
    stood: deque[tuple[float, float]] = deque()
    while True:
        due = loop.time() + TICK
        await asyncio.sleep(TICK)
        now = loop.time()
        if now - due > HELD_UP:
            stood.append((now, now - due))
            while stood[0][0] < now - 1:
                stood.popleft()
            longest[0] = max(longest[0], sum(seconds for _, seconds in stood))


def _config(number: int, name: str, source: SourceConfig, viewer: Viewer) -> CameraConfig:
    session = SessionConfig(camera_id=number, url=viewer.url(f"c{number}"), retry_policy=QUICK, idle_timeout=30.0)
    return CameraConfig(camera_id=number, name=name, streams=(StreamConfig(source=source, sessions=(session,)),))


async def _collect(
    stream: object, events: Mapping[str, list[Event]], runs: int, viewed: Mapping[str, asyncio.Event]
) -> None:
    """Until every source has ended so often."""
    names = {f"cam{number}_main": name for number, name in enumerate(events)}
    ended = dict.fromkeys(events, 0)
    async for event in stream:  # type: ignore[attr-defined]
        name = names.get(event.label.partition("/")[0])
        if name is None:
            continue
        events[name].append(event)
        if isinstance(event, Connected) and name in viewed:
            viewed[name].set()
        if isinstance(event, SourceChanged) and event.new in (
            SourceState.WAITING,
            SourceState.FAILED,
            SourceState.ENDED,
        ):
            ended[name] += 1
        if min(ended.values()) >= runs:
            return
