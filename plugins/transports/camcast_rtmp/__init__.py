"""RTMP and RTMPS, camcast's own: Enhanced RTMP, IPv6, verified TLS, deadlines everywhere.

`urls`, `chunk`, `client` and the modules beside them are pure; `wire`, `tls`, `network` and `driver` do the I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from camcast.hooks import hookimpl

if TYPE_CHECKING:
    from camcast.kinds import TransportKind


@hookimpl
def camcast_transports() -> Sequence[TransportKind]:
    from camcast_rtmp.kind import KINDS

    return KINDS
