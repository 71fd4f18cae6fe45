"""Opus as a codec: packets as they are, OpusHead as the record, FourCC "Opus" in Enhanced FLV.

A header is always made, if need be from what the source tells: an empty sequence start is legal by Enhanced RTMP
v2, but MediaMTX disconnects on it. No channel map is sent: OpusHead tells the channels.
"""

from __future__ import annotations

from collections import Counter

from camcast.bitstream.audio_format import parse_audio_format
from camcast.errors import MediaError
from camcast.flv.fourcc import audio_form
from camcast.media import MediaKind, Packet, Track
from camcast.pyav import audio_kind
from camcast_opus import toc
from camcast_opus.head import RATE, OpusHead

NAME = "opus"
FOURCC = b"Opus"
# CELT, full band, one frame of 20 ms (RFC 6716 §3.1) that holds nothing but its silence flag (§4.3).
_SILENCE = {1: bytes.fromhex("f8fffe"), 2: bytes.fromhex("fcfffe")}


class OpusParser:
    """Passes packets on whose first bytes make sense."""

    def __init__(self, config: bytes) -> None:
        told = parse_audio_format(config)
        # RTP always says two channels (RFC 7587 §4.1), and a decoder makes two of any one-channel packet.
        head = OpusHead.parse(config) if config and not told else OpusHead(channels=min(told[1], 2) if told else 2)
        self._track = Track(
            kind=MediaKind.AUDIO, codec=NAME, config=bytes(head), sample_rate=RATE, channels=head.channels
        )
        self.counts: Counter[str] = Counter()

    @property
    def track(self) -> Track | None:
        return self._track

    def parse(self, data: bytes | memoryview, dts: int, pts: int, arrival: int = 0) -> Packet | None:
        """One Opus packet; raises `MediaError` where its first bytes are impossible."""
        payload = data if type(data) is bytes else bytes(data)
        toc.samples(payload)
        return Packet(self._track, dts, pts, True, payload, False, arrival)


def silence(sample_rate: int, channels: int) -> tuple[Track, bytes, int]:
    """A silent packet of 20 ms, mono or stereo, at 48 kHz, which is every Opus stream's rate; raises `MediaError`."""
    if sample_rate != RATE or channels not in _SILENCE:
        raise MediaError(f"no silent Opus at {sample_rate} Hz with {channels} channels: expected {RATE} Hz, 1 or 2")
    payload = _SILENCE[channels]
    head = bytes(OpusHead(channels=channels))
    track = Track(kind=MediaKind.AUDIO, codec=NAME, config=head, sample_rate=RATE, channels=channels)
    return track, payload, toc.samples(payload)


KIND = audio_kind(
    NAME,
    "Opus",
    OpusParser,
    aliases=("libopus",),
    decoder="libopus",
    silence=silence,
    flv={"enhanced": audio_form(FOURCC, lambda track: track.config)},
)
