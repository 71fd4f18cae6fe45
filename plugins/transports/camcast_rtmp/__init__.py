"""RTMP and RTMPS, camcast's own: Enhanced RTMP, IPv6, verified TLS, deadlines everywhere.

`urls`, `chunk`, `client` and the modules beside them are pure; `line` and `driver` do the I/O, with `camcast.net`.
`server` is the receiving half, of which both the receiver for tests and the source (`ingest`) are made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from camcast.hooks import hookimpl

if TYPE_CHECKING:
    from camcast.kinds import SourceKind, TransportKind


@hookimpl
def camcast_transports() -> Sequence[TransportKind]:
    from camcast_rtmp.kind import RtmpPlugin

    return RtmpPlugin().kinds()


@hookimpl
def camcast_sources() -> Sequence[SourceKind]:
    from camcast_rtmp.ingest.kind import RtmpIngest

    return [RtmpIngest().kind()]
