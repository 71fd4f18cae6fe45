"""Engines on real clips and servers, and the one balance that every run must close."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from camcast import CameraConfig, Config, Engine, SessionConfig, SourceConfig, StreamConfig, SystemConfig
from camcast.config import EncoderConfig
from camcast.events import SessionState
from camcast.media import MediaKind
from camcast.session.session import Session


def camera(number: int, clip: Path | str, *sessions: SessionConfig, loop: bool = True) -> CameraConfig:
    """A camera that plays a clip."""
    source = SourceConfig(type="file", url=str(clip), options={"loop": loop})
    return CameraConfig(
        camera_id=number, name=f"camera {number}", streams=(StreamConfig(source=source, sessions=sessions),)
    )


def drawn(number: int, *sessions: SessionConfig, tone: int = 0, **encoder: Any) -> CameraConfig:
    """A camera that shows the test picture."""
    settings = {"width": 320, "height": 240, "framerate": 25, "bitrate_kbps": 400, "gop": 1.0, **encoder}
    return CameraConfig(
        camera_id=number,
        name=f"camera {number}",
        streams=(
            StreamConfig(
                source=SourceConfig(type="testsrc", options={"tone": tone}),
                encoder=EncoderConfig(**settings),
                sessions=sessions,
            ),
        ),
    )


def engine(*cameras: CameraConfig, **settings: Any) -> Engine:
    return Engine(Config(system=SystemConfig(max_cameras=1000), cameras=cameras), **settings)


async def until(condition: Callable[[], object], timeout: float = 20.0) -> None:
    """Wait for a condition, with a deadline."""
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110  the condition may be anything
            await asyncio.sleep(0.02)


async def connected(running: Engine, timeout: float = 20.0) -> None:
    await until(lambda: all(one.state is SessionState.CONNECTED for one in running.sessions), timeout)


async def sent(running: Engine, frames: int, timeout: float = 30.0) -> None:
    """Wait until every session has sent so many pictures."""
    await until(lambda: all(one.metrics.video_sent >= frames for one in running.sessions), timeout)


def balance(running: Engine) -> None:
    """For every session: offered = sent + drops counted by reason."""
    assert len(running.sessions)
    for one in running.sessions:
        assert isinstance(one, Session), f"{one.label} runs in another process"
        flow = one.recorder.flow
        for kind in MediaKind:
            drops = sum(count for (dropped, _), count in flow.dropped.items() if dropped is kind)
            assert flow.offered[kind] == flow.sent[kind] + drops, one.label
