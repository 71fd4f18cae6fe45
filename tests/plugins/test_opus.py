"""Opus: OpusHead, packet durations, packets of a real file, encoder."""

import contextlib
import itertools

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.media import made

from camcast.contracts import EncoderSettings
from camcast.errors import MediaError
from camcast.media import NS_PER_S, RAW, Frame, MediaKind, Packet, Track
from camcast_opus import toc
from camcast_opus.codec import KIND, OpusParser
from camcast_opus.encoder import KIND as ENCODER
from camcast_opus.encoder import OpusOptions
from camcast_opus.head import OpusHead

GOLDEN = "4f707573486561640102380180bb0000000000"


def test_golden_head() -> None:
    head = OpusHead(channels=2)
    assert bytes(head).hex() == GOLDEN
    assert OpusHead.parse(bytes.fromhex(GOLDEN)) == head


def test_a_head_with_a_mapping() -> None:
    surround = bytes.fromhex("4f70757348656164 01 06 3801 80bb0000 0000 01 04 02 000401020305")
    head = OpusHead.parse(surround + b"rest")
    assert (head.channels, head.family, head.mapping) == (6, 1, bytes.fromhex("0402000401020305"))
    assert bytes(head) == surround


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("", "OpusHead of 0 bytes"),
        (GOLDEN[:-2], "OpusHead of 18 bytes: expected at least 19"),
        ("00" + GOLDEN[2:], "beginning with"),
        (GOLDEN[:16] + "11" + GOLDEN[18:], "version 17"),
        (GOLDEN[:18] + "00" + GOLDEN[20:], "0 channels"),
        (GOLDEN[:18] + "03" + GOLDEN[20:], "3 channels in mapping family 0"),
        (GOLDEN[:-2] + "0101", "ends inside the mapping"),
    ],
)
def test_damaged_heads_are_named(data: str, text: str) -> None:
    with pytest.raises(MediaError, match=text):
        OpusHead.parse(bytes.fromhex(data))


@pytest.mark.parametrize(
    ("packet", "ms"),
    [
        ("00", 10), ("18", 60), ("60", 10), ("68", 20), ("80", 2.5), ("f8", 20), ("fc", 20),
        ("f9", 40), ("fa", 40), ("fb03", 60), ("fb06", 120), ("8330", 120),
    ],
)  # fmt: skip
def test_durations(packet: str, ms: float) -> None:
    assert toc.samples(bytes.fromhex(packet)) == ms * 48


@pytest.mark.parametrize(
    ("packet", "text"),
    [("", "empty"), ("fb", "before its frame count"), ("fb00", "0 frames"), ("fb07", "7 frames, 140 ms")],
)
def test_impossible_packets_are_named(packet: str, text: str) -> None:
    with pytest.raises(MediaError, match=text):
        OpusParser(b"").parse(bytes.fromhex(packet), 0, 0)


@given(st.binary(max_size=40), st.binary(max_size=6))
def test_garbage(config: bytes, packet: bytes) -> None:
    with contextlib.suppress(MediaError):
        OpusHead.parse(b"OpusHead" + config)
    with contextlib.suppress(MediaError):
        assert 0 < toc.samples(packet) <= toc.MAX_SAMPLES


def test_packets_of_a_file_pass_unchanged() -> None:
    with av.open(str(made("h264_opus"))) as source:
        stream = source.streams.audio[0]
        parser = OpusParser(bytes(stream.codec_context.extradata or b""))
        raws = [packet for packet in source.demux(stream) if packet.size]
    assert parser.track
    assert bytes(parser.track.config).hex() == GOLDEN
    for raw in raws:
        packet = parser.parse(bytes(raw), 1, 1)
        assert packet
        assert packet.payload == bytes(raw)
        assert packet.track is parser.track
        assert toc.samples(packet.payload) == 960


def test_the_header_is_never_empty() -> None:
    form = KIND.flv["enhanced"]
    for config in (b"", b"48000/1", b"48000/2"):
        track = OpusParser(config).track
        assert track
        assert len(form.header(track)) == 5 + 19
        assert OpusHead.parse(track.config).channels == track.channels == (1 if config.endswith(b"1") else 2)
    assert form.header(track).hex() == "904f707573" + GOLDEN  # type: ignore[arg-type]
    assert form.head(track, True, 0).hex() == "914f707573"  # type: ignore[arg-type]
    assert form.codec_id == 1332770163


@pytest.mark.parametrize("frame_ms", [5, 20, 60])
def test_what_is_encoded_decodes_to_the_tone(frame_ms: int) -> None:
    rate = 16_000
    encoder = ENCODER.open(EncoderSettings(options=OpusOptions(frame_duration=frame_ms), bitrate=32_000))
    raw = Track(kind=MediaKind.AUDIO, codec=RAW, sample_rate=rate, channels=1)
    packets: list[Packet] = []
    for index in range(100):
        wave = (np.sin(2 * np.pi * 440 * (index * 320 + np.arange(320)) / rate) * 8000).astype(np.int16)
        sound = av.AudioFrame.from_ndarray(wave[None, :], format="s16", layout="mono")
        sound.sample_rate = rate
        packets += encoder.encode(Frame(raw, NS_PER_S + index * 20_000_000, sound))
    packets += encoder.flush()
    encoder.close()
    assert {toc.samples(packet.payload) for packet in packets} == {48 * frame_ms}
    assert {after.pts - before.pts for before, after in itertools.pairwise(packets)} <= {frame_ms * 1_000_000}
    size = sum(len(packet.payload) for packet in packets) * 8 / (len(packets) * frame_ms / 1000)
    assert 0.8 < size / 32_000 < 1.2
    assert KIND.decoder
    decoder = KIND.decoder(packets[0].track)
    frames = [frame for packet in packets for frame in decoder.decode(packet)]
    heard = np.concatenate([frame.data.to_ndarray()[0] for frame in frames])
    spectrum = np.abs(np.fft.rfft(heard[24_000:72_000]))
    assert abs(int(spectrum.argmax()) - 440) <= 1
    ENCODER.probe()
