"""A busy thread of a service does not keep the loop waiting for milliseconds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from camcast.cli import turns

PROGRAM = """
import sys
from camcast.cli import run
from camcast.cli.app import app

def stop(*arguments, **options):
    print(sys.getswitchinterval())
    raise SystemExit(0)

run.choose_display = stop
sys.argv = ["camcast", "run", sys.argv[1], "--no-socket"]
app()
"""


def test_a_run_sets_it_and_importing_does_not(tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    file.write_text(
        '{"cameras": [{"streams": [{"source": {"type": "testsrc"}, "rtmp": {"url": "rtmp://127.0.0.1/a/b"}}]}]}'
    )
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(file)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == pytest.approx(turns.SWITCH)
    plain = "import sys, camcast, camcast.cli.app; print(sys.getswitchinterval())"
    done = subprocess.run([sys.executable, "-c", plain], capture_output=True, text=True, timeout=60)
    assert float(done.stdout) > turns.SWITCH
