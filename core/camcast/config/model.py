"""The configuration as the engine uses it: defaults filled in, ids assigned, hierarchy resolved."""

import re
from collections.abc import Iterator
from typing import Annotated, Any

import attrs

from camcast.config.ids import assigned
from camcast.config.place import Report
from camcast.config.rules import (
    MAX_KBPS,
    Flag,
    LabelOrEmpty,
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
    instance,
    instances,
    kbps,
    number,
    optional,
    rate,
    seconds,
    seconds_or_never,
    whole,
)
from camcast.config.secrets import (
    ResolveSecret,
    has_reference,
    is_url_reference,
    resolve_options,
    show_url,
    trimmed,
)
from camcast.config.service import ServiceConfig
from camcast.config.session import MAX_ID, NOT_SAID, RetryPolicy, SessionConfig, default_name
from camcast.config.uplink import Uplinks
from camcast.errors import ConfigError, Issue
from camcast.hosting.choice import Choice
from camcast.structure import described

COPY = "copy"
AUTO = "auto"
"""An encoder's type that is not said: as suits the source."""

MIN_KBPS = 64
_FOREVER = RetryPolicy(max_attempts=None)
_ENCODER_TYPE = re.compile(r"(?P<codec>[A-Za-z0-9.-]+?)(?:_(?P<control>CBR|VBR|AVBR))?", re.IGNORECASE)
_TYPE_WORDS = '"copy" or a codec and a rate control such as "H264_CBR", "H265_VBR", "AV1_AVBR"'
_WORKERS = Rule(
    lambda value: AUTO if value == AUTO else whole(1, 256).read(value),
    {"anyOf": [dict(whole(1, 256).schema), {"const": AUTO}]},
)


def _read_encoder_type(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected {_TYPE_WORDS}, got {described(value)}")
    if _ENCODER_TYPE.fullmatch(value) is None:
        raise ValueError(f"expected {_TYPE_WORDS}")
    return value


@attrs.frozen(kw_only=True, field_transformer=checked)
class SourceConfig:
    """Where a stream's media comes from. `options` is checked against the kind's class when a file is loaded."""

    type: Name
    """Name of the source kind, as `camcast sources` lists them."""
    url: Text = attrs.field(default="", repr=show_url)
    """Where the media is: a URL, a device, a file's path."""
    options: Options = attrs.field(factory=dict, repr=False)
    """The source kind's own."""
    retry_policy: Annotated[RetryPolicy, instance(RetryPolicy)] = _FOREVER
    """How a lost camera is tried again."""
    restart_after: SecondsOrNever = attrs.field(default=30.0, converter=seconds_or_never)
    """One that runs and brings nothing for so long is ended and started anew; null: never."""

    @property
    def needs_secrets(self) -> bool:
        """Whether anything in it is still a reference."""
        return is_url_reference(self.url) or has_reference(self.options)

    def resolved(self, *, resolve_secret: ResolveSecret) -> "SourceConfig":
        """The same with every `env:` and `file:` reference replaced by its value."""
        url = trimmed(resolve_secret(self.url) if is_url_reference(self.url) else self.url)
        return attrs.evolve(self, url=url, options=resolve_options(self.options, resolve_secret))


@attrs.frozen(kw_only=True, field_transformer=checked)
class EncoderConfig:
    """What the stream's picture is, or shall be made. 0 means: as the source gives it, or chosen well."""

    type: Annotated[str, Rule(_read_encoder_type, {"type": "string", "pattern": _ENCODER_TYPE.pattern})] = AUTO
    """A codec and a rate control such as H264_CBR, H265_VBR, AV1_AVBR; copy; auto: what suits the source."""
    width: Annotated[int, even(176, 7680)] = 0
    """Of the picture, with height; 0: as it comes."""
    height: Annotated[int, even(144, 4320)] = 0
    """Of the picture, with width; 0: as it comes."""
    framerate: Annotated[float, number(1, 240, " frames per second", or_zero=True)] = 0.0
    """0: as it comes."""
    bitrate_kbps: Annotated[int, rate(MIN_KBPS, MAX_KBPS)] = attrs.field(
        default=0, converter=kbps, metadata={"key": "bitrate"}
    )
    """0: chosen by the picture's size."""
    gop: PositiveSeconds = attrs.field(default=2.0, converter=seconds)
    """Time between keyframes."""
    implementation: Name = "auto"
    """Name of an encoder kind ("libx264"), or "auto": the best that works here."""
    transcode: Flag = False
    """Encode anew when the source's packets are of another codec."""
    b_frames: Annotated[int, whole(0, 16)] = 0
    """How many pictures in a row may be predicted from both sides."""
    options: Options = attrs.field(factory=dict, repr=False)
    """The encoder kind's own."""

    @property
    def codec(self) -> str | None:
        """Name of the codec, as the type spells it in small letters; None where the packets are taken as they come."""
        match = _ENCODER_TYPE.fullmatch(self.type)
        return match["codec"].lower() if match and self.type.lower() not in (COPY, AUTO) else None

    @property
    def rate_control(self) -> str:
        """ "cbr", "vbr" or "avbr"."""
        match = _ENCODER_TYPE.fullmatch(self.type)
        return (match["control"] or "cbr").lower() if match else "cbr"


@attrs.frozen(kw_only=True, field_transformer=checked)
class SlateConfig:
    """The still picture while the source is gone."""

    enabled: Flag = True
    """Whether there is one."""
    picture: Annotated[str, choice("card", "last", "image")] = "card"
    """A card with the camera's name and the time, the last picture seen, or one's own `image`."""
    image: OptionalText = None
    """Path of a PNG or JPEG file."""
    after: PositiveSeconds = attrs.field(default=2.0, converter=seconds)
    """Time without media before it is shown."""
    up_to: SecondsOrNever = attrs.field(default=None, converter=seconds_or_never)
    """Time after which the stream ends all the same; null: shown until the source is back."""

    def __attrs_post_init__(self) -> None:
        if self.picture == "image" and not self.image:
            text = 'is missing; "picture": "image" needs the path of a PNG or JPEG file'
            raise ConfigError([Issue("image", text)])


@attrs.frozen(kw_only=True, field_transformer=checked)
class StreamConfig:
    """One stream of a camera, with the sessions that publish it.

    In a `CameraConfig` a stream without an id gets the lowest that is free, and a name by it.
    """

    stream_id: Annotated[int, whole(NOT_SAID, MAX_ID)] = NOT_SAID
    name: LabelOrEmpty = ""
    enabled: Flag = True
    source: Annotated[SourceConfig, instance(SourceConfig)]
    encoder: Annotated[EncoderConfig, instance(EncoderConfig)] = EncoderConfig()
    slate: Annotated[SlateConfig | None, optional(instance(SlateConfig))] = None
    sessions: Annotated[tuple[SessionConfig, ...], instances(SessionConfig)] = ()
    """Sessions of enabled outputs."""

    def label(self, camera_id: int) -> str:
        """ "cam0_main": what it is called in this camera."""
        return f"cam{camera_id}_{self.name}"

    def placed(self, camera_id: int, camera_name: str, stream_id: int) -> "StreamConfig":
        """The same in this camera, its sessions too. Raises `ConfigError`."""
        name = self.name or default_name(stream_id)
        report = Report()
        sessions = []
        for index, session in enumerate(self.sessions):
            with report.root().at("sessions").item(index).told():
                # While nobody knows the camera, neither does the session.
                placed = session if camera_id == NOT_SAID else session.placed(camera_id, camera_name, stream_id, name)
                sessions.append(placed)
        report.raise_if_wrong()
        return attrs.evolve(self, stream_id=stream_id, name=name, sessions=tuple(sessions))


@attrs.frozen(kw_only=True, field_transformer=checked)
class CameraConfig:
    """One camera. Its streams and their sessions learn from it whose they are.

    Without an id it gets the lowest that is free, in a `Config` or from `Engine.add_camera`.
    """

    camera_id: Annotated[int, whole(NOT_SAID, MAX_ID)] = NOT_SAID
    name: LabelOrEmpty = ""
    enabled: Flag = True
    streams: Annotated[tuple[StreamConfig, ...], instances(StreamConfig)] = ()

    def __attrs_post_init__(self) -> None:
        report = Report()
        places = [report.root().at("streams").item(index) for index in range(len(self.streams))]
        ids = assigned([stream.stream_id for stream in self.streams], [place.at("stream_id") for place in places])
        placed = []
        for stream, stream_id, place in zip(self.streams, ids, places, strict=True):
            with place.told():
                placed.append(stream.placed(self.camera_id, self.name, stream_id))
        report.raise_if_wrong()
        object.__setattr__(self, "streams", tuple(placed))

    def renumbered(self, camera_id: int) -> "CameraConfig":
        """The same under another number, its sessions too."""
        if camera_id == self.camera_id:
            return self
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
    """How many cameras may be enabled."""
    log_level: Annotated[str, choice("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")] = "INFO"
    """The least that is logged."""
    max_connects_per_second: Annotated[float, number(0.1, 100_000)] = 50.0
    """Connection attempts to one host, a second."""
    workers: Annotated[Any, _WORKERS] = 1
    """Worker processes, or "auto": one for each processor."""
    plugin_stall: PositiveSeconds = 2.0
    """Seconds that a plugin may hold the event loop before the sessions and cameras that use it are told of."""
    watch: Flag = False
    """Whether `camcast run` reads its files again by itself when they change."""
    uplinks: Uplinks = attrs.field(factory=dict)
    """Links that several outputs share, by names of one's own: what all of them together may send."""


@attrs.frozen(kw_only=True, field_transformer=checked)
class PluginsConfig:
    """Which plugins are used. A name is a plugin's as `camcast plugins` shows it, or "distribution:name"."""

    block: Texts = ()
    """Left out, and not even imported, so that another plugin may bring what they bring."""
    allow: OptionalTexts = None
    """Only these are used; of two that bring the same, the earlier in the list does. null: all that are installed."""

    @property
    def choice(self) -> Choice:
        """The same in the host's terms."""
        return Choice(self.allow, self.block, said_by='"plugins" in the configuration')


@attrs.frozen(kw_only=True, field_transformer=checked)
class Config:
    """A whole configuration, resolved."""

    plugins: Annotated[PluginsConfig, instance(PluginsConfig)] = PluginsConfig()
    system: Annotated[SystemConfig, instance(SystemConfig)] = SystemConfig()
    services: Annotated[tuple[ServiceConfig, ...], instances(ServiceConfig)] = ()
    cameras: Annotated[tuple[CameraConfig, ...], instances(CameraConfig)] = ()
    notes: tuple[str, ...] = attrs.field(default=(), eq=False)
    """What the user should know of the file, one line each."""
    include: Texts = attrs.field(default=(), eq=False)
    """Further files that cameras came from, as written."""

    def __attrs_post_init__(self) -> None:
        report = Report()
        places = [report.root().at("cameras").item(index) for index in range(len(self.cameras))]
        ids = assigned([camera.camera_id for camera in self.cameras], [place.at("camera_id") for place in places])
        report.raise_if_wrong()
        numbered = []
        for camera, camera_id, place in zip(self.cameras, ids, places, strict=True):
            with place.told():
                numbered.append(camera.renumbered(camera_id))
        report.raise_if_wrong()
        object.__setattr__(self, "cameras", tuple(numbered))

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
