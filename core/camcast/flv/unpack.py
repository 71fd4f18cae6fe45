"""The reading side of video and audio tag bodies: legacy and Enhanced, with ModEx and multitrack.

Whether a body carries a packet type and a composition time depends on its codec. That knowledge is taken from the
FLV forms of the codecs themselves (from the shape of the head that a form writes), so none is named here. Of a
codec that no form tells about: legacy bodies are all payload behind the first byte, Enhanced ones have no
composition time.

Source: Adobe FLV 10.1, E.4.2 and E.4.3; Enhanced RTMP v2, "Enhanced Video", "Enhanced Audio". Whatever does not
follow them raises `MediaError`.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

import attrs

from camcast.errors import MediaError
from camcast.flv.fourcc import (
    ENHANCED_AUDIO,
    ENHANCED_VIDEO,
    AudioPacketType,
    FrameType,
    ModExType,
    MultitrackType,
    VideoPacketType,
)
from camcast.kinds import CodecKind
from camcast.media import MediaKind, TagType, Track

MAX_MOD_EX = 16
"""ModEx blocks accepted in front of one body."""
MAX_TRACKS = 256
"""In one body: as many as there are numbers for. Each takes memory, and may have four bytes."""


class Part(Enum):
    """What a piece of a tag body is."""

    HEADER = "header"
    FRAME = "frame"
    END = "end"
    METADATA = "metadata"
    CHANNELS = "channels"
    COMMAND = "command"


@attrs.frozen(kw_only=True)
class Piece:
    """One track's part of a tag body."""

    part: Part
    codec: str
    """Name of the codec kind; "" when none of the known forms has this codec id."""
    form: str
    """Name of the form; for an unknown codec id "legacy" or "enhanced"."""
    codec_id: int
    """As onMetaData has it: legacy id, or FourCC as a number."""
    payload: bytes = attrs.field(repr=False)
    keyframe: bool = False
    composition: int = 0
    """ms, signed."""
    track_id: int = 0
    nanoseconds: int = 0
    """To be added to the tag's time (ModEx)."""


@attrs.frozen
class _Layout:
    codec: str
    form: str
    packet_type: bool
    composition: bool


_VIDEO_PARTS: dict[int, Part] = {
    VideoPacketType.SEQUENCE_START: Part.HEADER,
    VideoPacketType.CODED_FRAMES: Part.FRAME,
    VideoPacketType.CODED_FRAMES_X: Part.FRAME,
    VideoPacketType.SEQUENCE_END: Part.END,
    VideoPacketType.METADATA: Part.METADATA,
    VideoPacketType.MPEG2TS_SEQUENCE_START: Part.HEADER,
}
_AUDIO_PARTS: dict[int, Part] = {
    AudioPacketType.SEQUENCE_START: Part.HEADER,
    AudioPacketType.CODED_FRAMES: Part.FRAME,
    AudioPacketType.SEQUENCE_END: Part.END,
    AudioPacketType.MULTICHANNEL_CONFIG: Part.CHANNELS,
}
_FIRST_FOURCC = 0x20202020
"""Codec ids below are legacy ones (they have 4 bits)."""
_LEGACY_PARTS = {0: Part.HEADER, 1: Part.FRAME, 2: Part.END}


class Unpacker:
    """Splits tag bodies, knowing the forms of the given codecs."""

    def __init__(self, kinds: Iterable[CodecKind]) -> None:
        self._layouts: dict[tuple[MediaKind, int], _Layout] = {}
        for kind in kinds:
            probe = Track(kind=kind.media, codec=kind.name, sample_rate=8000, channels=1)
            for form in kind.flv.values():
                size = len(form.head(probe, False, 1))
                # One byte, then packet type, then composition time; behind a FourCC only the last may be missing.
                layout = (
                    _Layout(kind.name, form.name, packet_type=size > 1, composition=size == 5)
                    if form.codec_id < _FIRST_FOURCC
                    else _Layout(kind.name, form.name, packet_type=True, composition=size == 8)
                )
                self._layouts.setdefault((kind.media, form.codec_id), layout)

    def unpack(self, kind: TagType, body: bytes) -> list[Piece]:
        """The pieces of one audio or video tag body; more than one only for multitrack."""
        if kind is TagType.SCRIPT:
            raise MediaError("a script tag holds no media")
        media = MediaKind.VIDEO if kind is TagType.VIDEO else MediaKind.AUDIO
        cursor = _Cursor(body)
        first = cursor.u8()
        if media is MediaKind.VIDEO:
            frame_type = first >> 4 & 7
            if not first & ENHANCED_VIDEO:
                return [self._legacy(media, first & 0x0F, frame_type, cursor)]
            return self._enhanced(media, first & 0x0F, frame_type, cursor)
        if first >> 4 != ENHANCED_AUDIO:
            return [self._legacy(media, first >> 4, FrameType.KEY, cursor)]
        return self._enhanced(media, first & 0x0F, FrameType.KEY, cursor)

    def _layout(self, media: MediaKind, codec_id: int) -> _Layout:
        known = self._layouts.get((media, codec_id))
        if known is not None:
            return known
        enhanced = codec_id >= _FIRST_FOURCC
        return _Layout("", "enhanced" if enhanced else "legacy", enhanced, False)

    def _legacy(self, media: MediaKind, codec_id: int, frame_type: int, cursor: _Cursor) -> Piece:
        layout = self._layout(media, codec_id)
        part, composition = Part.FRAME, 0
        if frame_type == FrameType.COMMAND:
            part = Part.COMMAND
        elif layout.packet_type:
            packet_type = cursor.u8()
            found = _LEGACY_PARTS.get(packet_type)
            if found is None:
                raise MediaError(f"packet type {packet_type} in a legacy {media.value} body: expected 0, 1 or 2")
            part = found
            if layout.composition:
                composition = cursor.si24()
        return Piece(
            part=part,
            codec=layout.codec,
            form=layout.form,
            codec_id=codec_id,
            payload=cursor.rest(),
            keyframe=frame_type in (FrameType.KEY, FrameType.GENERATED_KEY),
            composition=composition,
        )

    def _enhanced(self, media: MediaKind, packet_type: int, frame_type: int, cursor: _Cursor) -> list[Piece]:
        video = media is MediaKind.VIDEO
        types: type[VideoPacketType] | type[AudioPacketType] = VideoPacketType if video else AudioPacketType
        nanoseconds = 0
        for _ in range(MAX_MOD_EX):
            if packet_type != types.MOD_EX:
                break
            packet_type, offset = _mod_ex(cursor)
            nanoseconds += offset
        if video and packet_type != VideoPacketType.METADATA and frame_type == FrameType.COMMAND:
            return [Piece(part=Part.COMMAND, codec="", form="enhanced", codec_id=0, payload=cursor.take(1))]
        keyframe = frame_type in (FrameType.KEY, FrameType.GENERATED_KEY)
        if packet_type != types.MULTITRACK:
            code = cursor.u32()
            return [self._piece(media, packet_type, keyframe, code, 0, nanoseconds, cursor.rest())]
        return self._multitrack(media, keyframe, nanoseconds, cursor)

    def _multitrack(self, media: MediaKind, keyframe: bool, nanoseconds: int, cursor: _Cursor) -> list[Piece]:
        second = cursor.u8()
        how, packet_type = second >> 4, second & 0x0F
        if how > MultitrackType.MANY_TRACKS_MANY_CODECS:
            raise MediaError(f"multitrack type {how}: expected 0, 1 or 2")
        code = 0 if how == MultitrackType.MANY_TRACKS_MANY_CODECS else cursor.u32()
        pieces: list[Piece] = []
        while True:
            if len(pieces) == MAX_TRACKS:
                raise MediaError(f"more than {MAX_TRACKS} tracks in one tag body")
            if how == MultitrackType.MANY_TRACKS_MANY_CODECS:
                code = cursor.u32()
            track_id = cursor.u8()
            body = cursor.rest() if how == MultitrackType.ONE_TRACK else cursor.take(cursor.u24())
            pieces.append(self._piece(media, packet_type, keyframe, code, track_id, nanoseconds, body))
            if not cursor.left:
                return pieces

    def _piece(
        self,
        media: MediaKind,
        packet_type: int,
        keyframe: bool,
        code: int,
        track_id: int,
        nanoseconds: int,
        body: bytes,
    ) -> Piece:
        part = (_VIDEO_PARTS if media is MediaKind.VIDEO else _AUDIO_PARTS).get(packet_type)
        if part is None:
            raise MediaError(f"packet type {packet_type} is not defined for an Enhanced {media.value} body")
        layout = self._layout(media, code)
        composition = 0
        if layout.composition and packet_type == VideoPacketType.CODED_FRAMES:
            cursor = _Cursor(body)
            composition, body = cursor.si24(), cursor.rest()
        return Piece(
            part=part,
            codec=layout.codec,
            form=layout.form,
            codec_id=code,
            payload=body,
            keyframe=keyframe,
            composition=composition,
            track_id=track_id,
            nanoseconds=nanoseconds,
        )


def _mod_ex(cursor: _Cursor) -> tuple[int, int]:
    """One ModEx block: the packet type that follows it, and its nanoseconds (0 for types not known here)."""
    size = cursor.u8()
    size = (cursor.u16() if size == 0xFF else size) + 1
    data = cursor.take(size)
    last = cursor.u8()
    if last >> 4 != ModExType.TIMESTAMP_OFFSET_NANO:
        return last & 0x0F, 0
    if size < 3:
        raise MediaError(f"ModEx timestamp offset has {size} bytes, expected at least 3")
    return last & 0x0F, int.from_bytes(data[:3], "big")


class _Cursor:
    """Strict reading from one body."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise MediaError(f"tag body ends early: {size} bytes expected at byte {self._at}, {self.left} left")
        self._at += size
        return self._data[self._at - size : self._at]

    def rest(self) -> bytes:
        return self.take(self.left)

    def u8(self) -> int:
        return self.take(1)[0]

    def u16(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def u24(self) -> int:
        return int.from_bytes(self.take(3), "big")

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def si24(self) -> int:
        return int.from_bytes(self.take(3), "big", signed=True)
