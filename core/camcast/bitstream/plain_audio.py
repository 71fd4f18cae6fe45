"""A parser for audio that is passed on as it came: each block is a packet, the format is told from outside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from camcast.bitstream.audio_format import format_audio, parse_audio_format
from camcast.errors import MediaError
from camcast.media import MediaKind, Packet, Track

SILENCES_A_SECOND = 50
"""Silent packets are 20 ms long, as cameras' packets are."""
MAX_SILENT_CHANNELS = 8


class PlainAudioParser:
    """Passes non-empty blocks on. The track's format is `config` in the words of `audio_format`, or a record.

    `default` is the sampling rate and channels where nothing tells (0 = unknown); `sample_size` the bytes of one
    sample, for formats whose blocks hold whole samples: others are damage.
    """

    def __init__(self, codec: str, config: bytes, *, default: tuple[int, int] = (0, 0), sample_size: int = 0) -> None:
        told = parse_audio_format(config)
        rate, channels = told or default
        self._track = Track(
            kind=MediaKind.AUDIO,
            codec=codec,
            config=b"" if told else config,
            sample_rate=rate,
            channels=channels,
            bitrate=rate * channels * sample_size * 8,
        )
        self._unit = sample_size * max(channels, 1)
        self.counts: Counter[str] = Counter()

    @property
    def track(self) -> Track | None:
        return self._track

    def parse(self, data: bytes | memoryview, dts: int, pts: int, arrival: int = 0) -> Packet | None:
        """One block; raises `MediaError` when it is empty or ends inside a sample."""
        payload = data if type(data) is bytes else bytes(data)
        if not payload:
            raise MediaError(f"empty {self._track.codec} block")
        if self._unit and len(payload) % self._unit:
            raise MediaError(f"{self._track.codec} block of {len(payload)} bytes: expected a multiple of {self._unit}")
        return Packet(self._track, dts, pts, True, payload, False, arrival)


def plain_silence(codec: str, sample: bytes) -> Callable[[int, int], tuple[Track, bytes, int]]:
    """`CodecKind.silence` for a format whose silence is one sample (of one channel) again and again."""

    def silence(sample_rate: int, channels: int) -> tuple[Track, bytes, int]:
        if not 1 <= channels <= MAX_SILENT_CHANNELS or sample_rate < SILENCES_A_SECOND:
            raise MediaError(
                f"no silent {codec} at {sample_rate} Hz with {channels} channels: expected {SILENCES_A_SECOND} Hz "
                f"and more, 1 to {MAX_SILENT_CHANNELS}"
            )
        samples = sample_rate // SILENCES_A_SECOND
        track = PlainAudioParser(codec, format_audio(sample_rate, channels), sample_size=len(sample)).track
        assert track is not None
        return track, sample * (samples * channels), samples

    return silence
