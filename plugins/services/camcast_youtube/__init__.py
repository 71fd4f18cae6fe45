"""What YouTube itself says of streams that are sent there: `liveStreams.healthStatus`. See `service.py`."""

from __future__ import annotations

from collections.abc import Sequence

from camcast.hooks import hookimpl
from camcast.kinds import ServiceKind
from camcast_youtube.options import YoutubeOptions
from camcast_youtube.service import Youtube


@hookimpl
def camcast_services() -> Sequence[ServiceKind]:
    return [
        ServiceKind(
            name="youtube",
            title="What YouTube says of the streams that it gets",
            build=Youtube,
            options=YoutubeOptions,
        )
    ]
