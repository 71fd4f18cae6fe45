"""Records a stream into an FLV file: `"outputs": {"archive": {"url": "flvfile:///var/video/gate.flv"}}`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import attrs

from camcast.contracts import TransportContext
from camcast.errors import MisconfiguredError, NetworkError
from camcast.flv.tag import file_header, file_tag
from camcast.hooks import hookimpl
from camcast.kinds import Acceptance, Confidence, Take, TransportKind
from camcast.media import MediaKind, Tag, Track, Unit


@attrs.frozen
class FlvFileOptions:
    append_number: bool = True
    """Never overwrite: gate.flv, gate.1.flv, gate.2.flv, … False replaces the file."""


class FlvFile:
    def __init__(self, context: TransportContext) -> None:
        self._context = context
        self._path = Path(context.target.url.removeprefix("flvfile://"))
        self._file: BinaryIO | None = None
        self.pending = 0  # a file takes everything at once …
        self.acked = 0  # … so all that was sent has arrived

    async def connect(self) -> None:
        if not self._path.parent.is_dir():
            raise MisconfiguredError(f"there is no folder {self._path.parent}; create it", stage="connect")

    async def publish(self, tracks: Sequence[Track]) -> None:
        path, number = self._path, 0
        while self._context.options.append_number and path.exists():
            path, number = self._path.with_suffix(f".{number + 1}{self._path.suffix}"), number + 1
        kinds = {track.kind for track in tracks}
        self._file = path.open("wb")
        self._file.write(file_header(audio=MediaKind.AUDIO in kinds, video=MediaKind.VIDEO in kinds))

    def send(self, unit: Unit, time: int) -> None:
        assert isinstance(unit, Tag)  # what `Payload.TAGS`, the default, promises
        data = file_tag(attrs.evolve(unit, time=time))
        try:
            if self._file is not None:
                self.acked += self._file.write(data)
        except OSError as error:
            self._context.events.lost(NetworkError(f"cannot write: {error.strerror}", stage="streaming"))

    async def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def stats(self) -> Mapping[str, float]:
        return {"file_bytes": float(self.acked)}


@hookimpl
def camcast_transports() -> list[TransportKind]:
    return [
        TransportKind(
            name="flvfile",
            title="FLV file",
            schemes=("flvfile",),
            build=FlvFile,
            accepts=lambda target: Acceptance(codecs={}, others=Take(Confidence.YES)),
            options=FlvFileOptions,
        )
    ]
