"""A camera's thread: waits for the driver, makes frames or packets, hands them to the loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from camcast.contracts import CodecParser, MediaSink, SourceContext
from camcast.errors import MediaError, SourceError
from camcast.media import RAW, Frame, MediaKind, Track
from camcast_v4l2 import kernel
from camcast_v4l2.capture import Capture, Grab
from camcast_v4l2.device import KernelDevice, Opener, explained
from camcast_v4l2.listing import check
from camcast_v4l2.offers import PACKETS, Choice, Offer, ask, choose
from camcast_v4l2.options import V4l2Options
from camcast_v4l2.pictures import maker

WAIT = 0.2
"""How often the thread looks whether it should stop, seconds."""
STOP_DEADLINE = 1.5
Drops = dict[str, int]


class V4l2Source:
    """One camera while it runs; see `V4l2Options`."""

    def __init__(self, context: SourceContext, opener: Opener = KernelDevice) -> None:
        self._context = context
        self._options = context.options if isinstance(context.options, V4l2Options) else V4l2Options()
        self._opener = opener
        self._path = device_path(context.url)
        self._stop = threading.Event()
        self._keyframe = threading.Event()
        self._encodes = False
        self._drops: Drops = {}
        self._track: Track | None = None
        self._announced = False

    async def run(self, sink: MediaSink) -> None:
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()

        def work() -> None:
            error: Exception | None = None
            try:
                self._work(sink)
            except OSError as caught:
                error = explained(self._path, caught)
            except Exception as caught:  # noqa: BLE001 - raised on the loop
                error = caught
            try:
                loop.call_soon_threadsafe(_end, ended, error)
            except RuntimeError:
                # The loop has been closed meanwhile.
                return

        threading.Thread(target=work, name=f"camcast-v4l2-{self._context.label}", daemon=True).start()
        try:
            await asyncio.shield(ended)
        finally:
            self._stop.set()
            await asyncio.wait([ended], timeout=STOP_DEADLINE)

    def request_keyframe(self) -> bool:
        """Cameras that encode are asked; whether they do it is theirs."""
        if self._encodes:
            self._keyframe.set()
        return self._encodes

    # --- in the thread ------------------------------------------------------------------------------------

    def _work(self, sink: MediaSink) -> None:
        device = self._opener(self._path)
        try:
            name, kind = check(self._path, device)
            capture = Capture(device, kind, self._choose(ask(device, kind)), self._options.buffers)
            try:
                shape = capture.shape
                self._context.log.info(
                    "%s: %s gives %s %dx%d at %g fps",
                    self._context.label, name, shape.fourcc, shape.width, shape.height, shape.rate,
                )  # fmt: skip
                self._capture(sink, capture)
            finally:
                capture.close()
        finally:
            device.close()

    def _choose(self, offers: list[Offer]) -> Choice:
        context, options = self._context, self._options
        size = options.wanted_size if options.size else (context.width, context.height)
        return choose(offers, options.format, size, options.framerate or context.frame_rate)

    def _capture(self, sink: MediaSink, capture: Capture) -> None:
        shape = capture.shape
        codec = PACKETS.get(shape.fourcc)
        parser = make = None
        if codec is not None:
            try:
                parser = self._context.codec(codec).parser(b"")
            except MediaError as error:
                raise SourceError(f"{self._path}: {error}", fatal=True) from error
            self._encodes = True
            capture.set_control(kernel.CONTROL_REPEAT_HEADERS, 1)
            if self._options.bitrate:
                capture.set_control(kernel.CONTROL_BITRATE, self._options.bitrate * 1000)
        else:
            make = maker(shape)
        expected: int | None = None
        heard = time.monotonic()
        while not self._stop.is_set():
            if self._keyframe.is_set():
                self._keyframe.clear()
                capture.set_control(kernel.CONTROL_KEYFRAME, 1)
            grab = capture.grab(WAIT)
            if grab is None:
                if time.monotonic() - heard > self._options.no_data_timeout:
                    raise SourceError(f"{self._path}: no picture for {self._options.no_data_timeout:g} s")
                continue
            heard = time.monotonic()
            if expected is not None and 0 < (missed := (grab.sequence - expected) & 0xFFFFFFFF) < 1 << 16:
                self._lose("lost by the driver", missed)
            expected = grab.sequence + 1
            if grab.damaged:
                self._lose("damaged", 1)
            elif parser is not None:
                self._hand_over(sink, self._packet, sink, parser, grab)
            elif make is not None:
                try:
                    frame = make(grab.data)
                except MediaError:
                    self._lose("damaged", 1)
                    continue
                track = self._frames_track(frame.width, frame.height, shape.rate)
                self._hand_over(sink, self._frame, sink, Frame(track, grab.time, frame, time.monotonic_ns()))

    def _frames_track(self, width: int, height: int, rate: float) -> Track:
        track = self._track
        if track is None or (track.width, track.height) != (width, height):
            track = self._track = Track(kind=MediaKind.VIDEO, codec=RAW, width=width, height=height, frame_rate=rate)
        return track

    def _hand_over(self, sink: MediaSink, deliver: Callable[..., None], *args: object) -> None:
        drops, self._drops = self._drops, {}
        if not self._context.handover.call(self._deliver, sink, drops, deliver, args):
            self._drops = drops
            self._lose("overflow", 1)

    def _lose(self, reason: str, count: int) -> None:
        self._drops[reason] = self._drops.get(reason, 0) + count

    # --- on the loop --------------------------------------------------------------------------------------

    def _deliver(self, sink: MediaSink, drops: Drops, deliver: Callable[..., None], args: tuple[object, ...]) -> None:
        for reason, count in drops.items():
            sink.dropped(MediaKind.VIDEO, reason, count)
        if not self._stop.is_set():
            deliver(*args)

    def _frame(self, sink: MediaSink, frame: Frame) -> None:
        self._announce(sink, frame.track)
        sink.frame(frame)

    def _packet(self, sink: MediaSink, parser: CodecParser, grab: Grab) -> None:
        try:
            packet = parser.parse(grab.data, grab.time, grab.time, time.monotonic_ns())
        except MediaError:
            sink.dropped(MediaKind.VIDEO, "damaged")
            return
        if packet is not None:
            self._announce(sink, packet.track)
            sink.packet(packet)

    def _announce(self, sink: MediaSink, track: Track) -> None:
        if not self._announced:
            self._announced = True
            sink.tracks([track])


def device_path(url: str) -> str:
    """ "0", "/dev/video0" and "v4l2:///dev/video0" are the same. Raises `SourceError`."""
    if url.isdigit():
        return f"/dev/video{url}"
    parts = urlsplit(url)
    if parts.scheme == "v4l2":
        return unquote(parts.path)
    if "://" in url or not url:
        raise SourceError('a V4L2 camera is named by its device: {"type": "v4l2", "url": "/dev/video0"}', fatal=True)
    return url


def _end(ended: asyncio.Future[None], error: Exception | None) -> None:
    if ended.done():
        return
    if error is None:
        ended.set_result(None)
    else:
        ended.set_exception(error)
