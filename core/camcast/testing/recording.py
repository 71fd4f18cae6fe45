"""What came of one publication to a receiver: the tags as they arrived, and what can be made of them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from time import monotonic_ns
from typing import Any

import attrs

from camcast.errors import MediaError
from camcast.flv import amf0
from camcast.flv.tag import file_header, file_tag
from camcast.flv.unpack import Part, Unpacker
from camcast.kinds import CodecKind
from camcast.media import Tag, TagType

KEEP = 512 << 20
"""Bytes of media kept per recording by default; beyond, it is only counted."""

_SET_DATA_FRAME = amf0.encode("@setDataFrame")
_ON_METADATA = amf0.encode("onMetaData")
_MAX_METADATA = 1000


@attrs.frozen
class ReceivedFrame:
    """One access unit as it came. `time` and `composition` are ms, `arrival` is `time.monotonic_ns()`."""

    type: TagType
    codec: str
    form: str
    time: int
    composition: int
    keyframe: bool
    payload: bytes = attrs.field(repr=False)
    arrival: int = 0


@attrs.define(eq=False)
class Recording:
    """All that came of one publication."""

    app: str
    name: str
    """The stream key up to its query."""
    key: str = attrs.field(repr=False)
    connect: Mapping[str, Any] = attrs.field(repr=False)
    """The client's connect object."""
    keep: int = KEEP
    tags: list[Tag] = attrs.field(factory=list, repr=False)
    """As sent; `head` is empty except for "@setDataFrame"."""
    arrivals: array[int] = attrs.field(factory=lambda: array("q"), repr=False)
    """`time.monotonic_ns()` of each of `tags`."""
    metadata: list[dict[str, Any]] = attrs.field(factory=list)
    counts: dict[TagType, int] = attrs.field(factory=lambda: dict.fromkeys(TagType, 0))
    size: int = 0
    """Bytes of media received."""
    not_kept: int = 0
    """Tags counted only, because `keep` was reached."""
    started: int = attrs.field(factory=monotonic_ns)
    ended: int | None = None
    clean: bool = False
    """Ended by the client's unpublishing, not by losing the connection."""
    peer: str = ""
    """The address of who publishes, where the receiver tells it."""

    @property
    def live(self) -> bool:
        return self.ended is None

    def flv(self) -> bytes:
        """What was kept as an FLV file, for FFmpeg or PyAV."""
        kinds = {tag.type for tag in self.tags}
        parts = [file_header(audio=TagType.AUDIO in kinds, video=TagType.VIDEO in kinds)]
        return b"".join(parts + [file_tag(tag) for tag in self.tags])

    def frames(self, codecs: Iterable[CodecKind]) -> Iterator[ReceivedFrame]:
        """The access units among what was kept; headers and metadata are left out. Raises `MediaError`."""
        unpacker = Unpacker(codecs)
        for tag, arrival in zip(self.tags, self.arrivals, strict=True):
            if tag.type is TagType.SCRIPT:
                continue
            for piece in unpacker.unpack(tag.type, tag.body):
                if piece.part is Part.FRAME:
                    yield ReceivedFrame(
                        tag.type,
                        piece.codec,
                        piece.form,
                        tag.time,
                        piece.composition,
                        piece.keyframe,
                        piece.payload,
                        arrival,
                    )

    def add(self, kind: TagType, time: int, body: bytes) -> None:
        """Take one tag that arrives now."""
        self.counts[kind] += 1
        self.size += len(body)
        head = b""
        if kind is TagType.SCRIPT:
            if body.startswith(_SET_DATA_FRAME):
                head, body = _SET_DATA_FRAME, body[len(_SET_DATA_FRAME) :]
            self._learn(body)
        if self.size > self.keep:
            self.not_kept += 1
            return
        self.tags.append(Tag(kind, time, head, body))
        self.arrivals.append(monotonic_ns())

    def _learn(self, body: bytes) -> None:
        if not body.startswith(_ON_METADATA) or len(self.metadata) >= _MAX_METADATA:
            return
        try:
            values = amf0.decode(body)
        except MediaError:
            return
        self.metadata += [value for value in values[1:2] if isinstance(value, dict)]
