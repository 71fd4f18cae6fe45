"""A camera that exists only at the ioctl boundary. It is as strict as a driver about the order of requests."""

from __future__ import annotations

import errno
import threading
import time
from collections import deque
from typing import Any

import attrs

from camcast_v4l2 import kernel

Sizes = dict[tuple[int, int], tuple[float, ...]]


class Memory:
    """A mapped buffer."""

    def __init__(self, size: int) -> None:
        self.content = bytearray(size)
        self.closed = False

    def __getitem__(self, place: slice) -> bytes:
        assert not self.closed
        return bytes(self.content[place])

    def close(self) -> None:
        self.closed = True


@attrs.define(eq=False)
class FakeCamera:
    """What `opener(path)` gives. `formats`: sizes and rates by FOURCC; `span`: scales freely instead."""

    formats: dict[str, Sizes]
    name: str = "Made-up Camera"
    caps: int = kernel.CAP_CAPTURE | kernel.CAP_STREAMING
    span: tuple[tuple[int, int], tuple[int, int], tuple[int, int]] | None = None
    padding: int = 0
    """Bytes at the end of each line."""
    gives: str = ""
    """The format that it takes instead of what is asked."""
    pieces: int = 1
    """Of memory that a picture is in, where it describes planes."""
    monotonic: bool = True
    fail: dict[int, int] = attrs.field(factory=dict)
    """errno by request, once streaming or before."""
    controls: dict[int, int] = attrs.field(factory=dict)
    has_controls: bool = False
    open: bool = True
    streaming: bool = False
    format: tuple[str, int, int] = ("", 0, 0)
    rate: float = 0.0
    sequence: int = 0
    _room: threading.Condition = attrs.field(factory=threading.Condition)
    _memory: list[Memory] = attrs.field(factory=list)
    _queued: deque[int] = attrs.field(factory=deque)
    _filled: deque[tuple[int, int, int, int, int]] = attrs.field(factory=deque)
    overruns: int = 0

    @property
    def planes(self) -> bool:
        """Whether it describes pictures as lists of planes."""
        return not self.caps & kernel.CAP_CAPTURE

    # --- the test's side ----------------------------------------------------------------------------------

    def __call__(self, path: str) -> FakeCamera:
        if kernel.QUERYCAP in self.fail and self.fail[kernel.QUERYCAP] in (errno.EACCES, errno.ENOENT, errno.EBUSY):
            raise OSError(self.fail[kernel.QUERYCAP], "made up")
        self.open = True
        return self

    def shoot(self, data: bytes, *, damaged: bool = False, skip: int = 0, at: int = 0) -> bool:
        """A picture is taken, `at` a time of the monotonic clock in ns, 0 = now.

        Without a free buffer it is lost, as in a driver.
        """
        with self._room:
            self.sequence += skip
            number, self.sequence = self.sequence, self.sequence + 1
            if not self.streaming or not self._queued:
                self.overruns += 1
                return False
            index = self._queued.popleft()
            self._memory[index].content[: len(data)] = data
            flags = (kernel.FLAG_ERROR if damaged else 0) | (kernel.FLAG_CLOCK_MONOTONIC if self.monotonic else 0)
            self._filled.append((index, len(data), flags, number, at or time.monotonic_ns()))
            self._room.notify_all()
            return True

    def break_down(self, number: int) -> None:
        """From now on, dequeuing fails."""
        with self._room:
            self.fail[kernel.DEQUEUE] = number
            self._room.notify_all()

    # --- the driver's side --------------------------------------------------------------------------------

    def wait(self, seconds: float) -> bool:
        with self._room:
            return self._room.wait_for(lambda: bool(self._filled) or kernel.DEQUEUE in self.fail, seconds)

    def map(self, length: int, offset: int) -> Memory:
        memory = self._memory[offset // 0x1000]
        assert length == len(memory.content)
        return memory

    def close(self) -> None:
        assert not self.streaming, "closed while streaming"
        assert all(memory.closed for memory in self._memory), "closed with mapped buffers"
        self.open = False

    def ioctl(self, request: int, argument: Any) -> None:
        assert self.open
        with self._room:
            if request in self.fail:
                raise OSError(self.fail[request], "made up")
            self._HANDLERS[request](self, argument)

    def _capability(self, argument: Any) -> None:
        argument.card, argument.driver = self.name.encode(), b"fake"
        argument.capabilities, argument.device_caps = kernel.CAP_DEVICE_CAPS | 0xFF, self.caps

    def _enum_formats(self, argument: Any) -> None:
        assert argument.type == (kernel.CAPTURE_PLANES if self.planes else kernel.CAPTURE)
        name = self._nth(self.formats, argument.index)
        argument.pixelformat, argument.description = kernel.code_of(name), f"{name} pictures".encode()

    def _enum_sizes(self, argument: Any) -> None:
        if self.span is not None:
            self._nth([0], argument.index)
            argument.type, limits = 3, argument.size.range
            (limits.min_width, limits.min_height), (limits.max_width, limits.max_height) = self.span[:2]
            limits.step_width, limits.step_height = self.span[2]
            return
        size = self._nth(self.formats[kernel.fourcc(argument.pixelformat)], argument.index)
        argument.type = kernel.DISCRETE
        argument.size.discrete.width, argument.size.discrete.height = size

    def _enum_intervals(self, argument: Any) -> None:
        sizes = self.formats[kernel.fourcc(argument.pixelformat)]
        rate = self._nth(sizes[argument.width, argument.height], argument.index)
        argument.type = kernel.DISCRETE
        argument.interval.discrete.numerator = 1001 if rate % 1 else 1
        argument.interval.discrete.denominator = round(rate * (1001 if rate % 1 else 1))

    def _set_format(self, argument: Any) -> None:
        assert not self._memory, "format set after buffers were requested"
        assert argument.type == (kernel.CAPTURE_PLANES if self.planes else kernel.CAPTURE)
        pix = argument.fmt.planes if self.planes else argument.fmt.pix
        name = self.gives or kernel.fourcc(pix.pixelformat)
        per_pixel = {"YUYV": 2, "UYVY": 2, "BGR3": 3, "RGB3": 3}.get(name, 1)
        compressed = name in ("MJPG", "H264", "HEVC")
        pix.pixelformat = kernel.code_of(name)
        place = pix.planes[0] if self.planes else pix
        place.bytesperline = 0 if compressed else pix.width * per_pixel + self.padding
        place.sizeimage = pix.width * pix.height * 4 + self.padding * pix.height * 2
        if self.planes:
            pix.num_planes = self.pieces
        self.format = (name, pix.width, pix.height)

    def _set_parameters(self, argument: Any) -> None:
        interval = argument.parm.capture.timeperframe
        self.rate = interval.denominator / interval.numerator

    def _request_buffers(self, argument: Any) -> None:
        assert not self.streaming
        assert all(memory.closed for memory in self._memory), "buffers given back while mapped"
        assert self.format[0]
        _, width, height = self.format
        self._memory = [Memory(width * height * 4 + self.padding * height * 2) for _ in range(argument.count)]
        self._queued.clear()
        self._filled.clear()

    def _query_buffer(self, argument: Any) -> None:
        place = argument.m.planes[0] if self.planes else argument
        place.length, place.m.offset = len(self._memory[argument.index].content), argument.index * 0x1000

    def _queue(self, argument: Any) -> None:
        assert argument.index not in self._queued, "queued twice"
        self._queued.append(argument.index)

    def _dequeue(self, argument: Any) -> None:
        if not self._filled:
            raise OSError(errno.EAGAIN, "nothing there")
        argument.index, used, argument.flags, argument.sequence, stamp = self._filled.popleft()
        place = argument.m.planes[0] if self.planes else argument
        place.bytesused, place.length = used, len(self._memory[argument.index].content)
        argument.timestamp.seconds, argument.timestamp.microseconds = divmod(stamp // 1000, 1_000_000)

    def _stream_on(self, argument: Any) -> None:
        assert len(self._queued) >= 2
        self.streaming = True

    def _stream_off(self, argument: Any) -> None:
        self.streaming = False

    def _set_control(self, argument: Any) -> None:
        if not self.has_controls:
            raise OSError(errno.EINVAL, "no such control")
        self.controls[argument.id] = argument.value

    @staticmethod
    def _nth(items: Any, index: int) -> Any:
        listed = list(items)
        if index >= len(listed):
            raise OSError(errno.EINVAL, "no more")
        return listed[index]

    _HANDLERS = {  # noqa: RUF012
        kernel.QUERYCAP: _capability,
        kernel.ENUM_FORMATS: _enum_formats,
        kernel.ENUM_SIZES: _enum_sizes,
        kernel.ENUM_INTERVALS: _enum_intervals,
        kernel.SET_FORMAT: _set_format,
        kernel.SET_PARAMETERS: _set_parameters,
        kernel.REQUEST_BUFFERS: _request_buffers,
        kernel.QUERY_BUFFER: _query_buffer,
        kernel.QUEUE: _queue,
        kernel.DEQUEUE: _dequeue,
        kernel.STREAM_ON: _stream_on,
        kernel.STREAM_OFF: _stream_off,
        kernel.SET_CONTROL: _set_control,
    }
