"""Every command in whose process cameras run says that the process is ours, and none that only tells something does."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from camcast import garbage, heap, interpreter, ours
from camcast.cli.app import app


class Settled(BaseException):
    """Somebody said so; nothing more has to happen."""


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    def settle() -> None:
        raise Settled

    monkeypatch.setattr(ours, "settle", settle)


@pytest.fixture
def file(tmp_path: Path) -> str:
    stream = {"source": {"type": "testsrc"}, "outputs": {"o": {"url": "rtmp://127.0.0.1:9/live/a"}}}
    path = tmp_path / "cameras.json"
    path.write_text(json.dumps({"cameras": [{"camera_id": 0, "streams": [stream]}]}))
    return str(path)


FLEET = ("fleet", "run", "--plain", "--store", "nats://127.0.0.1:9")


@pytest.mark.parametrize(
    "words",
    [
        ("run", "FILE", "--plain"),
        ("push", "testsrc", "rtmp://127.0.0.1:9/live/a", "--plain"),
        ("demo", "--plain"),
        ("check", "FILE", "--sources"),
        ("check", "FILE", "--targets"),
        ("init", "NEW", "--source", "testsrc", "--to", "rtmp://127.0.0.1:9/live/a"),
        (*FLEET, "--state", "HERE"),
    ],
    ids=" ".join,
)
def test_where_cameras_run_the_process_is_ours(words: tuple[str, ...], file: str, tmp_path: Path) -> None:
    given = [{"FILE": file, "HERE": str(tmp_path), "NEW": str(tmp_path / "new.json")}.get(word, word) for word in words]
    with pytest.raises(Settled):
        CliRunner().invoke(app, given, catch_exceptions=False)


@pytest.mark.parametrize("words", [("check", "FILE"), ("plugins",)])
def test_where_none_does_nothing_is_changed(words: tuple[str, ...], file: str) -> None:
    done = CliRunner().invoke(app, [{"FILE": file}.get(word, word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0


def test_threads_take_turns_and_share_the_heap_and_what_is_there_is_no_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    before, asked = sys.getswitchinterval(), list[str]()
    monkeypatch.setattr(heap, "share", lambda: asked.append("shared"))
    monkeypatch.setattr(garbage, "leave_out", lambda: asked.append("left out"))
    try:
        ours.settle()
        assert sys.getswitchinterval() == pytest.approx(interpreter.TURN)
        assert asked == ["shared", "left out"]
    finally:
        sys.setswitchinterval(before)
