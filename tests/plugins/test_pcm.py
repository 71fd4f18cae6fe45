"""G.711 and linear PCM: FLV bytes, what FLV cannot carry, and decoding to the same sound."""

import av
import numpy as np
import pytest

from camcast.bitstream.audio_format import format_audio, parse_audio_format
from camcast.errors import MediaError
from camcast.flv.packer import TagPacker
from camcast.host import PluginHost
from camcast.kinds import CodecKind
from camcast.media import MediaKind, Packet, Track
from camcast_pcm import camcast_codecs

KINDS = {kind.name: kind for kind in camcast_codecs()}
RATES = {"adpcm_g722": 16_000}


def track_of(kind: CodecKind, rate: int, channels: int) -> Track:
    track = kind.parser(format_audio(rate, channels)).track
    assert track
    return track


def test_the_format_of_audio_without_a_record() -> None:
    assert format_audio(16_000, 2) == b"16000/2"
    assert parse_audio_format(b"16000/2") == (16_000, 2)
    for other in (b"", b"\x11\x90", b"OpusHead", b"16000", b"16000/2/1", b"16000/2\n", b"99999999/1"):
        assert parse_audio_format(other) is None
    for impossible in (b"0/1", b"8000/0", b"8000/65", b"999999/1"):
        with pytest.raises(MediaError, match="no such audio"):
            parse_audio_format(impossible)


@pytest.mark.parametrize(
    ("name", "channels", "head", "codec_id"),
    [("g711a", 1, "72", 7), ("g711a", 2, "73", 7), ("g711u", 1, "82", 8), ("g711u", 2, "83", 8)],
)
def test_g711_in_flv(name: str, channels: int, head: str, codec_id: int) -> None:
    form = KINDS[name].flv["legacy"]
    track = track_of(KINDS[name], 8000, channels)
    form.check(track)
    assert form.codec_id == codec_id
    packer = TagPacker([track], {MediaKind.AUDIO: form})
    assert len(packer.headers(0)) == 1
    assert packer.tag(Packet(track, 0, 0, True, b"\xd5" * 160)).head.hex() == head


@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (8000, 3)])
def test_g711_that_flv_has_no_word_for(rate: int, channels: int) -> None:
    track = track_of(KINDS["g711a"], rate, channels)
    with pytest.raises(MediaError, match=f"G.711 at {rate} Hz with {channels} channels: FLV carries it at 8000 Hz"):
        KINDS["g711a"].flv["legacy"].check(track)


def test_g711_is_8_khz_mono_unless_told() -> None:
    track = KINDS["g711u"].parser(b"").track
    assert track
    assert (track.sample_rate, track.channels, track.bitrate, track.config) == (8000, 1, 64_000, b"")


@pytest.mark.parametrize("name", list(KINDS))
def test_decoded_sound_is_the_sound_that_was_encoded(name: str) -> None:
    """Encoded by FFmpeg, decoded here: the tone is there at its level."""
    kind, rate = KINDS[name], RATES.get(name, 8000)
    ffmpeg, _, kbits = name.partition("_") if name.startswith("g726") else (name, "", "")
    ffmpeg = {"g711a": "pcm_alaw", "g711u": "pcm_mulaw", "adpcm_g722": "g722"}.get(ffmpeg, ffmpeg)
    encoder = av.CodecContext.create(ffmpeg, "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout = rate, "mono"
    encoder.format = encoder.codec.audio_formats[0]  # type: ignore[index]
    if kbits:
        encoder.bit_rate = int(kbits) * 1000
    encoder.open()
    resampler = av.AudioResampler(format=encoder.format, layout="mono", rate=rate, frame_size=encoder.frame_size or 0)
    wave = (np.sin(2 * np.pi * 500 * np.arange(rate) / rate) * 16000).astype(np.int16)
    sound = av.AudioFrame.from_ndarray(wave[None, :], format="s16", layout="mono")
    sound.sample_rate = rate
    parser = kind.parser(format_audio(rate, 1))
    assert kind.decoder
    assert parser.track
    decoder = kind.decoder(parser.track)
    heard = []
    for block in (*resampler.resample(sound), *resampler.resample(None), None):
        for data in encoder.encode(block):
            packet = parser.parse(bytes(data), 0, 0)
            assert packet
            for frame in decoder.decode(packet):
                assert isinstance(frame.data, av.AudioFrame)
                assert frame.data.sample_rate == rate
                heard += av.AudioResampler(format="s16", layout="mono", rate=rate).resample(frame.data)
    samples = np.concatenate([block.to_ndarray()[0] for block in heard]).astype(float)
    assert len(samples) == rate
    assert abs(int(np.abs(np.fft.rfft(samples)).argmax()) - 500) <= 1
    # Its mean level: G.726 of few bits a sample overshoots here and there.
    assert abs(np.sqrt(2 * np.mean(samples**2)) - 16000) < 1200


def test_g722_samples_at_16_khz_whatever_rtp_says() -> None:
    assert track_of(KINDS["adpcm_g722"], 8000, 1).sample_rate == 16_000


def test_blocks_that_end_inside_a_sample_are_damage() -> None:
    parser = KINDS["pcm_s16le"].parser(b"48000/2")
    assert parser.parse(bytes(8), 0, 0)
    for block, text in ((bytes(7), "7 bytes: expected a multiple of 4"), (b"", "empty pcm_s16le block")):
        with pytest.raises(MediaError, match=text):
            parser.parse(block, 0, 0)
    assert parser.parse(memoryview(bytes(4)), 0, 0)


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("PCMA", "g711a"),
        ("pcmu", "g711u"),
        ("pcm_alaw", "g711a"),
        ("l16", "pcm_s16be"),
        ("G722", "adpcm_g722"),
        ("g726-32", "g726le_32"),
        ("AAL2-G726-16", "g726_16"),
    ],
)
def test_names_from_rtp_and_ffmpeg(alias: str, name: str) -> None:
    assert PluginHost(allow=["pcm"]).codec(alias).name == name
