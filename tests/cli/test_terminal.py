"""What is printed: names as they are, on every terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import attrs
import pytest
from rich.console import Group
from tests.core.session.test_session import KEY

from camcast.camera.stats import Stats
from camcast.cli import terminal
from camcast.cli.display import session_table, totals_line
from camcast.cli.summary import summarise
from camcast.events import SessionState
from camcast.session.health import Health
from camcast.session.metrics import Recorder, SessionMetrics, total

CAMCAST = str(Path(sys.executable).with_name("camcast"))
NAME = "[/x] [red]Tür[/red] :smile: 門 [link=file:///etc]"
ACTS = "\x1b[2J\n"


def metrics(**changes: object) -> SessionMetrics:
    one = Recorder().snapshot(
        key=KEY,
        label=f"cam0_{NAME}",
        state=SessionState.CONNECTED,
        health=Health.HEALTHY,
        target=f"rtmp://server/{NAME}/***",
        target_index=0,
        retries=0,
        next_attempt_at=None,
        on_air=None,
    )
    return attrs.evolve(one, **changes)


@pytest.mark.parametrize("state", list(SessionState))
@pytest.mark.parametrize("width", [80, 300])
def test_no_name_is_markup_in_the_table(monkeypatch: pytest.MonkeyPatch, state: SessionState, width: int) -> None:
    monkeypatch.setattr(terminal.output, "_width", width)
    sessions = (metrics(state=state, last_error=f"error {ACTS}{NAME}"),)
    stats = Stats(uptime=1, sessions=sessions, streams=(), totals=total(sessions))
    with terminal.output.capture() as shown:
        terminal.output.print(Group(session_table(stats.sessions, errors=width > 100), totals_line(stats)))
        terminal.output.print(NAME)
    assert f"cam0_{NAME}" in shown.get()
    assert "\x1b[2J" not in shown.get()
    if width > 100:
        assert f"error \\x1b[2J\\n{NAME}" in shown.get()


@pytest.mark.parametrize(
    ("state", "health", "index", "word"),
    [
        (SessionState.CONNECTED, Health.HEALTHY, 0, "connected"),
        (SessionState.CONNECTED, Health.HEALTHY, 1, "on fallback 1"),
        (SessionState.CONNECTED, Health.UNHEALTHY, 0, "connected, unhealthy"),
        (SessionState.CONNECTED, Health.WAITING, 0, "waiting for media"),
        (SessionState.DISCONNECTED, Health.WAITING, 0, "waiting for media"),
        (SessionState.DISCONNECTED, Health.PAUSED, 0, "paused"),
        (SessionState.FAILED, Health.UNHEALTHY, 0, "failed"),
    ],
)
def test_the_table_says_how_a_session_is(state: SessionState, health: Health, index: int, word: str) -> None:
    shown = session_table((metrics(state=state, health=health, target_index=index),))
    assert str(next(iter(shown.columns[1].cells))) == word


@pytest.mark.parametrize(
    ("health", "sent", "sound", "text"),
    [
        (Health.HEALTHY, 100, True, "1 sessions, 0 not healthy;"),
        (Health.UNHEALTHY, 100, False, "1 sessions, 1 not healthy: cam0_main;"),
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
