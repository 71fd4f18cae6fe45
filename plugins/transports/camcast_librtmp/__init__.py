"""RTMP through python-librtmp: chosen by name (`"transport": "librtmp"`), for servers that want just this client.

The native transport is the better one: librtmp has no IPv6, verifies no certificate, knows no Enhanced RTMP and says
little of what went wrong. What is known of its dangers is written where it is dealt with: `binding`, `session`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from camcast.hooks import hookimpl

if TYPE_CHECKING:
    from camcast.kinds import TransportKind


@hookimpl
def camcast_transports() -> Sequence[TransportKind]:
    from camcast_librtmp.kind import LibrtmpPlugin

    return [LibrtmpPlugin().kind()]
