"""Streams from an open device: sets the format, maps the driver's buffers, hands out what they hold.

The order is the kernel's: format, rate, request buffers, map, queue all, stream on; then dequeue, copy, queue again.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import time
from typing import Any

import attrs

from camcast.errors import SourceError
from camcast.media import NS_PER_S
from camcast_v4l2 import kernel
from camcast_v4l2.device import Mapping, VideoDevice
from camcast_v4l2.offers import Choice


@attrs.frozen
class Shape:
    """What the driver agreed to."""

    fourcc: str
    width: int
    height: int
    stride: int
    """Bytes from one line to the next."""
    rate: float


@attrs.frozen(eq=False)
class Grab:
    """One buffer's content, copied."""

    data: bytes = attrs.field(repr=False)
    time: int
    """ns of the monotonic clock."""
    sequence: int
    damaged: bool


class Capture:
    """One run of a device. Raises `OSError` and `SourceError`; `close` always works."""

    def __init__(self, device: VideoDevice, choice: Choice, buffers: int) -> None:
        self._device = device
        self._maps: list[Mapping] = []
        self.shape = self._set_format(choice)
        try:
            self._map(buffers)
            self._device.ioctl(kernel.STREAM_ON, ctypes.c_int(kernel.CAPTURE))
        except BaseException:
            self._unmap()
            raise

    def grab(self, seconds: float) -> Grab | None:
        """The next picture, or None when none comes within `seconds`."""
        if not self._device.wait(seconds):
            return None
        buffer = kernel.Buffer(type=kernel.CAPTURE, memory=kernel.MMAP)
        try:
            self._device.ioctl(kernel.DEQUEUE, buffer)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return None
            raise
        if buffer.index >= len(self._maps):
            raise SourceError(f"the driver handed out buffer {buffer.index} of {len(self._maps)}")
        data = bytes(self._maps[buffer.index][: min(buffer.bytesused, buffer.length)])
        grab = Grab(data, _time(buffer), buffer.sequence, bool(buffer.flags & kernel.FLAG_ERROR) or not data)
        self._queue(buffer.index)
        return grab

    def set_control(self, control: int, value: int) -> bool:
        """Whether the camera has this control and took the value."""
        try:
            self._device.ioctl(kernel.SET_CONTROL, kernel.Control(control, value))
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Stop streaming and give the buffers back; the device itself stays open."""
        with contextlib.suppress(OSError):
            self._device.ioctl(kernel.STREAM_OFF, ctypes.c_int(kernel.CAPTURE))
        self._unmap()

    def _set_format(self, choice: Choice) -> Shape:
        wanted = kernel.Format(type=kernel.CAPTURE)
        pix = wanted.fmt.pix
        pix.width, pix.height = choice.size
        pix.pixelformat, pix.field = kernel.code_of(choice.fourcc), kernel.ANY_FIELD
        self._device.ioctl(kernel.SET_FORMAT, wanted)
        got = kernel.fourcc(pix.pixelformat)
        if got != choice.fourcc:
            raise SourceError(f"asked for {choice.fourcc}, the camera gives {got}", fatal=True)
        return Shape(got, pix.width, pix.height, pix.bytesperline, self._set_rate(choice.rate))

    def _set_rate(self, rate: float) -> float:
        """The rate that the driver will use; not every driver lets it be set."""
        parameters = kernel.StreamParameters(type=kernel.CAPTURE)
        per_frame = parameters.parm.capture.timeperframe
        per_frame.numerator, per_frame.denominator = 1000, round(rate * 1000)
        try:
            self._device.ioctl(kernel.SET_PARAMETERS, parameters)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTTY):
                return rate
            raise
        return round(per_frame.denominator / per_frame.numerator, 3) if per_frame.numerator else rate

    def _map(self, count: int) -> None:
        request = kernel.RequestBuffers(count=count, type=kernel.CAPTURE, memory=kernel.MMAP)
        self._device.ioctl(kernel.REQUEST_BUFFERS, request)
        if request.count < 2:
            raise SourceError(f"the driver has {request.count} buffers, at least 2 are needed")
        for index in range(request.count):
            buffer = kernel.Buffer(index=index, type=kernel.CAPTURE, memory=kernel.MMAP)
            self._device.ioctl(kernel.QUERY_BUFFER, buffer)
            self._maps.append(self._device.map(buffer.length, buffer.m.offset))
            self._queue(index)

    def _unmap(self) -> None:
        maps, self._maps = self._maps, []
        for mapping in maps:
            mapping.close()
        with contextlib.suppress(OSError):
            none = kernel.RequestBuffers(count=0, type=kernel.CAPTURE, memory=kernel.MMAP)
            self._device.ioctl(kernel.REQUEST_BUFFERS, none)

    def _queue(self, index: int) -> None:
        self._device.ioctl(kernel.QUEUE, kernel.Buffer(index=index, type=kernel.CAPTURE, memory=kernel.MMAP))


def _time(buffer: Any) -> int:
    """When the driver saw the picture, if it counts with the clock that we use, else now."""
    if buffer.flags & kernel.FLAG_CLOCK_MASK == kernel.FLAG_CLOCK_MONOTONIC:
        stamp: int = buffer.timestamp.seconds * NS_PER_S + buffer.timestamp.microseconds * 1000
        if stamp:
            return stamp
    return time.monotonic_ns()
