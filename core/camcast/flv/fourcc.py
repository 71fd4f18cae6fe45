"""Enhanced FLV: the first bytes of video and audio tag bodies that name their codec by a FourCC.

Video: `1 FFF PPPP` ‖ FourCC ‖ [SI24 composition time] ‖ payload, with frame type F and packet type P.
Audio: `1001 PPPP` ‖ FourCC ‖ payload. A composition time stands only with packet type 1, and only for the
codecs that reorder pictures by it; packet type 3 is the same with the time left out because it is 0.

Source: Enhanced RTMP v2, "Enhanced Video", "Enhanced Audio". Nothing here knows a codec: forms are made from
a FourCC and a function that gives the configuration record.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from camcast.errors import MediaError
from camcast.kinds import FlvForm
from camcast.media import Track


class VideoPacketType(IntEnum):
    """Low four bits of an Enhanced video tag's first byte."""

    SEQUENCE_START = 0
    CODED_FRAMES = 1
    SEQUENCE_END = 2
    CODED_FRAMES_X = 3
    METADATA = 4
    MPEG2TS_SEQUENCE_START = 5
    MULTITRACK = 6
    MOD_EX = 7


class AudioPacketType(IntEnum):
    """Low four bits of an Enhanced audio tag's first byte."""

    SEQUENCE_START = 0
    CODED_FRAMES = 1
    SEQUENCE_END = 2
    MULTICHANNEL_CONFIG = 4
    MULTITRACK = 5
    MOD_EX = 7


class FrameType(IntEnum):
    """Bits 4 to 6 of a video tag's first byte, legacy and Enhanced alike."""

    KEY = 1
    INTER = 2
    DISPOSABLE = 3
    GENERATED_KEY = 4
    COMMAND = 5


class MultitrackType(IntEnum):
    """High four bits of the byte after a multitrack tag's first."""

    ONE_TRACK = 0
    MANY_TRACKS = 1
    MANY_TRACKS_MANY_CODECS = 2


class ModExType(IntEnum):
    """High four bits of the byte that ends a ModEx block."""

    TIMESTAMP_OFFSET_NANO = 0


ENHANCED_VIDEO = 0x80
"""This bit of a video body's first byte tells Enhanced from legacy."""
ENHANCED_AUDIO = 9
"""This sound format (high four bits of an audio body's first byte) tells Enhanced from legacy."""

COMPOSITION_MIN = -(1 << 23)
COMPOSITION_MAX = (1 << 23) - 1


def number(fourcc: bytes) -> int:
    """The FourCC as onMetaData's codec ids hold it: four bytes read as a big-endian number."""
    if len(fourcc) != 4:
        raise ValueError(f"a FourCC has 4 bytes, got {len(fourcc)}: {fourcc!r}")
    return int.from_bytes(fourcc, "big")


def fourcc(value: int) -> bytes:
    """The four bytes of a codec id that is a FourCC; raises `ValueError` for any other number."""
    if not 0x20202020 <= value <= 0x7E7E7E7E:
        raise ValueError(f"{value} is not a FourCC: expected four printable characters as a big-endian number")
    return value.to_bytes(4, "big")


def composition(ms: int) -> bytes:
    """Composition time (pts - dts, ms) as SI24; raises `MediaError` beyond ±2.3 hours."""
    if not COMPOSITION_MIN <= ms <= COMPOSITION_MAX:
        raise MediaError(f"composition time of {ms} ms does not fit 24 bits: pts and dts are over 2 hours apart")
    return (ms & 0xFFFFFF).to_bytes(3, "big")


def video_head(code: bytes, packet_type: VideoPacketType, frame_type: FrameType = FrameType.KEY) -> bytes:
    """First five bytes of an Enhanced video body. Sequence start and end always carry frame type 1."""
    return bytes((ENHANCED_VIDEO | frame_type << 4 | packet_type,)) + code


def audio_head(code: bytes, packet_type: AudioPacketType) -> bytes:
    """First five bytes of an Enhanced audio body."""
    return bytes((ENHANCED_AUDIO << 4 | packet_type,)) + code


def video_form(
    code: bytes,
    record: Callable[[Track], bytes],
    *,
    composed: bool,
    colour: Callable[[Track], bytes] | None = None,
) -> FlvForm:
    """The Enhanced form of a video codec.

    `record` gives the configuration record; `composed` says that CodedFrames carries a composition time (then
    CodedFramesX is used where it is 0, which saves 3 bytes a frame).
    """
    start = video_head(code, VideoPacketType.SEQUENCE_START)
    frames = {
        key: video_head(code, VideoPacketType.CODED_FRAMES, FrameType.KEY if key else FrameType.INTER)
        for key in (False, True)
    }
    frames_x = {
        key: video_head(code, VideoPacketType.CODED_FRAMES_X, FrameType.KEY if key else FrameType.INTER)
        for key in (False, True)
    }

    def head_composed(track: Track, keyframe: bool, ms: int) -> bytes:
        return frames[keyframe] + composition(ms) if ms else frames_x[keyframe]

    def head_bare(track: Track, keyframe: bool, ms: int) -> bytes:
        return frames[keyframe]

    return FlvForm(
        name="enhanced",
        codec_id=number(code),
        header=lambda track: start + record(track),
        head=head_composed if composed else head_bare,
        end=video_head(code, VideoPacketType.SEQUENCE_END),
        colour=colour,
    )


def audio_form(code: bytes, record: Callable[[Track], bytes]) -> FlvForm:
    """The Enhanced form of an audio codec; `record` gives what its sequence start holds.

    No end tag: nothing asks for one, and servers' readers that know only the other packet types disconnect on it.
    """
    start = audio_head(code, AudioPacketType.SEQUENCE_START)
    frames = audio_head(code, AudioPacketType.CODED_FRAMES)
    return FlvForm(
        name="enhanced",
        codec_id=number(code),
        header=lambda track: start + record(track),
        head=lambda track, keyframe, ms: frames,
    )
