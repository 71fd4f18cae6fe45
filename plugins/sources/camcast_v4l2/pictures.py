"""Makes PyAV frames of what a camera's buffers hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import av
import av.error
import numpy as np
import numpy.typing as npt

from camcast.errors import MediaError
from camcast.pyav import padded
from camcast_v4l2.capture import Shape
from camcast_v4l2.offers import JPEG

_FORMATS = {
    "NV12": "nv12", "NV21": "nv21", "YU12": "yuv420p", "YUYV": "yuyv422", "UYVY": "uyvy422", "BGR3": "bgr24",
    "RGB3": "rgb24", "GREY": "gray",
}  # fmt: skip
_PLANES: dict[str, tuple[tuple[int, int, int], ...]] = {
    # Bytes of a line per two pixels, its stride as a part of the first plane's (1/n), lines as a part of the height.
    "nv12": ((2, 1, 1), (2, 1, 2)),
    "nv21": ((2, 1, 1), (2, 1, 2)),
    "yuv420p": ((2, 1, 1), (1, 2, 2), (1, 2, 2)),
    "yuyv422": ((4, 1, 1),),
    "uyvy422": ((4, 1, 1),),
    "bgr24": ((6, 1, 1),),
    "rgb24": ((6, 1, 1),),
    "gray": ((2, 1, 1),),
}

Maker = Callable[[bytes], av.VideoFrame]


def maker(shape: Shape) -> Maker:
    """What turns one buffer of this shape into a frame, or raises `MediaError`."""
    return _jpeg() if shape.fourcc in JPEG else _raw(shape)


def _raw(shape: Shape) -> Maker:
    name = _FORMATS[shape.fourcc]
    width, height = shape.width & ~1, shape.height & ~1
    layout = []
    offset = 0
    line = _PLANES[name][0][0] * width // 2
    stride = max(shape.stride, line)
    for per_two, part, lines in _PLANES[name]:
        layout.append((offset, stride // part, per_two * width // 2, height // lines))
        offset += stride // part * (shape.height // lines)
    # The last line need not be padded.
    needed = max(start + step * (rows - 1) + used for start, step, used, rows in layout)

    def make(data: bytes) -> av.VideoFrame:
        if len(data) < needed:
            raise MediaError(f"a {shape.fourcc} picture of {width}x{height} has {needed} bytes, got {len(data)}")
        frame = av.VideoFrame(width, height, name)
        for index, (start, step, used, rows) in enumerate(layout):
            plane: Any = frame.planes[index]
            target: npt.NDArray[np.uint8] = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
            source = np.frombuffer(data, np.uint8, count=min(len(data) - start, step * rows), offset=start)
            if len(source) < step * rows:
                source = np.pad(source, (0, step * rows - len(source)))
            target[:rows, :used] = source.reshape(rows, step)[:, :used]
        return frame

    return make


def _jpeg() -> Maker:
    decoder = av.CodecContext.create("mjpeg", "r")
    decoder.thread_count = 1

    def make(data: bytes) -> av.VideoFrame:
        try:
            frames = decoder.decode(padded(data))
        except av.error.FFmpegError as error:
            raise MediaError(f"a damaged JPEG picture: {error}") from error
        if not frames:
            raise MediaError("a JPEG picture without content")
        frame: av.VideoFrame = frames[-1]
        return frame

    return make
