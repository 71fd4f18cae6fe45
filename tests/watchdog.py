"""A test that hangs is ended, wherever it hangs: hooks for `conftest.py`, on top of pytest-timeout.

That plugin interrupts a test once, and watches no longer after a failure. So a run would stand still for ever where the
interruption ends up in a task of asyncio, or where a test that failed can't put away what it started. Here a test is
interrupted again and again, putting away has a time of its own, and a process that heeds nothing is ended with the
stacks of all its threads: pytest-xdist calls that test failed and goes on with another process."""

from __future__ import annotations

import faulthandler
import signal
import threading
from collections.abc import Generator
from types import FrameType

import pytest
import pytest_timeout
from _pytest.faulthandler import fault_handler_stderr_fd_key

PAUSE = 10.0
"""Seconds from one interruption of a test to the next."""
GRACE = 60.0
"""Seconds beyond the time of a test, or of putting away, after which its process is ended."""


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: pytest_timeout.Settings) -> bool | None:
    if settings.method != "signal" or threading.current_thread() is not threading.main_thread():
        return None

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        pytest_timeout.timeout_sigalrm(item, settings)

    item.cancel_timeout = _cancel  # type: ignore[attr-defined]  # where pytest-timeout looks for it
    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, settings.timeout, PAUSE)
    _end_after(settings.timeout + GRACE, item.config)
    return True


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    settings = pytest_timeout._get_item_settings(item)
    if not settings.timeout:
        return (yield)
    item.config.hook.pytest_timeout_set_timer(item=item, settings=settings)
    try:
        return (yield)
    finally:
        item.config.hook.pytest_timeout_cancel_timer(item=item)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Threads that nobody ended would keep the process for ever; what it found out is sent within this time."""
    if hasattr(session.config, "workerinput"):
        _end_after(2 * GRACE, session.config)


def _end_after(seconds: float, config: pytest.Config) -> None:
    """Where standard error was before it was captured, as what is captured is lost with the process."""
    faulthandler.dump_traceback_later(seconds, exit=True, file=config.stash[fault_handler_stderr_fd_key])


def _cancel() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    faulthandler.cancel_dump_traceback_later()
