"""The test source: pictures with a readable strip, in step with the clock, and a tone that is one."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.plugins.source_kit import Sink, context, until

from camcast.kinds import Gives
from camcast.media import RAW, MediaKind
from camcast.testing import strip
from camcast_testsrc import camcast_sources
from camcast_testsrc.options import PATTERNS, PictureOptions
from camcast_testsrc.painter import Painter
from camcast_testsrc.tone import BLOCK, Tone


class LoopHandover:
    """Carries calls to the loop, or refuses them while `full`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.full = False

    def call(self, function: Callable[..., object], *args: object) -> bool:
        if not self.full:
            self._loop.call_soon_threadsafe(function, *args)
        return not self.full

    def call_wait(self, function: Callable[..., object], *args: object, timeout: float) -> bool:
        return self.call(function, *args)


async def watch(frames: int, options: PictureOptions, handover: LoopHandover | None = None, **changes: Any) -> Sink:
    sink, enough = Sink(), asyncio.Event()
    sink.on_media = lambda: enough.set() if len(sink.frames) >= frames else None
    (kind,) = camcast_sources()
    assert kind.gives is Gives.FRAMES
    source = kind.build(context("", options, handover=handover or LoopHandover(), **changes))
    task = asyncio.create_task(source.run(sink))
    async with asyncio.timeout(20):
        await enough.wait()
        task.cancel()
        await asyncio.wait([task])
    # The thread says that it has ended a moment before it has.
    await until(lambda: not [one for one in threading.enumerate() if one.name.startswith("camcast-testsrc")])
    return sink


async def test_frames_are_numbered_timed_and_dated() -> None:
    before = time.time_ns() // 1_000_000
    sink = await watch(40, PictureOptions(), width=320, height=240, frame_rate=100.0)
    assert [track.codec for track in sink.announced[0]] == [RAW]
    marks = [strip.read(frame.data) for frame in sink.frames]  # type: ignore[arg-type]
    for frame, mark in zip(sink.frames, marks, strict=True):
        assert mark is not None
        assert frame.pts == mark.number * 10_000_000
        assert before <= mark.wall_ms <= time.time_ns() // 1_000_000
        assert (frame.data.width, frame.data.height) == (320, 240)  # type: ignore[union-attr]
    numbers = [mark.number for mark in marks if mark]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] + 1 - len(numbers) == sink.drops[MediaKind.VIDEO, "late"]


async def test_sound_goes_along_with_the_picture() -> None:
    sink = await watch(60, PictureOptions(tone=440), frame_rate=50.0)
    audio = [frame for frame in sink.frames if frame.track.kind is MediaKind.AUDIO]
    assert [frame.pts for frame in audio] == [n * BLOCK * 10**9 // 48_000 for n in range(len(audio))]
    assert audio[0].track.sample_rate == audio[0].data.sample_rate == 48_000  # type: ignore[union-attr]
    video = [frame for frame in sink.frames if frame.track.kind is MediaKind.VIDEO]
    assert abs(video[-1].pts - audio[-1].pts) < 50_000_000
    assert (video[0].data.width, video[0].data.height) == (640, 360)  # type: ignore[union-attr]


async def test_what_the_loop_cannot_take_is_counted() -> None:
    handover = LoopHandover()
    handover.full = True
    asyncio.get_running_loop().call_later(0.3, setattr, handover, "full", False)
    sink = await watch(20, PictureOptions(), handover, width=320, height=240, frame_rate=100.0)
    first, last = strip.read(sink.frames[0].data), strip.read(sink.frames[-1].data)  # type: ignore[arg-type]
    assert first is not None
    assert last is not None
    assert first.number > 10
    assert last.number + 1 == len(sink.frames) + sum(sink.drops.values())
    assert sink.drops[MediaKind.VIDEO, "overflow"] > 10


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("size", [(176, 144), (640, 360), (1920, 1080), (1080, 1920)])
def test_every_pattern_at_every_size_moves_and_is_readable(pattern: str, size: tuple[int, int]) -> None:
    painter = Painter(*size, name="Tor Süd/東", pattern=pattern, with_strip=True, with_text=True)
    pictures = [painter.paint(number, 1_700_000_000_000 + number) for number in (0, 1, 4_000_000_000)]
    assert [strip.read(picture) for picture in pictures] == [
        (number, 1_700_000_000_000 + number) for number in (0, 1, 4_000_000_000)
    ]
    above = [picture.to_ndarray()[: round(size[1] * strip.TOP)] for picture in pictures]
    assert not np.array_equal(above[0], above[1])
    # The text is there: light letters on black in the upper left.
    corner = above[0][: size[1] // 4, : size[0] // 2]
    assert (corner > 150).sum() > 50
    assert (corner == strip.BLACK).sum() > 300


def test_the_tone_is_one_sine_across_blocks() -> None:
    tone = Tone(440, 48_000, 2)
    samples = np.concatenate([tone.block(number).to_ndarray() for number in range(200)], axis=1)
    expected = 0.2 * np.sin(2 * np.pi * 440 * np.arange(samples.shape[1]) / 48_000)
    assert samples.shape == (2, 200 * BLOCK)
    assert np.abs(samples - expected).max() < 1e-4
