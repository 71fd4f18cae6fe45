"""The shells that typer knows complete commands and options; bash itself is asked, the others by their own protocol."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from camcast.cli.app import app
from camcast.cli.steer import COMMANDS


def asked(**environment: str) -> str:
    """What the program prints that a shell's completion starts."""
    code = "import sys; sys.argv = ['camcast']; from camcast.cli.app import app; app(prog_name='camcast')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize(
    ("typed", "found"),
    [("pau", ["pause"]), ("re", ["reload", "resume", "retry"]), ("s", ["schema", "snapshot", "sources", "status"])],
)
def test_bash(typed: str, found: list[str]) -> None:
    said = asked(_CAMCAST_COMPLETE="complete_bash", COMP_WORDS=f"camcast {typed}", COMP_CWORD="1")
    assert set(found) <= set(said.split())
    assert all(word.startswith(typed) for word in said.split())


def test_zsh_and_fish() -> None:
    assert "pause" in asked(_CAMCAST_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS="camcast pau")
    fish = {"_CAMCAST_COMPLETE": "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    assert "pause" in asked(**fish, _TYPER_COMPLETE_ARGS="camcast pau", _TYPER_COMPLETE_WORD_TO_COMPLETE="pau")


def test_options_are_completed_too() -> None:
    said = asked(_CAMCAST_COMPLETE="complete_bash", COMP_WORDS="camcast status --w", COMP_CWORD="2")
    assert said.split() == ["--watch"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_is_given_a_script(shell: str) -> None:
    script = asked(_CAMCAST_COMPLETE=f"source_{shell}")
    assert "camcast" in script
    assert f"complete_{shell}" in script


def test_bash_itself_completes_by_the_script(tmp_path: Path) -> None:
    camcast = tmp_path / "camcast"
    camcast.write_text(f"#!{sys.executable}\nfrom camcast.cli.app import app\napp(prog_name='camcast')\n")
    camcast.chmod(0o755)
    program = f"""
        {asked(_CAMCAST_COMPLETE="source_bash")}
        COMP_WORDS=(camcast snap) COMP_CWORD=1
        $(complete -p camcast | sed 's/.*-F \\([^ ]*\\) .*/\\1/') camcast snap camcast
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    environ = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, timeout=60, env=environ)
    assert done.stdout.split() == ["snapshot"], done.stderr


def test_every_command_that_steers_is_one_of_them() -> None:
    names = {command.callback.__name__ for command in app.registered_commands if command.callback is not None}
    assert {command.__name__ for command in COMMANDS} <= names
