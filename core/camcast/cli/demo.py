"""`camcast demo`: four cameras to receivers in this very process; the first receiver fails and comes back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import attrs
import typer

from camcast import ours
from camcast.cli.demo_clips import demo_clips
from camcast.cli.demo_needs import FILM, PICTURE, has_sound, require
from camcast.cli.demo_receivers import Receivers, demo_receivers
from camcast.cli.demo_report import report
from camcast.cli.display import Display, choose_display
from camcast.cli.signals import asked
from camcast.cli.supervise import beside, signals, stop_in_order
from camcast.cli.terminal import FAILED, errors, explained, load_host, output
from camcast.config import ServiceConfig, from_mapping
from camcast.config.session import PRIMARY_OUTPUT
from camcast.engine import Engine, Stats
from camcast.engine.event_bus import EventReader
from camcast.errors import MissingDependency
from camcast.events import GaveUp, Moved, ServiceNote
from camcast.host import PluginHost
from camcast.testing.local import LocalReceiver

PAGE = "http"
"""The kind of service that has a page."""
NAME = "cam{camera_id}_{stream_name}"
FAILURE, RETURN = 0.3, 0.45
"""When the first receiver fails and when it is back, as parts of the whole time."""
FAILBACK_AFTER = 1.0
PATIENCE = 10.0
"""Seconds to wait at the end for streams that are not back yet."""

log = logging.getLogger("camcast.demo")


def demo(
    context: typer.Context,
    seconds: Annotated[float, typer.Option(help="How long to publish.", min=8.0)] = 20.0,
    clips: Annotated[Path | None, typer.Option(help="Folder of clips to use; without it two are made.")] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Log lines instead of the live table.")] = False,
) -> None:
    """Publish four cameras to receivers in this process, with a failover, and count what arrived."""
    host = load_host(context)
    # Of all that is logged, the moves and the demo's own words are what there is to see here.
    display = choose_display(live=output.is_terminal and not plain, level="ERROR")
    log.setLevel(logging.INFO)
    with explained(), tempfile.TemporaryDirectory(prefix="camcast-demo-") as directory:
        require(host)
        films = demo_clips(clips, Path(directory))
        with display:
            ours.settle()
            stats, started, receivers = asyncio.run(_play(host, display, films, Path(directory), seconds))
        errors.print("Decoding what the receivers got ...")
        with asked.at_work():
            shown, well = report(stats, receivers.all(), host.codecs.values(), started)
    output.print(shown)
    raise typer.Exit(0 if well else FAILED)


async def _play(
    host: PluginHost, display: Display, films: list[Path], directory: Path, seconds: float
) -> tuple[Stats, int, Receivers]:
    async with demo_receivers(host, directory) as receivers:
        config = from_mapping(demo_config(receivers, films, sound=has_sound(host)), host)
        with signals() as wanted:
            started = time.monotonic_ns()
            engine = Engine(config, host=host, beside=list(_page(host)))
            # What happens while it starts is heard too.
            events = engine.events()
            async with engine:
                async with beside(display.watch(engine), _tell(events)):
                    await _fail_and_return(engine, receivers.primary, wanted.stop, seconds)
                before = engine.stats()
                await stop_in_order(engine, wanted.hurry)
                after = engine.stats()
        # Latency is a figure of the moment; all else is complete only at the end.
        ends = {metrics.key: metrics for metrics in after.sessions}
        sessions = tuple(attrs.evolve(ends[metrics.key], latency=metrics.latency) for metrics in before.sessions)
        return attrs.evolve(after, sessions=sessions), started, receivers


def _page(host: PluginHost) -> Iterator[ServiceConfig]:
    """The page of the HTTP interface, on this machine alone and at any port that is free, where that is installed."""
    kind = host.services.get(PAGE)
    if kind is None:
        return
    try:
        kind.available()
    except MissingDependency as missing:
        errors.print(f"There is no page to look at: {missing}")
        return
    yield ServiceConfig(type=PAGE, options={"port": 0})


async def _tell(events: EventReader) -> None:
    """Where there is something to look at, and what moves."""
    async for event in events:
        if isinstance(event, ServiceNote) and event.code == "listening":
            log.info("To be seen with a browser while it runs: %s", event.message)
        elif isinstance(event, Moved | GaveUp):
            log.info(event.text)


async def _fail_and_return(engine: Engine, primary: LocalReceiver, stop: asyncio.Event, seconds: float) -> None:
    if await _passes(seconds * FAILURE, stop):
        log.warning("The first receiver is switched off")
        await primary.stop()
    if await _passes(seconds * (RETURN - FAILURE), stop):
        log.warning("The first receiver is back")
        await primary.start()
        await _passes(seconds * (1 - RETURN), stop)
    # A film with few keyframes moves late.
    late = time.monotonic() + PATIENCE
    while time.monotonic() < late and any(session.metrics.target_index for session in engine.sessions):
        if not await _passes(0.25, stop):
            break


async def _passes(seconds: float, stop: asyncio.Event) -> bool:
    """Let time pass; False when the user wants an end."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
    return not stop.is_set()


def demo_config(receivers: Receivers, films: list[Path], *, sound: bool = True) -> dict[str, Any]:
    """As a configuration file would say it. `films`: main and sub of the first camera, then of the second."""
    cameras = [
        _camera("street", [{"source": _film(films[0])}, {"source": _film(films[1])}]),
        _camera("yard", [{"source": _film(films[2])}, {"source": _film(films[3])}]),
        _camera("gate", [_picture("smpte", 1280, 720, 1500, sound), _picture("smpte", 320, 180, 200, sound)]),
        _camera("door", [_picture("bars", 640, 360, 600, sound), _picture("bars", 320, 180, 200, sound)]),
    ]
    if receivers.other is not None:
        cameras[3][PRIMARY_OUTPUT] = {
            "url_template": receivers.other.address(NAME),
            "fallback_urls": [],
            **receivers.other.settings,
        }
    return {
        PRIMARY_OUTPUT: {
            "url_template": receivers.primary.address(NAME),
            "fallback_urls": [receivers.backup.address(NAME)],
            **receivers.primary.settings,
            "failback_after": FAILBACK_AFTER,
        },
        "cameras": cameras,
    }


def _camera(name: str, streams: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": name,
        "streams": [{"name": word} | stream for word, stream in zip(("main", "sub"), streams, strict=True)],
    }


def _film(path: Path) -> dict[str, Any]:
    return {"type": FILM, "url": str(path), "options": {"loop": True}}


def _picture(pattern: str, width: int, height: int, bitrate: int, sound: bool) -> dict[str, Any]:
    return {
        "source": {"type": PICTURE, "options": {"pattern": pattern, "tone": 440.0 if sound else 0.0}},
        "encoder": {"width": width, "height": height, "framerate": 25, "bitrate": bitrate},
    }
