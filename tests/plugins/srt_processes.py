"""The processes that libsrt runs in, as a test sees them."""

from __future__ import annotations

from pathlib import Path

import psutil

MODULE = "camcast_srt.fork_server"


def _is_one(process: psutil.Process) -> bool:
    try:
        return MODULE in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def ended(process: psutil.Process) -> bool:
    """Whether it runs no more. One that its parent has still to fetch does not, and not every first process does so."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def signals(process: psutil.Process, which: str) -> int:
    """A mask of the process's, as bits from 1 << (number - 1): "SigBlk", "ShdPnd" (proc_pid_status(5))."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1], 16) for line in lines if line.startswith(f"{which}:"))


def fork_servers(of: int | None = None) -> list[psutil.Process]:
    """Those that this process (or that one) has begun."""
    try:
        return [one for one in psutil.Process(of).children() if _is_one(one)]
    except psutil.NoSuchProcess:
        return []


def end_fork_servers() -> None:
    """Those of this process, which would rest for two minutes where their plugin's host is still there."""
    for one in fork_servers():
        one.kill()
        one.wait(10)


def sockets(of: int | None = None) -> list[psutil.Process]:
    """One process for each libsrt socket, the oldest first."""
    found = [one for server in fork_servers(of) for one in _children(server) if _is_one(one)]
    return sorted(found, key=lambda one: one.pid)


def _children(server: psutil.Process) -> list[psutil.Process]:
    try:
        return list(server.children())
    except psutil.NoSuchProcess:
        return []
