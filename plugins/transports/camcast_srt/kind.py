"""The SRT transport kind, and what its transports share: the loaded library and one I/O thread per engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from camcast.contracts import Transport, TransportContext
from camcast.kinds import Acceptance, Confidence, Payload, Take, TransportKind, importing
from camcast.media import MediaKind
from camcast.target import Target
from camcast_srt.afterlife import Afterlives
from camcast_srt.options import SrtOptions, settings_of

if TYPE_CHECKING:
    from camcast_srt.library import Library
    from camcast_srt.reactor import Reactor

_ACCEPTANCE = Acceptance(
    codecs={name: Take(Confidence.YES) for name in ("h264", "h265", "aac", "opus")},
    fallback={MediaKind.VIDEO: "h264", MediaKind.AUDIO: "aac"},
)


class SrtPlugin:
    """What the transports of one plugin host share."""

    def __init__(self) -> None:
        self._library: Library | None = None
        # By the id of the hand-over, of which an engine has one; its reactor keeps it, so the id stays its own.
        self._reactors: WeakValueDictionary[int, Reactor] = WeakValueDictionary()
        self._afterlives = Afterlives()

    def kind(self) -> TransportKind:
        return TransportKind(
            name="srt",
            title="SRT: MPEG-TS over UDP with retransmission and encryption",
            schemes=("srt",),
            build=self.build,
            accepts=lambda target: _ACCEPTANCE,
            payload=Payload.PACKETS,
            options=SrtOptions,
            available=self.available,
            load=self.load,
            check=lambda target: _check(target),
            remarks=_remarks,
            waits=lambda target: settings_of(target, _options(target)).mode == "listener",
            publish_name=_publish_name,
        )

    def load(self) -> None:
        """Imports, and loads libsrt. Raises `MissingDependency`."""
        importing("camcast_srt.library", "camcast_srt.reactor", "camcast_srt.transport")()
        self.library()

    def available(self) -> None:
        self.library()

    def library(self) -> Library:
        """libsrt, loaded at the first call. Raises `MissingDependency`."""
        if self._library is None:
            from camcast_srt.library import load

            self._library = load()
        return self._library

    def build(self, context: TransportContext) -> Transport:
        from camcast_srt.reactor import Reactor
        from camcast_srt.transport import SrtTransport

        library = self.library()
        reactor = self._reactors.get(id(context.handover))
        if reactor is None:
            reactor = self._reactors[id(context.handover)] = Reactor(library, context.handover)
        return SrtTransport(context, library, reactor, self._afterlives)


def _options(target: Target) -> SrtOptions:
    return target.options if isinstance(target.options, SrtOptions) else SrtOptions()


def _check(target: Target) -> None:
    settings_of(target, _options(target))


def _remarks(target: Target) -> Sequence[str]:
    if target.bind and settings_of(target, _options(target)).mode == "listener":
        return ("`bind` changes nothing for a listener: the address in its URL is the one at which it waits",)
    return ()


def _publish_name(target: Target) -> str:
    try:
        return settings_of(target, _options(target)).publish_name
    except ValueError:
        return target.url
