"""SRT: one attempt is one libsrt socket that carries MPEG-TS. See `transport.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from camcast.hooks import hookimpl

if TYPE_CHECKING:
    from camcast.kinds import TransportKind


@hookimpl
def camcast_transports() -> Sequence[TransportKind]:
    # Not above: libsrt's processes import this package too, and need little of it.
    from camcast_srt.kind import SrtPlugin

    # The object behind the kind holds the processes that libsrt runs in, so that nothing of it is global.
    return [SrtPlugin().kind()]
