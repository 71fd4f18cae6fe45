"""The RTMP source's kind, and what its sources share: the addresses at which they listen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camcast.contracts import Source, SourceContext
from camcast.kinds import SourceKind, importing
from camcast_rtmp.ingest.options import RtmpSourceOptions

if TYPE_CHECKING:
    from camcast_rtmp.ingest.listener import Listeners


class RtmpIngest:
    """What the sources of one plugin host share."""

    def __init__(self) -> None:
        self._listeners: Listeners | None = None

    def kind(self) -> SourceKind:
        return SourceKind(
            name="rtmp",
            title="RTMP: a camera that publishes to us, or a server's stream",
            build=self.build,
            load=importing("camcast_rtmp.ingest.source"),
            options=RtmpSourceOptions,
            one_reader=True,
            place=_place,
            takes=lambda text: text.partition("://")[0].lower() in ("rtmp", "rtmps"),
            present=_present,
            listens=_listens,
            may_rest=True,
        )

    def build(self, context: SourceContext) -> Source:
        from camcast_rtmp.ingest.listener import Listeners
        from camcast_rtmp.ingest.source import RtmpSource

        if self._listeners is None:
            self._listeners = Listeners()
        return RtmpSource(context, self._listeners)


def _place(url: str) -> str:
    from camcast_rtmp.ingest.address import place

    return place(url)


def _listens(url: str, options: RtmpSourceOptions) -> str:
    from camcast_rtmp.ingest.address import socket_of

    return socket_of(url) if options.mode == "listen" else ""


def _present(url: str) -> None:
    from camcast_rtmp.ingest.address import parse

    parse(url)
