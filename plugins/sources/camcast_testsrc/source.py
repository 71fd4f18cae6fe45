"""Draws in a thread of its own, in step with the clock, and hands frames to the loop."""

from __future__ import annotations

import asyncio
import threading
import time

from camcast.contracts import MediaSink, SourceContext
from camcast.errors import SourceError
from camcast.media import NS_PER_MS, NS_PER_S, RAW, Frame, MediaKind, Track
from camcast_testsrc.options import PictureOptions
from camcast_testsrc.painter import Painter
from camcast_testsrc.tone import BLOCK, Tone

STOP_DEADLINE = 1.5
LATE = NS_PER_S // 2
"""Further behind than this, frames are left out; their numbers show the gap."""


class PictureSource:
    """One test picture; see `PictureOptions`."""

    def __init__(self, context: SourceContext) -> None:
        self._context = context
        self._options: PictureOptions = (
            context.options if isinstance(context.options, PictureOptions) else PictureOptions()
        )
        self._width = (context.width or 640) & ~1
        self._height = (context.height or 360) & ~1
        self._rate = context.frame_rate or 30.0
        self._stop = threading.Event()
        self._lost: dict[tuple[MediaKind, str], int] = {}

    async def run(self, sink: MediaSink) -> None:
        options = self._options
        video = Track(kind=MediaKind.VIDEO, codec=RAW, width=self._width, height=self._height, frame_rate=self._rate)
        audio = Track(kind=MediaKind.AUDIO, codec=RAW, sample_rate=options.sample_rate, channels=options.channels)
        sink.tracks([video, audio] if options.tone else [video])
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()

        def work() -> None:
            error: Exception | None = None
            try:
                self._draw_all(sink, video, audio)
            except Exception as caught:  # noqa: BLE001 - raised on the loop
                error = caught
            try:
                loop.call_soon_threadsafe(_end, ended, error)
            except RuntimeError:
                # The loop has been closed meanwhile.
                return

        threading.Thread(target=work, name=f"camcast-testsrc-{self._context.label}", daemon=True).start()
        try:
            await asyncio.shield(ended)
        finally:
            self._stop.set()
            await asyncio.wait([ended], timeout=STOP_DEADLINE)

    def request_keyframe(self) -> bool:
        return False

    # --- in the thread ------------------------------------------------------------------------------------

    def _draw_all(self, sink: MediaSink, video: Track, audio: Track) -> None:
        options = self._options
        painter = Painter(
            self._width,
            self._height,
            name=f"{self._context.camera_name or 'camera'} {self._context.camera_id} {self._context.stream_name}",
            pattern=options.pattern,
            with_strip=options.strip,
            with_text=options.text,
        )
        tone = Tone(options.tone, options.sample_rate, options.channels) if options.tone else None
        begun = time.monotonic_ns()
        number = block = 0
        while not self._stop.wait(max(0, begun + self._time(number) - time.monotonic_ns()) / NS_PER_S):
            behind = time.monotonic_ns() - begun - self._time(number)
            if behind > LATE:
                missed = int(behind * self._rate / NS_PER_S)
                number += missed
                self._lose(MediaKind.VIDEO, "late", missed)
            pts = self._time(number)
            picture = painter.paint(number, time.time_ns() // NS_PER_MS)
            frames = [Frame(video, pts, picture, time.monotonic_ns())]
            while tone is not None and (at := block * BLOCK * NS_PER_S // options.sample_rate) <= pts:
                if behind <= LATE or pts - at < LATE:
                    frames.append(Frame(audio, at, tone.block(block), frames[0].arrival))
                else:
                    self._lose(MediaKind.AUDIO, "late", 1)
                block += 1
            lost, self._lost = self._lost, {}
            if not self._context.handover.call(_deliver, sink, frames, lost):
                self._lost = lost
                for frame in frames:
                    self._lose(frame.track.kind, "overflow", 1)
            number += 1

    def _time(self, number: int) -> int:
        return round(number * NS_PER_S / self._rate)

    def _lose(self, kind: MediaKind, reason: str, count: int) -> None:
        self._lost[kind, reason] = self._lost.get((kind, reason), 0) + count


def _deliver(sink: MediaSink, frames: list[Frame], lost: dict[tuple[MediaKind, str], int]) -> None:
    for (kind, reason), count in lost.items():
        sink.dropped(kind, reason, count)
    for frame in frames:
        sink.frame(frame)


def _end(ended: asyncio.Future[None], error: Exception | None) -> None:
    if ended.done():
        return
    if error is None:
        ended.set_result(None)
    else:
        ended.set_exception(SourceError(f"the test picture cannot be drawn: {type(error).__name__}: {error}"))
