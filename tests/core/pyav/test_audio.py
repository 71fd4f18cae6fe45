"""FFmpeg's audio encoders behind the contract: sound that drifts stays in step with its picture."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import av
import numpy as np
import pytest

from camcast.contracts import EncoderSettings
from camcast.host import PluginHost
from camcast.media import NS_PER_MS, NS_PER_S, RAW, Frame, MediaKind, Packet, Track
from camcast_aac.encoder import KIND

RATE = 48_000
BLOCK = 960


def sound(seconds: float, *, clock: float = 1.0, jitter: int = 0, start: int = 3 * NS_PER_S) -> Iterator[Frame]:
    """Silence whose samples come `clock` times as fast as its timestamps say; jitter is ns."""
    track = Track(kind=MediaKind.AUDIO, codec=RAW, sample_rate=RATE, channels=1)
    random = np.random.default_rng(1)
    silence = np.zeros((1, BLOCK), dtype=np.int16)
    for number in range(round(seconds * RATE / BLOCK)):
        data = av.AudioFrame.from_ndarray(silence, format="s16", layout="mono")
        data.sample_rate = RATE
        exact = start + round(number * BLOCK * NS_PER_S / (RATE * clock))
        shift = int(random.integers(-jitter, jitter + 1)) if jitter else 0
        yield Frame(track, exact + shift, data, number)


def encode(frames: Iterator[Frame]) -> list[tuple[int, Packet]]:
    """(pts of the newest frame, packet) pairs."""
    encoder = KIND.open(EncoderSettings(sample_rate=RATE, channels=1, bitrate=32_000))
    return [(frame.pts, packet) for frame in frames for packet in encoder.encode(frame)]


@pytest.mark.parametrize("clock", [1.0005, 0.9995, 1.0])
def test_a_drifting_clock_is_followed(clock: float) -> None:
    """500 ppm would be 60 ms after two minutes, and 1.8 s after an hour."""
    pairs = encode(sound(120, clock=clock))
    lags = [newest - packet.pts for newest, packet in pairs[200:]]
    assert max(lags) - min(lags) < 45 * NS_PER_MS
    first, last = lags[:500], lags[-500:]
    assert abs(sum(last) / len(last) - sum(first) / len(first)) < NS_PER_MS


def test_jitter_is_smoothed_and_time_never_falls() -> None:
    packets = [packet for _, packet in encode(sound(20, jitter=8 * NS_PER_MS))]
    ideal = 1024 * NS_PER_S // RATE
    steps = [second.pts - first.pts for first, second in pairwise(packets)]
    assert all(abs(step - ideal) < ideal // 100 for step in steps)


def test_a_leap_is_followed_at_once() -> None:
    frames = [*sound(2), *sound(2, start=3600 * NS_PER_S)]
    pairs = encode(iter(frames))
    assert all(abs(newest - packet.pts) < 100 * NS_PER_MS for newest, packet in pairs)


def test_packets_carry_the_latest_arrival() -> None:
    packets = [packet for _, packet in encode(sound(1))]
    assert [packet.arrival for packet in packets] == sorted(packet.arrival for packet in packets)
    assert packets[-1].arrival >= 48


@pytest.mark.parametrize("name", ["aac", "libopus"])
def test_no_two_packets_share_a_time_at_the_beginning(name: str) -> None:
    """An encoder's priming lies before the first sample; a live stream begins at 0, and both would be sent as 0."""
    encoder = PluginHost().encoders[name].open(EncoderSettings(sample_rate=RATE, channels=1, bitrate=64_000))
    packets = [packet for frame in sound(1, start=0) for packet in encoder.encode(frame)]
    times = [max(packet.pts, 0) // NS_PER_MS for packet in packets]
    assert len(times) > 10
    assert len(set(times)) == len(times), times[:4]
