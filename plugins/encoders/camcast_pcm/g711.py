"""G.711 A-law and µ-law: one byte a sample, 8 kHz unless told otherwise.

FLV: sound format 7 or 8, one byte in front (Adobe FLV 10.1, E.4.2.1), no header. The rate bits cannot say
another rate than 8 kHz, so a stream at 16 kHz (some cameras) has no FLV form.
"""

from __future__ import annotations

from camcast.bitstream.plain_audio import PlainAudioParser, plain_silence
from camcast.errors import MediaError
from camcast.kinds import CodecKind, FlvForm
from camcast.media import Track
from camcast.pyav import audio_kind

RATE = 8000
_SIZE_16_BIT = 0x02
_STEREO = 0x01


def _check(track: Track) -> None:
    if track.sample_rate != RATE or track.channels not in (1, 2):
        raise MediaError(
            f"G.711 at {track.sample_rate} Hz with {track.channels} channels: FLV carries it at 8000 Hz, mono or stereo"
        )


def _kind(name: str, title: str, ffmpeg: str, sound_format: int, silent: bytes, *aliases: str) -> CodecKind:
    mono = bytes((sound_format << 4 | _SIZE_16_BIT,))
    stereo = bytes((sound_format << 4 | _SIZE_16_BIT | _STEREO,))

    form = FlvForm(
        name="legacy",
        codec_id=sound_format,
        header=lambda track: b"",
        head=lambda track, keyframe, composition: stereo if track.channels == 2 else mono,
        check=_check,
    )
    return audio_kind(
        name,
        title,
        lambda config: PlainAudioParser(name, config, default=(RATE, 1), sample_size=1),
        aliases=(ffmpeg, *aliases),
        decoder=ffmpeg,
        flv={form.name: form},
        silence=plain_silence(name, silent),
    )


KINDS = (
    _kind("g711a", "G.711 A-law", "pcm_alaw", 7, b"\xd5", "PCMA", "alaw"),
    _kind("g711u", "G.711 µ-law", "pcm_mulaw", 8, b"\xff", "PCMU", "mulaw", "ulaw"),
)
