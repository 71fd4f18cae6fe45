"""What outputs send: how much of it the link bears, what is left out, what is complete."""

from __future__ import annotations

import attrs

from camcast.events.base import Event
from camcast.events.session import SessionEvent


@attrs.frozen(kw_only=True)
class BitrateChanged(SessionEvent):
    """The encoder of its picture is told another bitrate, because of what the link bears. All in bit/s."""

    bitrate: int
    before: int
    reason: str
    bears: int = 0
    """That the link was found to bear, picture and sound; 0 = not known."""

    @property
    def text(self) -> str:
        bears = f"; the link bears {self.bears // 1000}" if self.bears else ""
        rates = f"{self.bitrate // 1000} kbit/s after {self.before // 1000}"
        return f"Session {self.label}: picture at {rates}: {self.reason}{bears}"


@attrs.frozen(kw_only=True)
class PictureChanged(SessionEvent):
    """It sends other pictures of its camera from now on, because of what the link bears and what there is, as `adapt`
    lets it. Another attempt begins with all of its own, untold."""

    picture: str
    """Another stream's name, how many of the pictures, or both: "sub, keyframes only"; of one that is encoded here,
    what it is at the most: "10 pictures/s, 360 lines"; "" = all of its own, as it is."""
    before: str
    reason: str
    bears: int = 0
    """bit/s that the link was found to bear, picture and sound; 0 = not known."""

    @property
    def text(self) -> str:
        bears = f"; the link bears {self.bears // 1000} kbit/s" if self.bears else ""
        return f"Session {self.label}: sends {self.picture or 'all of its own pictures'}: {self.reason}{bears}"


@attrs.frozen(kw_only=True)
class UplinkChanged(Event):
    """What the outputs of the uplink `label` may send together is another, or too little for them. All in bit/s."""

    budget: int
    before: int
    reason: str
    bears: int = 0
    """That the link was found to bear; 0 = not known. `least`: its outputs take, where that is too much; else 0."""
    least: int = 0

    @property
    def text(self) -> str:
        bears = f"; it bears {self.bears // 1000}" if self.bears else ""
        more = bears or (f" at least {self.least // 1000}" if self.least else "")
        return f"Uplink {self.label}: {self.budget // 1000} kbit/s after {self.before // 1000}: {self.reason}{more}"


@attrs.frozen(kw_only=True)
class DropEpisode(SessionEvent):
    """The link could not keep up for a while; told when the episode ends, and once a second while it lasts."""

    video: int
    audio: int
    seconds: float
    over: bool

    level = "warning"

    @property
    def text(self) -> str:
        state = "dropped" if self.over else "is dropping"
        return f"Session {self.label} {state}: {self.video} video, {self.audio} audio in {self.seconds:.1f}s"


@attrs.frozen(kw_only=True)
class SegmentFinished(SessionEvent):
    """A file of a recording is complete: nothing more is written to it."""

    path: str = attrs.field(repr=False)
    shown: str
    """`path` as logs may have it, without what is secret in the recording's URL."""
    begin: float
    """`time.time()` seconds of its first frame; likewise `end`, of its last."""
    end: float
    size: int
    """Bytes."""
    frames: int

    @property
    def text(self) -> str:
        return (
            f"Session {self.label}: {self.shown} is complete, {self.end - self.begin:.0f} s, {self.size / 1e6:.1f} MB"
        )
