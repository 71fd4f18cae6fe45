"""SRT: one attempt is one libsrt socket that carries MPEG-TS, see `transport.py`; a source is `ingest`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from camcast.hooks import hookimpl

if TYPE_CHECKING:
    from camcast.kinds import SourceKind, TransportKind


@hookimpl
def camcast_transports() -> Sequence[TransportKind]:
    # Not above: libsrt's processes import this package too, and need little of it.
    from camcast_srt.kind import SrtPlugin

    # The object behind the kind holds the processes that libsrt runs in, so that nothing of it is global.
    return [SrtPlugin().kind()]


@hookimpl
def camcast_sources() -> Sequence[SourceKind]:
    from camcast_srt.ingest.kind import SrtIngest

    return [SrtIngest().kind()]
