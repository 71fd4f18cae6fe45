"""The configuration as the engine uses it: defaults filled in, ids assigned, hierarchy resolved."""

from collections.abc import Iterator
from typing import Annotated, Any

import attrs

from camcast.config.rules import (
    Flag,
    Name,
    OptionalText,
    OptionalTexts,
    Options,
    PositiveSeconds,
    Rule,
    SecondsOrNever,
    Text,
    Texts,
    checked,
    choice,
    even,
    number,
    whole,
)
from camcast.config.secrets import ResolveSecret, has_reference, is_url_reference, resolve_options, show_url
from camcast.config.session import RetryPolicy, SessionConfig
from camcast.hosting.choice import Choice

_FOREVER = RetryPolicy(max_attempts=None)
_AUTO = Rule(
    lambda value: "auto" if value == "auto" else whole(1, 256).read(value),
    {"anyOf": [dict(whole(1, 256).schema), {"const": "auto"}]},
)


@attrs.frozen(kw_only=True, field_transformer=checked)
class SourceConfig:
    """Where a stream's media comes from. `options` is checked against the kind's class when a file is loaded."""

    type: Name
    url: Text = attrs.field(default="", repr=show_url)
    options: Options = attrs.field(factory=dict, repr=False)
    retry_policy: RetryPolicy = _FOREVER
    """How a lost camera is tried again."""

    @property
    def needs_secrets(self) -> bool:
        """Whether anything in it is still a reference."""
        return is_url_reference(self.url) or has_reference(self.options)

    def resolved(self, *, resolve_secret: ResolveSecret) -> "SourceConfig":
        """The same with every `env:` and `file:` reference replaced by its value."""
        url = resolve_secret(self.url) if is_url_reference(self.url) else self.url
        return attrs.evolve(self, url=url, options=resolve_options(self.options, resolve_secret))


@attrs.frozen(kw_only=True, field_transformer=checked)
class EncoderConfig:
    """What the stream's picture is, or shall be made. 0 means: as the source gives it, or chosen well."""

    type: Name = "copy"
    """As written: "H264_CBR", "copy"."""
    codec: OptionalText = None
    """Name of the codec kind; None for `copy`."""
    rate_control: Annotated[str, choice("cbr", "vbr", "avbr")] = "cbr"
    width: Annotated[int, even(176, 7680)] = 0
    height: Annotated[int, even(144, 4320)] = 0
    framerate: Annotated[float, number(1, 240, " frames per second", or_zero=True)] = 0.0
    bitrate: Annotated[int, whole(64, 200_000, " kbit/s", or_zero=True)] = 0
    """kbit/s."""
    gop: PositiveSeconds = 2.0
    """Seconds between keyframes."""
    implementation: Name = "auto"
    """Name of an encoder kind ("libx264"), or "auto": the best that works here."""
    transcode: Flag = False
    """Encode anew when the source's packets are of another codec."""
    b_frames: Annotated[int, whole(0, 16)] = 0
    options: Options = attrs.field(factory=dict, repr=False)


@attrs.frozen(kw_only=True, field_transformer=checked)
class SlateConfig:
    """The still picture while the source is gone."""

    enabled: Flag = True
    picture: Annotated[str, choice("card", "last", "image")] = "card"
    """A card with the camera's name and the time, the last picture seen, or one's own `image`."""
    image: OptionalText = None
    """Path of a PNG or JPEG file."""
    after: PositiveSeconds = 2.0
    """Seconds without media before it is shown."""
    up_to: SecondsOrNever = None
    """Seconds after which the stream ends all the same; None = shown until the source is back."""


@attrs.frozen(kw_only=True)
class StreamConfig:
    """One stream of a camera, with the sessions that publish it."""

    stream_id: int = 0
    name: str = "main"
    enabled: bool = True
    source: SourceConfig
    encoder: EncoderConfig = EncoderConfig()
    slate: SlateConfig | None = None
    sessions: tuple[SessionConfig, ...] = ()
    """Sessions of enabled outputs."""


@attrs.frozen(kw_only=True)
class CameraConfig:
    """One camera."""

    camera_id: int = 0
    name: str = ""
    enabled: bool = True
    streams: tuple[StreamConfig, ...] = ()

    def renumbered(self, camera_id: int) -> "CameraConfig":
        """The same under another number, its sessions too."""
        streams = tuple(
            attrs.evolve(stream, sessions=tuple(session.evolve(camera_id=camera_id) for session in stream.sessions))
            for stream in self.streams
        )
        return attrs.evolve(self, camera_id=camera_id, streams=streams)

    def without_sessions(self) -> "CameraConfig":
        """The camera alone, publishing nowhere."""
        return attrs.evolve(self, streams=tuple(attrs.evolve(stream, sessions=()) for stream in self.streams))


@attrs.frozen(kw_only=True, field_transformer=checked)
class SystemConfig:
    """What holds for the whole engine."""

    max_cameras: Annotated[int, whole(1, 100_000)] = 16
    log_level: Annotated[str, choice("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")] = "INFO"
    max_connects_per_second: Annotated[float, number(0.1, 100_000)] = 50.0
    """Connection attempts to one host, a second."""
    workers: Annotated[Any, _AUTO] = 1
    """Worker processes, or "auto": one for each processor."""
    plugin_stall: PositiveSeconds = 2.0
    """Seconds that a plugin may hold the event loop before the sessions and cameras that use it are told of."""


@attrs.frozen(kw_only=True, field_transformer=checked)
class PluginsConfig:
    """Which plugins are used. A name is a plugin's as `camcast plugins` shows it, or "distribution:name"."""

    block: Texts = ()
    """Left out, and not even imported, so that another plugin may bring what they bring."""
    allow: OptionalTexts = None
    """Only these are used; of two that bring the same, the earlier in the list does. None = all that are installed."""

    @property
    def choice(self) -> Choice:
        """The same in the host's terms."""
        return Choice(self.allow, self.block, said_by='"plugins" in the configuration')


@attrs.frozen(kw_only=True)
class Config:
    """A whole configuration, resolved."""

    plugins: PluginsConfig = PluginsConfig()
    system: SystemConfig = SystemConfig()
    cameras: tuple[CameraConfig, ...] = ()
    notes: tuple[str, ...] = attrs.field(default=(), eq=False)
    """What the user should know of the file, one line each."""

    def streams(self) -> Iterator[tuple[CameraConfig, StreamConfig]]:
        """Every stream that is to run."""
        for camera in self.cameras:
            if camera.enabled:
                for stream in camera.streams:
                    if stream.enabled:
                        yield camera, stream

    def sessions(self) -> Iterator[SessionConfig]:
        """Every session that is to run."""
        for _camera, stream in self.streams():
            yield from stream.sessions
