"""The interface on a Unix socket, which nearly every run has and few ever use.

So nothing of the web is loaded before somebody connects: until then events are kept, and that is all.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import socket
import stat
from pathlib import Path

from camcast.errors import ServiceError
from camcast.services import ServiceContext
from camcast_http.happenings import LISTENERS, Happenings
from camcast_http.options import SocketOptions

CONNECTIONS = 50


class SocketService:
    """On a Unix socket."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context
        self._options: SocketOptions = context.options

    async def run(self) -> None:
        path = Path(self._options.path)
        sock, inode = listen_at(path)
        happenings = Happenings(LISTENERS)
        following = asyncio.create_task(happenings.follow(self._context.engine.events()), name="camcast-socket-events")
        try:
            self._context.note("listening", f"at {path}")
            await somebody(sock)
            await self._serve(sock, happenings)
        finally:
            following.cancel()
            await asyncio.wait({following})
            sock.close()
            _remove(path, inode)

    async def _serve(self, sock: socket.socket, happenings: Happenings) -> None:
        # In a thread of its own: it takes a second on a busy machine, and this service has to answer meanwhile.
        await asyncio.to_thread(importlib.import_module, "camcast_http.app")
        await asyncio.to_thread(importlib.import_module, "camcast_kit_http.server")
        from camcast_http.access import Policy
        from camcast_http.app import Interface
        from camcast_http.changes import Limits
        from camcast_kit_http.server import Server

        interface = Interface(
            self._context.engine, Policy(everything=True), limits=Limits(everything=True), happenings=happenings
        )
        await Server(interface.app, connections=CONNECTIONS).run_on(sock)


async def somebody(sock: socket.socket) -> None:
    """Wait until somebody connects; the connection is left to whoever accepts it."""
    loop = asyncio.get_running_loop()
    came: asyncio.Future[None] = loop.create_future()

    def ready() -> None:
        if not came.done():
            came.set_result(None)

    loop.add_reader(sock, ready)
    try:
        await came
    finally:
        loop.remove_reader(sock)


def listen_at(path: Path) -> tuple[socket.socket, int]:
    """A Unix socket that only its owner can open, and its inode. Raises `ServiceError`.

    One that somebody listens on is left alone; one that nobody does is left over, and replaced.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _clear(path)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # Nobody can open it before it has its mode, for nobody listens yet.
        try:
            sock.bind(str(path))
            os.chmod(path, 0o600)
            sock.listen(100)
        except OSError:
            sock.close()
            raise
        return sock, path.stat().st_ino
    except OSError as error:
        raise ServiceError(f"cannot listen at {path}: {error.strerror or error}") from None


def _remove(path: Path, inode: int) -> None:
    """Take our socket away. Somebody else may have put theirs there meanwhile."""
    with contextlib.suppress(OSError):
        if path.stat().st_ino == inode:
            path.unlink()


def _clear(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ServiceError(f"{path} is there already and is no socket; it is left alone", fatal=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            return
        except OSError:
            pass
    text = f"somebody listens at {path} already; give this one another name with --name"
    raise ServiceError(text, fatal=True)
