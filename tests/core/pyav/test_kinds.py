"""Kinds in a line: what is looked up lazily, under which name, and with which class."""

from __future__ import annotations

from functools import partial

import av
import numpy as np
import pytest

from camcast.bitstream.audio_format import format_audio
from camcast.bitstream.plain_audio import PlainAudioParser
from camcast.contracts import EncoderSettings
from camcast.errors import EncoderError
from camcast.kinds import NoOptions
from camcast.media import NS_PER_MS, RAW, Frame, MediaKind, Track
from camcast.pyav import (
    AudioEncoding,
    AvVideoEncoder,
    VideoEncoding,
    audio_encoder_kind,
    audio_kind,
    encoder_kind,
)


def test_a_sound_format_in_a_line() -> None:
    kind = audio_kind("samples", "Samples", partial(PlainAudioParser, "samples", sample_size=2), decoder="pcm_s16le")
    packet = kind.parser(format_audio(8000, 1)).parse(np.arange(80, dtype=np.int16).tobytes(), 0, 0)
    assert packet is not None
    assert (packet.track.codec, packet.track.sample_rate, packet.track.channels) == ("samples", 8000, 1)
    assert kind.decoder is not None
    (frame,) = kind.decoder(packet.track).decode(packet)
    assert frame.data.to_ndarray().ravel().tolist() == list(range(80))
    assert (kind.media, kind.aliases, dict(kind.flv)) == (MediaKind.AUDIO, (), {})


def test_a_sound_formats_name_is_its_decoders_unless_told() -> None:
    kind = audio_kind("pcm_u8", "8 bit", partial(PlainAudioParser, "pcm_u8"))
    assert kind.decoder is not None
    kind.decoder(Track(kind=MediaKind.AUDIO, codec="pcm_u8", sample_rate=8000, channels=1)).close()
    missing = audio_kind("nobodys", "No such", partial(PlainAudioParser, "nobodys"))
    assert missing.decoder is not None
    with pytest.raises(EncoderError, match="nobodys"):
        missing.decoder(Track(kind=MediaKind.AUDIO, codec="nobodys", sample_rate=8000, channels=1))


def test_a_sound_encoder_in_a_line() -> None:
    encoding = AudioEncoding(name="pcm_s16be", parser=partial(PlainAudioParser, "pcm_s16be"))
    kind = audio_encoder_kind(encoding, "pcm_s16be", "Samples")
    kind.probe()
    assert (kind.name, kind.codec, kind.priority, kind.options) == ("pcm_s16be", "pcm_s16be", 0, NoOptions)
    encoder = kind.open(EncoderSettings(sample_rate=8000, channels=1))
    data = av.AudioFrame.from_ndarray(np.full((1, 160), 258, np.int16), format="s16", layout="mono")
    data.sample_rate = 8000
    raw = Track(kind=MediaKind.AUDIO, codec=RAW, sample_rate=8000, channels=1)
    packets = [*encoder.encode(Frame(raw, 20 * NS_PER_MS, data)), *encoder.flush()]
    assert b"".join(packet.payload for packet in packets) == bytes((1, 2)) * 160
    assert packets[0].pts == 20 * NS_PER_MS
    encoder.close()


def test_a_sound_encoder_that_ffmpeg_has_not_fails_its_probe() -> None:
    encoding = AudioEncoding(name="nobodys", parser=partial(PlainAudioParser, "nobodys"))
    with pytest.raises(EncoderError, match="nobodys"):
        audio_encoder_kind(encoding, "nobodys", "No such").probe()


def test_a_picture_encoder_may_be_of_a_class_of_its_own() -> None:
    opened = []

    class Loud(AvVideoEncoder):
        def __init__(self, encoding: VideoEncoding, settings: EncoderSettings) -> None:
            opened.append(encoding.name)
            super().__init__(encoding, settings)

    def parser(extradata: bytes) -> PlainAudioParser:
        return PlainAudioParser("libx264", b"")

    encoding = VideoEncoding(
        name="libx264", parser=parser, options=lambda settings, limit: {"preset": "ultrafast", "tune": "zerolatency"}
    )
    kind = encoder_kind(encoding, "libx264", "x264", 3, NoOptions, encoder=Loud)
    kind.probe()
    assert isinstance(kind.open(EncoderSettings(width=64, height=64, frame_rate=25.0)), Loud)
    assert (opened, kind.priority, kind.hardware) == (["libx264", "libx264"], 3, False)
