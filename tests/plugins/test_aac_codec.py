"""AAC packets, FLV form, silence and encoder, with FFmpeg as the other end."""

import io
import itertools
import subprocess

import av
import imageio_ffmpeg
import numpy as np
import pytest
from tests.media import made

from camcast.contracts import EncoderSettings
from camcast.errors import EncoderError, MediaError
from camcast.flv.packer import TagPacker
from camcast.media import NS_PER_S, RAW, Frame, MediaKind, Packet, Track
from camcast_aac import adts
from camcast_aac.codec import KIND, AacParser, silence, with_adts
from camcast_aac.config import parse_config
from camcast_aac.encoder import KIND as ENCODER
from camcast_aac.encoder import AacOptions

CONFIG = bytes.fromhex("1190")


def sine(rate: int, channels: int, start: int, samples: int) -> av.AudioFrame:
    wave = (np.sin(2 * np.pi * 440 * (start + np.arange(samples)) / rate) * 8000).astype(np.int16)
    layout = "mono" if channels == 1 else "stereo"
    frame = av.AudioFrame.from_ndarray(np.repeat(wave, channels)[None, :], format="s16", layout=layout)
    frame.sample_rate = rate
    return frame


def packets_of(name: str) -> tuple[bytes, list[bytes]]:
    with av.open(str(made(name))) as source:
        stream = source.streams.audio[0]
        return stream.codec_context.extradata or b"", [bytes(packet) for packet in source.demux(stream) if packet.size]


def test_raw_frames_with_a_record() -> None:
    config, frames = packets_of("h264_aac")
    parser = AacParser(config)
    packets = [parser.parse(frame, 5, 5, 9) for frame in frames]
    assert [packet.payload for packet in packets if packet] == frames
    assert {packet.track for packet in packets if packet} == {parser.track}
    assert parser.track
    assert (parser.track.sample_rate, parser.track.channels, parser.track.config) == (48_000, 2, config)


def test_adts_frames_bring_their_own() -> None:
    config, frames = packets_of("h264_aac_ts")
    assert config == b""
    assert all(map(adts.is_adts, frames))
    parser = AacParser(b"48000/2")
    assert parser.track is None
    packets = [packet for frame in frames if (packet := parser.parse(frame, 0, 0))]
    assert parser.counts["adts"] == len(frames) == len(packets)
    assert parser.track
    assert parser.track.config == CONFIG
    # Back in front of the bare frames, the headers are as they were (but for the buffer fullness).
    for packet, frame in zip(packets, frames, strict=True):
        assert with_adts(packet)[7:] == frame[7:]
        assert with_adts(packet)[:5] == frame[:5]


def test_the_track_changes_with_the_format_and_only_then() -> None:
    parser = AacParser(b"")

    def frame(config: str) -> bytes:
        return adts.header(parse_config(bytes.fromhex(config)), 4) + b"\x01\x40\x20\x06"

    tracks = []
    for config in ("1190", "1190", "1408", "1408", "1190"):
        packet = parser.parse(frame(config), 0, 0)
        assert packet
        tracks.append(packet.track)
    assert [track.sample_rate for track in tracks] == [48000, 48000, 16000, 16000, 48000]
    assert tracks[0] is tracks[1]
    assert tracks[2] is tracks[3]


def described(layout: str, channels: int) -> list[bytes]:
    """ADTS frames of FFmpeg's with channel configuration 0, where the first one alone says what the channels are."""
    every = "|".join(f"c{number}=c0" for number in range(channels))
    sound = ["-f", "lavfi", "-i", "anoisesrc=d=1:r=48000", "-af", f"pan={layout}|{every}"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *sound, "-c:a", "aac", "-f", "adts", "-"]
    return adts.split(subprocess.run(command, check=True, capture_output=True, timeout=30).stdout)


@pytest.mark.parametrize(("layout", "channels"), [("quad", 4), ("6.1", 7), ("3.0(back)", 3)])
def test_channels_that_the_frames_describe(layout: str, channels: int) -> None:
    """What a decoder makes of the configuration, and of any frame behind an ADTS header again."""
    frames = described(layout, channels)
    parser = AacParser(b"")
    packets = [packet for frame in frames if (packet := parser.parse(frame, 0, 0))]
    assert len(packets) == len(frames)
    track = packets[0].track
    assert {packet.track for packet in packets} == {track}
    assert (track.channels, track.sample_rate) == (channels, 48_000)

    decoder = av.CodecContext.create("aac", "r")
    decoder.extradata = track.config
    decoded = [frame for packet in packets[1:] for frame in decoder.decode(av.Packet(packet.payload))]
    assert {len(frame.layout.channels) for frame in decoded} == {channels}
    assert len(decoded) >= len(packets) - 2

    assert with_adts(packets[0]) == frames[0]
    with av.open(io.BytesIO(b"".join(map(with_adts, packets[5:]))), "r", format="aac") as joined:
        assert joined.streams.audio[0].channels == channels
        assert sum(1 for _ in joined.decode(audio=0)) >= len(packets) - 7


def test_channels_that_nothing_describes_are_told_as_that() -> None:
    parser = AacParser(b"")
    first, second, *_ = described("quad", 4)
    with pytest.raises(MediaError, match="without a program config element"):
        parser.parse(second, 0, 0)
    with pytest.raises(MediaError, match="ends early"):
        adts.config_of(first[: adts.HEADER_SIZE + 3])
    assert parser.parse(first, 0, 0)
    assert parser.parse(second, 0, 0)
    # Told out of band, any frame is the first.
    told = AacParser(parser.track.config if parser.track else b"")
    assert told.parse(second, 0, 0)
    assert told.track is not None
    assert parser.track is not None
    assert told.track.config == parser.track.config


def test_a_told_configuration_says_more_than_adts() -> None:
    told = bytes.fromhex("2b920800")
    core = adts.header(parse_config(bytes.fromhex("1390")), 4) + b"\x21\x40\x20\x06"
    parser = AacParser(told)
    packet = parser.parse(core, 0, 0)
    assert packet
    assert packet.track.config == told
    assert packet.track.profile == "HE"


@pytest.mark.parametrize(
    ("config", "data", "text"),
    [
        (CONFIG, b"", "empty AAC frame"),
        (b"", b"\x21\x10", "raw AAC without AudioSpecificConfig"),
        (CONFIG, b"\xff\xf1\x4c", "no ADTS header"),
    ],
)
def test_damage_is_named_and_the_parser_goes_on(config: bytes, data: bytes, text: str) -> None:
    parser = AacParser(config)
    with pytest.raises(MediaError, match=text):
        parser.parse(data, 0, 0)
    header = adts.header(parse_config(CONFIG), 4)
    assert parser.parse(header + b"\x21\x10\x04\x60", 0, 0)


def test_flv_bytes() -> None:
    track = AacParser(CONFIG).track
    assert track
    form = KIND.flv["legacy"]
    assert form.codec_id == 10
    assert form.header(track).hex() == "af001190"
    packer = TagPacker([track], {MediaKind.AUDIO: form})
    tag = packer.tag(Packet(track, 21_333_333, 21_333_333, True, b"raw"))
    assert (tag.head.hex(), tag.body, tag.time) == ("af01", b"raw", 21)
    assert packer.end() == []


@pytest.mark.parametrize(("rate", "channels"), [*itertools.product((8000, 16_000, 44_100, 48_000), (1, 2))])
def test_silence_decodes_to_nothing_but_zeros(rate: int, channels: int) -> None:
    track, payload, samples = silence(rate, channels)
    decoder = KIND.decoder(track) if KIND.decoder else None
    assert decoder
    frames = []
    for index in range(10):
        pts = index * samples * NS_PER_S // rate
        frames += decoder.decode(Packet(track, pts, pts, True, payload))
    assert sum(frame.data.samples for frame in frames if isinstance(frame.data, av.AudioFrame)) == 10 * samples
    for frame in frames:
        assert isinstance(frame.data, av.AudioFrame)
        assert (frame.data.sample_rate, frame.data.layout.nb_channels) == (rate, channels)
        assert not frame.data.to_ndarray().any()


def test_silence_of_other_formats_is_refused() -> None:
    for rate, channels in ((48_000, 6), (47_999, 2)):
        with pytest.raises(MediaError, match=f"no silent AAC at {rate} Hz with {channels} channels"):
            silence(rate, channels)


@pytest.mark.parametrize(
    ("rate", "channels", "wanted_rate", "wanted_channels"),
    [(48_000, 2, 0, 0), (8000, 1, 0, 0), (8000, 1, 44_100, 2), (44_100, 2, 48_000, 1)],
)
def test_what_is_encoded_is_a_tone_of_that_length(
    rate: int, channels: int, wanted_rate: int, wanted_channels: int
) -> None:
    encoder = ENCODER.open(EncoderSettings(sample_rate=wanted_rate, channels=wanted_channels, options=AacOptions()))
    raw = Track(kind=MediaKind.AUDIO, codec=RAW, sample_rate=rate, channels=channels)
    start, block = 7 * NS_PER_S, rate // 50
    packets: list[Packet] = []
    for index in range(100):
        pts = start + index * block * NS_PER_S // rate
        packets += encoder.encode(Frame(raw, pts, sine(rate, channels, index * block, block)))
    packets += encoder.flush()
    encoder.close()
    out_rate, out_channels = wanted_rate or rate, wanted_channels or channels
    track = packets[0].track
    assert (track.codec, track.sample_rate, track.channels, track.profile) == ("aac", out_rate, out_channels, "LC")
    steps = {after.pts - before.pts for before, after in itertools.pairwise(packets)}
    exact = 1024 * NS_PER_S / out_rate
    assert all(abs(step - exact) < 1.5 for step in steps)
    # The encoder's run-up of 1024 samples, which lies before the first frame, is left out.
    assert abs(packets[0].pts - start) <= NS_PER_S // out_rate
    assert abs(packets[-1].pts + exact - (start + 2 * NS_PER_S)) <= exact
    assert KIND.decoder
    decoder = KIND.decoder(track)
    sound = np.concatenate([frame.data.to_ndarray()[0] for packet in packets for frame in decoder.decode(packet)])
    spectrum = np.abs(np.fft.rfft(sound[out_rate // 2 : out_rate // 2 + out_rate]))
    assert abs(int(spectrum.argmax()) - 440) <= 1


def test_a_leap_of_the_clock_is_followed_and_jitter_is_not() -> None:
    encoder = ENCODER.open(EncoderSettings(sample_rate=48_000, channels=1))
    raw = Track(kind=MediaKind.AUDIO, codec=RAW, sample_rate=48_000, channels=1)
    packets: list[Packet] = []
    for index in range(300):
        leap = 3 * NS_PER_S if index >= 150 else 0
        pts = index * 20_000_000 + leap + (index % 3) * 5_000_000
        packets += encoder.encode(Frame(raw, pts, sine(48_000, 1, index * 960, 960)))
    steps = sorted(after.pts - before.pts for before, after in itertools.pairwise(packets))
    assert 2.9 * NS_PER_S < steps[-1] < 3.1 * NS_PER_S
    assert all(21_200_000 < step < 21_450_000 for step in steps[:-1])


def test_an_impossible_encoder_is_an_encoder_error() -> None:
    with pytest.raises(EncoderError):
        ENCODER.open(EncoderSettings(sample_rate=48_000, channels=2, bitrate=-5))
    ENCODER.probe()
