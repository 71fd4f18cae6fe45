"""Test pictures as YUV 4:2:0 planes."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

_BARS: tuple[Colour, ...] = (
    (191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0), (0, 0, 191),
)  # fmt: skip
_REVERSE: tuple[Colour, ...] = (
    (0, 0, 191), (19, 19, 19), (191, 0, 191), (19, 19, 19), (0, 191, 191), (19, 19, 19), (191, 191, 191),
)  # fmt: skip
_FOOT: tuple[Colour, ...] = ((0, 33, 76), (255, 255, 255), (50, 0, 106), (19, 19, 19), (9, 9, 9), (29, 29, 29))


@attrs.frozen(eq=False)
class Picture:
    """Three planes; those of colour have half the width and height."""

    y: Plane
    u: Plane
    v: Plane


def draw(pattern: str, width: int, height: int) -> Picture:
    """The still part of a pattern. "moving" is twice as wide: a window slides over it."""
    if pattern == "moving":
        return _waves(width, height)
    rgb = np.full((height, width, 3), 110, np.uint8)
    if pattern in ("bars", "smpte"):
        _bars(rgb, _BARS, 0, height)
    if pattern == "smpte":
        _bars(rgb, _REVERSE, height * 2 // 3, height * 3 // 4)
        _bars(rgb, _FOOT, height * 3 // 4, height)
    return _yuv(rgb)


def _bars(rgb: Plane, colours: tuple[Colour, ...], top: int, bottom: int) -> None:
    edges = np.rint(np.linspace(0, rgb.shape[1], len(colours) + 1)).astype(int)
    for colour, left, right in zip(colours, edges[:-1], edges[1:], strict=True):
        rgb[top:bottom, left:right] = colour


def _waves(width: int, height: int) -> Picture:
    """Crossing waves that repeat after `width`, with a little grain, so that they encode like a camera's picture."""
    x = np.arange(width) / width * 2 * np.pi
    y = np.arange(height)[:, None] / height * 2 * np.pi
    grain = np.random.default_rng(0).normal(0, 3, (height, width))
    luma = np.clip(126 + 50 * np.sin(3 * x + 2 * y) + 40 * np.sin(5 * x - 3 * y) + grain, 16, 235).astype(np.uint8)
    hue = np.sin(x[::2] + y[::2])
    u = (128 + 50 * hue).astype(np.uint8)
    v = (128 - 50 * np.cos(x[::2] - 2 * y[::2]) * np.ones_like(hue)).astype(np.uint8)
    return Picture(*(np.ascontiguousarray(np.tile(plane, (1, 2))) for plane in (luma, u, v)))


def _yuv(rgb: Plane) -> Picture:
    """Limited-range YUV, by BT.709 from 720 lines on and BT.601 below, as players guess."""
    red, blue = (0.2126, 0.0722) if rgb.shape[0] >= 720 else (0.299, 0.114)
    r, g, b = (rgb[:, :, channel] / 255.0 for channel in range(3))
    luma = red * r + (1 - red - blue) * g + blue * b
    u = (b - luma) / (2 * (1 - blue))
    v = (r - luma) / (2 * (1 - red))
    return Picture(
        np.rint(16 + 219 * luma).astype(np.uint8),
        np.rint(128 + 224 * u[::2, ::2]).astype(np.uint8),
        np.rint(128 + 224 * v[::2, ::2]).astype(np.uint8),
    )
