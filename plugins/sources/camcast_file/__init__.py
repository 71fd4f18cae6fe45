"""The file source: plays a media file as if it were a camera. Packets are copied, never decoded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from camcast.contracts import Source, SourceContext
from camcast.hooks import hookimpl
from camcast.kinds import SourceKind, importing
from camcast_file.options import FileOptions

if TYPE_CHECKING:
    from camcast_file.shared import Shared


@hookimpl
def camcast_sources() -> Sequence[SourceKind]:
    return [
        SourceKind(
            name="file",
            title="A media file, paced like a camera",
            build=_Builder(),
            load=importing("camcast_file.shared", "camcast_file.source"),
            options=FileOptions,
            takes=_takes,
            present=_present,
            may_rest=True,
        )
    ]


def _takes(text: str) -> bool:
    try:
        return "://" not in text and Path(text).is_file()
    except OSError:  # of Python before 3.14: a folder that may not be read, a name that is too long
        return False


def _present(url: str) -> None:
    from camcast_file.source import local_path

    path = local_path(url)
    if not path.is_file():
        raise ValueError(f"there is no file {path}; relative paths are looked for beside the configuration first")


class _Builder:
    """Builds file sources, which share reading threads, timers and cached clips through it."""

    def __init__(self) -> None:
        self._shared: Shared | None = None

    def __call__(self, context: SourceContext) -> Source:
        from camcast_file.shared import Shared
        from camcast_file.source import FileSource

        if self._shared is None:
            self._shared = Shared()
        return FileSource(context, self._shared)
