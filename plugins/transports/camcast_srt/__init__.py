"""SRT: one attempt is one libsrt socket that carries MPEG-TS. See `transport.py`."""

from __future__ import annotations

from collections.abc import Sequence

from camcast.hooks import hookimpl
from camcast.kinds import TransportKind
from camcast_srt.kind import SrtPlugin


@hookimpl
def camcast_transports() -> Sequence[TransportKind]:
    # The object behind the kind holds the library and the I/O threads, so that nothing of it is global.
    return [SrtPlugin().kind()]
