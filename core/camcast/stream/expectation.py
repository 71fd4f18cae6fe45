"""What the configuration says of a stream's picture, against what the source really sends."""

from __future__ import annotations

from collections.abc import Callable

from camcast.config import EncoderConfig
from camcast.errors import SourceError
from camcast.few import NOTHING
from camcast.media import Track

NEAR = 0.5
"""Sizes are whole, and 29.97 frames a second are 30."""


class Expectation:
    """Of one stream. Differences are told once each; another codec is a fault each time."""

    def __init__(self, wanted: EncoderConfig, note: Callable[[str, str], object]) -> None:
        self._wanted = wanted
        self._note = note
        self._noted: frozenset[str] = NOTHING

    def compare(self, track: Track) -> SourceError | None:
        """Returns what is wrong with a picture that is passed on as it comes; the rest is only told."""
        wanted = self._wanted
        if wanted.codec is not None and wanted.codec != track.codec:
            return SourceError(
                f"the source sends {track.codec}, but encoder.type is {wanted.type}: set the camera or the type "
                'right, or encode anew by "transcode": true',
                fatal=True,
            )
        for what, expected, got in (
            ("width", wanted.width, track.width),
            ("height", wanted.height, track.height),
            ("framerate", wanted.framerate, round(track.frame_rate, 2)),
        ):
            if expected and got and abs(expected - got) > NEAR and what not in self._noted:
                self._noted |= {what}
                self._note(
                    "format_differs", f"{what} is {got:g}, the configuration expects {expected:g}; sent as it comes"
                )
        return None
