"""The push source: the embedding program hands in packets or frames that it already has.

feed = engine.push(camera_id, stream_id)
feed.packet(access_unit, pts=...)      # or feed.frame(array), feed.audio(samples); True = taken

All calls may come from any thread. On the engine's loop they go straight through to the sessions.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from camcast.contracts import Source, SourceContext
from camcast.hooks import hookimpl
from camcast.kinds import Gives, SourceKind, importing
from camcast_push.counts import PushCounts
from camcast_push.observer import StreamObserver, StreamSubject
from camcast_push.options import PushOptions

if TYPE_CHECKING:
    from camcast_push.feed import PushFeed

__all__ = ["PushCounts", "PushOptions", "StreamObserver", "StreamSubject", "camcast_sources"]


@hookimpl
def camcast_sources() -> Sequence[SourceKind]:
    feeds = _Feeds()
    return [
        SourceKind(
            name="push",
            title="Packets or frames from the embedding program",
            build=feeds.build,
            load=importing("camcast_push.feed", "camcast_push.source"),
            options=PushOptions,
            gives=Gives.EITHER,
            needs_url=False,
            in_process=True,
            may_rest=True,
            feed=feeds.get,
        )
    ]


class _Feeds:
    """The handles of one engine, which outlive the sources that they feed."""

    def __init__(self) -> None:
        self._feeds: dict[tuple[int, int], PushFeed] = {}
        self._lock = threading.Lock()

    def get(self, camera_id: int, stream_id: int) -> PushFeed:
        from camcast_push.feed import PushFeed

        with self._lock:
            return self._feeds.setdefault((camera_id, stream_id), PushFeed(camera_id, stream_id))

    def build(self, context: SourceContext) -> Source:
        from camcast_push.source import PushSource

        return PushSource(context, self.get(context.camera_id, context.stream_id))
