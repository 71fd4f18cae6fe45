"""The RTSP source: IP cameras, over TCP or UDP, many on one loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from camcast.contracts import Source, SourceContext
from camcast.hooks import hookimpl
from camcast.kinds import SourceKind, importing

from .options import RtspOptions

if TYPE_CHECKING:
    from .memory import Memories


@hookimpl
def camcast_sources() -> Sequence[SourceKind]:
    return [
        SourceKind(
            name="rtsp",
            title="An IP camera by RTSP",
            build=_Builder(),
            load=importing("camcast_rtsp.memory", "camcast_rtsp.source"),
            options=RtspOptions,
            one_reader=True,
            place=_place,
            takes=_takes,
            present=_present,
        )
    ]


def _takes(text: str) -> bool:
    return text.partition("://")[0].lower() in ("rtsp", "rtsps")


def _present(url: str) -> None:
    from .url import parse_url

    parse_url(url)


def _place(url: str) -> str:
    from .url import place

    return place(url)


class _Builder:
    """Builds RTSP sources, which share through it what was learnt of each camera."""

    def __init__(self) -> None:
        self._memories: Memories | None = None

    def __call__(self, context: SourceContext) -> Source:
        from .memory import Memories
        from .source import RtspSource

        if self._memories is None:
            self._memories = Memories()
        return RtspSource(context, self._memories)
