"""FLV files: header, tags, and the size after each tag (Adobe FLV 10.1, E.2 to E.4).

File:  "FLV" ‖ 01 ‖ flags (4 audio, 1 video) ‖ u32 9 ‖ u32 0
Tag:   type u8 ‖ size u24 ‖ time u24 (low bits) ‖ time u8 (high bits) ‖ stream u24 = 0 ‖ body ‖ u32 11 + size

A script tag's `head` is the "@setDataFrame" that only a live connection carries, so a file leaves it out.
"""

from __future__ import annotations

import struct

from camcast.errors import MediaError
from camcast.media import Tag, TagType

TAG_HEADER_SIZE = 11
FILE_HEADER_SIZE = 9
MAX_BODY = 0xFFFFFF
MAX_FILE_HEADER = 1024
"""Upper bound for the header size that a file may claim; 9 is the only one ever met."""

_TYPES = {kind.value: kind for kind in TagType}


def file_header(*, audio: bool, video: bool) -> bytes:
    """What an FLV file begins with, the first (zero) previous-tag size included."""
    return b"FLV\x01" + bytes((audio << 2 | video,)) + struct.pack(">II", FILE_HEADER_SIZE, 0)


def file_tag(tag: Tag) -> bytes:
    """One tag with its header and the size behind it; raises `MediaError` when the body exceeds 24 bits."""
    head = b"" if tag.type is TagType.SCRIPT else tag.head
    size = len(head) + len(tag.body)
    if size > MAX_BODY:
        raise MediaError(f"tag body of {size} bytes: FLV takes at most {MAX_BODY}")
    time = tag.time & 0xFFFFFFFF
    header = struct.pack(">IIHB", tag.type.value << 24 | size, (time & 0xFFFFFF) << 8 | time >> 24, 0, 0)
    return b"".join((header, head, tag.body, struct.pack(">I", TAG_HEADER_SIZE + size)))


class FlvReader:
    """Reads an FLV file from pieces of any size; strict, and never holds more than one tag.

    Tags come with an empty `head` and the whole body in `body`; `time` is the unsigned 32-bit value. Raises
    `MediaError` for anything the format does not allow, after which the reader is of no further use.
    """

    def __init__(self, max_body: int = MAX_BODY) -> None:
        self._max_body = max_body
        self._buffer = bytearray()
        self._previous = -1
        """Size of the previous tag; -1 while the file header is still to come."""
        self.audio = False
        """What the file header announces. Likewise `video`."""
        self.video = False

    def feed(self, data: bytes | bytearray | memoryview) -> list[Tag]:
        """The tags that became complete with `data`."""
        self._buffer += data
        if self._previous < 0 and not self._read_header():
            return []
        tags: list[Tag] = []
        position = 0
        while (taken := self._read_tag(position, tags)) > 0:
            position += taken
        del self._buffer[:position]
        return tags

    def close(self) -> None:
        """Raises `MediaError` when the file ended inside its header or a tag."""
        complete = 4 if self._previous >= 0 else 0
        if self._previous < 0 or len(self._buffer) != complete or self._size_at(0) != self._previous:
            raise MediaError(f"the FLV ends in the middle of a tag: {len(self._buffer)} bytes are left over")

    def _size_at(self, position: int) -> int:
        return int.from_bytes(self._buffer[position : position + 4], "big")

    def _read_header(self) -> bool:
        if not b"FLV\x01".startswith(self._buffer[:4]):
            raise MediaError(f'an FLV begins with "FLV" and version 1, got {bytes(self._buffer[:4]).hex(" ")}')
        if len(self._buffer) < FILE_HEADER_SIZE:
            return False
        flags = self._buffer[4]
        if flags & ~0x05:
            raise MediaError(f"FLV header flags {flags:#04x}: only audio (4) and video (1) are defined")
        size = self._size_at(5)
        if not FILE_HEADER_SIZE <= size <= MAX_FILE_HEADER:
            raise MediaError(f"FLV header claims {size} bytes, expected {FILE_HEADER_SIZE}")
        if len(self._buffer) < size:
            return False
        del self._buffer[:size]
        self.audio, self.video = bool(flags & 4), bool(flags & 1)
        self._previous = 0
        return True

    def _read_tag(self, position: int, tags: list[Tag]) -> int:
        """Append the tag at `position` and return its size together with the previous-tag size before it, or 0."""
        header_end = position + 4 + TAG_HEADER_SIZE
        if len(self._buffer) < header_end:
            return 0
        previous = self._size_at(position)
        if previous != self._previous:
            raise MediaError(f"previous tag size is {previous}, expected {self._previous}")
        first: int
        size: int
        first, time, stream = struct.unpack_from(">II3s", self._buffer, position + 4)
        kind = _TYPES.get(first >> 24)
        size = first & 0xFFFFFF
        if kind is None:
            raise MediaError(f"tag type {first >> 24}: expected 8 (audio), 9 (video) or 18 (script), unencrypted")
        if stream != b"\0\0\0":
            raise MediaError(f"tag stream id {stream.hex()}: FLV allows only 0")
        if size > self._max_body:
            raise MediaError(f"tag body of {size} bytes exceeds the limit of {self._max_body}")
        if len(self._buffer) < header_end + size:
            return 0
        body = bytes(self._buffer[header_end : header_end + size])
        tags.append(Tag(kind, (time & 0xFF) << 24 | time >> 8, b"", body))
        self._previous = TAG_HEADER_SIZE + size
        return 4 + TAG_HEADER_SIZE + size
