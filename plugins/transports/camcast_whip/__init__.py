"""WebRTC: H.264 and Opus, packets passed through.

WHIP (RFC 9725) sends to a server, see `transport.py`; WHEP (`whep/`) is watched by browsers here.
"""

from __future__ import annotations

from collections.abc import Sequence

from camcast.hooks import hookimpl
from camcast.kinds import TransportKind
from camcast_whip.kind import Threads, WhipPlugin
from camcast_whip.whep.kind import WhepPlugin


@hookimpl
def camcast_transports() -> Sequence[TransportKind]:
    # The objects behind the kinds hold the threads, so that nothing of them is global.
    threads = Threads()
    return [WhipPlugin(threads).kind(), WhepPlugin(threads).kind()]
