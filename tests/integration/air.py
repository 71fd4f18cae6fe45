"""What the tests of staying on the air share: quick policies, watched engines, what arrived against what was sent."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import av
import pytest

from camcast import CameraConfig, Engine, RetryPolicy, SessionConfig, SourceConfig, StreamConfig
from camcast.config import TargetConfig
from camcast.events import Event, SessionState
from camcast.host import PluginHost
from camcast.media import MediaKind, TagType
from camcast.session.session import Session
from camcast.stream.flow import REASON_LOST
from camcast.testing.recording import Recording
from tests.compare import Media
from tests.integration.kit import balance, engine, until

FAST = RetryPolicy(initial_delay=0.1, max_delay=0.4, stable_after=0.5, max_attempts=None)
KINDS = {TagType.VIDEO: MediaKind.VIDEO, TagType.AUDIO: MediaKind.AUDIO}
CODECS = tuple(PluginHost().codecs.values())

Happening = TypeVar("Happening", bound=Event)


def chain(*urls: str | TargetConfig, camera: int = 0, **settings: Any) -> SessionConfig:
    """A session that finds things out quickly. Plain URLs get a short `connect_timeout`."""
    targets = [url if isinstance(url, TargetConfig) else TargetConfig(url=url, connect_timeout=2.0) for url in urls]
    quick = {"retry_policy": FAST, "stall_timeout": 1.0, "failback_after": None, **settings}
    return SessionConfig(camera_id=camera, targets=targets, **quick)


def pushed(*sessions: SessionConfig) -> CameraConfig:
    """A camera whose media this program pushes."""
    return CameraConfig(camera_id=0, streams=(StreamConfig(source=SourceConfig(type="push"), sessions=sessions),))


@asynccontextmanager
async def on_air(*cameras: CameraConfig, **settings: Any) -> AsyncIterator[tuple[Engine, list[Event]]]:
    """A running engine and all its events; at the end every session's balance is checked."""
    running, events = engine(*cameras, **settings), []
    stream = running.events()

    async def collect() -> None:
        async for event in stream:
            events.append(event)  # noqa: PERF401  each when it comes

    reader = asyncio.create_task(collect())
    try:
        async with running:
            yield running, events
        balance(running)
    finally:
        await asyncio.wait({reader}, timeout=5)
        reader.cancel()


def only(running: Engine) -> Session:
    (one,) = inner(running)
    return one


def inner(running: Engine) -> list[Session]:
    """The sessions themselves, with what their handles do not show."""
    return [one for one in running.sessions if isinstance(one, Session)]


async def stable(running: Engine, timeout: float = 20.0) -> None:
    """Until every session has carried media for long enough to trust its connection."""
    await until(
        lambda: all(one.state is SessionState.CONNECTED and one.policy.stable for one in inner(running)), timeout
    )


async def moves_on(one: Session, frames: int = 15, timeout: float = 20.0) -> None:
    """Until the session has sent that many pictures more, and the peer has acknowledged some of them."""
    before = one.recorder.flow.sent[MediaKind.VIDEO]

    def moved() -> bool:
        flowing = one.active is not None and one.active.flow_since is not None
        return flowing and one.recorder.flow.sent[MediaKind.VIDEO] >= before + frames

    await until(moved, timeout)


def of(events: Iterable[Event], kind: type[Happening]) -> list[Happening]:
    return [event for event in events if isinstance(event, kind)]


def received(recordings: Iterable[Recording]) -> Counter[MediaKind]:
    """Access units that came to our receiver."""
    return Counter(KINDS[frame.type] for recording in recordings for frame in recording.frames(CODECS))


def recorded(paths: Iterable[Path]) -> Counter[MediaKind]:
    """Access units in files."""
    found: Counter[MediaKind] = Counter()
    for path in paths:
        with contextlib.suppress(av.error.InvalidDataError, av.error.EOFError):
            media = Media.read(path)
            found[MediaKind.VIDEO] += len(media.video)
            found[MediaKind.AUDIO] += len(media.audio)
    return found


def arrived(one: Session, got: Counter[MediaKind], *, clean: bool) -> None:
    """What was sent is what arrived. After a lost connection only this is known: what has not been acknowledged
    may have arrived, and what has been may have died in the peer's kernel."""
    flow = one.recorder.flow
    for kind in MediaKind:
        sent = flow.sent[kind] + (flow.replayed if kind is MediaKind.VIDEO else 0)
        lost = flow.dropped[kind, REASON_LOST]
        text = f"{kind.value}: {got[kind]} arrived, {sent} sent, {lost} lost"
        if clean:
            assert got[kind] == sent, text
        else:
            assert min(1, sent) <= got[kind] <= sent + lost, text


@pytest.fixture
def quick_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planned moves without the three seconds' wait, busy names asked for more often."""
    from camcast.session import connection, move

    monkeypatch.setattr(move, "HOLD", 0.2)
    monkeypatch.setattr(connection, "BUSY_DELAY", 0.2)


def access_units(path: Path) -> Iterator[tuple[bytes, bool]]:
    """Pictures of an Annex B clip, without B-frames, again and again: (access unit, keyframe)."""
    with av.open(str(path)) as clip:
        units = [(bytes(packet), packet.is_keyframe) for packet in clip.demux(video=0) if packet.size]
    while True:
        yield from units


class Camera:
    """Pushes a clip's pictures into a stream for as long as it is on; its timestamps can be spoilt."""

    def __init__(self, running: Engine, path: Path, *, rate: float = 25.0, speed: float = 1.0) -> None:
        self.feed = running.push(0, 0)
        self.on = True
        self.zero = time.monotonic_ns()
        """Subtracted from the clock: set it to now to begin at 0 again."""
        self.speed = speed
        self._units = access_units(path)
        self._rate = rate
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        await self.feed.ready()
        while True:
            await asyncio.sleep(1 / self._rate)
            if self.on:
                unit, _ = next(self._units)
                self.feed.packet(unit, pts=int((time.monotonic_ns() - self.zero) * self.speed))

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})
