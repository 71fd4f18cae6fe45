"""A platform as data: where it takes streams, and what it wants of them. Returned by `camcast_platforms`.

Rules: every figure says where it stands and when that was read; what nobody has published is `None`, which means
unknown and is compared with nothing. Facts only: whatever is done about them is the core's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Generic, TypeVar
from urllib.parse import urlsplit

import attrs

T = TypeVar("T")


@attrs.frozen
class Reading:
    """Where a figure stands, and when somebody read it there."""

    url: str
    read: date
    dated: str = ""
    """What the page says of its own age, where it says anything: "2026-04-16"."""

    def __attrs_post_init__(self) -> None:
        if urlsplit(self.url).scheme != "https" or not urlsplit(self.url).hostname:
            raise ValueError(f"expected the https:// address of a page that says it, got {self.url!r}")
        if type(self.read) is not date:
            raise ValueError(f"expected the day on which {self.url} was read, got {self.read!r}")


@attrs.frozen
class Figure(Generic[T]):
    """One thing that is known of a platform, and who says so."""

    value: T
    source: Reading
    also: tuple[Reading, ...] = ()
    """Pages that say a part of it."""

    @property
    def pages(self) -> tuple[Reading, ...]:
        return (self.source, *self.also)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.source, Reading):
            raise ValueError(f"the figure {self.value!r} has no source; a figure without one stays None")


@attrs.frozen(kw_only=True)
class BitrateRange:
    """What a platform wants of a picture's bitrate, for one size and rate. kbit/s; None = nothing is said."""

    height: int
    """Pictures of this many lines, or fewer where no smaller range is there. The shorter side counts."""
    frame_rate: float
    """Pictures a second, at most."""
    codecs: tuple[str, ...] = ()
    """Of these codecs only; empty = of any."""
    least: int | None = None
    most: int | None = None
    recommended: int | None = None


@attrs.frozen(kw_only=True)
class Platform:
    """One platform. Its name is a word for `server` in the configuration; what is None is unknown."""

    name: str
    title: str
    domains: tuple[str, ...] = ()
    """Names below which all that it takes to publish is the URL's last part, so that this is never shown."""
    schemes: tuple[str, ...] = ()
    """URLs that these figures are about; empty = any. Where it takes another protocol, other figures hold."""
    hosts: Figure[tuple[str, ...]] | None = None
    """Where streams go, names below these too. Such a URL is this platform's, whoever says nothing."""
    app: Figure[str] | None = None
    """The application in its URLs: one that ends there has no stream key."""
    key: Figure[str] | None = None
    """A regular expression that whole stream keys match."""
    ingest: Figure[str] | None = None
    """The URL of its ingest, without a key."""
    backup: Figure[str] | None = None
    """The URL of its second ingest, without a key."""
    elsewhere: Figure[Mapping[str, str]] | None = None
    """Its hosts that take a protocol which is not carried here, each with that protocol's name."""
    video_codecs: Figure[tuple[str, ...]] | None = None
    audio_codecs: Figure[tuple[str, ...]] | None = None
    needs_audio: Figure[bool] | None = None
    another_picture: Figure[bool] | None = None
    """Whether the picture may change its size in mid-stream."""
    keyframes_recommended: Figure[float] | None = None
    """Seconds from one keyframe to the next."""
    keyframes_most: Figure[float] | None = None
    """The longest that it puts up with, seconds."""
    keyframes_least: Figure[float] | None = None
    bitrates: Figure[tuple[BitrateRange, ...]] | None = None
    bitrate_most: Figure[int] | None = None
    """Of the picture, whatever its size; kbit/s."""
    frame_rate_most: Figure[float] | None = None
    height_most: Figure[int] | None = None
    """Lines; the shorter side counts."""
    b_frames_most: Figure[int] | None = None
    """Pictures between two that are shown in their order; 0 = none may be out of it."""
    sample_rates: Figure[tuple[int, ...]] | None = None
    """Of the sound, Hz."""
    audio_bitrate_most: Figure[int] | None = None
    """kbit/s."""
    hours_archived: Figure[float] | None = None
    """A longer stream leaves no recording there, or a part of one."""
    hours_most: Figure[float] | None = None
    """A longer stream is ended."""

    def __attrs_post_init__(self) -> None:
        named = (
            *self.domains,
            *(self.hosts.value if self.hosts else ()),
            *(self.elsewhere.value if self.elsewhere else ()),
        )
        odd = [name for name in named if not _is_host(name)]
        if odd:
            # What is below its domains hides keys: a name that fits nothing would show them.
            raise ValueError(f"{self.name}: expected hosts in lower case such as video.example, got {odd[0]!r}")

    def figures(self) -> Mapping[str, Figure[object]]:
        """What is known, by field."""
        values = {field.name: getattr(self, field.name) for field in attrs.fields(type(self))}
        return {name: value for name, value in values.items() if isinstance(value, Figure)}

    def serves(self, host: str, scheme: str) -> int:
        """How much of `host` tells that streams there are this platform's, by URLs of `scheme`; 0 = they are not.

        Where its hosts are unknown, all below its domains are. Of two whose names fit, the longer one's it is.
        """
        if self.schemes and scheme not in self.schemes:
            return 0
        names = self.hosts.value if self.hosts is not None else self.domains
        return max((len(name) for name in names if is_below(host, (name,))), default=0)

    def range_for(self, codec: str, height: int, frame_rate: float) -> BitrateRange | None:
        """The range that holds for such a picture; `height` is that of its shorter side. None where its rate is not
        known, which is 0."""
        if frame_rate <= 0:
            return None
        fitting = [
            one
            for one in (self.bitrates.value if self.bitrates else ())
            if height <= one.height and frame_rate <= one.frame_rate * 1.02 and (not one.codecs or codec in one.codecs)
        ]
        return min(fitting, key=lambda one: (one.height, one.frame_rate, not one.codecs), default=None)


def _is_host(name: str) -> bool:
    return name == name.lower().strip(".") and urlsplit(f"//{name}").netloc == urlsplit(f"//{name}").hostname == name


def is_below(host: str, names: tuple[str, ...]) -> bool:
    """Whether `host` is one of `names`, or below one."""
    whole = "." + host.lower().rstrip(".")
    return any(whole.endswith(f".{name}") for name in names)
