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

    def __init__(self, device: VideoDevice, kind: int, choice: Choice, buffers: int) -> None:
        """`kind`: the device's type of buffers."""
        self._device = device
        self._kind = kind
        self._maps: list[Mapping] = []
        self.shape = self._set_format(choice)
        try:
            self._map(buffers)
            self._device.ioctl(kernel.STREAM_ON, ctypes.c_int(self._kind))
        except BaseException:
            self._unmap()
            raise

    def grab(self, seconds: float) -> Grab | None:
        """The next picture, or None when none comes within `seconds`."""
        if not self._device.wait(seconds):
            return None
        buffer, plane = self._buffer(0)
        try:
            self._device.ioctl(kernel.DEQUEUE, buffer)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return None
            raise
        if buffer.index >= len(self._maps):
            raise SourceError(f"the driver handed out buffer {buffer.index} of {len(self._maps)}")
        if plane is None:
            begin, end = 0, min(buffer.bytesused, buffer.length)
        else:
            begin, end = plane.data_offset, min(plane.bytesused, plane.length)
        data = bytes(self._maps[buffer.index][begin:end])
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
            self._device.ioctl(kernel.STREAM_OFF, ctypes.c_int(self._kind))
        self._unmap()

    def _set_format(self, choice: Choice) -> Shape:
        wanted = kernel.Format(type=self._kind)
        several = self._kind == kernel.CAPTURE_PLANES
        pix: Any = wanted.fmt.planes if several else wanted.fmt.pix
        pix.width, pix.height = choice.size
        pix.pixelformat, pix.field = kernel.code_of(choice.fourcc), kernel.ANY_FIELD
        if several:
            pix.num_planes = 1
        self._device.ioctl(kernel.SET_FORMAT, wanted)
        got = kernel.fourcc(pix.pixelformat)
        if got != choice.fourcc:
            raise SourceError(f"asked for {choice.fourcc}, the camera gives {got}", fatal=True)
        if several and pix.num_planes != 1:
            raise SourceError(f"{got} comes in {pix.num_planes} pieces of memory; only one is supported", fatal=True)
        stride: int = (pix.planes[0] if several else pix).bytesperline
        return Shape(got, pix.width, pix.height, stride, self._set_rate(choice.rate))

    def _set_rate(self, rate: float) -> float:
        """The rate that the driver will use; not every driver lets it be set."""
        parameters = kernel.StreamParameters(type=self._kind)
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
        request = kernel.RequestBuffers(count=count, type=self._kind, memory=kernel.MMAP)
        self._device.ioctl(kernel.REQUEST_BUFFERS, request)
        if request.count < 2:
            raise SourceError(f"the driver has {request.count} buffers, at least 2 are needed")
        for index in range(request.count):
            buffer, plane = self._buffer(index)
            self._device.ioctl(kernel.QUERY_BUFFER, buffer)
            place = buffer if plane is None else plane
            self._maps.append(self._device.map(place.length, place.m.offset))
            self._queue(index)

    def _unmap(self) -> None:
        maps, self._maps = self._maps, []
        for mapping in maps:
            mapping.close()
        with contextlib.suppress(OSError):
            none = kernel.RequestBuffers(count=0, type=self._kind, memory=kernel.MMAP)
            self._device.ioctl(kernel.REQUEST_BUFFERS, none)

    def _queue(self, index: int) -> None:
        buffer, _plane = self._buffer(index)
        self._device.ioctl(kernel.QUEUE, buffer)

    def _buffer(self, index: int) -> tuple[Any, Any]:
        """A buffer's description to fill in, and that of its plane for drivers that want one."""
        buffer = kernel.Buffer(index=index, type=self._kind, memory=kernel.MMAP)
        if self._kind == kernel.CAPTURE:
            return buffer, None
        planes = (kernel.Plane * 1)()
        buffer.m.planes, buffer.length = planes, 1
        return buffer, planes[0]


def _time(buffer: Any) -> int:
    """When the driver saw the picture, if it counts with the clock that we use, else now."""
    if buffer.flags & kernel.FLAG_CLOCK_MASK == kernel.FLAG_CLOCK_MONOTONIC:
        stamp: int = buffer.timestamp.seconds * NS_PER_S + buffer.timestamp.microseconds * 1000
        if stamp:
            return stamp
    return time.monotonic_ns()
