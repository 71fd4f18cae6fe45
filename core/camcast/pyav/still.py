"""A picture as a file, by FFmpeg's encoder: what has been decoded goes there without becoming RGB on its way."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from camcast.config.defaults import STILL
from camcast.errors import EncoderError
from camcast.pyav.decoder import reason

if TYPE_CHECKING:
    import av

_FORMAT = "yuvj420p"
_FULL = 2
"""Of FFmpeg's colour ranges."""
_QUALITY = 3
"""FFmpeg's, 1 (best) to 31. Files are as large as with a quality of 85 in libjpeg."""
_LAMBDA = 118
"""FF_QP2LAMBDA: how FFmpeg counts a quality."""


def written(picture: av.VideoFrame, across: int = 0) -> bytes:
    """The file; of at most `across` points across, 0 = as it is. May be slow. Raises `EncoderError`."""
    import av
    from av.video.reformatter import Colorspace

    width, height = picture.width, picture.height
    if 0 < across < width:
        width, height = across, max(1, round(height * across / width))
    try:
        # Whatever a picture's own colours are, a file's are these (JFIF 1.02): it cannot say which ones it has.
        ready = picture.reformat(
            width,
            height,
            _FORMAT,
            interpolation="AREA",
            dst_colorspace=Colorspace.ITU601,
            dst_color_range=_FULL,
        )
        encoder: Any = av.CodecContext.create(STILL, "w")
        encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = width, height, _FORMAT, Fraction(1)
        encoder.thread_count = 1  # one picture has nothing to share out
        encoder.options = {"flags": "+qscale", "global_quality": str(_QUALITY * _LAMBDA)}
        return b"".join(bytes(part) for part in (*encoder.encode(ready), *encoder.encode(None)))
    except (av.error.FFmpegError, ValueError) as error:
        raise EncoderError(f"a picture of {width}x{height} cannot be written as a file: {reason(error)}") from error
