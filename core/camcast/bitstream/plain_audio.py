"""A parser for audio that is passed on as it came: each block is a packet, the format is told from outside."""

from __future__ import annotations

from collections import Counter

from camcast.bitstream.audio_format import parse_audio_format
from camcast.errors import MediaError
from camcast.media import MediaKind, Packet, Track


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
