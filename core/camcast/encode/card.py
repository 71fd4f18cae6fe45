"""Pictures for a slate: a generated card, an image of one's own, or any picture made to fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camcast.errors import EncoderError

if TYPE_CHECKING:
    import av
    from PIL import Image

BACKGROUND = (24, 28, 36)
TEXT = (225, 228, 235)
QUIET = (140, 148, 162)
_ENDINGS = (".png", ".jpg", ".webp", ".bmp", ".gif")
"""What images are in. Pillow knows many more formats, among them some that start other programs."""
MAX_PIXELS = 16 * 10**6
"""Of an image of one's own: 4K has 8. A PNG of 22 KB can have hundreds, which are gigabytes while it is read."""
MAX_SHRUNK = 64 * 10**6
"""Of one that can be made smaller while it is read, as photographs can."""


def card(width: int, height: int, title: str, lines: tuple[str, ...]) -> av.VideoFrame:
    """A plain card: `title` large in the middle, `lines` below."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (width, height), BACKGROUND)
    draw = ImageDraw.Draw(image)
    large, small = max(14, height // 10), max(10, height // 18)
    draw.text((width / 2, height * 0.42), title, TEXT, ImageFont.load_default(large), anchor="mm")
    for index, line in enumerate(lines):
        place = (width / 2, height * 0.58 + index * small * 1.5)
        draw.text(place, line, QUIET, ImageFont.load_default(small), anchor="mm")
    return _frame(image)


def image(path: str, width: int, height: int) -> av.VideoFrame:
    """A picture file, scaled into the frame with bars where the shapes differ. Raises `EncoderError`."""
    from PIL import Image, ImageOps

    try:
        Image.init()
        known = Image.registered_extensions()
        with Image.open(path, formats=[known[ending] for ending in _ENDINGS if ending in known]) as opened:
            pixels = opened.width * opened.height
            if pixels <= MAX_SHRUNK:
                opened.draft("RGB", (width, height))
                pixels = opened.width * opened.height
            if pixels > MAX_PIXELS:
                raise EncoderError(
                    f"the slate's image {path} has {pixels / 1e6:.0f} million points, expected at most "
                    f"{MAX_PIXELS // 10**6} (a photograph: {MAX_SHRUNK // 10**6}): make it as large as the picture"
                )
            fitted = ImageOps.pad(opened.convert("RGB"), (width, height), color=BACKGROUND)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise EncoderError(f"the slate's image {path} cannot be read: {error}") from error
    return _frame(fitted)


def _frame(picture: Image.Image) -> av.VideoFrame:
    import av

    frame: av.VideoFrame = av.VideoFrame.from_image(picture).reformat(format="yuv420p")  # type: ignore[no-untyped-call]
    return frame
