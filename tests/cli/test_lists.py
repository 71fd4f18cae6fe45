"""The commands that list: plugins, sources, encoders, and what they say of what does not work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from camcast.cli import terminal
from camcast.cli.app import app
from camcast.contracts import EncoderSettings
from camcast.errors import EncoderError, MissingDependency
from camcast.hooks import hookimpl
from camcast.kinds import Device, EncoderKind, SourceKind


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_plugins_shows_every_kind_with_who_brings_it() -> None:
    found = json.loads(invoke("plugins", "--json").stdout)
    by_name = {(row["kind"], row["name"]): row for row in found["kinds"]}
    assert {kind for kind, _ in by_name} == {
        "source",
        "codec",
        "encoder",
        "transport",
        "service",
        "coordinator",
        "discoverer",
        "form",
        "platform",
        "resolver",
    }
    rtmp = by_name["transport", "rtmp"]
    assert (rtmp["for"], rtmp["plugin"], rtmp["distribution"]) == ("rtmp://", "rtmp", "camcast")
    assert by_name["encoder", "libx264"]["for"] == "h264"
    assert by_name["source", "file"]["options"]["loop"] == "False"
    table = invoke("plugins").stdout
    assert all(name in table for _, name in by_name)


@pytest.mark.parametrize(("columns", "width"), [("", 200), ("72", 72), ("0", 200), ("wide", 200), ("-80", 200)])
def test_a_table_that_is_piped_is_as_wide_as_columns_says(
    columns: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert terminal._console(stderr=False).width == width


def test_columns_are_heeded_by_a_command_in_a_pipe() -> None:
    command = [sys.executable, "-m", "camcast", "plugins"]
    done = subprocess.run(command, env={**os.environ, "COLUMNS": "72"}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) == 72


def test_version() -> None:
    assert invoke("--version").stdout.startswith("camcast ")


def _broken_build(context: object) -> Any:
    raise MissingDependency("never called")


def _nothing_here() -> Any:
    raise MissingDependency("cameras need a library: pip install 'camcast[imaginary]'")


def _refuses() -> None:
    raise EncoderError("no such hardware here")


def _open(settings: EncoderSettings) -> Any:
    raise EncoderError("never called")


@pytest.fixture
def strange_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three plugins beside the real ones: one without its library, one misspelt, one that cannot be imported."""
    good, misspelt = ModuleType("strange_good"), ModuleType("strange_misspelt")

    @hookimpl
    def camcast_sources() -> Sequence[SourceKind]:
        return [
            SourceKind(
                name="imaginary", title="None", build=_broken_build, available=_nothing_here, devices=_nothing_here
            ),
            SourceKind(
                name="usual",
                title="Some",
                build=_broken_build,
                devices=lambda: [Device("usual://0", "Front", ("1280x720 30 fps",))],
            ),
        ]

    @hookimpl
    def camcast_encoders() -> Sequence[EncoderKind]:
        return [
            EncoderKind(
                name="never", codec="h264", title="Never", priority=1000, hardware=True, probe=_refuses, open=_open
            ),
        ]

    @hookimpl
    def camcast_sorces() -> Sequence[SourceKind]:
        return []

    good.camcast_sources, good.camcast_encoders = camcast_sources, camcast_encoders  # type: ignore[attr-defined]
    misspelt.camcast_sorces = camcast_sorces  # type: ignore[attr-defined]
    monkeypatch.setitem(__import__("sys").modules, "strange_good", good)
    monkeypatch.setitem(__import__("sys").modules, "strange_misspelt", misspelt)
    real = __import__("importlib.metadata").metadata.entry_points
    extra = [EntryPoint(name, f"strange_{name}", "camcast") for name in ("good", "misspelt", "gone")]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **chosen: [*real(**chosen), *extra])


@pytest.mark.usefixtures("strange_plugins")
def test_plugins_says_why_one_is_left_out() -> None:
    found = json.loads(invoke("plugins", "--json").stdout)
    problems = {problem["plugin"].split()[0]: problem["reason"] for problem in found["problems"]}
    assert 'did you mean "camcast_sources"?' in problems["misspelt"]
    assert "cannot be imported: ModuleNotFoundError" in problems["gone"]
    (imaginary,) = [row for row in found["kinds"] if row["name"] == "imaginary"]
    assert imaginary["missing"].endswith("pip install 'camcast[imaginary]'")
    table = invoke("plugins").stdout
    assert "Left out" in table
    assert "pip install 'camcast[imaginary]'" in table


@pytest.mark.usefixtures("strange_plugins")
def test_sources_lists_devices_and_what_keeps_them_away() -> None:
    found = {row["name"]: row for row in json.loads(invoke("sources", "--probe", "--json").stdout)}
    assert found["usual"]["devices"] == [{"url": "usual://0", "name": "Front", "offers": ["1280x720 30 fps"]}]
    assert "pip install" in found["imaginary"]["problem"]
    table = invoke("sources", "--probe").stdout
    assert "usual://0" in table
    assert "1280x720 30 fps" in table
    assert "usual://0" not in invoke("sources").stdout


@pytest.mark.usefixtures("strange_plugins")
def test_encoders_are_opened_for_real() -> None:
    rows = {row["name"]: row for row in json.loads(invoke("encoders", "--json").stdout)}
    assert (rows["never"]["works"], rows["never"]["reason"]) == (False, "no such hardware here")
    used = [row for row in rows.values() if row["codec"] == "h264" and row["used"]]
    assert len(used) == 1
    assert used[0]["works"]
    assert "no such hardware here" in invoke("encoders").stdout


def test_an_encoder_that_hangs_does_not_hang_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    from threading import Event

    from camcast.cli.encoders import probe
    from camcast.config import asked

    released = Event()
    monkeypatch.setattr(asked, "DEADLINE", 0.05)
    kind = EncoderKind(name="slow", codec="x", title="", probe=lambda: _wait(released), open=_open)
    assert probe(kind) == "slow: no answer within 0.05 s"
    released.set()


def test_an_encoder_whose_driver_raises_anything_does_not_end_the_list() -> None:
    from camcast.cli.encoders import probe

    def crashes() -> None:
        raise KeyError("driver")

    kind = EncoderKind(name="odd", codec="x", title="", probe=crashes, open=_open)
    assert probe(kind) == "it does not open (KeyError: 'driver')"


def _wait(event: Any) -> None:
    event.wait(10)


@pytest.fixture
def bell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin beside the real ones that resolves and watches, and brings no kind."""
    module = ModuleType("strange_bell")

    @hookimpl
    def camcast_session_event(event: object) -> None:
        raise AssertionError

    @hookimpl
    def camcast_resolve_url(target: object) -> None:
        raise AssertionError

    module.camcast_session_event, module.camcast_resolve_url = camcast_session_event, camcast_resolve_url  # type: ignore[attr-defined]
    monkeypatch.setitem(__import__("sys").modules, "strange_bell", module)
    real = __import__("importlib.metadata").metadata.entry_points
    extra = [EntryPoint("bell", "strange_bell", "camcast")]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **chosen: [*real(**chosen), *extra])


@pytest.mark.usefixtures("bell")
def test_plugins_shows_resolvers_and_watchers() -> None:
    rows = [row for row in json.loads(invoke("plugins", "--json").stdout)["kinds"] if row["plugin"] == "bell"]
    assert [(row["kind"], row["for"]) for row in rows] == [("resolver", "URLs"), ("watcher", "events")]
    assert "watcher" in invoke("plugins").stdout


def test_plugins_shows_what_is_blocked_and_why(tmp_path: Path) -> None:
    file = tmp_path / "system_config.json"
    file.write_text('{"plugins": {"block": ["whip"]}}')
    found = json.loads(invoke("--block", "rtmp", "--block", "librtmp", "plugins", str(file), "--json").stdout)
    assert {problem["plugin"].split()[0]: problem["reason"] for problem in found["blocked"]} == {
        "rtmp": "blocked by --block",
        "librtmp": "blocked by --block",
        "whip": 'blocked by "plugins" in the configuration',
    }
    assert not {"rtmp", "librtmp", "whip"} & {row["plugin"] for row in found["kinds"]}
    assert "Blocked" in invoke("--block", "rtmp", "plugins").stdout


def test_every_command_leaves_out_what_is_blocked(tmp_path: Path) -> None:
    assert "testsrc" not in invoke("--block", "testsrc", "sources", "--json").stdout
    assert '"const": "libx264"' not in invoke("--block", "h264", "schema").stdout
    assert '"const": "libx264"' in invoke("schema").stdout
    file = tmp_path / "system_config.json"
    stream = {"source": {"type": "testsrc"}, "rtmp": {"url": "rtmp://server.example/live/a"}}
    file.write_text(json.dumps({"cameras": [{"streams": [stream]}]}))
    assert invoke("check", str(file)).exit_code == 0
    result = invoke("--block", "testsrc", "check", str(file))
    assert result.exit_code == 2
    assert "plugins left out by a block- or allow-list: testsrc" in result.stderr
    assert 'is blocked by --block, but no such plugin is installed; did you mean "rtmp"?' in (
        invoke("--block", "rtmpp", "check", str(file)).stderr
    )
