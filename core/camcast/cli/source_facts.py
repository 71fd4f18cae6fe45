"""`camcast check --sources`: what a source brings: codec, profile, size, rate, keyframes, bitrate, sound."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import attrs

from camcast.media import MediaKind, Track
from camcast.platform_wants import UNEVEN, Seen
from camcast.stream.feed import Feed

LOOK = 0.04
"""Seconds between two looks: keyframes do not come more often, at the rates of cameras."""
NS_PER_S = 1_000_000_000
FAR = 4.0
"""Seconds between keyframes above which viewers wait long for a picture; what a platform wants is its own matter."""


@attrs.define(eq=False)
class SourceFacts:
    """Of one stream, while it is looked at."""

    feed: Feed
    _begun: float | None = None
    _last: int | None = None
    """When its last keyframe was to be decoded, ns."""
    _longest: float = 0.0
    """Seconds between two keyframes."""
    _keyframe_at: float = 0.0
    """When the last of them came, or the source began without one."""
    _picture_at: float = 0.0
    """When the last picture came."""
    _until: float = 0.0
    _first_bytes: int = 0
    _first_sound: int = 0
    """Likewise of sound's bytes."""
    _first_pictures: int = 0
    _bytes: int = 0
    """0 to the end where it brings frames, which no encoder has seen yet."""
    _sound: int = 0
    _came: tuple[int, int] = (0, 0)
    _pictures: int = 0

    def look(self, now: float) -> None:
        """Note what has come; `now` is the monotonic clock's."""
        counters = self.feed.counters
        if (counters.received.video, counters.received.audio) == self._came:
            return
        self._came = (counters.received.video, counters.received.audio)
        if self._begun is None:
            # What comes at once may be more than the source brings in that time.
            self._begun, self._first_bytes, self._first_pictures = now, counters.bytes, counters.received.video
            self._first_sound, self._keyframe_at, self._picture_at = counters.sound_bytes, now, now
        if counters.received.video != self._pictures:
            self._picture_at = now
        self._until, self._bytes, self._pictures = now, counters.bytes, counters.received.video
        self._sound = counters.sound_bytes
        keyframe = self.feed.keyframe
        if keyframe is not None and keyframe.dts != self._last:
            if self._last is not None:
                self._longest = max(self._longest, (keyframe.dts - self._last) / NS_PER_S)
            self._last, self._keyframe_at = keyframe.dts, now

    @property
    def _none_for(self) -> float:
        """Seconds for which pictures have come since the last keyframe."""
        return self._picture_at - self._keyframe_at if self._bytes else 0.0

    def lines(self) -> Iterator[str]:
        """What came, and what is wrong with that."""
        tracks = {track.kind: track for track in self.feed.offers}
        if not tracks or self._begun is None:
            return
        took = self._until - self._begun
        video, audio = tracks.get(MediaKind.VIDEO), tracks.get(MediaKind.AUDIO)
        parts = [self._picture(video, took) if video is not None else "no picture", _sound(audio)]
        if took >= 1 and self._bytes:
            parts.append(f"{(self._bytes - self._first_bytes) * 8 / took / 1_000_000:.2f} Mbit/s")
        yield "  " + "; ".join(parts)
        longest = max(self._longest, self._none_for)
        if longest > FAR + UNEVEN:
            how = f"come every {longest:.1f} s" if self._longest == longest else f"are {longest:.1f} s apart at least"
            yield f"  keyframes {how}, and viewers wait as long for a picture: set the camera, or transcode"

    def seen(self) -> Seen | None:
        """What is known of it, as it comes; None before anything has. Of frames only their sound."""
        tracks = {track.kind: track for track in self.feed.offers}
        if not tracks or self._begun is None:
            return None
        took, audio = self._until - self._begun, tracks.get(MediaKind.AUDIO)
        sound = Seen(sound=audio is not None, sample_rate=audio.sample_rate if audio is not None else 0)
        video = tracks.get(MediaKind.VIDEO)
        if video is None or not self._bytes:
            return sound
        longest = max(self._longest, self._none_for)
        pictures = self._bytes - self._first_bytes - (self._sound - self._first_sound)
        return attrs.evolve(
            sound,
            codec=video.codec,
            width=video.width,
            height=video.height,
            frame_rate=(self._pictures - self._first_pictures) / took if took >= 1 else 0.0,
            bitrate=pictures * 8 / took if took >= 1 else 0.0,
            keyframes=longest,
            apart=longest > self._longest,
            b_frames=video.reorder,
        )

    def _picture(self, track: Track, took: float) -> str:
        words = [track.codec, track.profile] if self._bytes else ["frames"]
        if track.width:
            words.append(f"{track.width}x{track.height}")
        if took >= 1:
            words.append(f"{(self._pictures - self._first_pictures) / took:.1f} pictures/s")
        text = " ".join(filter(None, words))
        if self._none_for > self._longest + UNEVEN and self._none_for >= 1:
            text += f", no keyframe for the last {self._none_for:.1f} s"
        elif self._longest:
            text += f", a keyframe every {self._longest:.1f} s"
        return text + (", with B-frames" if track.reorder else "")


def _sound(track: Track | None) -> str:
    if track is None:
        return "no sound"
    rate = f" {track.sample_rate / 1000:g} kHz" if track.sample_rate else ""
    channels = {0: "", 1: " mono", 2: " stereo"}.get(track.channels, f" {track.channels} channels")
    return f"sound {track.codec}{rate}{channels}"


async def watch(streams: list[SourceFacts]) -> None:
    """Look at all of them until cancelled."""
    while True:
        now = time.monotonic()
        for stream in streams:
            stream.look(now)
        await asyncio.sleep(LOOK)
