"""A usual camera, which further ones of the field differ from: H.264 with AAC, for two seconds or so."""

from __future__ import annotations

from typing import Any

from tests.cameras import clips, rtp
from tests.cameras.script import Rule, Script

FRAMES = 60
SECONDS = FRAMES / clips.FPS


def picture(codec: str = "h264", **settings: Any) -> rtp.Track:
    return rtp.video_track(clips.video(codec, frames=FRAMES), **settings)


def sound() -> rtp.Track:
    return rtp.aac_track(clips.sound("aac", seconds=SECONDS))


def camera(*rules: Rule, video: rtp.Track | None = None, audio: rtp.Track | None = None, **settings: Any) -> Script:
    return Script([video or picture(), audio or sound()], rules, **settings)
