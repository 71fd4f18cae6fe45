"""`camcast migrate` and the tool of the same kind, as a user runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from camcast.cli.app import app as camcast
from camcast.cli.check import check
from camcast.cli.migrate import migrate
from camcast.native import form

OLD = Path(__file__).parents[1] / "core" / "config" / "legacy"
TOOL = Path(__file__).parents[2] / "tools" / "migrate_rtmp_config.py"
app = typer.Typer()
app.command()(migrate)
app.command()(check)


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout, result.stderr


def test_migrate_then_check(tmp_path: Path) -> None:
    new = tmp_path / "system_config.json"
    status, out, err = run("migrate", "--old", OLD / "plain", "--new", new)
    assert (status, out) == (0, "")
    assert f"wrote {new}" in err
    assert "kept: rtmp.main_url: published under the same name" in err.splitlines()
    written = json.loads(new.read_text())
    assert written["cameras"][0]["name"] == "OS04A10"
    status, out, _ = run("check", new)
    assert status == 0
    assert out.splitlines() == [
        'camera 0 "OS04A10"',
        "  stream 0 main: rtsp rtsp://127.0.0.1:8554/*** -> H264_CBR 2688x1520 30 fps 4000 kbit/s",
        "    cam0_main: rtmp://10.1.2.3:1936/live/***",
        "  stream 1 sub: rtsp rtsp://127.0.0.1:8554/*** -> H264_CBR 704x576 30 fps 1000 kbit/s",
        "    cam0_sub: rtmp://10.1.2.3:1936/live/***",
        "2 sessions of 2 streams would run",
        f"fast path: {form()}",
    ]


def test_an_existing_file_needs_force(tmp_path: Path) -> None:
    new = tmp_path / "new.json"
    new.write_text("mine")
    arguments = ("migrate", "--old", OLD / "comments.json", "--new", new)
    status, _, err = run(*arguments)
    assert (status, new.read_text()) == (2, "mine")
    assert "is there already; --force overwrites it" in err
    assert run(*arguments, "--force")[0] == 0
    assert json.loads(new.read_text())["rtmp"] == {"enabled": True}


def test_dry_run_writes_nothing(tmp_path: Path) -> None:
    new = tmp_path / "new.json"
    status, out, err = run(
        "migrate",
        "--old",
        OLD / "wide",
        "--new",
        new,
        "--dry-run",
        "--source",
        "rtsp://10.0.0.9",
        "--source",
        "testsrc",
    )
    assert status == 0
    assert not new.exists()
    assert [stream["source"]["type"] for stream in json.loads(out)["cameras"][0]["streams"]] == ["rtsp", "testsrc"]
    assert "never pushed by RTMP" in err


def test_a_template(tmp_path: Path) -> None:
    new = tmp_path / "new.json"
    template = "rtmp://10.1.2.3/live/cam{camera_id}_{stream_name}"
    status, _, err = run("migrate", "--old", OLD / "comments.json", "--new", new, "--template", template)
    assert status == 0
    assert "from rtmp://10.1.2.3/live/stream1 to rtmp://10.1.2.3/live/cam0_main: tell its players" in err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--old", OLD / "broken.json"], "line 5, column 10"),
        (["--old", OLD / "comments.json", "--template", "rtmp://s/live/{stream}"], "unknown variable {stream}"),
        (["--old", OLD / "comments.json", "--source", "http://x/"], "--source for main: expected rtsp://"),
        (["--old", OLD / "comments.json", *(["--source", "testsrc"] * 3)], "--source is given at most twice"),
    ],
)
def test_errors_write_nothing(tmp_path: Path, arguments: list[object], text: str) -> None:
    new = tmp_path / "new.json"
    status, out, err = run("migrate", *arguments, "--new", new)
    assert (status, out, new.exists()) == (2, "", False)
    assert text in err
    assert "SECRETKEY" not in err


def test_without_its_plugin_it_is_said_what_is_missing(tmp_path: Path) -> None:
    new = tmp_path / "new.json"
    for old in (OLD / "comments.json", OLD / "plain"):
        result = CliRunner().invoke(camcast, ["--block", "legacy", "migrate", "--old", str(old), "--new", str(new)])
        assert (result.exit_code, new.exists()) == (2, False)
        assert f"{old} is of no form of configuration that is known here" in result.stderr
        assert 'the original system\'s files need the plugin "legacy", which is not in use here' in result.stderr
    for name, words in (("comments.json", "is of no form"), ("without_wrapper.json", "may be of no form")):
        result = CliRunner().invoke(camcast, ["--block", "legacy", "run", str(OLD / name)])
        assert result.exit_code == 2
        assert f"{OLD / name} {words} of configuration that is known here" in result.stderr
        assert 'need the plugin "legacy"' in result.stderr


def test_a_file_of_no_known_form_says_which_are_known(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text('{"colour": "blue"}')
    status, _, err = run("migrate", "--old", other, "--new", tmp_path / "new.json")
    assert status == 2
    assert 'besides camcast\'s own these are: "legacy", a file of the original system' in err


def test_the_tool_is_executable() -> None:
    assert os.access(TOOL, os.X_OK)
    assert TOOL.read_text().startswith("#!/usr/bin/env python3\n")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    done = subprocess.run([TOOL, "--help"], capture_output=True, text=True, timeout=60, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "--old" in done.stdout


def test_every_command_is_listed_once() -> None:
    names = [command.callback.__name__ for command in camcast.registered_commands if command.callback]
    assert "migrate" in names
    assert len(names) == len(set(names))


def test_the_tool_with_its_two_flags(tmp_path: Path) -> None:
    new = tmp_path / "system_config.json"
    command = [sys.executable, str(TOOL), "--old", str(OLD / "trailing_text.json"), "--new", str(new)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert json.loads(new.read_text())["cameras"][0]["streams"][0]["rtmp"] == {"url": "rtmp://10.1.2.3/live/stream1"}
