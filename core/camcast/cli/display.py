"""What a running engine shows: a live table on a terminal, log lines elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from functools import partial
from types import TracebackType
from typing import Protocol, Self

from rich.console import Group
from rich.live import Live
from rich.logging import RichHandler
from rich.table import Table
from rich.text import Text

from camcast.camera.stats import StreamMetrics
from camcast.cli.log_thread import LogThread
from camcast.cli.logs import LogFile, Logs
from camcast.cli.rates import show_rate, uplink_line
from camcast.cli.terminal import output, table
from camcast.engine import Engine, Stats
from camcast.events import SessionState, SourceState
from camcast.printable import printable
from camcast.session.health import Health
from camcast.session.hook_threads import HookThreads
from camcast.session.metrics import SessionMetrics

REFRESH = 0.5
"""Seconds between two pictures of the live table."""
STATUS = 10.0
"""Seconds between two status lines in the log."""

DRAWN_WITHIN = 5.0
"""Seconds after which a picture of the table is waited for no more."""

WIDE = 140
"""Columns of a terminal from which on the table has one for why a session is not healthy."""
MOST_TROUBLES = 5

_STYLES = {
    SessionState.CONNECTED: "green",
    SessionState.CONNECTING: "yellow",
    SessionState.DISCONNECTED: "dim",
    SessionState.ERROR: "red",
    SessionState.FAILED: "bold red",
}

log = logging.getLogger("camcast")
everybody = logging.getLogger()
"""Plugins are packages of their own, and asyncio tells of its troubles here as well."""


class Display(Protocol):
    """Open while the engine runs; sets logging up and puts it back."""

    stuck: bool
    """Afterwards: whether nobody takes what is written."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def set_level(self, level: str) -> None:
        """Log from this level on."""

    def reopen_log(self) -> None:
        """Go on in a new log file of the same name, where there is one."""

    async def watch(self, engine: Engine) -> None:
        """Show what happens until cancelled."""


def choose_display(*, live: bool, level: str, logs: Logs | None = None) -> Display:
    """A table where it is to be `live`. Raises `CamcastError` where the log file cannot be opened."""
    logs = logs or Logs()
    return LiveTable(level, logs) if live and not logs.plain else LogLines(level, logs)


def _worth(record: logging.LogRecord) -> bool:
    """What camcast and its plugins say, and of libraries what they warn of."""
    return record.name.startswith("camcast") or record.levelno >= logging.WARNING


class _Logging:
    """Sends the whole process' log to one handler for a while, on a thread of its own."""

    def __init__(self, handler: logging.Handler, level: str) -> None:
        self._handler, self._level = LogThread(handler), level
        self._handler.addFilter(_worth)
        self._writer = handler
        self._before = logging.NOTSET
        self.stuck = False

    def __enter__(self) -> Self:
        self._handler.start()
        self._before = everybody.level
        everybody.addHandler(self._handler)
        self.set_level(self._level)
        return self

    def __exit__(self, *exc: object) -> None:
        everybody.removeHandler(self._handler)
        everybody.setLevel(self._before)
        self.stuck = not self._handler.stop()
        if not self.stuck:
            self._writer.close()

    def set_level(self, level: str) -> None:
        everybody.setLevel(level)

    def reopen_log(self) -> None:
        if isinstance(self._writer, LogFile) and not self._handler.ask(self._writer.reopen):
            log.error("The log file is not opened anew: too many lines wait to be written; ask once more")


class LogLines(_Logging):
    """Every event as a line on stderr or in a file, and how things stand every ten seconds."""

    def __init__(self, level: str, logs: Logs) -> None:
        super().__init__(logs.handler(), level)

    async def watch(self, engine: Engine) -> None:
        while True:
            await asyncio.sleep(STATUS)
            log.info("%s", status_line(engine.stats()))


class LiveTable(_Logging):
    """One row a session, drawn in place; the log scrolls above it."""

    def __init__(self, level: str, logs: Logs) -> None:
        above = RichHandler(console=output, show_path=False, markup=False)
        super().__init__(logs.handler() if logs.file is not None else above, level)
        self._live = Live(console=output, auto_refresh=False, transient=False)
        self._threads = HookThreads(1)

    def __enter__(self) -> Self:
        self._live.start()
        return super().__enter__()

    def __exit__(self, *exc: object) -> None:
        super().__exit__(*exc)
        self._live.stop()

    async def watch(self, engine: Engine) -> None:
        while True:
            # Drawing takes a while, and the loop has media to carry. A terminal may also take nothing for long.
            with contextlib.suppress(TimeoutError):
                await self._threads.run(partial(self._draw, engine.stats()), DRAWN_WITHIN)
            await asyncio.sleep(REFRESH)

    def _draw(self, stats: Stats) -> None:
        wide = output.width >= WIDE
        troubles = uplink_lines(stats) + ([] if wide else _troubles(stats))
        rows = max(3, output.height - 6 - len(troubles))
        shown = session_table(stats, rows, reasons=wide)
        self._live.update(Group(shown, *troubles, totals_line(stats)), refresh=True)


_AS_WANTED = (Health.PAUSED, Health.SCHEDULED_OFF)
"""Off the air because somebody wants it so."""


def status_line(stats: Stats) -> str:
    """How things stand, and who is not well."""
    totals = stats.totals
    bad = [one for one in stats.sessions if not one.healthy and one.health not in _AS_WANTED]
    names = [f"{one.label} ({state(one)})" for one in bad[:MOST_TROUBLES]]
    names += [f"{len(bad) - MOST_TROUBLES} more"] if len(bad) > MOST_TROUBLES else []
    return (
        f"{totals.active} of {totals.sessions} sessions connected, {show_rate(totals.bitrate)}, "
        f"{totals.frames_sent} frames sent, {totals.frames_dropped} dropped, "
        f"latency {totals.average_latency * 1000:.0f} ms" + (f"; not well: {', '.join(names)}" if names else "")
    )


def session_table(stats: Stats, rows: int = 1000, *, reasons: bool = True) -> Table:
    """One line a session, in their order; where they do not fit, those in trouble first."""
    sessions, chosen = stats.sessions, list(stats.sessions)
    if len(chosen) > rows:
        chosen = sorted(chosen, key=lambda one: one.healthy)[: rows - 1]
    shown = table("", *_COLUMNS, numbers=("bitrate", "fps", "sent", "dropped", "uptime"))
    lines = [_cells(one) for one in chosen]
    for index, column in enumerate(shown.columns):
        column.no_wrap = True
        column.overflow = "ellipsis"
        # Where it is narrow, the target gives way and nothing else.
        widest = max((cells[index].cell_len for cells in lines), default=0)
        column.min_width = 8 if _COLUMNS[index] == "target" else max(widest, len(_COLUMNS[index]))
    if reasons:
        shown.add_column("why", ratio=1, min_width=20, no_wrap=True, overflow="ellipsis")
        shown.expand = True
    for one, cells in zip(chosen, lines, strict=True):
        shown.add_row(*cells, *([Text(reason(one, stats.streams), "dim")] if reasons else []))
    if len(chosen) < len(sessions):
        shown.add_row(Text(f"and {len(sessions) - len(chosen)} more", "dim"))
    return shown


_COLUMNS = ("session", "state", "target", "bitrate", "fps", "sent", "dropped", "uptime")


def _cells(one: SessionMetrics) -> tuple[Text, ...]:
    return (
        Text(printable(one.label)),
        Text(state(one), _style(one)),
        Text(printable(one.target)),
        Text(show_rate(one.bitrate) + _told(one)),
        Text(f"{one.fps:.1f}"),
        Text(str(one.frames_sent)),
        Text(str(one.frames_dropped), "red" if one.frames_dropped else ""),
        Text(show_seconds(one.uptime)),
    )


def _told(one: SessionMetrics) -> str:
    """What a thin link makes of it."""
    if one.bitrate_target:
        return f" of {show_rate(one.bitrate_target)}"
    return f" ({printable(one.picture)})" if one.picture else ""


def _troubles(stats: Stats) -> list[Text]:
    """For narrow terminals: why sessions are not healthy, a line each."""
    told = [(one, why) for one in stats.sessions if (why := reason(one, stats.streams))]
    lines = [Text(f"{printable(one.label)}: {why}", "dim") for one, why in told[:MOST_TROUBLES]]
    for line in lines:
        line.truncate(output.width, overflow="ellipsis")
    return lines


def uplink_lines(stats: Stats) -> list[Text]:
    """How each uplink stands, a line each."""
    return [
        uplink_line(one.name, one.sent, one.budget, one.reason if one.changes else "", one.outputs)
        for one in stats.uplinks
    ]


def totals_line(stats: Stats) -> Text:
    totals = stats.totals
    return Text(
        f"{totals.active} of {totals.sessions} connected  {show_rate(totals.bitrate)}  "
        f"{totals.bytes_sent / 1e6:.1f} MB  {totals.frames_dropped} dropped  "
        f"latency {totals.average_latency * 1000:.0f} ms  up {show_seconds(stats.uptime)}",
        "bold",
    )


def state(one: SessionMetrics) -> str:
    """How a session is, with what it waits for."""
    if one.next_attempt_at is not None:
        given_up = "failed, " if one.state is SessionState.FAILED else ""
        return f"{given_up}retry in {max(0.0, one.next_attempt_at - time.time()):.0f}s"
    if one.state is SessionState.CONNECTED and one.health is Health.UNHEALTHY:
        return "connected, unhealthy"
    if one.health is Health.UNCONFIRMED:
        return "connected, unconfirmed"
    if one.state is SessionState.CONNECTED and one.target_index:
        return f"on fallback {one.target_index}"
    if one.health in (Health.WAITING, *_AS_WANTED):
        return str(one.health.value)
    return str(one.state.value)


def reason(one: SessionMetrics, streams: Sequence[StreamMetrics]) -> str:
    """Why a session is not healthy: its own last error, or its camera's. "" for one that is."""
    if one.healthy or one.health is Health.PAUSED:
        return ""
    if one.health is Health.SCHEDULED_OFF:
        return printable(one.schedule)
    if one.health is Health.UNHEALTHY:
        arrives = "nothing of it arrives" if one.state is SessionState.CONNECTED else ""
        return printable(one.last_error) or arrives
    if one.health is Health.UNCONFIRMED:
        return printable(one.unconfirmed)
    own = [s for s in streams if (s.camera_id, s.stream_id) == (one.key.camera_id, one.key.stream_id)]
    return "".join(_source(stream) for stream in own if stream.state is not SourceState.RUNNING or stream.silent_for)


def _source(stream: StreamMetrics) -> str:
    """How a stream's source is of which nothing comes."""
    if stream.waits_for:
        return printable(f"source waits for {stream.waits_for}")
    if stream.silent_for is not None:
        return f"source {stream.state.value}, but nothing has come for {stream.silent_for:.0f} s"
    text = f"source {stream.state.value}" + (f": {stream.last_error}" if stream.last_error else "")
    if stream.next_attempt_at is not None:
        text += f"; next try in {max(0.0, stream.next_attempt_at - time.time()):.0f}s"
    return printable(text)


def _style(metrics: SessionMetrics) -> str:
    if metrics.state is SessionState.CONNECTED and not metrics.healthy:
        return "yellow"
    return _STYLES[metrics.state]


def show_seconds(seconds: float) -> str:
    whole = int(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
