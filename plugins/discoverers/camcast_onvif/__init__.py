"""ONVIF: IP cameras found on the network, asked for their streams, and found again when their address changes.

Why a client of its own: of ONVIF a dozen requests are needed. `onvif-zeep-async` brings zeep, lxml and an HTTP client,
reads WSDL files first, and gives whatever a device sends to a general XML stack; `WSDiscovery` starts threads and
asks on all interfaces. What devices send is hostile input, so it is read here with bounds of size, depth and time, by
`defusedxml`, which refuses documents with a DTD or entities, over the core's own HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from camcast.discovery import Discoverer, DiscovererKind, DiscoveryContext, SourceAddress
from camcast.errors import MissingDependency
from camcast.hooks import hookimpl
from camcast.kinds import importing

SCHEME = "onvif"
_INSTALL = "finding cameras by ONVIF needs defusedxml: pip install 'camcast[onvif]'"


@hookimpl
def camcast_discoverers() -> Sequence[DiscovererKind]:
    return [
        DiscovererKind(
            name=SCHEME,
            title="IP cameras by ONVIF",
            build=_build,
            source="rtsp",
            schemes=(SCHEME,),
            present=_present,
            credentials=_credentials,
            available=_available,
            load=importing("camcast_onvif.discoverer"),
        )
    ]


@hookimpl
def camcast_resolve_source(url: str, options: Mapping[str, Any]) -> SourceAddress | None:
    if url.partition("://")[0].lower() != SCHEME:
        return None
    _available()
    from .resolve import find_again

    return find_again(url, options)


def _build(context: DiscoveryContext) -> Discoverer:
    from .discoverer import OnvifDiscoverer

    return OnvifDiscoverer(context)


def _present(url: str) -> None:
    from .named import parse_named

    parse_named(url)


def _credentials(username: str, password: str) -> Mapping[str, Any]:
    # Whoever takes a camera's address must not get its password in clear.
    return {"username": username, "password": password, "login": "digest"}


def _available() -> None:
    try:
        import defusedxml  # noqa: F401
    except ImportError:
        raise MissingDependency(_INSTALL) from None
