"""The strip: a frame number and a clock in the picture itself, which survives encoding and scaling.

The lowest eighth of the picture holds 3 rows of 32 cells, black or white, most significant bit first:
32 bits frame number, 48 bits wall clock in ms since 1970, 16 bits CRC-16/CCITT of the ten bytes before.
Whoever measures gaps or latency reads it from decoded frames, wherever those come from.
"""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import av

ROWS, COLUMNS = 3, 32
TOP = 21 / 24
"""Where the strip begins, as a part of the height; each row is a 24th."""
BLACK, WHITE = 16, 235
_MIN_CONTRAST = 60
_CRC_START = 0xFFFF

Luma = npt.NDArray[np.uint8]


class Mark(NamedTuple):
    """What a strip says."""

    number: int
    """Frame number, modulo 2^32."""
    wall_ms: int
    """When the frame was made, ms since 1970."""


def write(luma: Luma, number: int, wall_ms: int) -> None:
    """Draw the strip into a luma plane (height x width, writable), in place."""
    height, width = luma.shape
    message = (number & 0xFFFFFFFF).to_bytes(4, "big") + (wall_ms & 0xFFFFFFFFFFFF).to_bytes(6, "big")
    message += binascii.crc_hqx(message, _CRC_START).to_bytes(2, "big")
    bits = np.unpackbits(np.frombuffer(message, np.uint8)).reshape(ROWS, COLUMNS)
    cells = np.where(bits, np.uint8(WHITE), np.uint8(BLACK))
    lines = np.repeat(cells, np.diff(_edges(0, 1, COLUMNS, width)), axis=1)
    edges = _edges(TOP, 1, ROWS, height)
    for row in range(ROWS):
        luma[edges[row] : edges[row + 1]] = lines[row]


def read(picture: av.VideoFrame | npt.NDArray[Any]) -> Mark | None:
    """What the strip says, or None where there is none, or none that can be trusted.

    Takes a PyAV frame of any format, a luma plane (height x width) or an RGB or BGR array.
    """
    luma = picture if isinstance(picture, np.ndarray) else _luma(picture)
    if luma.ndim == 3:
        luma = luma[:, :, :3].mean(axis=2)
    height, width = luma.shape
    if height < 24 or width < COLUMNS * 2:
        return None
    left, right = _middles(0, 1, COLUMNS, width)
    cells = np.empty((ROWS, COLUMNS))
    for row, (top, bottom) in enumerate(zip(*_middles(TOP, 1, ROWS, height), strict=True)):
        sums = np.concatenate([[0], np.cumsum(luma[top:bottom].mean(axis=0))])
        cells[row] = (sums[right] - sums[left]) / (right - left)
    low, high = cells.min(), cells.max()
    if high - low < _MIN_CONTRAST:
        return None
    message = np.packbits(cells.ravel() > (low + high) / 2).tobytes()
    if binascii.crc_hqx(message[:10], _CRC_START) != int.from_bytes(message[10:], "big"):
        return None
    return Mark(int.from_bytes(message[:4], "big"), int.from_bytes(message[4:10], "big"))


def _edges(start: float, end: float, count: int, size: int) -> npt.NDArray[np.int_]:
    return np.rint(np.linspace(start, end, count + 1) * size).astype(int)


def _middles(start: float, end: float, count: int, size: int) -> tuple[npt.NDArray[np.int_], npt.NDArray[np.int_]]:
    """Begin and end of the middle half of each cell: their rims are blurred by encoding and scaling."""
    edges = np.linspace(start, end, count + 1) * size
    quarter = (edges[1] - edges[0]) / 4
    first = (edges[:-1] + quarter).astype(int)
    return first, np.maximum(first + 1, np.rint(edges[1:] - quarter).astype(int))


def _luma(frame: av.VideoFrame) -> npt.NDArray[Any]:
    if not frame.format.name.startswith(("yuv420p", "yuvj420p", "nv12", "gray", "yuv422p", "yuv444p")) or (
        frame.format.components[0].bits != 8
    ):
        frame = frame.reformat(format="gray")
    plane: Any = frame.planes[0]
    rows: npt.NDArray[Any] = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: frame.height, : frame.width]
