"""Records a stream into FLV files: `"outputs": {"archive": {"url": "flvfile:///var/video/gate.flv"}}`."""

from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from time import strftime

import attrs

from camcast.contracts import TransportContext
from camcast.errors import MisconfiguredError, NetworkError
from camcast.flv.tag import file_header, file_tag
from camcast.hooks import hookimpl
from camcast.kinds import Acceptance, Confidence, Take, TransportKind
from camcast.media import MediaKind, Tag, Track, Unit


@attrs.frozen
class FlvFileOptions:
    stamp: str = "-%Y%m%d-%H%M%S"  # added to each file's name, as strftime has it: nothing is overwritten


class FlvFile:
    pending, acked, closed = 0, 0, False  # bytes on their way, and arrived: a file takes everything at once
    file: FileIO | None = None  # without a buffer, so that nothing is left for `close` to write

    def __init__(self, context: TransportContext) -> None:
        self.context = context
        self.path = Path(context.target.url.removeprefix("flvfile://"))

    async def connect(self) -> None:
        if self.closed or not self.path.parent.is_dir():
            raise MisconfiguredError("there is no such folder; create it, or change the output's url", stage="connect")

    async def publish(self, tracks: Sequence[Track]) -> None:
        await self.connect()
        self.file = self.path.with_stem(self.path.stem + strftime(self.context.options.stamp)).open("xb", 0)
        self.file.write(file_header(**{kind.value: kind in [track.kind for track in tracks] for kind in MediaKind}))

    def send(self, unit: Unit, time: int) -> None:
        if self.file and isinstance(unit, Tag):  # tags are what `Payload.TAGS`, the default, promises
            try:
                self.acked += self.file.write(file_tag(attrs.evolve(unit, time=time)))
            except OSError as error:  # the disk is full
                self.context.events.lost(NetworkError(f"cannot write: {error.strerror}", stage="streaming"))

    async def close(self) -> None:
        self.closed, file, self.file = True, self.file, None
        if file:
            file.close()

    def stats(self) -> dict[str, float]:
        return {"file_bytes": float(self.acked)}


@hookimpl
def camcast_transports() -> list[TransportKind]:
    return [TransportKind(name="flvfile", title="FLV file", schemes=("flvfile",), options=FlvFileOptions, build=FlvFile,
                          accepts=lambda target: Acceptance(codecs={}, others=Take(Confidence.YES)))]  # fmt: skip
