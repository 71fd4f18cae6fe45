"""Commands for a camcast that runs: `status`, `events`, `retry`, `pause`, `resume`, `switch`, `bitrate` and so on."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from camcast.cli.control import Control
from camcast.cli.rates import uplink_line
from camcast.cli.sockets import find
from camcast.cli.terminal import explained, output, table
from camcast.printable import printable
from camcast.session.health import Health

Name = Annotated[str | None, typer.Option(help="Which run, where there are several: its file's name without ending.")]
Socket = Annotated[Path | None, typer.Option(help="Path of its socket, instead of a name.")]
Session = Annotated[str, typer.Argument(help="As `camcast status` names it: cam0_main, cam0_main/cloud.")]
Stream = Annotated[str, typer.Argument(help="As `camcast status` names it: cam0_main, 0/0.")]
EVERY = 1.0
"""Seconds between two looks of `status --watch`."""


def status(
    name: Name = None,
    socket: Socket = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on showing it until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: all figures.")] = False,
) -> None:
    """Show how a running camcast is: its sessions, where they go, and what is wrong.

    Exit status: 1 when a session is unhealthy, or nothing runs, else 0: also while some wait for media, are paused, or
    are off by their schedules.
    """
    with explained():
        control = Control(find(name, socket))
        sessions = control.get("/sessions")
        if as_json:
            typer.echo(json.dumps({"status": control.get("/status"), "sessions": sessions}, indent=2))
        elif watch:
            _watch(control)
        else:
            output.print(_shown(control, sessions))
    raise typer.Exit(1 if any(one["health"] == "unhealthy" for one in sessions) else 0)


def _watch(control: Control) -> None:
    with contextlib.suppress(KeyboardInterrupt), Live(console=output, auto_refresh=False) as live:
        while True:
            live.update(_shown(control, control.get("/sessions")), refresh=True)
            time.sleep(EVERY)


def _shown(control: Control, sessions: list[dict[str, Any]]) -> Group:
    """The table, a line for each uplink, and one for each service that does not run."""
    status = control.get("/status")
    lines = [
        uplink_line(one["name"], one["sent"], one["budget"], one["reason"] if one["changes"] else "", one["outputs"])
        for one in status["uplinks"]
    ]
    for one in status["services"]:
        if one["state"] != "running":
            why = f" ({printable(one['last_error'])})" if one["last_error"] else ""
            lines.append(Text(f"service {printable(one['name'])}: {one['state']}{why}", "yellow"))
    return Group(_table(control, sessions, status), *lines)


def _table(control: Control, sessions: list[dict[str, Any]], status: Mapping[str, Any]) -> Table:
    # Sessions that wait for media have nothing wrong themselves: why none comes is their camera's to say.
    waiting = any(one["health"] == Health.WAITING.value for one in sessions)
    sources = _sources(control.get("/cameras")) if waiting else {}
    hours, rest = divmod(int(status["uptime"]), 3600)
    title = f"camcast {status['version']}, up {hours}:{rest // 60:02}:{rest % 60:02}"
    shown = table(
        title, "session", "camera", "state", "target", "Mbit/s", "lag", "dropped", "why", numbers=("Mbit/s", "lag")
    )
    for one in sessions:
        well = one["health"] != "unhealthy"
        state = one["state"] if well else f"{one['state']}, {one['health']}"
        shown.add_row(
            Text(printable(one["label"])),
            Text(printable(one["camera_name"])),
            Text(state, "green" if one["healthy"] else "" if well else "red"),
            Text(one["target"]),
            f"{one['bitrate'] / 1e6:.2f}",
            f"{one['lag']:.1f} s",
            str(one["frames_dropped"]),
            Text("" if one["healthy"] else printable(_why(one, sources))),
        )
    return shown


def _why(session: dict[str, Any], sources: Mapping[str, str]) -> str:
    if session["health"] == "unhealthy":
        return f"{session['last_error']}{_soon(session['next_attempt_at'])}"
    if session["health"] == Health.SCHEDULED_OFF.value:
        return str(session["schedule"])
    stream = session["key"].rpartition("/")[0]
    return ": ".join(filter(None, (session["health"], sources.get(stream))))


def _sources(cameras: list[dict[str, Any]]) -> dict[str, str]:
    """How each source is of which nothing comes, by "camera/stream"."""
    found = {}
    for stream in (stream for camera in cameras for stream in camera["streams"]):
        text = f"source {stream['state']}"
        if stream["waits_for"]:
            text = f"source waits for {stream['waits_for']}"
        elif stream["silent_for"]:
            text += f", but nothing has come for {stream['silent_for']:.0f} s"
        if stream["last_error"]:
            text += f": {stream['last_error']}"
        found[f"{stream['camera_id']}/{stream['stream_id']}"] = text + _soon(stream["next_attempt_at"])
    return found


def _soon(at: float | None) -> str:
    return f"; next try in {max(0.0, at - time.time()):.0f} s" if at else ""


def events(
    name: Name = None,
    socket: Socket = None,
    since: Annotated[int | None, typer.Option(help="Begin after the event of this number.", min=0)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: one event a line.")] = False,
) -> None:
    """Print what happens in a running camcast, until Ctrl-C or its end."""
    with explained(), contextlib.suppress(KeyboardInterrupt):
        for event in Control(find(name, socket)).events(since):
            if as_json:
                typer.echo(json.dumps(event))
            else:
                when = time.strftime("%H:%M:%S", time.localtime(event["time"]))
                typer.echo(f"{when} {event['level']:<7} {printable(event['text'])}")
            sys.stdout.flush()


def retry(session: Session, name: Name = None, socket: Socket = None) -> None:
    """Have a session try again now, also one that has given up."""
    _session_command("retry", session, name, socket)


def pause(session: Session, name: Name = None, socket: Socket = None) -> None:
    """Take a session off the air until it is resumed."""
    _session_command("pause", session, name, socket)


def resume(session: Session, name: Name = None, socket: Socket = None) -> None:
    """End a session's pause."""
    _session_command("resume", session, name, socket)


def switch(
    session: Session,
    target: Annotated[int, typer.Argument(help="Number of the target in the chain: 0 is the primary.", min=0)],
    name: Name = None,
    socket: Socket = None,
) -> None:
    """Have a session publish on another target of its chain."""
    with explained():
        control = Control(find(name, socket))
        control.post(f"{control.session(session)}/switch", {"target": target})
    typer.echo("done")


def bitrate(
    stream: Stream,
    rate: Annotated[str, typer.Argument(help='kbit/s, or "4 Mbit/s".')],
    name: Name = None,
    socket: Socket = None,
) -> None:
    """Have a stream that is encoded here aim at another bitrate. Exit status 1 where it is not encoded here."""
    with explained():
        control = Control(find(name, socket))
        wanted: object = int(rate) if rate.isdecimal() else rate
        done = control.post(f"{control.stream(stream)}/bitrate", {"bitrate": wanted})["done"]
    typer.echo(
        "done" if done else "nothing is encoded for this stream here: its picture comes as it is, or nobody takes it"
    )
    raise typer.Exit(0 if done else 1)


def snapshot(
    stream: Stream,
    file: Annotated[Path, typer.Option("--output", "-o", help="File to write the picture to; - is stdout.")] = Path(
        "-"
    ),
    name: Name = None,
    socket: Socket = None,
) -> None:
    """Save what a stream sends at this moment: its last keyframe, as JPEG."""
    with explained():
        control = Control(find(name, socket))
        picture = control.raw("GET", f"{control.stream(stream)}/snapshot.jpg")
        if str(file) == "-":
            sys.stdout.buffer.write(picture)
            sys.stdout.buffer.flush()
        else:
            file.write_bytes(picture)


def reload(name: Name = None, socket: Socket = None) -> None:
    """Have a running camcast read its configuration again, and print what that changed."""
    with explained():
        lines = Control(find(name, socket)).post("/reload")["changes"]
    typer.echo("\n".join(lines) or "nothing has changed")


def stop(name: Name = None, socket: Socket = None) -> None:
    """End a running camcast in order."""
    with explained():
        Control(find(name, socket)).post("/stop")
    typer.echo("it ends")


def _session_command(word: str, session: str, name: str | None, path: Path | None) -> None:
    with explained():
        control = Control(find(name, path))
        control.post(f"{control.session(session)}/{word}")
    typer.echo("done")


COMMANDS = (status, events, retry, pause, resume, switch, bitrate, snapshot, reload, stop)
