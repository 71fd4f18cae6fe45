"""The two services: the interface on TCP, and on a Unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import stat
from pathlib import Path

from camcast.errors import ServiceError
from camcast.services import ServiceContext
from camcast_http.access import Policy
from camcast_http.app import Interface
from camcast_http.changes import Limits
from camcast_http.options import HttpOptions, SocketOptions
from camcast_http.server import Server

SOCKET_CONNECTIONS = 50


class HttpService:
    """On TCP."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context
        self._options: HttpOptions = context.options

    async def run(self) -> None:
        options, note = self._options, self._context.note
        policy = Policy(token=options.token, change_token=options.change_token, hosts=options.hosts)
        references = [f"{kind}:{one}" for kind, several in options.allow_references.items() for one in several]
        interface = Interface(
            self._context.engine,
            policy,
            limits=Limits(references=references, roots=options.media_roots),
            listeners=max(1, options.connections - options.connections // 4),
            refused=lambda who: note("token_refused", f"a wrong token came from {who}"),
        )
        server = self._server(interface)
        sock = listen(options.host, options.port)
        host, port = sock.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        note("listening", f"{'https' if options.certificate else 'http'}://{shown}:{port}/")
        await serve(interface, server, sock)

    def _server(self, interface: Interface) -> Server:
        certificate, key = self._options.certificate, self._options.certificate_key
        try:
            return Server(interface.app, connections=self._options.connections, certificate=certificate, key=key)
        except OSError as error:  # `ssl.SSLError` is one
            raise ServiceError(f"cannot use the certificate {certificate}: {error.strerror or error}") from None


class SocketService:
    """On a Unix socket."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context
        self._options: SocketOptions = context.options

    async def run(self) -> None:
        path = Path(self._options.path)
        sock, inode = listen_at(path)
        try:
            policy = Policy(everything=True)
            interface = Interface(self._context.engine, policy, limits=Limits(everything=True))
            self._context.note("listening", f"at {path}")
            await serve(interface, Server(interface.app, connections=SOCKET_CONNECTIONS), sock)
        finally:
            sock.close()
            _remove(path, inode)


async def serve(interface: Interface, server: Server, sock: socket.socket) -> None:
    """Serve, and read events meanwhile, until cancelled."""
    following = asyncio.create_task(interface.follow(), name="camcast-http-events")
    try:
        await server.run_on(sock)
    finally:
        following.cancel()
        await asyncio.wait({following})


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on TCP. Raises `ServiceError`."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address[:2], family=family, backlog=100)
    except OSError as error:
        why = "is taken by another program" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
        raise ServiceError(f"port {port} of {host} {why}") from None


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
