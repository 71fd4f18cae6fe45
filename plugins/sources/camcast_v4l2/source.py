"""A camera's thread: waits for the driver, makes frames or packets."""

from __future__ import annotations

import threading
import time

from camcast.contracts import CodecParser, SourceContext
from camcast.errors import MediaError, SourceError
from camcast.media import RAW, Frame, MediaKind, Track
from camcast.threaded import ThreadedSource
from camcast_v4l2 import kernel
from camcast_v4l2.capture import Capture, Grab
from camcast_v4l2.device import KernelDevice, Opener, device_path, explained
from camcast_v4l2.listing import check
from camcast_v4l2.offers import PACKETS, Choice, Offer, ask, choose
from camcast_v4l2.options import V4l2Options
from camcast_v4l2.pictures import maker

WAIT = 0.2
"""How often the thread looks whether it should stop, seconds."""
ENOUGH_REFUSED = 20
"""Pictures of which not one could be read, after which that is told."""
VIDEO = MediaKind.VIDEO


class V4l2Source(ThreadedSource):
    """One camera while it runs; see `V4l2Options`."""

    name = "v4l2"

    def __init__(self, context: SourceContext, opener: Opener = KernelDevice) -> None:
        super().__init__(context)
        self._options = context.options if isinstance(context.options, V4l2Options) else V4l2Options()
        self._opener = opener
        self._path = device_path(context.url)
        self._keyframe = threading.Event()
        self._encodes = False
        self._track: Track | None = None
        self._announced = False
        self._refused = 0

    def request_keyframe(self) -> bool:
        """Cameras that encode are asked; whether they do it is theirs."""
        if self._encodes:
            self._keyframe.set()
        return self._encodes

    def explain(self, error: Exception) -> Exception:
        return explained(self._path, error) if isinstance(error, OSError) else super().explain(error)

    # --- in the thread ------------------------------------------------------------------------------------

    def work(self) -> None:
        device = self._opener(self._path)
        try:
            name, kind = check(self._path, device)
            capture = Capture(device, kind, self._choose(ask(device, kind)), self._options.buffers)
            try:
                shape = capture.shape
                self.context.log.info(
                    "%s: %s gives %s %dx%d at %g fps",
                    self.context.label, name, shape.fourcc, shape.width, shape.height, shape.rate,
                )  # fmt: skip
                self._capture(capture)
            finally:
                capture.close()
        finally:
            device.close()

    def _choose(self, offers: list[Offer]) -> Choice:
        context, options = self.context, self._options
        size = options.wanted_size if options.size else (context.width, context.height)
        return choose(offers, options.format, size, options.framerate or context.frame_rate)

    def _capture(self, capture: Capture) -> None:
        shape = capture.shape
        codec = PACKETS.get(shape.fourcc)
        parser = make = None
        if codec is not None:
            try:
                parser = self.context.codec(codec).parser(b"")
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
        while not self.stopping:
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
                self.lose(VIDEO, "lost by the driver", missed)
            expected = grab.sequence + 1
            if grab.damaged:
                self.lose(VIDEO, "damaged")
            elif parser is not None:
                self._packet(parser, grab)
            elif make is not None:
                try:
                    frame = make(grab.data)
                except MediaError as error:
                    self._damaged(error)
                    continue
                track = self._frames_track(frame.width, frame.height, shape.rate)
                self._announce(track)
                self.deliver(Frame(track, grab.time, frame))

    def _frames_track(self, width: int, height: int, rate: float) -> Track:
        track = self._track
        if track is None or (track.width, track.height) != (width, height):
            track = self._track = Track(kind=VIDEO, codec=RAW, width=width, height=height, frame_rate=rate)
        return track

    def _packet(self, parser: CodecParser, grab: Grab) -> None:
        try:
            packet = parser.parse(grab.data, grab.time, grab.time)
        except MediaError as error:
            self._damaged(error)
            return
        if packet is not None:
            self._announce(packet.track)
            self.deliver(packet)
        elif parser.track is None:
            self._refuse("nothing says how it is to be decoded, as its parameter sets have not come")

    def _damaged(self, error: MediaError) -> None:
        self.lose(VIDEO, "damaged")
        self._refuse(str(error))

    def _refuse(self, why: str) -> None:
        if not self._announced:
            self._refused += 1
            if self._refused == ENOUGH_REFUSED:
                self.context.handover.call(
                    self.context.note, "track_damaged", f"no picture of {self._path} can be used: {why}"
                )

    def _announce(self, track: Track) -> None:
        if not self._announced:
            self._announced = True
            self.announce(track)
