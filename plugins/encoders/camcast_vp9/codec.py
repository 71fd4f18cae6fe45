"""VP9 as a codec: frames and superframes as they are, FourCC "vp09" in Enhanced FLV.

Packets are in order of presentation, so dts is pts, and FLV has no composition time. Where no key frame has come for a
while (`STARVED`), intra-only frames count as beginnings until one comes: pictures become right little by little there.
"""

from __future__ import annotations

from collections import Counter

from camcast.bitstream.parser import STARVED
from camcast.contracts import Decoder
from camcast.flv.fourcc import video_form
from camcast.kinds import CodecKind
from camcast.media import MediaKind, Packet, Track
from camcast.pyav import AvDecoder
from camcast_vp9.config import Record
from camcast_vp9.frame_header import Format, parse_frame_header, split_superframe

NAME = "vp9"
FOURCC = b"vp09"


class Vp9Parser:
    """Passes packets on, and takes the track from key frames."""

    def __init__(self, config: bytes) -> None:
        self._told = Record.parse(config) if config else None
        self._format: Format | None = None
        self._track: Track | None = None
        self._since_key: int | None = None
        """Time of the last key frame, or of the first picture."""
        self._refreshed = False
        self.counts: Counter[str] = Counter()

    @property
    def track(self) -> Track | None:
        return self._track

    def parse(self, data: bytes | memoryview, dts: int, pts: int, arrival: int = 0) -> Packet | None:
        """One frame or superframe; None before the first key frame. Raises `MediaError`."""
        payload = data if type(data) is bytes else bytes(data)
        key = referred = False
        intra: Format | None = None
        for frame in split_superframe(payload):
            header = parse_frame_header(frame)
            referred = referred or header.referred
            if header.format is not None:
                key = True
                self._follow(header.format)
            elif header.intra is not None:
                intra = header.intra
        if key:
            self._since_key, self._refreshed = pts, False
        elif self._since_key is None:
            self._since_key = pts
        elif intra is not None and (self._refreshed or pts - self._since_key > STARVED):
            key = self._refreshed = True
            if self._track is None:
                self._follow(intra)
        if self._track is None:
            self.counts["waiting for key frame"] += 1
            return None
        return Packet(self._track, pts, pts, key, payload, not referred, arrival)

    def _follow(self, seen: Format) -> None:
        """Take the track from a key frame, unless it says the same as the one before."""
        if seen == self._format:
            return
        self._format = seen
        record = Record.of(seen, self._told)
        level = f" {record.level // 10}.{record.level % 10}" if record.level else ""
        self._track = Track(
            kind=MediaKind.VIDEO,
            codec=NAME,
            config=bytes(record),
            width=seen.width,
            height=seen.height,
            profile=f"Profile {record.profile}{level}",
        )


def _decoder(track: Track) -> Decoder:
    return AvDecoder(track, "vp9")


KIND = CodecKind(
    name=NAME,
    media=MediaKind.VIDEO,
    title="VP9",
    aliases=("vp09", "libvpx-vp9"),
    parser=Vp9Parser,
    flv={"enhanced": video_form(FOURCC, lambda track: track.config, composed=False)},
    decoder=_decoder,
)
