"""The WHIP transport kind, and what all WebRTC transports share: one thread per engine."""

from __future__ import annotations

from hashlib import sha256
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from camcast.contracts import Handover, Transport, TransportContext
from camcast.errors import MissingDependency
from camcast.kinds import Acceptance, Confidence, Payload, Take, TransportKind, importing
from camcast.media import MediaKind
from camcast.net.host import canonical
from camcast.target import Target
from camcast_whip import options
from camcast_whip.options import WhipOptions

if TYPE_CHECKING:
    from camcast_whip.thread import WhipThread

_NEEDED = ("aiortc",)

ACCEPTANCE = Acceptance(
    codecs={"h264": Take(Confidence.YES), "opus": Take(Confidence.YES)},
    fallback={MediaKind.VIDEO: "h264", MediaKind.AUDIO: "opus"},
    reorder=False,
)
"""Browsers show pictures in the order in which they come, so B-frames make them jump."""


class Threads:
    """The threads of all engines that use one plugin host."""

    def __init__(self) -> None:
        # By the id of the hand-over, of which an engine has one; its thread keeps it, so the id stays its own.
        self._threads: WeakValueDictionary[int, WhipThread] = WeakValueDictionary()

    def of(self, handover: Handover) -> WhipThread:
        """The thread of the engine with this hand-over."""
        from camcast_whip.thread import WhipThread

        thread = self._threads.get(id(handover))
        if thread is None:
            thread = self._threads[id(handover)] = WhipThread(handover)
        return thread


class WhipPlugin:
    """What the transports of one plugin host share."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads

    def kind(self) -> TransportKind:
        return TransportKind(
            name="whip",
            title="WHIP: WebRTC, for browsers and low delay (H.264 without B-frames, Opus)",
            schemes=tuple(options.SCHEMES),
            build=self.build,
            load=importing("camcast_whip.thread", "camcast_whip.transport"),
            accepts=lambda target: ACCEPTANCE,
            payload=Payload.PACKETS,
            options=WhipOptions,
            available=available,
            check=lambda target: options.check(target, _options(target)),
            publish_name=_publish_name,
        )

    def build(self, context: TransportContext) -> Transport:
        from camcast_whip.transport import WhipTransport

        available()
        return WhipTransport(context, self._threads.of(context.handover))


def available() -> None:
    """Raises `MissingDependency`. Only looks: importing them takes a second."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise MissingDependency(f"this transport needs {' and '.join(missing)}: pip install 'camcast[whip]'")


def _options(target: Target) -> WhipOptions:
    return target.options if isinstance(target.options, WhipOptions) else WhipOptions()


def _publish_name(target: Target) -> str:
    try:
        place = options.place_of(target, _options(target))
    except ValueError:
        return target.url
    # The path often holds a key and the token is one: names are compared and shown.
    parts = urlsplit(place.url)
    digest = sha256(f"{parts.path or '/'}?{parts.query}\0{place.token or ''}".encode()).hexdigest()[:16]
    return f"{canonical(place.host)}:{place.port}/{digest}"
