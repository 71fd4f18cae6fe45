"""A worker's process: nothing but its parent ends it, and nothing but what is installed is run in it."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from camcast.interpreter import HELD, held_back
from camcast.workers.child import Child

LIMIT = 1 << 20
SAYS = "import sys; from camcast.workers.child import release; release(); print('ready', flush=True); sys.stdin.read()"


async def begun(*arguments: str) -> Child:
    child = await Child.start(*arguments, limit=LIMIT)
    assert await asyncio.wait_for(child.reader.readline(), 20) == b"ready\n"
    return child


@pytest.mark.parametrize("number", HELD, ids=lambda number: number.name)
async def test_no_signal_to_the_group_ends_it_at_any_time(number: signal.Signals) -> None:
    child = await Child.start("-c", SAYS, limit=LIMIT)
    os.kill(child.pid, number)  # before it has run a line
    assert await asyncio.wait_for(child.reader.readline(), 20) == b"ready\n"
    os.kill(child.pid, number)
    child.close()
    await asyncio.wait_for(child.ended.wait(), 10)
    assert child.returncode == 0


async def test_what_it_starts_itself_may_be_ended_as_usual() -> None:
    code = SAYS.replace(
        "sys.stdin.read()",
        "import subprocess; p = subprocess.Popen(['sleep', '60']); p.terminate(); print(p.wait(), flush=True)",
    )
    child = await begun("-c", code)
    assert await asyncio.wait_for(child.reader.readline(), 10) == b"-15\n"
    child.close()
    await asyncio.wait_for(child.ended.wait(), 10)


async def test_our_own_signals_are_as_they_were() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    child = await begun("-c", SAYS)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
    with held_back():
        assert set(HELD) <= signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
    child.kill()
    await asyncio.wait_for(child.ended.wait(), 10)
    assert child.returncode == -signal.SIGKILL


async def test_files_of_the_working_directory_are_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "json.py").write_text("print('surprise', flush=True)")
    (tmp_path / "mine.py").write_text("print('surprise', flush=True)")
    child = await begun("-c", f"import json, importlib.util as u; assert not u.find_spec('mine'); {SAYS}")
    child.close()
    await asyncio.wait_for(child.ended.wait(), 10)
    assert child.returncode == 0
