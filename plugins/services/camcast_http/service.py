"""The interface on TCP."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

from camcast.errors import ServiceError
from camcast.services import ServiceContext
from camcast_http.access import Policy
from camcast_http.app import Interface
from camcast_http.changes import Limits
from camcast_http.options import HttpOptions
from camcast_kit_http.certificate import expires
from camcast_kit_http.listening import listen
from camcast_kit_http.server import Server

DAY = 86400.0
SOON = 14 * DAY
"""Seconds before its end from which on a certificate's end is told; the alert of servers' certificates has the same."""


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
            watch_token=options.watch_token,
            refused=lambda who: note("token_refused", f"a wrong token came from {who}"),
        )
        server = self._server(interface)
        sock = listen(options.host, options.port)
        host, port = sock.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        note("listening", f"{'https' if options.certificate else 'http'}://{shown}:{port}/")
        watching = watch_certificate(options.certificate, self._context)
        watch = asyncio.create_task(watching, name="camcast-http-certificate")
        try:
            await serve(interface, server, sock)
        finally:
            watch.cancel()

    def _server(self, interface: Interface) -> Server:
        certificate, key = self._options.certificate, self._options.certificate_key
        try:
            return Server(interface.app, connections=self._options.connections, certificate=certificate, key=key)
        except OSError as error:  # `ssl.SSLError` is one
            raise ServiceError(f"cannot use the certificate {certificate}: {error.strerror or error}") from None


async def watch_certificate(path: str, context: ServiceContext) -> None:
    """Have among the metrics when the certificate in use ends, and tell once a day that it does so soon; nothing to do
    without one."""
    if not path:
        return
    # Read once: a file that is renewed meanwhile is not in use before the service is started again.
    ends = await asyncio.to_thread(expires, Path(path))
    context.figure("certificate_expires", ends)
    while True:
        left = ends - time.time()
        if left < SOON:
            when = f"ends in {left / DAY:.0f} days" if left > 0 else "has ended"
            context.note("certificate_expires", f"the certificate {path} {when}: renew it, and start the service again")
        await asyncio.sleep(DAY)


async def serve(interface: Interface, server: Server, sock: socket.socket) -> None:
    """Serve, and read events meanwhile, until cancelled."""
    following = asyncio.create_task(interface.follow(), name="camcast-http-events")
    try:
        await server.run_on(sock)
    finally:
        following.cancel()
        await asyncio.wait({following})
