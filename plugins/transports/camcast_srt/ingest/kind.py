"""The SRT source's kind, and what its sources share: the addresses at which they listen, and libsrt's processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from camcast.contracts import Source, SourceContext
from camcast.kinds import SourceKind, importing
from camcast_srt.ingest.options import SrtSourceOptions
from camcast_srt.kind import SrtPlugin

LOOPBACK = "127.0.0.1"

if TYPE_CHECKING:
    from camcast_srt.ingest.listener import Listeners
    from camcast_srt.options import SrtSettings


class SrtIngest:
    """What the sources of one plugin host share."""

    def __init__(self) -> None:
        self._listeners: Listeners | None = None
        self._plugin = SrtPlugin()

    def kind(self) -> SourceKind:
        return SourceKind(
            name="srt",
            title="SRT: a camera that calls us, or a server that sends",
            build=self.build,
            available=self._plugin.available,
            load=self.load,
            options=SrtSourceOptions,
            place=_place,
            takes=lambda text: text.partition("://")[0].lower() == "srt",
            present=_present,
            listens=_listens,
            may_rest=True,
        )

    def load(self) -> None:
        """Imports, and begins what the first connection would wait for. Raises `MissingDependency`."""
        importing("camcast_srt.ingest.source")()
        self._plugin.load()

    def build(self, context: SourceContext) -> Source:
        from camcast_srt.ingest.listener import Listeners
        from camcast_srt.ingest.source import SrtSource

        self._plugin.available()
        if self._listeners is None:
            self._listeners = Listeners()
        return SrtSource(context, self._plugin.keeper(), self._listeners)


def _place(url: str) -> str:
    try:
        return _alone(url).publish_name
    except ValueError:
        return url.partition("://")[0]


def _listens(url: str, options: SrtSourceOptions) -> str:
    from camcast_srt.ingest.options import source_settings

    try:
        settings = source_settings(url, options)
    except ValueError:
        return "udp" if options.mode == "listener" and not url else ""
    return f"udp {settings.host or LOOPBACK}:{settings.port}" if settings.mode == "listener" else ""


def _present(url: str) -> None:
    _alone(url)


def _alone(url: str) -> SrtSettings:
    """What a URL says by itself; the mode may stand in the options. Raises `ValueError`."""
    from camcast_srt.ingest.options import source_settings

    mode: Literal["listener"] | None = None if "mode=" in url.lower() else "listener"
    return source_settings(url, SrtSourceOptions(mode=mode))
