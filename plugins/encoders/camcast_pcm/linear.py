"""Linear PCM and the telephone codecs that are told from outside: decoded only, no form in FLV."""

from __future__ import annotations

from camcast.bitstream.audio_format import format_audio, parse_audio_format
from camcast.bitstream.plain_audio import PlainAudioParser, plain_silence
from camcast.kinds import CodecKind
from camcast.pyav import audio_kind

# Name (also FFmpeg's), title, bytes a sample (0 = not whole bytes), aliases (RTP's names: RFC 3551, RFC 3190).
_TABLE: tuple[tuple[str, str, int, tuple[str, ...]], ...] = (
    ("pcm_s16le", "PCM, 16 bit little-endian", 2, ()),
    ("pcm_s16be", "PCM, 16 bit big-endian", 2, ("L16",)),
    ("pcm_u8", "PCM, 8 bit unsigned", 1, ("L8",)),
    ("pcm_s8", "PCM, 8 bit signed", 1, ()),
    ("pcm_s24le", "PCM, 24 bit little-endian", 3, ()),
    ("pcm_s24be", "PCM, 24 bit big-endian", 3, ("L24",)),
    ("pcm_s32le", "PCM, 32 bit little-endian", 4, ()),
    ("pcm_s32be", "PCM, 32 bit big-endian", 4, ()),
    ("pcm_f32le", "PCM, 32 bit float little-endian", 4, ()),
    ("pcm_f32be", "PCM, 32 bit float big-endian", 4, ()),
    ("pcm_f64le", "PCM, 64 bit float little-endian", 8, ()),
    ("pcm_f64be", "PCM, 64 bit float big-endian", 8, ()),
    ("adpcm_g722", "G.722", 0, ("G722",)),
)
_G722 = "adpcm_g722"
_UNSIGNED_ZERO = b"\x80"


def _format(name: str, config: bytes) -> bytes:
    """G.722 samples at 16 kHz whatever RTP says: its 8000 is a mistake kept for compatibility (RFC 3551 §4.5.2)."""
    told = parse_audio_format(config)
    return format_audio(16_000, told[1]) if told and name == _G722 else config


def _kind(name: str, title: str, sample_size: int, aliases: tuple[str, ...]) -> CodecKind:
    def parser(config: bytes) -> PlainAudioParser:
        return PlainAudioParser(name, _format(name, config), sample_size=sample_size)

    # G.722 predicts each sample from those before: no byte of it is silent by itself.
    silence = plain_silence(name, _UNSIGNED_ZERO if name == "pcm_u8" else bytes(sample_size)) if sample_size else None
    return audio_kind(name, title, parser, aliases=aliases, silence=silence)


KINDS = tuple(_kind(*row) for row in _TABLE)
