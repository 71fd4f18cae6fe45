"""Log lines are written by a thread: whoever logs never waits, and what is left out is counted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest

from camcast.cli import log_thread
from camcast.cli.log_thread import LogThread


class Writer(logging.Handler):
    """Keeps lines, and waits before each until it may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.may = threading.Event()
        self.may.set()

    def emit(self, record: logging.LogRecord) -> None:
        self.may.wait()
        self.lines.append(record.getMessage())


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    one = logging.getLogger("camcast.test_log_thread")
    one.setLevel(logging.INFO)
    one.propagate = False
    yield one
    one.handlers.clear()


def test_lines_come_in_order_with_their_arguments_and_traces(logger: logging.Logger) -> None:
    writer = Writer()
    thread = LogThread(writer)
    logger.addHandler(thread)
    thread.start()
    logger.info("one %s", "argument \x1b[2J")
    try:
        raise ValueError("bad")
    except ValueError:
        logger.exception("two")
    assert thread.stop()
    first, second = writer.lines
    assert first == r"one argument \x1b[2J"
    assert second.startswith("two\nTraceback")
    assert second.endswith("ValueError: bad")


def test_who_logs_never_waits_and_what_is_left_out_is_counted(logger: logging.Logger) -> None:
    writer = Writer()
    thread = LogThread(writer, capacity=10)
    logger.addHandler(thread)
    writer.may.clear()
    thread.start()
    for number in range(50):
        logger.info("%d", number)
    writer.may.set()
    assert thread.stop()
    told = [line for line in writer.lines if line.endswith("log lines were left out: nobody took them")]
    written = [int(line) for line in writer.lines if line.isdigit()]
    # Told as often as there was room again.
    assert sum(int(line.split()[0]) for line in told) == 50 - len(written) > 0
    assert written[:10] == list(range(10))
    assert written == sorted(written)


def test_a_writer_that_is_stuck_is_left_behind(logger: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_thread, "LAST_WORDS", 0.05)
    for capacity in (2, 100):
        writer = Writer()
        thread = LogThread(writer, capacity=capacity)
        logger.addHandler(thread)
        writer.may.clear()
        thread.start()
        for number in range(10):
            logger.info("%d", number)
        assert not thread.stop()
        logger.removeHandler(thread)
        writer.may.set()
