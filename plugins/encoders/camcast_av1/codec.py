"""AV1 as a codec: one temporal unit a packet, each OBU with its size, FourCC "av01" in Enhanced FLV.

Rules: temporal delimiter, redundant frame headers, tile lists and padding are left out. The sequence header stands
in front of every key frame. Temporal units are in order of presentation, so dts is pts, and FLV has no composition
time. OBU extensions go (MediaMTX refuses them) where that changes nothing else: without a decoder model; of
spatial layers only the base is kept then.
Where no shown key frame has come for a while (`STARVED`), intra-only and hidden key frames count as beginnings until
one comes: pictures become right little by little behind them. S-frames refer to others, so nobody can begin there.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from camcast.bitstream.parser import STARVED
from camcast.contracts import Decoder
from camcast.errors import MediaError
from camcast.flv.fourcc import video_form
from camcast.flv.metadata import COLOUR_INFO, colour_info
from camcast.kinds import CodecKind
from camcast.media import MediaKind, Packet, Track
from camcast.pyav import AvDecoder
from camcast_av1 import obu
from camcast_av1.config import build_av1c, colour_object, lights, sequence_header_of
from camcast_av1.frame_header import parse_frame_header
from camcast_av1.sequence_header import SequenceHeader, parse_sequence_header

NAME = "av1"
FOURCC = b"av01"
_DELIMITER = b"\x12\x00"

_LEFT_OUT = {
    obu.TEMPORAL_DELIMITER: "temporal delimiter",
    obu.REDUNDANT_FRAME_HEADER: "redundant frame header",
    obu.TILE_LIST: "tile list",
    obu.PADDING: "padding",
}


class Av1Parser:
    """Normalises temporal units, and follows the sequence header."""

    def __init__(self, config: bytes) -> None:
        self._track: Track | None = None
        self._header: SequenceHeader | None = None
        self._header_payload = b""
        self._header_obu = b""
        self._lights: dict[str, Any] = {}
        self._hidden_keys = False
        self._since_key: int | None = None
        """Time of the last shown key frame, or of the first picture."""
        self._refreshed = False
        """Beginnings are what becomes right little by little."""
        self.counts: Counter[str] = Counter()
        told = sequence_header_of(config) if config else None
        if told:
            self._follow(told)

    @property
    def track(self) -> Track | None:
        return self._track

    def parse(self, data: bytes | memoryview, dts: int, pts: int, arrival: int = 0) -> Packet | None:
        """One temporal unit; None while no sequence header has come. Raises `MediaError`."""
        block = data if type(data) is bytes else bytes(data)
        units = obu.split(block)
        clean = True
        in_band = key = entry = referred = frames = False
        for kind, start, begin, end, extension, sized in units:
            if kind == obu.FRAME or kind == obu.FRAME_HEADER:
                if self._header is not None:
                    frame = parse_frame_header(block, begin, end, self._header, extension)
                    self._hidden_keys = self._hidden_keys or frame.hidden_key
                    key, frames = key or frame.key, True
                    entry = entry or frame.intra or frame.hidden_key
                    referred = referred or frame.referred or (frame.existing and self._hidden_keys)
            elif kind == obu.SEQUENCE_HEADER:
                self._follow(block[begin:end])
                in_band = True
            elif kind == obu.METADATA:
                self._light(block[begin:end])
            elif kind in _LEFT_OUT:
                clean = False
                if kind == obu.TEMPORAL_DELIMITER and start:
                    raise MediaError("several temporal units in one block: expected one")
            clean = clean and sized and extension < 0
        if self._track is None or self._header is None:
            self.counts["waiting for sequence header"] += 1
            return None
        if not frames:
            self.counts["no frame"] += 1
            return None
        if key:
            self._since_key, self._refreshed = pts, False
        elif self._since_key is None:
            self._since_key = pts
        elif entry and (self._refreshed or pts - self._since_key > STARVED):
            key = self._refreshed = True
        # A unit that needs nothing is passed on as it is, without a copy.
        payload = block if clean else self._cleaned(block, units, self._header)
        if key and not in_band:
            payload = self._header_obu + payload
            self.counts["sequence header added"] += 1
        return Packet(self._track, pts, pts, key, payload, not referred, arrival)

    def _cleaned(self, block: bytes, units: list[obu.Unit], header: SequenceHeader) -> bytes:
        """The units worth sending, each with a size, and without extensions where nothing else depends on them."""
        view = memoryview(block)
        parts: list[bytes | memoryview] = []
        for kind, start, begin, end, extension, sized in units:
            bare = extension >= 0 and not header.decoder_model
            if kind in _LEFT_OUT:
                self.counts[_LEFT_OUT[kind]] += 1
            elif bare and obu.spatial_id(extension):
                self.counts["spatial layer"] += 1
            elif sized and not bare:
                parts.append(view[start:end])
            else:
                self.counts["extension" if bare else "size added"] += 1
                parts.append(obu.build(kind, view[begin:end], -1 if bare else extension))
        return b"".join(parts)

    def _light(self, payload: bytes) -> None:
        """Light levels belong to a high dynamic range track; they come with its key frames."""
        if self._header is None or not self._header.colour.high_dynamic_range:
            return
        found = {**self._lights, **lights(payload)}
        if found != self._lights:
            self._lights = found
            self._make_track(self._header)

    def _follow(self, payload: bytes) -> None:
        """Take the track from a sequence header, unless it says the same as the one before.

        SVT-AV1 writes one into its container record and another, with other coding tools, into its stream. As
        nothing that a receiver prepares for differs, the record stays: some servers disconnect on a second one.
        """
        if payload == self._header_payload:
            return
        header = parse_sequence_header(payload)
        self._header_payload, self._header_obu = payload, obu.build(obu.SEQUENCE_HEADER, payload)
        if header != self._header:
            self._header = header
            self._make_track(header)

    def _make_track(self, header: SequenceHeader) -> None:
        hdr = header.colour.high_dynamic_range
        self._track = Track(
            kind=MediaKind.VIDEO,
            codec=NAME,
            config=build_av1c(header, self._header_payload),
            width=header.width,
            height=header.height,
            frame_rate=header.frame_rate,
            profile=header.profile_name,
            details={COLOUR_INFO: colour_object(header.colour) | self._lights} if hdr else {},
        )


def with_delimiter(packet: Packet) -> bytes:
    """The packet as a temporal unit of the low-overhead stream format: behind a temporal delimiter."""
    return _DELIMITER + packet.payload


def _decoder(track: Track) -> Decoder:
    return AvDecoder(track, "libdav1d")


KIND = CodecKind(
    name=NAME,
    media=MediaKind.VIDEO,
    title="AV1 (AOMedia Video 1)",
    aliases=("av01", "libdav1d", "libaom-av1", "libsvtav1"),
    parser=Av1Parser,
    flv={
        "enhanced": video_form(
            FOURCC,
            lambda track: track.config,
            composed=False,
            colour=lambda track: colour_info(FOURCC, track.details.get(COLOUR_INFO)),
        )
    },
    annexb=with_delimiter,
    decoder=_decoder,
)
