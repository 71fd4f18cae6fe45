"""The log of `camcast run`: its form, its level, its file that may be moved away, and a disk that is full."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.test_run import start
from tests.core.engine.test_event_log import FAILED, RETRY
from tests.servers.process import wait_for

from camcast.cli.display import choose_display
from camcast.cli.logs import JsonLines, LogFile, LogFormat, Logs
from camcast.errors import CamcastError

pytestmark = pytest.mark.slow

NOBODY = "rtmp://127.0.0.1:9/live/key-that-is-secret"
"""Where no server is."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A camera that is made up, to a server that is not there."""
    camera = {"name": "gate", "streams": [{"source": {"type": "testsrc"}, "outputs": {"a": {"url": NOBODY}}}]}
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"cameras": [camera]}))
    return path


@contextlib.contextmanager
def running(*arguments: object) -> Iterator[Any]:
    with start(*arguments) as process:
        try:
            yield process
        finally:
            process.kill()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_json_lines_hold_what_happened_and_no_secret(file: Path, tmp_path: Path) -> None:
    log = tmp_path / "camcast.log"
    with running(file, "--log-file", log, "--log-format", "json") as process:
        wait_for(lambda: log.exists() and "AttemptFailed" in log.read_text(), timeout=20)
        process.terminate()
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "")
    assert "1 sessions, 1 not healthy" in err  # the summary is for people, the log is elsewhere
    assert "Session" not in err
    failure = next(line for line in lines(log) if line.get("event") == "AttemptFailed")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", failure["time"])
    assert {
        key: failure[key] for key in ("level", "camera_id", "stream_id", "output", "camera_name", "error_class")
    } == {
        "level": "warning",
        "camera_id": 0,
        "stream_id": 0,
        "output": "a",
        "camera_name": "gate",
        "error_class": "network",
    }
    assert failure["delay"] == 1
    assert failure["message"].startswith("[gate] Session cam0_main/a: rtmp://127.0.0.1:9/live/***: network: ")
    assert failure["message"].endswith("; next try in 1 s")
    assert "secret" not in log.read_text()


def test_the_level_of_the_command_line_is_above_that_of_the_file(file: Path) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | {"system": {"log_level": "ERROR"}}))
    with running(file, "--plain", "--log-level", "DEBUG") as process:
        assert process.stderr is not None
        next(line for line in process.stderr if "connecting to rtmp://127.0.0.1:9" in line)
        next(line for line in process.stderr if "next try in" in line)
        process.send_signal(signal.SIGHUP)
        assert next(line for line in process.stderr if "Reloaded" in line).endswith("nothing has changed\n")
        process.terminate()
        process.communicate(timeout=20)
    with running(file, "--plain", "--duration", "4") as process:
        _, err = process.communicate(timeout=30)
    assert "Session" not in err


def test_a_log_file_that_was_moved_away_is_begun_anew(file: Path, tmp_path: Path) -> None:
    log, moved = tmp_path / "camcast.log", tmp_path / "camcast.log.1"
    with running(file, "--log-file", log) as process:
        wait_for(lambda: log.exists() and "next try" in log.read_text(), timeout=20)
        log.rename(moved)
        process.send_signal(signal.SIGUSR1)
        wait_for(log.exists, timeout=10)
        before = moved.read_text()
        # A host that stays dead is no news; how the sessions are is said every ten seconds.
        wait_for(lambda: "0 of 1 sessions connected" in log.read_text(), timeout=30)
        process.terminate()
        process.communicate(timeout=20)
    assert moved.read_text() == before
    assert "-> disconnected (stopped)" in log.read_text()


def test_sigusr1_without_a_log_file_changes_nothing(file: Path) -> None:
    with running(file, "--plain") as process:
        assert process.stderr is not None
        next(line for line in process.stderr if "next try" in line)
        process.send_signal(signal.SIGUSR1)
        process.send_signal(signal.SIGHUP)
        next(line for line in process.stderr if "Reloaded" in line)
        process.terminate()
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0  # it is what was wanted
    assert "1 sessions, 1 not healthy" in err


def test_a_log_file_that_cannot_be_is_told_at_once(file: Path, tmp_path: Path) -> None:
    with running(file, "--log-file", tmp_path / "no" / "camcast.log") as process:
        _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert f"error: cannot write the log file {tmp_path}/no/camcast.log: No such file or directory" in err


def test_a_new_file_that_cannot_be_opened_leaves_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    log = LogFile(folder / "log")
    log.handle(_record("one"))
    folder.rename(tmp_path / "moved")
    log.reopen()
    log.handle(_record("two"))
    log.close()
    first, told, last = (tmp_path / "moved" / "log").read_text().splitlines()
    assert (first, last) == ("one", "two")
    assert told == f"cannot write the log file {folder}/log: No such file or directory; the log goes on where it was"


def test_lines_for_a_full_disk_are_counted_and_told_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = LogFile(tmp_path / "log")
    disk = Disk(log._file.write)
    monkeypatch.setattr(log._file, "write", disk.write)
    log.handle(_record("one"))
    disk.left = 2
    for number in range(3):
        log.handle(_record(f"lost {number}"))
    disk.left = 1000
    log.handle(_record("two"))
    log.close()
    assert (tmp_path / "log").read_text().splitlines() == [
        "one",
        "lo",
        "3 log lines were lost: No space left on device",
        "two",
    ]
    assert capsys.readouterr().err.count("No space left on device; log lines are lost") == 1


def test_what_plugins_say_and_libraries_warn_of_is_in_the_log_as_well(tmp_path: Path) -> None:
    """Plugins are packages of their own, with loggers of other names; so is asyncio."""
    path, root = tmp_path / "log", logging.getLogger()
    before = root.level
    with choose_display(live=False, level="INFO", logs=Logs(LogFormat.JSON, path)):
        logging.getLogger("camcast_toys.service").info("a plugin's own")
        logging.getLogger("camcast_toys").debug("below the level")
        logging.getLogger("asyncio").warning("socket.send() raised exception.")
        logging.getLogger("asyncio").info("of no interest")
        logging.getLogger("camcast").info("ours")
    assert [(line["logger"], line["level"], line["message"]) for line in lines(path)] == [
        ("camcast_toys.service", "info", "a plugin's own"),
        ("asyncio", "warning", "socket.send() raised exception."),
        ("camcast", "info", "ours"),
    ]
    assert root.level == before


def test_a_line_of_several_events_has_the_fields_of_all() -> None:
    record = _record("both")
    record.events = (FAILED, RETRY)
    fields = json.loads(JsonLines().format(record))
    assert (fields["event"], fields["error"], fields["delay"]) == ("AttemptFailed", "no route", 4)
    assert fields["attempt"] == FAILED.attempt


def test_a_file_that_cannot_be_opened_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(CamcastError, match="Is a directory"):
        LogFile(tmp_path)


class Disk:
    """One with `left` bytes left."""

    def __init__(self, write: Any) -> None:
        self.left = 1000
        self._write = write

    def write(self, data: bytes) -> int:
        if not self.left:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = data[: self.left]
        self.left -= len(taken)
        self._write(taken)
        return len(taken)


def _record(text: str) -> logging.LogRecord:
    return logging.LogRecord("camcast", logging.INFO, __file__, 0, text, None, None)
