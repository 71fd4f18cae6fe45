"""`camcast check --sources`: what a source brings, against what the platforms want that it goes to."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from camcast.config import Config, StreamConfig, TargetConfig
from camcast.host import PluginHost
from camcast.kinds import Gives
from camcast.platform import Platform
from camcast.platform_wants import Seen, differences

_SENT_AS_IT_COMES = ("auto", "copy")


def platform_lines(config: Config, host: PluginHost, label: str, seen: Seen | None) -> Iterator[str]:
    """One line for each difference of the stream `label`, which may have several outputs."""
    if seen is None:
        return
    told = set()
    for stream, target, platform in _targets(config, host, label):
        for difference in differences(platform, _as_sent(host, stream, target, platform, seen)):
            # Of several outputs to one platform each difference is the same.
            if (platform.name, difference.code) not in told:
                told.add((platform.name, difference.code))
                yield difference.text


def _targets(config: Config, host: PluginHost, label: str) -> Iterator[tuple[StreamConfig, TargetConfig, Platform]]:
    """The targets of one stream that are for a platform."""
    for camera in config.cameras:
        for stream in camera.streams:
            for session in stream.sessions if stream.enabled and camera.enabled else ():
                if session.label.partition("/")[0] != label:
                    continue
                for target in session.targets:
                    platform = host.platforms.of(target.url, target.server)
                    if platform is not None:
                        yield stream, target, platform


def _as_sent(host: PluginHost, stream: StreamConfig, target: TargetConfig, platform: Platform, seen: Seen) -> Seen:
    """What of it stays when it is sent: what is encoded anew follows the configuration, not the camera."""
    frames = host.source(stream.source.type).gives is Gives.FRAMES
    if stream.encoder.codec is not None and (stream.encoder.transcode or frames or seen.codec != stream.encoder.codec):
        seen = attrs.evolve(
            seen, codec="", frame_rate=0.0, bitrate=0.0, keyframes=0.0, apart=False, b_frames=0, width=0, height=0
        )
    silent = seen.sound is False and target.audio != "copy"
    if target.audio == "none":
        return attrs.evolve(seen, sound=False, sample_rate=0)
    return attrs.evolve(
        seen,
        sound=None if silent else seen.sound,
        sample_rate=seen.sample_rate if target.audio in _SENT_AS_IT_COMES else 0,
    )
