"""A steady tone in blocks of 1024 samples, without a step between blocks."""

from __future__ import annotations

import av
import numpy as np

BLOCK = 1024


class Tone:
    """A sine of a whole number of Hz, so that one second of it can be repeated."""

    def __init__(self, frequency: float, sample_rate: int, channels: int, level: float = 0.2) -> None:
        self.sample_rate = sample_rate
        self._layout = "mono" if channels == 1 else "stereo"
        time = np.arange(sample_rate + BLOCK) / sample_rate
        wave = (level * np.sin(2 * np.pi * max(1, round(frequency)) * time)).astype(np.float32)
        self._wave = np.ascontiguousarray(np.tile(wave, (channels, 1)))

    def block(self, number: int) -> av.AudioFrame:
        """Block `number`, which begins at sample `number * 1024`: planar 32-bit floats."""
        start = number * BLOCK % self.sample_rate
        samples = np.ascontiguousarray(self._wave[:, start : start + BLOCK])
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=self._layout)
        frame.sample_rate = self.sample_rate
        return frame
