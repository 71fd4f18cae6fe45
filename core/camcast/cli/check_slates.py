"""`camcast check`: images for slates, read as they will be when a source is gone: too late to learn of a fault."""

from __future__ import annotations

import warnings

from camcast.config import Config
from camcast.errors import ConfigError, EncoderError, Issue

USUAL = (1920, 1080)
"""The size that is tried where a stream's is not known before it comes."""


def check_slates(config: Config) -> None:
    """Raises `ConfigError` with the place of each image that cannot be used."""
    issues: list[Issue] = []
    for at, camera in enumerate(config.cameras):
        for number, stream in enumerate(camera.streams):
            slate = stream.slate
            if slate is None or slate.picture != "image" or not slate.image:
                continue
            width, height = stream.encoder.width, stream.encoder.height
            try:
                _read(slate.image, (width, height) if width and height else USUAL)
            except EncoderError as error:
                issues.append(Issue(f"cameras[{at}].streams[{number}].slate.image", str(error)))
    if issues:
        raise ConfigError(issues)


def _read(path: str, size: tuple[int, int]) -> None:
    from camcast.encode.card import image

    with warnings.catch_warnings():
        # Pillow warns of large images; ours are refused where they are too large.
        warnings.simplefilter("ignore")
        image(path, *size)
