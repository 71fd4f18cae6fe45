"""Draws one frame after the other into fresh PyAV frames, touching only what changes.

Letters are drawn once with Pillow; a line of text is then put together from them.
"""

from __future__ import annotations

import time
from typing import Any

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from camcast.testing import strip
from camcast_testsrc.patterns import Plane, draw

_CHANGING = "0123456789:.- #"
_BOX_Y, _BOX_U, _BOX_V = 235, 90, 200


class Letters:
    """One size of letters, as luma on a dark ground; digits all have the same width."""

    def __init__(self, height: int) -> None:
        self._font = ImageFont.load_default(height * 0.75)
        self.height = height
        width = max(round(self._font.getlength(letter)) for letter in _CHANGING) + 1
        self._cells = {letter: self._draw(letter, width) for letter in _CHANGING}

    def line(self, text: str) -> Plane:
        """`text` made of digits and a few signs; the others are blank."""
        blank = self._cells[" "]
        return np.concatenate([self._cells.get(letter, blank) for letter in text], axis=1)

    def title(self, text: str, limit: int) -> Plane:
        """Any text, cut off after `limit` pixels."""
        return self._draw(text, max(1, min(limit, round(self._font.getlength(text)) + 2)))

    def _draw(self, text: str, width: int) -> Plane:
        image = Image.new("L", (width, self.height), strip.BLACK)
        ImageDraw.Draw(image).text((width / 2, self.height / 2), text, fill=strip.WHITE, font=self._font, anchor="mm")
        return np.asarray(image)


class Painter:
    """Makes the pictures of one test source. Sizes are even. Used by one thread."""

    def __init__(self, width: int, height: int, *, name: str, pattern: str, with_strip: bool, with_text: bool) -> None:
        self._width, self._height = width, height
        self._moving = pattern == "moving"
        self._picture = draw(pattern, width, height)
        self._strip = with_strip
        self._letters = Letters(max(12, height // 15)) if with_text else None
        self._title = self._letters.title(name, width * 3 // 4) if self._letters else None
        self._second = 0
        self._clock = ""

    def paint(self, number: int, wall_ms: int) -> av.VideoFrame:
        """Frame `number`, made at `wall_ms` (ms since 1970)."""
        frame = av.VideoFrame(self._width, self._height, "yuv420p")
        y, u, v = (_plane(frame, index) for index in range(3))
        if self._moving:
            left = number * 4 % self._width // 2
            y[:] = self._picture.y[:, 2 * left : 2 * left + self._width]
            u[:] = self._picture.u[:, left : left + self._width // 2]
            v[:] = self._picture.v[:, left : left + self._width // 2]
        else:
            y[:], u[:], v[:] = self._picture.y, self._picture.u, self._picture.v
            self._box(number, y, u, v)
        if self._letters is not None:
            self._text(self._letters, number, wall_ms, y, u, v)
        if self._strip:
            strip.write(y, number, wall_ms)
            top = round(self._height * strip.TOP) // 2
            u[top:] = v[top:] = 128
        return frame

    def _box(self, number: int, y: Plane, u: Plane, v: Plane) -> None:
        """A box that goes from side to side in four seconds' worth of frames."""
        size = max(2, self._height // 16)
        span = max(1, self._width // 2 - size)
        place = number * max(1, span // 60) % (2 * span)
        left = place if place < span else 2 * span - place - 1
        top = self._height // 4
        y[2 * top : 2 * (top + size), 2 * left : 2 * (left + size)] = _BOX_Y
        u[top : top + size, left : left + size] = _BOX_U
        v[top : top + size, left : left + size] = _BOX_V

    def _text(self, letters: Letters, number: int, wall_ms: int, y: Plane, u: Plane, v: Plane) -> None:
        second, ms = divmod(wall_ms, 1000)
        if second != self._second:
            self._second, self._clock = second, time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
        top = letters.height // 2
        lines = (self._title, letters.line(f"{self._clock}.{ms:03d}"), letters.line(f"#{number:08d}"))
        for line in lines:
            if line is None:
                continue
            rows = min(line.shape[0], self._height - top)
            columns = min(line.shape[1], self._width - letters.height)
            left = letters.height // 2
            y[top : top + rows, left : left + columns] = line[:rows, :columns]
            for plane in (u, v):
                plane[top // 2 : (top + rows + 1) // 2, left // 2 : (left + columns + 1) // 2] = 128
            top += letters.height


def _plane(frame: av.VideoFrame, index: int) -> Plane:
    plane: Any = frame.planes[index]
    rows: Plane = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]
