"""What is printed: names as they are, on every terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import attrs
import pytest
from rich.console import Group
from tests.core.session.test_session import KEY

from camcast.camera.stats import Stats, StreamMetrics
from camcast.cli import terminal
from camcast.cli.display import reason, session_table, state, status_line, totals_line, uplink_lines
from camcast.cli.summary import summarise
from camcast.events import SessionState, SourceState
from camcast.session.health import Health
from camcast.session.metrics import Recorder, SessionMetrics, total
from camcast.session.uplinks import UplinkMetrics

CAMCAST = str(Path(sys.executable).with_name("camcast"))
NAME = "[/x] [red]Tür[/red] :smile: 門 [link=file:///etc]"
ACTS = "\x1b[2J\n"


def metrics(**changes: Any) -> SessionMetrics:
    one = Recorder().snapshot(
        key=KEY,
        label=f"cam0_{NAME}",
        state=SessionState.CONNECTED,
        health=Health.UNHEALTHY,
        target=f"rtmp://server/{NAME}/***",
        target_index=0,
        retries=0,
        next_attempt_at=None,
        on_air=None,
    )
    return attrs.evolve(one, **changes)


@pytest.mark.parametrize("one", list(SessionState))
@pytest.mark.parametrize("width", [80, 300])
def test_no_name_is_markup_in_the_table(monkeypatch: pytest.MonkeyPatch, one: SessionState, width: int) -> None:
    monkeypatch.setattr(terminal.output, "_width", width)
    sessions = (metrics(state=one, last_error=f"error {ACTS}{NAME}"),)
    stats = Stats(uptime=1, sessions=sessions, streams=(), totals=total(sessions))
    with terminal.output.capture() as shown:
        terminal.output.print(Group(session_table(stats, reasons=width > 100), totals_line(stats)))
        terminal.output.print(NAME)
    assert f"cam0_{NAME}" in shown.get()
    assert "\x1b[2J" not in shown.get()
    if width > 100:
        assert f"error \\x1b[2J\\n{NAME}" in shown.get()


SOURCE = StreamMetrics(camera_id=0, stream_id=0, label="cam0_main", state=SourceState.WAITING, last_error="no route")


@pytest.mark.parametrize(
    ("session", "source", "shown", "why"),
    [
        ({"health": Health.HEALTHY, "last_error": "long ago"}, {}, "connected", ""),
        ({"health": Health.HEALTHY, "target_index": 1}, {}, "on fallback 1", ""),
        ({"last_error": "reset"}, {}, "connected, unhealthy", "reset"),
        (
            {"health": Health.UNCONFIRMED, "unconfirmed": "nobody can tell", "last_error": "long ago"},
            {},
            "connected, unconfirmed",
            "nobody can tell",
        ),
        ({"state": SessionState.FAILED, "last_error": "refused"}, {}, "failed", "refused"),
        (
            {"state": SessionState.DISCONNECTED, "health": Health.WAITING, "last_error": "long ago"},
            {},
            "waiting for media",
            "source waiting: no route",
        ),
        (
            {"state": SessionState.DISCONNECTED, "health": Health.WAITING},
            {"state": SourceState.ENDED, "last_error": ""},
            "waiting for media",
            "source ended",
        ),
        ({"state": SessionState.DISCONNECTED, "health": Health.WAITING}, {"camera_id": 1}, "waiting for media", ""),
        (
            {"state": SessionState.DISCONNECTED, "health": Health.WAITING},
            {"state": SourceState.RUNNING, "silent_for": 12.3},
            "waiting for media",
            "source running, but nothing has come for 12 s",
        ),
        ({"last_error": ""}, {}, "connected, unhealthy", "nothing of it arrives"),
        ({"state": SessionState.DISCONNECTED, "health": Health.PAUSED, "last_error": "long ago"}, {}, "paused", ""),
        (
            {
                "state": SessionState.DISCONNECTED,
                "health": Health.SCHEDULED_OFF,
                "schedule": "off by its schedule until Mon 2026-12-07 08:00 CET",
                "last_error": "long ago",
            },
            {},
            "scheduled off",
            "off by its schedule until Mon 2026-12-07 08:00 CET",
        ),
    ],
)
def test_the_table_says_how_each_session_is_and_whose_fault_it_is(
    session: dict[str, Any], source: dict[str, Any], shown: str, why: str
) -> None:
    one = metrics(**session)
    assert state(one) == shown
    assert reason(one, [attrs.evolve(SOURCE, **source)]) == why


def test_what_is_due_next_is_counted_down() -> None:
    one = metrics(state=SessionState.ERROR, next_attempt_at=time.time() + 7.4)
    assert state(one) == "retry in 7s"


@pytest.mark.parametrize(
    ("health", "sent", "sound", "text"),
    [
        (Health.HEALTHY, 100, True, "1 sessions, 0 not healthy;"),
        (Health.UNHEALTHY, 100, False, "1 sessions, 1 not healthy: cam0_main;"),
        (Health.UNCONFIRMED, 100, False, "1 sessions, 1 not healthy: cam0_main;"),
        (Health.WAITING, 100, True, "1 sessions, 0 not healthy, 1 waiting for media;"),
        (Health.WAITING, 0, False, "1 sessions, 1 not healthy: cam0_main, 1 waiting for media;"),
    ],
)
def test_the_summary_says_what_was_wrong_at_the_end(health: Health, sent: int, sound: bool, text: str) -> None:
    sessions = (metrics(label="cam0_main", health=health, frames_sent=sent),)
    stats = Stats(uptime=1, sessions=sessions, streams=(), totals=total(sessions))
    summary = summarise(stats, stats)
    assert summary.healthy is sound
    assert summary.text.startswith(text)
    assert summary.sessions[0]["health"] == health.value
    assert summary.sessions[0]["healthy"] is (health is Health.HEALTHY)


def test_a_text_in_a_cell_is_no_markup_either() -> None:
    shown = terminal.table("", "name")
    shown.add_row(NAME)
    with terminal.output.capture() as printed:
        terminal.output.print(shown)
    assert NAME in printed.get()


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8"])
@pytest.mark.parametrize("command", [["check"], ["run", "--plain", "--duration", "0.1"]])
def test_every_terminal_shows_what_it_can_and_ends_no_command(
    tmp_path: Path, encoding: str, command: list[str]
) -> None:
    file = tmp_path / "Tür 門.json"
    stream = {"name": "門", "source": {"type": "testsrc"}, "outputs": {"☺": {"url": "rtmp://127.0.0.1:1/live/x"}}}
    file.write_text(json.dumps({"cameras": [{"name": "Tür → 門", "streams": [stream]}]}))
    done = subprocess.run(
        [CAMCAST, command[0], str(file), *command[1:]],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": f"{encoding}:strict"},
        timeout=60,
    )
    shown = (done.stdout + done.stderr).decode(encoding, "replace")
    assert "Traceback" not in shown
    assert done.returncode == (0 if command[0] == "check" else 1), shown
    if encoding != "ascii":  # where click writes UTF-8 all the same
        assert ("cam0_門/☺" if encoding == "utf-8" else r"cam0_\u9580/\u263a") in shown


def test_the_status_line_names_who_is_not_well() -> None:
    well = metrics(health=Health.HEALTHY, label="cam0_main")
    bad = [
        metrics(label=f"cam{number}_main", state=SessionState.ERROR, next_attempt_at=time.time() + 7.2)
        for number in range(1, 8)
    ]
    sessions = (well, metrics(label="cam9_main", health=Health.PAUSED), *bad)
    line = status_line(Stats(uptime=1, sessions=sessions, streams=(), totals=total(sessions)))
    named = ", ".join(f"cam{number}_main (retry in 7s)" for number in range(1, 6))
    assert line.endswith(f"; not well: {named}, 2 more")
    assert "not well" not in status_line(Stats(uptime=1, sessions=(well,), streams=(), totals=total((well,))))


def test_each_uplink_has_a_line_with_what_is_sent_of_what_may_be() -> None:
    found = UplinkMetrics(
        name="dsl", budget=3_000_000, reason="a queue on the way", changes=1, sent=2_100_000, outputs=3
    )
    fixed = UplinkMetrics(name="lte", limit=8_000_000, budget=8_000_000, reason="start", sent=900_000, outputs=1)
    stats = Stats(
        uptime=1.0, sessions=(), streams=(), totals=total([]), uplinks=(found, fixed, UplinkMetrics(name="x"))
    )
    assert [line.plain for line in uplink_lines(stats)] == [
        "uplink dsl: 2.10 Mbit/s of 3.00 Mbit/s (a queue on the way), 3 outputs",
        "uplink lte: 900 kbit/s of 8.00 Mbit/s, 1 outputs",
        "uplink x: 0 kbit/s of what it bears, 0 outputs",
    ]
