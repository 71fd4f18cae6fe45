"""Takes an RTSP connection's bytes apart (RFC 2326 §10.12): interleaved frames `$ channel size16 data`, and messages.

One buffer, read into by the socket and parsed in place: a frame is handed on as a view of it, good until the
handler returns. What is left over is kept apart, so that cameras of one loop can share the buffer: it stays in the
processor's cache. What fits neither form is skipped up to the next thing that does, since cameras exist that slip a few
stray bytes in between; more than `MAX_SKIP` of them in a row is not RTSP. Others write media from one thread and their
answers from another: frames in the middle of an answer's first lines are taken out of it.

Nothing here takes longer than its share: `filled` stops at the time it is given, and goes on when called again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from struct import Struct
from time import monotonic_ns

from .messages import MAX_BODY, MAX_HEAD, METHODS, Head, Message, ProtocolError, head_end, parse_head, parse_message

BUFFER_SIZE = 128 * 1024
"""Larger than the largest frame (64 KiB + 4) and message, with room left to read into."""
MAX_SKIP = 64 * 1024
MAX_INSIDE = 64
"""Frames in the middle of one message."""
INSIDE = "inside"
"""Counts them."""
SMALL = 2048
"""Bytes of a frame of an unknown channel that are waited for."""
assert BUFFER_SIZE > MAX_HEAD + MAX_BODY + 16 * 1024

Handler = Callable[[memoryview, int], None]
"""(the frame's data, its arrival in ns)."""
Run = Callable[[memoryview, int, int, int, int], int]
"""(buffer, position, end, channel, arrival) → position behind the frames that it took itself."""

_DOLLAR = 0x24
_frame_at = Struct("!BBH").unpack_from
_STARTS = (b"RTSP/", *METHODS)
_find_mark = re.compile(b"|".join(re.escape(mark) for mark in (b"$", *(start[:4] for start in _STARTS)))).search
_find_inside = re.compile(rb"\$[^\t\n\r -\xff]").search
"""No text holds this."""
_FIRST_BYTES = frozenset((_DOLLAR, *(start[0] for start in _STARTS)))
_LONGEST_START = max(map(len, _STARTS))
_FOREVER = 1 << 62


class Deinterleaver:
    """Feeds channel handlers and `on_message`. `room()`, read into it, `filled(count)`; raises `ProtocolError`.

    `buffer` (`BUFFER_SIZE`) may be shared with others that don't read between our `room()` and `filled()`.
    """

    def __init__(self, on_message: Callable[[Message], None], buffer: memoryview | None = None) -> None:
        self.handlers: list[Handler | None] = [None] * 256
        """By channel number."""
        self.runs: dict[int, Run] = {}
        """By channel number: asked before the handler, for speed."""
        self.counts: Counter[str] = Counter()
        self.unfinished = False
        """`filled` stopped at its time: call it again, with nothing new."""
        self.on_unknown: Callable[[int, memoryview, int], bool] = lambda channel, frame, arrival: False
        """Shown the frames of channels without a handler: (channel, data, arrival) → whether that was of use."""
        self._on_message = on_message
        self._view = memoryview(bytearray(BUFFER_SIZE)) if buffer is None else buffer
        self._rest = b""
        """The beginning of something whose end has not come, or what there was no time for."""
        self._head: Head | None = None
        """Of the message that `_rest` begins with."""
        self._skipped = 0
        self._inside = 0
        """Frames taken out of the message that `_rest` begins with."""

    def room(self) -> memoryview:
        """Where the next bytes go; never empty unless there is something unfinished."""
        view, rest = self._view, self._rest
        if not rest:
            return view
        size = len(rest)
        view[:size] = rest
        return view[size:]

    def filled(self, count: int, arrival: int, until: int = _FOREVER) -> None:
        """`count` bytes have been put where `room()` said; they came at `arrival` (ns). Stops after `until` (ns)."""
        view, handlers, runs = self._view, self.handlers, self.runs
        end = len(self._rest) + count
        at = 0
        self.unfinished = False
        while end - at >= 4:
            mark, channel, size = _frame_at(view, at)
            if mark == _DOLLAR:
                start = at + 4
                stop = start + size
                if stop > end and (handlers[channel] is not None or size <= SMALL):
                    break
                handler = handlers[channel]
                if handler is not None:
                    self._skipped = 0
                    taken = runs[channel](view, at, end, channel, arrival) if channel in runs else at
                    if taken != at:
                        at = taken
                    else:
                        handler(view[start:stop], arrival)
                        at = stop
                else:
                    at += self._unknown(at, stop, end, arrival)
            else:
                used = self._other(at, end, arrival)
                if not used:
                    break
                at += used
            if monotonic_ns() > until and at < end:
                self.unfinished = True
                break
        self._rest = bytes(view[at:end]) if at < end else b""

    def _unknown(self, at: int, stop: int, end: int, arrival: int) -> int:
        """How much to pass over where a frame is of a channel that nobody set up, or only looks like a frame."""
        if stop == end or (stop < end and self._view[stop] in _FIRST_BYTES):
            if self.on_unknown(self._view[at + 1], self._view[at + 4 : stop], arrival):
                self._skipped = 0
            else:
                self.counts["unknown channel"] += 1
            return stop - at
        return self._skip(at, end)

    def _other(self, at: int, end: int, arrival: int) -> int:
        """Handle what is no frame; how many bytes it was, 0 = more is needed."""
        if self._head is None:
            taken = self._take_inside(at, end, arrival)
            if taken is not None:
                return taken
            head = bytes(self._view[at : min(at + _LONGEST_START, end)])
            if not _begins(head):
                # A mark at its end may be that of a frame.
                if at + len(head) == end and _may_begin(head.removesuffix(b"$")):
                    return 0
                return self._skip(at, end)
            self._head = parse_head(self._view[at:end])
            if self._head is None:
                return 0
        message, length = parse_message(self._view[at:end], self._head)
        if message is not None:
            if self._inside:
                self.counts[INSIDE] += self._inside
            self._head = None
            self._skipped = self._inside = 0
            self._on_message(message)
        return length

    def _take_inside(self, at: int, end: int, arrival: int) -> int | None:
        """Handle the frame that stands in the middle of a message's head, whose beginning moves up to the rest.

        The frame's size; 0 = more of it is needed, None = there is none.
        """
        view = self._view
        found = _find_inside(view, at + 1, min(at + MAX_HEAD, end))
        if found is None:
            return None
        dollar = found.start()
        handler = self.handlers[view[dollar + 1]]
        begin = bytes(view[at:dollar])
        if handler is None or head_end(begin) >= 0 or not _may_begin(begin):
            return None
        if end - dollar < 4:
            return 0
        start = dollar + 4
        stop = start + (view[dollar + 2] << 8 | view[dollar + 3])
        if stop > end:
            return 0
        if self._inside == MAX_INSIDE:
            if not _begins(begin):
                # A stray byte or two that a message could begin with.
                self._inside = 0
                return self._skip(at, end)
            raise ProtocolError(f"more than {MAX_INSIDE} frames in the middle of one message")
        self._inside += 1
        handler(view[start:stop], arrival)
        view[stop - len(begin) : stop] = begin
        return stop - len(begin) - at

    def _skip(self, at: int, end: int) -> int:
        """How far to the next byte that may begin something."""
        found = _find_mark(self._view, at + 1, end)
        # The last three bytes may be the beginning of a mark.
        size = found.start() - at if found else max(end - at - 3, 1)
        if not bytes(self._view[at : at + size]).strip(b"\r\n"):
            return size
        self._skipped += size
        self.counts["stray"] += 1
        self.counts["stray bytes"] += size
        if self._skipped > MAX_SKIP:
            raise ProtocolError(f"more than {MAX_SKIP} bytes that are neither RTSP nor interleaved media")
        return size


def _begins(data: bytes) -> bool:
    return any(data.startswith(start) for start in _STARTS)


def _may_begin(data: bytes) -> bool:
    """Whether a message begins so, however little of it there is."""
    return any(data.startswith(start) or start.startswith(data) for start in _STARTS)
