"""Recording: an output that is written to files on this machine, segment by segment. See `transport.py`."""

from __future__ import annotations

from collections.abc import Sequence

from camcast.hooks import hookimpl
from camcast.kinds import TransportKind
from camcast_record.kind import RecordPlugin


@hookimpl
def camcast_transports() -> Sequence[TransportKind]:
    # The object behind the kind knows which disks hang, so that nothing of it is global.
    return [RecordPlugin().kind()]
