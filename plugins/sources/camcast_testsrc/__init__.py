"""The test source: a picture that shows who it is and when it was made, and a tone."""

from __future__ import annotations

from collections.abc import Sequence

from camcast.contracts import Source, SourceContext
from camcast.hooks import hookimpl
from camcast.kinds import Gives, SourceKind, importing
from camcast_testsrc.options import PictureOptions


@hookimpl
def camcast_sources() -> Sequence[SourceKind]:
    return [
        SourceKind(
            name="testsrc",
            title="A test picture with name, frame number and clock, and a tone",
            build=_build,
            load=importing("camcast_testsrc.source"),
            options=PictureOptions,
            gives=Gives.FRAMES,
            needs_url=False,
        )
    ]


def _build(context: SourceContext) -> Source:
    from camcast_testsrc.source import PictureSource

    return PictureSource(context)
