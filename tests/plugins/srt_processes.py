"""The processes that libsrt runs in, as a test sees them."""

from __future__ import annotations

import psutil

MODULE = "camcast_srt.fork_server"


def _is_one(process: psutil.Process) -> bool:
    try:
        return MODULE in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def fork_servers(of: int | None = None) -> list[psutil.Process]:
    """Those that this process (or that one) has begun."""
    try:
        return [one for one in psutil.Process(of).children() if _is_one(one)]
    except psutil.NoSuchProcess:
        return []


def sockets(of: int | None = None) -> list[psutil.Process]:
    """One process for each libsrt socket, the oldest first."""
    found = [one for server in fork_servers(of) for one in _children(server) if _is_one(one)]
    return sorted(found, key=lambda one: one.pid)


def _children(server: psutil.Process) -> list[psutil.Process]:
    try:
        return list(server.children())
    except psutil.NoSuchProcess:
        return []
