"""What is pushed, on its way to the loop; and how arrays become frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from camcast.media import NS_PER_S, MediaKind

if TYPE_CHECKING:
    import av
    import numpy as np
    import numpy.typing as npt

_SHAPES = {
    "bgr24": "(height, width, 3)",
    "rgb24": "(height, width, 3)",
    "yuv420p": "(height * 3 / 2, width)",
    "nv12": "(height * 3 / 2, width)",
    "gray": "(height, width)",
}


@attrs.define(eq=False)
class Unit:
    """One packet or frame. Times are ns."""

    kind: MediaKind
    data: Any = attrs.field(repr=False)
    """bytes of an access unit, or a PyAV frame."""
    codec: str | None
    """None = the configured one of this kind; the name of raw media for frames."""
    dts: int
    pts: int
    arrival: int
    keyframe: bool | None = None


def video_frame(picture: Any, format: str) -> av.VideoFrame:
    """A PyAV frame of `picture`, which is copied unless it is a PyAV frame. Raises `ValueError`."""
    import av
    import numpy as np

    if isinstance(picture, av.VideoFrame):
        return picture
    array: npt.NDArray[Any] = np.asarray(picture)
    depth = 3 if format in ("bgr24", "rgb24") else 2
    if array.ndim != depth or array.dtype != np.uint8 or 0 in array.shape or (depth == 3 and array.shape[2] != 3):
        raise ValueError(
            f"a {format} picture is a uint8 array of shape {_SHAPES[format]}; got {array.dtype} {array.shape}"
        )
    if format in ("yuv420p", "nv12"):
        if array.shape[0] % 3 or array.shape[1] % 2:
            raise ValueError(f"a {format} picture has an even width and height; got an array of shape {array.shape}")
    else:
        # Encoders want even sizes; the last odd row or column is left out.
        array = array[: array.shape[0] & ~1 or 1, : array.shape[1] & ~1 or 1]
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(array), format=format)


def audio_frame(samples: Any, sample_rate: int) -> av.AudioFrame:
    """A PyAV frame of `samples`: int16 or float32, of shape (samples,) or (channels, samples). Raises `ValueError`."""
    import av
    import numpy as np

    if isinstance(samples, av.AudioFrame):
        return samples
    array: npt.NDArray[Any] = np.atleast_2d(np.asarray(samples))
    formats: dict[np.dtype[Any], str] = {np.dtype(np.int16): "s16p", np.dtype(np.float32): "fltp"}
    layouts = {1: "mono", 2: "stereo", 6: "5.1"}
    if array.ndim != 2 or array.dtype not in formats or array.shape[0] not in layouts or not array.shape[1]:
        raise ValueError(
            "sound is an int16 or float32 array of shape (samples,) or (channels, samples) with 1, 2 or 6 channels; "
            f"got {array.dtype} {array.shape}"
        )
    frame = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(array), format=formats[array.dtype], layout=layouts[array.shape[0]]
    )
    frame.sample_rate = sample_rate
    return frame


def rotation(frame: av.VideoFrame) -> int:
    """Degrees clockwise by which a picture is meant to be turned, as its display matrix says; 0 = it stands upright."""
    return -round(frame.rotation) % 360


def duration(frame: av.AudioFrame) -> int:
    """How long a block of sound lasts, ns."""
    return frame.samples * NS_PER_S // frame.sample_rate
