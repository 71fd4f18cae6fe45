"""No test can make the whole run stand still."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent

_CONFTEST = """
import tests.watchdog
from tests.watchdog import pytest_runtest_teardown, pytest_sessionfinish, pytest_timeout_set_timer

tests.watchdog.PAUSE = 2.0
tests.watchdog.GRACE = 6.0
"""

_TESTS = {
    "putting_away": """
import threading
import pytest

@pytest.fixture
def stuck():
    yield
    threading.Event().wait()

def test_it(stuck):
    raise AssertionError("for another reason")
""",
    "swallowed": """
import asyncio

async def test_it():
    while True:
        try:
            await asyncio.sleep(3600)
        except BaseException:
            interrupted = True
""",
    "deaf": """
import signal
import threading

def test_it():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    threading.Event().wait()
""",
    "thread_left_behind": """
import threading

def test_it():
    threading.Thread(target=threading.Event().wait).start()
""",
    "well": """
def test_it():
    assert 1 + 1 == 2
""",
}


def test_whatever_hangs_fails_and_the_others_run(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(_CONFTEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
    for name, source in _TESTS.items():
        (tmp_path / f"test_{name}.py").write_text(source)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-n", "1", "--timeout", "2", "--rootdir", str(tmp_path), "."],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    said = run.stdout + run.stderr
    for line in (
        "FAILED test_putting_away.py::test_it - AssertionError: for another reason",
        "ERROR test_putting_away.py::test_it - Failed: Timeout",
        "ERROR test_swallowed.py::test_it - Failed: Timeout",
        "FAILED test_swallowed.py::test_it - Failed: Timeout",
        "FAILED test_deaf.py::test_it",
        "crashed while running 'test_deaf.py::test_it'",
        'threading.py", line',
        "PASSED test_thread_left_behind.py::test_it",
        "PASSED test_well.py::test_it",
    ):
        assert line in said, said
