"""`camcast check FILE`: what would run, with its URLs redacted, or everything that is wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from camcast import ours
from camcast.cli.check_plan import plan_lines
from camcast.cli.check_schedule import rotation_lines, schedule_lines
from camcast.cli.check_slates import check_slates
from camcast.cli.terminal import FAILED, WRONG, explained, load_here, tell
from camcast.config import CameraConfig, Config, EncoderConfig, SessionConfig, StreamConfig
from camcast.config.here import NOTHING_RUNS
from camcast.config.secrets import show_url
from camcast.descriptors import raise_limit
from camcast.errors import ConfigError, Issue
from camcast.host import PluginHost
from camcast.native import form
from camcast.printable import printable
from camcast.workers.sharding import stays_at_home, worker_count


def check(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Configuration: JSON, or TOML where the name ends in .toml.")],
    sources: Annotated[
        bool, typer.Option("--sources", help="Also open each source for a while, and compare it with the file.")
    ] = False,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.1, max=3600, help="With --sources: how long each source is looked at.")
    ] = 10.0,
    targets: Annotated[
        bool, typer.Option("--targets", help="Also go to each target, as far as publishing may begin.")
    ] = False,
    publish_test: Annotated[
        float | None,
        typer.Option("--publish-test", min=1, max=3600, help="Also publish everything for so many seconds, for real."),
    ] = None,
) -> None:
    """Show every session that would run, or every error: also what this machine lacks, as a secret or a library.

    Exit status: 0; 2 when the configuration is wrong or cannot run here; 1 when a source does not bring what is
    expected, a target does not answer, or something could not be published.
    """
    tries = sources or targets or publish_test
    if tries:
        raise_limit()
    with explained():
        if publish_test:
            from camcast.cli.publish_test import publish, refuse_beside

            refuse_beside(file)
        config, host, missing = load_here(context, file, regardless=sources or targets)
        check_slates(config)
        processes = [*worker_lines(config, host)]
        if not sources and not config.services and next(config.sessions(), None) is None:
            raise ConfigError([Issue("cameras", NOTHING_RUNS)])
    tell(missing)
    for line in (*report_lines(config, host), *processes, *shared_lines(config, host)):
        typer.echo(line)
    typer.echo(f"fast path: {form()}")
    well = True
    if tries:
        ours.settle()
    with explained():
        if sources:
            from camcast.cli.check_sources import compare_sources

            well &= _told(asyncio.run(compare_sources(config, host, seconds)))
        if targets:
            from camcast.cli.check_targets import try_targets

            well &= _told(asyncio.run(try_targets(config, host)))
        if publish_test and missing:
            typer.echo("not published: see the errors above")
        elif publish_test:
            well &= _told(asyncio.run(publish(config, host, publish_test)))
    raise typer.Exit(WRONG if missing else 0 if well else FAILED)


def _told(found: tuple[list[str], bool]) -> bool:
    """Print what was found; whether all is well."""
    for line in found[0]:
        typer.echo(printable(line))
    return found[1]


def report_lines(config: Config, host: PluginHost) -> Iterator[str]:
    """The configuration as it would run. Holds no secret."""
    for camera in config.cameras:
        name = f' "{camera.name}"' if camera.name else ""
        yield f"camera {camera.camera_id}{name}{'' if camera.enabled else ' (off)'}"
        for stream in camera.streams:
            yield from _stream_lines(camera, stream, host)
    for note in config.notes:
        yield f"note: {note}"
    sessions, streams = len(list(config.sessions())), len(list(config.streams()))
    yield f"{_count(sessions, 'session')} of {_count(streams, 'stream')} would run"


def worker_lines(config: Config, host: PluginHost) -> Iterator[str]:
    """Over how many processes the cameras would be spread, and which stay in the first."""
    count = worker_count(config.system)
    if count == 1:
        return
    yield f"cameras are spread over {count} processes"
    for camera in config.cameras:
        if camera.enabled and (reason := stays_at_home(camera, host)):
            yield f"  camera {camera.camera_id} stays in the first: {reason}"


def shared_lines(config: Config, host: PluginHost) -> Iterator[str]:
    """Streams that open what may have room for one only."""
    openers: dict[tuple[str, str], list[str]] = {}
    for camera, stream in config.streams():
        source = stream.source
        kind = host.source(source.type)
        if kind.one_reader:
            where = kind.place(source.url)
            openers.setdefault((source.type, where), []).append(f"cam{camera.camera_id}_{stream.name}")
    for labels in openers.values():
        if len(labels) > 1:
            yield (
                f"note: {' and '.join(labels)} open the same source, which may allow one reader only: use one stream "
                "with several outputs instead"
            )


def _stream_lines(camera: CameraConfig, stream: StreamConfig, host: PluginHost) -> Iterator[str]:
    off = "" if stream.enabled else " (off)"
    url = f" {_shown_source(stream)}" if stream.source.url else ""
    yield f"  stream {stream.stream_id} {stream.name}{off}: {stream.source.type}{url} -> {encoder_text(stream.encoder)}"
    if not stream.sessions:
        sessions = (session for other in camera.streams for session in other.sessions)
        users = [session.label for session in sessions if stream.name in _other_streams(session)]
        yield f"    no output of its own; {' and '.join(users)} may send it" if users else "    no output"
    for session in stream.sessions:
        yield from _session_lines(stream, session, host)


def _other_streams(session: SessionConfig) -> tuple[str, ...]:
    """Streams of its camera that an output sends beside its own, or instead of it."""
    return (*session.tracks[1:], *session.sound_tracks[1:], *session.adapt.down_to)


def _session_lines(stream: StreamConfig, session: SessionConfig, host: PluginHost) -> Iterator[str]:
    for index, target in enumerate(session.targets):
        place = f"{session.label}:" if index == 0 else " " * len(session.label) + "  then"
        extra = [target.transport] if target.transport else []
        extra += [f"server {target.server}"] if target.server != "auto" else []
        extra += [f"audio {target.audio}"] if target.audio != "auto" else []
        extra += ["certificate not verified"] if target.insecure else []
        yield f"    {place} {target.shown}{' (' + ', '.join(extra) + ')' if extra else ''}"
        for line in plan_lines(host, stream, target):
            yield f"      {line}"
    for line in (*schedule_lines(session, time.time()), *rotation_lines(session, host)):
        yield f"      {line}"


def encoder_text(encoder: EncoderConfig) -> str:
    """What the stream is encoded as; for a copied one, what it is expected to be."""
    figures = [f"{encoder.width}x{encoder.height}"] if encoder.width else []
    figures += [f"{encoder.framerate:g} fps"] if encoder.framerate else []
    figures += [f"{encoder.bitrate_kbps} kbit/s"] if encoder.bitrate_kbps else []
    if encoder.codec is None:
        return " ".join(["copy", *(["expecting", *figures] if figures else [])])
    how = "transcoded where needed" if encoder.transcode else ""
    return " ".join([encoder.type, *figures, *([f"({how})"] if how else [])])


def _shown_source(stream: StreamConfig) -> str:
    url = stream.source.url
    # A path is shown; what may be a URL without its scheme is not.
    return show_url(url) if "://" in url or "@" in url else url


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
