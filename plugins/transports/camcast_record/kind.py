"""The record transport's kind, and what its transports share: which recordings' threads hang in a dead disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from camcast.contracts import Transport, TransportContext
from camcast.kinds import Acceptance, Confidence, Payload, Take, TransportKind, importing
from camcast.media import MediaKind
from camcast.target import Target
from camcast_record.naming import FileName
from camcast_record.options import RecordOptions
from camcast_record.stores import check_store

if TYPE_CHECKING:
    from camcast_record.recorder import Recorder
    from camcast_record.sweep import Sweeper
    from camcast_record.upload import Uploader

CODECS = ("h264", "h265", "av1", "vp9", "aac", "opus", "mp3")
_ACCEPTANCE = Acceptance(
    codecs={name: Take(Confidence.YES) for name in CODECS},
    fallback={MediaKind.VIDEO: "h264", MediaKind.AUDIO: "aac"},
)


class RecordPlugin:
    """What the transports of one plugin host share."""

    def __init__(self) -> None:
        self._hanging: dict[str, Recorder] = {}
        """By URL: one thread at most is left behind for each recording, however often it is tried again."""

        self._uploads: dict[str, Uploader] = {}
        """By URL: who uploads, or did last; the next does not begin before that has ended."""
        self._sweepers: dict[tuple[Path, float | None, int | None], Sweeper] = {}
        """By archive and policy: recordings that share them are swept together."""

    def kind(self) -> TransportKind:
        return TransportKind(
            name="record",
            title="Recording: MP4 or Matroska files on this machine, cut at keyframes",
            schemes=("record",),
            build=self.build,
            accepts=lambda target: _ACCEPTANCE,
            payload=Payload.PACKETS,
            options=RecordOptions,
            check=_check,
            load=importing("camcast_record.transport"),
        )

    def build(self, context: TransportContext) -> Transport:
        from camcast_record.transport import RecordTransport

        url = context.target.url
        name, archive = _places(context.target)

        def left_behind(recorder: Recorder) -> None:
            self._hanging[url] = recorder

        return RecordTransport(
            context, name, self._sweeper(archive, context.target), lambda: self._hangs(url), left_behind, self._uploads
        )

    def _sweeper(self, archive: Path, target: Target) -> Sweeper:
        from camcast_record.sweep import Sweeper

        options = _options(target)
        key = archive, options.keep_for, options.keep_size
        if key not in self._sweepers:
            self._sweepers[key] = Sweeper(*key)
        return self._sweepers[key]

    def _hangs(self, url: str) -> bool:
        recorder = self._hanging.get(url)
        if recorder is not None and recorder.ended:
            del self._hanging[url]
        return url in self._hanging


def _places(target: Target) -> tuple[FileName, Path]:
    """The files' names and the archive that they are in. Raises `ValueError`."""
    options = _options(target)
    name = FileName(target.url, local=options.local_time)
    archive = Path(options.archive) if options.archive else name.folder
    if not archive.is_absolute():
        raise ValueError("`archive` must be a whole path, which begins with a slash")
    if not name.folder.is_relative_to(archive):
        raise ValueError("`archive` is not a folder that the path in the URL leads through")
    return name, archive


def _options(target: Target) -> RecordOptions:
    return target.options if isinstance(target.options, RecordOptions) else RecordOptions()


def _check(target: Target) -> None:
    _places(target)
    if isinstance(target.options, RecordOptions) and target.options.upload:
        check_store(target.options.upload)
