"""The librtmp transport kind."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from camcast.kinds import Acceptance, Confidence, Payload, Take, TransportKind, importing
from camcast.media import MediaKind
from camcast_kit_rtmp import urls
from camcast_librtmp.checks import check
from camcast_librtmp.options import LibrtmpOptions

if TYPE_CHECKING:
    from camcast.contracts import Transport, TransportContext
    from camcast_librtmp.binding import Binding

_ACCEPTANCE = Acceptance(
    codecs={"h264": Take(Confidence.YES, "legacy"), "aac": Take(Confidence.YES, "legacy")},
    fallback={MediaKind.VIDEO: "h264", MediaKind.AUDIO: "aac"},
)


class LibrtmpPlugin:
    """Holds the imported library for the transports of one plugin host."""

    def __init__(self) -> None:
        self._binding: Binding | None = None
        self._lock = threading.Lock()

    def kind(self) -> TransportKind:
        return TransportKind(
            name="librtmp",
            title="RTMP by librtmp (python-librtmp): IPv4, H.264 and AAC, no verified TLS",
            schemes=("rtmp", "rtmps"),
            build=self.build,
            accepts=lambda target: _ACCEPTANCE,
            payload=Payload.TAGS,
            options=LibrtmpOptions,
            by_name_only=True,
            available=self.available,
            load=self.load,
            check=check,
            remarks=urls.remarks,
            publish_name=urls.publish_name,
        )

    def available(self) -> None:
        self.binding()

    def load(self) -> None:
        """Raises `MissingDependency`."""
        importing("camcast_librtmp.transport")()
        self.binding()

    def binding(self) -> Binding:
        """python-librtmp, imported at the first call, from any thread. Raises `MissingDependency`."""
        with self._lock:
            if self._binding is None:
                from camcast_librtmp.binding import load

                self._binding = load()
            return self._binding

    def build(self, context: TransportContext) -> Transport:
        from camcast_librtmp.transport import LibrtmpTransport

        return LibrtmpTransport(context, self.binding())
