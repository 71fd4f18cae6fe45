"""An HTTP interface beside an engine: look, steer, change, and hear what happens.

Two kinds: "http" listens on TCP, "socket" on a Unix socket that only its owner can open. Nothing runs unless it is
configured.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import TYPE_CHECKING

import camcast
from camcast.errors import MissingDependency
from camcast.kinds import ServiceKind
from camcast_http.options import HttpOptions, SocketOptions, check

if TYPE_CHECKING:
    from camcast.services import Service, ServiceContext


def _available() -> None:
    for library in ("starlette", "uvicorn"):
        if importlib.util.find_spec(library) is None:
            raise MissingDependency(f"the HTTP interface needs {library}: pip install {library}")


def _http(context: ServiceContext) -> Service:
    from camcast_http.service import HttpService

    return HttpService(context)


def _socket(context: ServiceContext) -> Service:
    from camcast_http.socket_service import SocketService

    return SocketService(context)


@camcast.hookimpl
def camcast_services() -> Sequence[ServiceKind]:
    return [
        ServiceKind(
            name="http",
            title="HTTP interface on TCP",
            build=_http,
            options=HttpOptions,
            available=_available,
            check=check,
        ),
        ServiceKind(
            name="socket",
            title="HTTP interface on a Unix socket",
            build=_socket,
            options=SocketOptions,
            available=_available,
        ),
    ]
