"""MPEG audio: headers, FLV form, and decoding of everything in the decode-only table that FFmpeg can also make."""

import contextlib
import io

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.media import made

from camcast.bitstream.audio_format import format_audio
from camcast.errors import MediaError
from camcast.kinds import CodecKind
from camcast.media import NS_PER_S, Frame
from camcast_mpegaudio import camcast_codecs
from camcast_mpegaudio.frame_header import parse_header

KINDS = {kind.name: kind for kind in camcast_codecs()}


@pytest.mark.parametrize(
    ("header", "layer", "rate", "channels", "bitrate", "samples", "size"),
    [
        ("fffb9000", 3, 44100, 2, 128_000, 1152, 417),
        ("fffb92c0", 3, 44100, 1, 128_000, 1152, 418),
        ("fff38000", 3, 22050, 2, 64_000, 576, 208),
        ("ffe380c0", 3, 11025, 1, 64_000, 576, 417),
        ("fffd8400", 2, 48000, 2, 128_000, 1152, 384),
        ("ffff9400", 1, 48000, 2, 288_000, 384, 288),
        ("fffb0000", 3, 44100, 2, 0, 1152, 0),
    ],
)
def test_headers(header: str, layer: int, rate: int, channels: int, bitrate: int, samples: int, size: int) -> None:
    found = parse_header(bytes.fromhex(header))
    assert (found.layer, found.sample_rate, found.channels) == (layer, rate, channels)
    assert (found.bitrate, found.samples, found.size) == (bitrate, samples, size)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("", "frame of 0 bytes"),
        ("fffb90", "frame of 3 bytes"),
        ("fe000000", "no MPEG audio sync word"),
        ("ffeb9000", "reserved value"),
        ("fff99000", "reserved value"),
        ("fffbf000", "reserved value"),
        ("fffb9c00", "reserved value"),
        ("fffb9000", "truncated MPEG audio frame: 417 bytes announced, 4 came"),
    ],
)
def test_damage_is_named(data: str, text: str) -> None:
    with pytest.raises(MediaError, match=text):
        KINDS["mp3"].parser(b"").parse(bytes.fromhex(data), 0, 0)


@given(st.binary(max_size=60))
def test_garbage(data: bytes) -> None:
    parser = KINDS["mp2"].parser(b"")
    for block in (data, b"\xff\xfd" + data):
        with contextlib.suppress(MediaError):
            packet = parser.parse(block, 0, 0)
            assert packet
            assert packet.payload == block


def test_mp3_in_flv() -> None:
    form = KINDS["mp3"].flv["legacy"]
    parser = KINDS["mp3"].parser(b"")
    heads = {}
    for header in ("fffb9000", "fff380c0", "ffe380c0"):
        packet = parser.parse(bytes.fromhex(header) + bytes(500), 0, 0)
        assert packet
        form.check(packet.track)
        heads[packet.track.sample_rate] = form.head(packet.track, True, 0).hex()
    assert heads == {44100: "2f", 22050: "2a", 11025: "26"}
    assert form.codec_id == 2
    packet = parser.parse(bytes.fromhex("fffb9400") + bytes(500), 0, 0)
    assert packet
    with pytest.raises(MediaError, match="MP3 at 48000 Hz: FLV carries it at 44100"):
        form.check(packet.track)


def test_the_track_stays_while_the_format_does() -> None:
    with av.open(str(made("h264_mp3"))) as source:
        parser = KINDS["mp3"].parser(b"44100/2")
        tracks = {
            packet.track
            for raw in source.demux(audio=0)
            if raw.size and (packet := parser.parse(bytes(raw), 0, 0)) is not None
        }
    (track,) = tracks
    assert (track.sample_rate, track.channels, track.profile) == (44_100, 2, "layer III")


# Name here → FFmpeg's encoder, container that keeps its record.
ENCODERS = {
    "mp3": ("libmp3lame", "mp3"),
    "mp2": ("mp2", "mpegts"),
    "ac3": ("ac3", "matroska"),
    "eac3": ("eac3", "matroska"),
    "flac": ("flac", "matroska"),
    "alac": ("alac", "mov"),
    "vorbis": ("libvorbis", "matroska"),
    "speex": ("libspeex", "ogg"),
    "amrnb": ("libopencore_amrnb", "3gp"),
}


def _available(encoder: str) -> bool:
    try:
        av.Codec(encoder, "w")
    except av.codec.codec.UnknownCodecError:
        return False
    return True


@pytest.mark.parametrize("name", [name for name, (encoder, _) in ENCODERS.items() if _available(encoder)])
def test_what_ffmpeg_encodes_is_decoded(name: str) -> None:
    encoder, container = ENCODERS[name]
    rate = 8000 if name == "amrnb" else 44_100
    buffer = io.BytesIO()
    with av.open(buffer, "w", container) as out:
        stream = out.add_stream(encoder, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        context = stream.codec_context
        out.start_encoding()
        wave = (np.sin(2 * np.pi * 500 * np.arange(rate) / rate) * 8000).astype(np.int16)
        sound = av.AudioFrame.from_ndarray(wave[None, :], format="s16", layout="mono")
        sound.sample_rate, sound.pts = rate, 0
        resampler = av.AudioResampler(
            format=context.format.name,
            layout="mono",
            rate=rate,
            frame_size=context.frame_size or 1024,
        )
        for block in [*resampler.resample(sound), None]:
            out.mux(stream.encode(block))
    kind: CodecKind = KINDS[name]
    frames: list[Frame] = []
    with av.open(io.BytesIO(buffer.getvalue()), "r") as source:
        audio = source.streams.audio[0]
        parser = kind.parser(bytes(audio.codec_context.extradata or b"") or format_audio(rate, 1))
        decoder = None
        for index, raw in enumerate(packet for packet in source.demux(audio) if packet.size):
            packet = parser.parse(bytes(raw), index * NS_PER_S, index * NS_PER_S)
            assert packet
            if decoder is None:
                assert kind.decoder
                decoder = kind.decoder(packet.track)
            frames += decoder.decode(packet)
    heard = np.concatenate([frame.data.to_ndarray()[0] for frame in frames]).astype(float)
    assert {frame.track.sample_rate for frame in frames} == {rate}
    assert len(heard) > 0.8 * rate
    middle = heard[rate // 4 : rate // 4 + rate // 2]
    assert abs(int(np.abs(np.fft.rfft(middle)).argmax()) * 2 - 500) <= 4
