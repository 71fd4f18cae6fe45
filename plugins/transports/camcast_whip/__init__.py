"""WHIP (RFC 9725): H.264 and Opus to a WebRTC server, packets passed through. See `transport.py`."""

from __future__ import annotations

from collections.abc import Sequence

from camcast.hooks import hookimpl
from camcast.kinds import TransportKind
from camcast_whip.kind import WhipPlugin


@hookimpl
def camcast_transports() -> Sequence[TransportKind]:
    # The object behind the kind holds the threads, so that nothing of it is global.
    return [WhipPlugin().kind()]
