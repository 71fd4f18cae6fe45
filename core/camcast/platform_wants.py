"""What a stream has that its platform does not want, one line each: what came, what is wanted, what to do. Pure.

What nobody has measured, and what the platform has not published, is compared with nothing. Only limits count: between
what is recommended and what is put up with, all is well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import attrs

from camcast.platform import Platform

UNEVEN = 0.25
"""Seconds that keyframes may be later: 120 pictures at 29.97 a second are 4.004 s, and networks are uneven."""
TOLERANCE = 0.1
"""Part by which bitrates and rates may be off: cameras keep them on average."""
SET_OR_TRANSCODE = 'set the camera, or "transcode": true'


@attrs.frozen(kw_only=True)
class Seen:
    """What is known of a stream as it would be sent; "", 0 and None = nobody knows."""

    codec: str = ""
    width: int = 0
    height: int = 0
    frame_rate: float = 0.0
    bitrate: float = 0.0
    """Of the picture; bit/s."""
    keyframes: float = 0.0
    """The longest time from one keyframe to the next, seconds."""
    apart: bool = False
    """Whether that is only the time for which none has come yet."""
    b_frames: int = 0
    sound: bool | None = None
    """Whether there is any, where none would be added."""
    sample_rate: int = 0
    """Of sound that is sent as it comes; Hz."""
    hours: float = 0.0
    """For which it has been sent without a break."""


@attrs.frozen
class Difference:
    """One thing that the platform wants otherwise."""

    code: str
    """Stable: "keyframes"."""
    text: str

    def __str__(self) -> str:
        return self.text


def differences(platform: Platform, seen: Seen) -> Iterator[Difference]:
    """All of them. Of a picture in a codec that is not taken only that, as another one would be sent."""
    codecs = platform.video_codecs.value if platform.video_codecs else ()
    if seen.codec and codecs and seen.codec not in codecs:
        yield Difference(
            "codec",
            f"{seen.codec} comes; {platform.title} takes {_either(codecs)}: set the camera, or let it be transcoded",
        )
    else:
        yield from _picture(platform, seen)
    if seen.sound is False and platform.needs_audio and platform.needs_audio.value:
        yield Difference(
            "sound", f'no sound is sent; {platform.title} wants sound: "audio": "auto" adds silence where there is none'
        )
    rates = platform.sample_rates.value if platform.sample_rates else ()
    if seen.sample_rate and rates and seen.sample_rate not in rates:
        wanted = _either(f"{rate / 1000:g}" for rate in rates)
        yield Difference(
            "sample_rate",
            f"sound comes at {seen.sample_rate / 1000:g} kHz; {platform.title} wants {wanted} kHz: set the camera",
        )
    yield from _too_long(platform, seen.hours)


def _picture(platform: Platform, seen: Seen) -> Iterator[Difference]:
    yield from _keyframes(platform, seen)
    yield from _bitrate(platform, seen)
    most = platform.frame_rate_most
    if most and seen.frame_rate > most.value * (1 + TOLERANCE):
        yield Difference(
            "frame_rate",
            f"{seen.frame_rate:.0f} pictures a second come; {platform.title} wants {most.value:g} or less: "
            "set the camera",
        )
    lines = platform.height_most
    if lines and _lines(seen) > lines.value:
        yield Difference(
            "size",
            f"pictures of {seen.width}x{seen.height} come; {platform.title} wants {lines.value} lines or less: "
            "set the camera, or transcode to a smaller size",
        )
    order = platform.b_frames_most
    if order and seen.b_frames > order.value:
        wanted = f"{order.value} at most" if order.value else "none"
        yield Difference(
            "b_frames",
            f"up to {seen.b_frames} B-frames come together; {platform.title} wants {wanted}: {SET_OR_TRANSCODE}",
        )


def _keyframes(platform: Platform, seen: Seen) -> Iterator[Difference]:
    most, least, recommended = platform.keyframes_most, platform.keyframes_least, platform.keyframes_recommended
    if not seen.keyframes:
        return
    how = f"are {seen.keyframes:.1f} s apart at least" if seen.apart else f"come every {seen.keyframes:.3g} s"
    if most is not None and seen.keyframes > most.value + UNEVEN:
        wanted = f"wants {most.value:g} s or less"
    elif most is None and recommended is not None and seen.keyframes > recommended.value + UNEVEN:
        wanted = f"recommends {recommended.value:g} s"
    elif least is not None and not seen.apart and seen.keyframes < least.value - UNEVEN:
        wanted = f"wants {least.value:g} s or more"
    else:
        return
    yield Difference("keyframes", f"keyframes {how}; {platform.title} {wanted}: {SET_OR_TRANSCODE}")


def _bitrate(platform: Platform, seen: Seen) -> Iterator[Difference]:
    """Against the range for this size and rate, or else against what it puts up with at all."""
    if not seen.bitrate:
        return
    found = platform.range_for(seen.codec, _lines(seen), seen.frame_rate) if seen.width else None
    least, most = (found.least, found.most) if found else (None, None)
    if most is None and platform.bitrate_most is not None:
        most = platform.bitrate_most.value
    rate = seen.bitrate / 1000
    if not (most is not None and rate > most * (1 + TOLERANCE)) and not (
        least is not None and rate < least * (1 - TOLERANCE)
    ):
        return
    if least is not None and most is not None:
        wanted = f"{least / 1000:g} to {most / 1000:g}"
    else:
        wanted = f"{most / 1000:g} or less" if most is not None else f"{(least or 0) / 1000:g} or more"
    size = f" for {seen.width}x{seen.height} at {seen.frame_rate:.0f} pictures a second" if found else ""
    yield Difference(
        "bitrate",
        f"{rate / 1000:.2f} Mbit/s of pictures come{size}; {platform.title} wants {wanted}: {SET_OR_TRANSCODE}",
    )


def _too_long(platform: Platform, hours: float) -> Iterator[Difference]:
    if platform.hours_most and hours > platform.hours_most.value:
        yield Difference(
            "length", f"sent for {hours:.1f} h; {platform.title} ends a stream after {platform.hours_most.value:g} h"
        )
    elif platform.hours_archived and hours > platform.hours_archived.value:
        yield Difference(
            "length",
            f"sent for {hours:.1f} h; {platform.title} records streams of up to {platform.hours_archived.value:g} h",
        )


def key_fault(platform: Platform, key: str) -> str:
    """Why `key` is hardly one of the platform's, without it; or ""."""
    # The pattern is a plugin's data, and the key the user's own: neither is a peer's.
    if platform.key is None or re.compile(platform.key.value).fullmatch(key.partition("?")[0]):
        return ""
    return f"the stream key does not look like those of {platform.title}; see whether it was copied whole"


def _lines(seen: Seen) -> int:
    """Of a picture that stands upright they are its columns."""
    return min(seen.width, seen.height)


def _either(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last
