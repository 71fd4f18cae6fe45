"""The RTSP source: IP cameras, over TCP or UDP, many on one loop."""

from __future__ import annotations

from collections.abc import Sequence

from camcast.contracts import Source, SourceContext
from camcast.hooks import hookimpl
from camcast.kinds import SourceKind

from .options import RtspOptions


@hookimpl
def camcast_sources() -> Sequence[SourceKind]:
    return [SourceKind(name="rtsp", title="An IP camera by RTSP", build=_build, options=RtspOptions)]


def _build(context: SourceContext) -> Source:
    from .source import RtspSource

    return RtspSource(context)
