"""What flows: tracks, packets, frames and tags.

Time is integer nanoseconds everywhere except in an FLV tag, which counts milliseconds. Payloads are never
copied on the way: a tag's body *is* its packet's payload.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

import attrs

from camcast.native import extension

if TYPE_CHECKING:
    import av

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000

RAW = "raw"
"""Codec name of a track that carries unencoded frames."""


class MediaKind(Enum):
    """What a track carries."""

    VIDEO = "video"
    AUDIO = "audio"

    # Members are singletons, so identity is equality; this keeps the hot path out of Enum's Python-level hash.
    __hash__ = object.__hash__


@attrs.frozen(eq=False, kw_only=True)
class Track:
    """One elementary stream and all that is needed to decode it.

    A track is a value that never changes: when parameter sets, picture size or audio format change in
    mid-stream, the following packets carry a *new* Track, and `packet.track is not previous` is the test.
    """

    kind: MediaKind
    codec: str
    """Name of the codec kind, or `RAW` for frames."""
    config: bytes = attrs.field(default=b"", repr=False)
    """The codec's configuration record (ISO 14496-15 and its kin); empty where it has none."""
    width: int = 0
    """Displayed width in pixels; 0 for audio or when unknown. Likewise `height`."""
    height: int = 0
    frame_rate: float = 0.0
    """Nominal frames per second; 0 when the stream does not say."""
    sample_rate: int = 0
    """Audio samples per second; 0 for video."""
    channels: int = 0
    bitrate: int = 0
    """Nominal bit/s; 0 when unknown."""
    profile: str = ""
    """Readable profile and level, for tables and logs: "High 4.0"."""
    reorder: int = 0
    """Upper bound of pictures shown out of decode order (B-frames); 0 = decode order is display order."""
    details: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    """Codec-specific extras its own FLV forms understand (for example colour information for HDR)."""


@attrs.define(eq=False)
class Packet:
    """One encoded access unit, ready for any container: NAL units are length-prefixed (4 bytes),
    audio is in bare frames.

        `dts` and `pts` are ns; `pts >= dts` is not promised by every source. `arrival` is `time.monotonic_ns()`
        when the source handed it over, kept for latency figures.
    """

    track: Track = attrs.field(repr=False)
    dts: int
    pts: int
    keyframe: bool
    """A decoder can start here. Always True for audio."""
    payload: bytes = attrs.field(repr=False)
    disposable: bool = False
    """No other picture refers to this one."""
    arrival: int = 0


@attrs.define(eq=False)
class Frame:
    """One unencoded picture or block of sound. `pts` is ns; `data` is a PyAV frame."""

    track: Track = attrs.field(repr=False)
    pts: int
    data: av.VideoFrame | av.AudioFrame = attrs.field(repr=False)
    arrival: int = 0


class TagType(Enum):
    """FLV tag types, which are also the RTMP message types (FLV spec E.4.1, RTMP 1.0 §7.1)."""

    AUDIO = 8
    VIDEO = 9
    SCRIPT = 18

    __hash__ = object.__hash__


@attrs.define(eq=False)
class Tag:
    """One FLV tag: `head` (the codec's 1 to 8 bytes) followed by `body`, which all sessions share.

    A script tag's head is the "@setDataFrame" of live connections; a file holds its `body` alone.
    `time` is the decode time in ms on the hub's timeline. Headers (metadata, sequence headers) have
    `packet` None.
    """

    type: TagType
    time: int
    head: bytes = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    keyframe: bool = False
    packet: Packet | None = attrs.field(default=None, repr=False)
    track: int = 0
    """Which picture, or which sound, of several in one connection; times of one track never fall."""


Unit = Tag | Packet
"""What a transport is handed: tags or packets, as its kind's `payload` says."""

if extension is not None:
    extension.packets_are(Packet)
