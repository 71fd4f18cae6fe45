"""G.726, which some cameras send beside G.711: ADPCM of 2 to 5 bits a sample. Decoded only, no form in FLV.

RTP has it twice (RFC 3551 §4.5.4): G726-32 and its like begin each byte at its lower end, AAL2-G726-32 at its upper
one.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from camcast.bitstream.plain_audio import PlainAudioParser
from camcast.codec_kind import CodecKind
from camcast.contracts import CodecParser, Decoder
from camcast.media import MediaKind, Track
from camcast.pyav import AvDecoder

if TYPE_CHECKING:
    import av

_RATE = 8000


class _G726Decoder(AvDecoder):
    """Which of its rates it is, FFmpeg's decoder is told by FFmpeg's demuxer alone."""

    def __init__(self, track: Track, name: str, bits: int) -> None:
        self._bits = bits
        self._demuxer: Any = None
        super().__init__(track, name)

    def create(self, track: Track) -> av.CodecContext:
        import av

        options = {"code_size": str(self._bits), "sample_rate": str(track.sample_rate or _RATE)}
        # As long as the context is used.
        self._demuxer = av.open(BytesIO(bytes(64)), format=self._name, options=options)
        context: av.CodecContext = self._demuxer.streams[0].codec_context
        return context


def _kind(name: str, ffmpeg: str, title: str, alias: str, bits: int) -> CodecKind:
    def parser(config: bytes) -> CodecParser:
        return PlainAudioParser(name, config, default=(_RATE, 1))

    def decoder(track: Track) -> Decoder:
        return _G726Decoder(track, ffmpeg, bits)

    return CodecKind(
        name=name, media=MediaKind.AUDIO, title=title, aliases=(alias,), parser=parser, flv={}, decoder=decoder
    )


KINDS = tuple(
    _kind(f"{ffmpeg}_{8 * bits}", ffmpeg, f"G.726 at {8 * bits} kbit/s{order}", f"{prefix}G726-{8 * bits}", bits)
    for bits in (2, 3, 4, 5)
    for ffmpeg, prefix, order in (("g726le", "", ""), ("g726", "AAL2-", ", upper bits first"))
)
