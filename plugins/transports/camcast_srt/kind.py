"""The SRT transport kind, and what its transports share: one process that libsrt's are copied from."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from camcast.contracts import Transport, TransportContext
from camcast.kinds import Acceptance, Confidence, Payload, Take, TransportKind, importing
from camcast.media import MediaKind
from camcast.target import Target
from camcast_srt.afterlife import Afterlives
from camcast_srt.options import SrtOptions, settings_of

if TYPE_CHECKING:
    from camcast_srt.keeper import Keeper

_ACCEPTANCE = Acceptance(
    codecs={name: Take(Confidence.YES) for name in ("h264", "h265", "aac", "opus")},
    fallback={MediaKind.VIDEO: "h264", MediaKind.AUDIO: "aac"},
)


class SrtPlugin:
    """What the transports of one plugin host share."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keeper: Keeper | None = None
        self._afterlives = Afterlives()
        self._found = False

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
            spares=False,  # the connection is the permission, and each has a server's stream for itself
        )

    def load(self) -> None:
        """Imports, and begins what the first connection would wait for. Raises `MissingDependency`."""
        importing("camcast_srt.library", "camcast_srt.keeper", "camcast_srt.transport")()
        self.available()
        self.keeper().warm()

    def available(self) -> None:
        """Raises `MissingDependency`. libsrt itself is used by other processes only."""
        if not self._found:
            from camcast_srt.library import find

            find()
            self._found = True

    def build(self, context: TransportContext) -> Transport:
        from camcast_srt.transport import SrtTransport

        self.available()
        return SrtTransport(context, self.keeper(), self._afterlives)

    def keeper(self) -> Keeper:
        from camcast_srt.keeper import Keeper

        with self._lock:
            if self._keeper is None:
                self._keeper = Keeper()
            return self._keeper


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
