"""Compares what a session sends with what its platform wants, while it is sent: told once, counted while it lasts.

It looks at what is there anyway, a few times a second at most, so no packet costs anything. Each thing must be so in
two comparisons that follow each other: a camera that restarts, or one late keyframe, is no setting of a camera's.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from camcast.few import NOTHING
from camcast.media import NS_PER_S, MediaKind
from camcast.platform import Platform
from camcast.platform_wants import Difference, Seen, differences
from camcast.session.stage import OnAir
from camcast.session.telling import Telling
from camcast.stream.flow import FlowCounters
from camcast.stream.hub import Hub

PERIOD = 10.0
"""Seconds over which rates are taken, and after which all is compared again."""
GAP = 2.0
"""Seconds without a picture after which the rates of that time are not known: the source is away, or was."""
APART = 15.0
"""Seconds without a keyframe after which that is told although none has ended the wait."""


@attrs.frozen
class Compared:
    """How it stands."""

    platform: str = ""
    """Name of the platform that it is on; "" = none that is known."""
    differences: Mapping[str, str] = attrs.field(factory=dict)
    """What the platform wants otherwise, in words by code: "keyframes"."""


@attrs.define(eq=False)
class _Keyframes:
    """Of one hub: how far they are apart. The hub remembers the newest one."""

    hub: Hub
    _at: int | None = None
    """When the newest was to be decoded, ns."""
    _before: float = 0.0
    _distance: float = 0.0
    """Seconds between the last two, and the two before."""

    def look(self) -> None:
        group = self.hub.group.packets
        if not group or group[0].dts == self._at:
            return
        if self._at is not None:
            self._before, self._distance = self._distance, max(0, group[0].dts - self._at) / NS_PER_S
        self._at = group[0].dts

    def seen(self, seen: Seen) -> Seen:
        """With the shorter of the last two distances, or the present wait where that is long."""
        latest = self.hub.latest_video
        waiting = (latest - self._at) / NS_PER_S if latest is not None and self._at is not None else 0.0
        if waiting > APART:
            return attrs.evolve(seen, keyframes=waiting, apart=True)
        return attrs.evolve(seen, keyframes=min(self._before, self._distance))


@attrs.frozen
class _Window:
    """Where rates begin."""

    since: float
    bytes: int
    """Of pictures."""
    pictures: int
    dropped: int


class PlatformWatch:
    """Of one session. All calls on the loop."""

    def __init__(self, telling: Telling, flow: FlowCounters) -> None:
        self.now = Compared()
        self._telling = telling
        self._flow = flow
        self._on_air: OnAir | None = None
        self._keyframes: _Keyframes | None = None
        self._window = _Window(0.0, 0, 0, 0)
        self._whole = True
        """Whether all of the window is what the camera makes."""
        self._pictures = 0
        self._picture_at = 0.0
        """When the newest of them was seen to have gone."""
        self._found: frozenset[str] = frozenset()
        """Codes at the last comparison."""
        self._told: frozenset[tuple[str, str]] = NOTHING
        """Platforms with codes: each is told once."""

    def watches(self, on_air: OnAir | None) -> bool:
        """Whether there is anything to compare, or was at the last look."""
        return self._on_air is not None or (on_air is not None and on_air.target.platform is not None)

    def look(self, on_air: OnAir | None, now: float, *, whole: bool = True, slate: bool = False) -> None:
        """Look at what is on the air, None = nothing is. `now` is `time.monotonic()`.

        `whole`: it is sent as its stream brings it. A thin link makes it another one, which is not the camera's fault;
        nor is a still picture that stands for it (`slate`).
        """
        platform = on_air.target.platform if on_air is not None else None
        if on_air is None or platform is None:
            if self._on_air is not None:
                self._on_air, self._keyframes, self._found, self.now = None, None, frozenset(), Compared()
            return
        if on_air is not self._on_air:
            self._begin(on_air, platform, now)
        if slate:
            self._keyframes = _Keyframes(on_air.published.hub)
        elif self._keyframes is not None:
            self._keyframes.look()
        if self._flow.sent.video != self._pictures:
            self._pictures, self._picture_at = self._flow.sent.video, now
        self._whole &= whole and not slate and now - self._picture_at <= GAP
        if now - self._window.since >= PERIOD:
            self._compare(on_air, platform, now)

    def _begin(self, on_air: OnAir, platform: Platform, now: float) -> None:
        """Another place, perhaps with another rendition."""
        self._on_air, self._found, self.now = on_air, frozenset(), Compared(platform.name)
        hub = on_air.published.hub
        if self._keyframes is None or self._keyframes.hub is not hub:
            self._keyframes = _Keyframes(hub)
        self._window, self._whole = self._here(now), True
        self._pictures, self._picture_at = self._window.pictures, now

    def _here(self, now: float) -> _Window:
        flow = self._flow
        return _Window(now, flow.bytes - flow.sound_bytes, flow.sent.video, sum(flow.dropped.values()))

    def _compare(self, on_air: OnAir, platform: Platform, now: float) -> None:
        before, self._window = self._window, self._here(now)
        whole, self._whole = self._whole, True
        found = {one.code: one for one in differences(platform, self._seen(on_air, before, now, whole=whole))}
        lasting = {code: one for code, one in found.items() if code in self._found}
        self._found = frozenset(found)
        self.now = Compared(platform.name, {code: one.text for code, one in lasting.items()})
        for one in lasting.values():
            self._tell(platform, one)

    def _seen(self, on_air: OnAir, before: _Window, now: float, *, whole: bool) -> Seen:
        """What went out since `before`. Of what the link made less no rate is known."""
        tracks = {track.kind: track for track in on_air.tracks}
        video, audio = tracks.get(MediaKind.VIDEO), tracks.get(MediaKind.AUDIO)
        seen = Seen(
            sound=audio is not None,
            sample_rate=audio.sample_rate if audio is not None else 0,
            hours=(now - on_air.published.at) / 3600,
        )
        if video is None:
            return seen
        seen = attrs.evolve(seen, codec=video.codec, width=video.width, height=video.height, b_frames=video.reorder)
        if whole and self._window.dropped == before.dropped:
            took = max(now - before.since, 1e-6)
            seen = attrs.evolve(
                seen,
                bitrate=(self._window.bytes - before.bytes) * 8 / took,
                frame_rate=(self._window.pictures - before.pictures) / took,
            )
        return self._keyframes.seen(seen) if self._keyframes is not None else seen

    def _tell(self, platform: Platform, one: Difference) -> None:
        if (platform.name, one.code) not in self._told:
            self._told |= {(platform.name, one.code)}
            self._telling.note(f"platform_{one.code}", one.text)
