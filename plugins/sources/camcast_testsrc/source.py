"""Draws in a thread of its own, in step with the clock."""

from __future__ import annotations

import time

from camcast.contracts import SourceContext
from camcast.media import NS_PER_MS, NS_PER_S, RAW, Frame, MediaKind, Track
from camcast.threaded import ThreadedSource
from camcast_testsrc.options import PictureOptions
from camcast_testsrc.painter import Painter
from camcast_testsrc.tone import BLOCK, Tone

LATE = NS_PER_S // 2
"""Further behind than this, frames are left out; their numbers show the gap."""


class PictureSource(ThreadedSource):
    """One test picture; see `PictureOptions`."""

    name = "testsrc"

    def __init__(self, context: SourceContext) -> None:
        super().__init__(context)
        self._options: PictureOptions = (
            context.options if isinstance(context.options, PictureOptions) else PictureOptions()
        )
        self._width = (context.width or 640) & ~1
        self._height = (context.height or 360) & ~1
        self._rate = context.frame_rate or 30.0

    def work(self) -> None:
        options = self._options
        video = Track(kind=MediaKind.VIDEO, codec=RAW, width=self._width, height=self._height, frame_rate=self._rate)
        audio = Track(kind=MediaKind.AUDIO, codec=RAW, sample_rate=options.sample_rate, channels=options.channels)
        self.announce(*([video, audio] if options.tone else [video]))
        painter = Painter(
            self._width,
            self._height,
            name=f"{self.context.camera_name or 'camera'} {self.context.camera_id} {self.context.stream_name}",
            pattern=options.pattern,
            with_strip=options.strip,
            with_text=options.text,
        )
        tone = Tone(options.tone, options.sample_rate, options.channels) if options.tone else None
        begun = time.monotonic_ns()
        number = block = 0
        while not self.wait((begun + self._time(number) - time.monotonic_ns()) / NS_PER_S):
            behind = time.monotonic_ns() - begun - self._time(number)
            if behind > LATE:
                missed = int(behind * self._rate / NS_PER_S)
                number += missed
                self.lose(MediaKind.VIDEO, "late", missed)
            pts = self._time(number)
            picture = painter.paint(number, time.time_ns() // NS_PER_MS)
            frames = [Frame(video, pts, picture, time.monotonic_ns())]
            while tone is not None and (at := block * BLOCK * NS_PER_S // options.sample_rate) <= pts:
                if behind <= LATE or pts - at < LATE:
                    frames.append(Frame(audio, at, tone.block(block), frames[0].arrival))
                else:
                    self.lose(MediaKind.AUDIO, "late", 1)
                block += 1
            self.deliver(*frames)
            number += 1

    def _time(self, number: int) -> int:
        return round(number * NS_PER_S / self._rate)
