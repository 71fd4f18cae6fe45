"""A real plugin host with made-up kinds, so that these tests depend on no plugin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

import camcast.hooks
from camcast.errors import MisconfiguredError
from camcast.host import PluginHost
from camcast.kinds import Acceptance, CodecKind, EncoderKind, Gives, NoOptions, SourceKind, TransportKind
from camcast.media import MediaKind
from camcast.target import Target


def _never(*_: object) -> Any:
    raise AssertionError("configuration builds nothing")


@attrs.frozen(kw_only=True)
class RtspOptions:
    transport: str = "tcp"
    timeout: float = 5.0


@attrs.frozen(kw_only=True)
class PictureOptions:
    fps: int = 30
    tone: int = 0


@attrs.frozen(kw_only=True)
class SrtOptions:
    latency: int = 120
    passphrase: str | None = attrs.field(default=None, repr=False)

    @passphrase.validator
    def _check(self, _: object, value: str | None) -> None:
        if value is not None and len(value) < 10:
            raise ValueError(f"expected 10 characters or more, got {value}")


@attrs.frozen(kw_only=True)
class X264Options:
    preset: str = "veryfast"


def check_rtmp(target: Target) -> None:
    path = target.url.partition("://")[2].partition("/")[2]
    if not target.stream_key and not path.rpartition("/")[2]:
        raise ValueError(f"{target.url} has no stream key")


def check_srt(target: Target) -> None:
    if ":" not in target.url.partition("://")[2]:
        raise MisconfiguredError(f"{target.url} has no port")


class MadeUp:
    """The plugin."""

    @camcast.hooks.hookimpl
    def camcast_sources(self) -> Sequence[SourceKind]:
        return [
            SourceKind(name="rtsp", title="", build=_never, options=RtspOptions),
            SourceKind(name="file", title="", build=_never, options=NoOptions),
            SourceKind(
                name="testsrc", title="", build=_never, options=PictureOptions, gives=Gives.FRAMES, needs_url=False
            ),
            SourceKind(name="push", title="", build=_never, gives=Gives.EITHER, needs_url=False),
        ]

    @camcast.hooks.hookimpl
    def camcast_codecs(self) -> Sequence[CodecKind]:
        return [
            CodecKind(name="h264", media=MediaKind.VIDEO, title="", aliases=("avc",), parser=_never),
            CodecKind(name="h265", media=MediaKind.VIDEO, title="", aliases=("hevc",), parser=_never),
            CodecKind(name="av1", media=MediaKind.VIDEO, title="", parser=_never),
            CodecKind(name="aac", media=MediaKind.AUDIO, title="", parser=_never),
        ]

    @camcast.hooks.hookimpl
    def camcast_encoders(self) -> Sequence[EncoderKind]:
        return [
            EncoderKind(name="libx264", codec="h264", title="", options=X264Options, open=_never),
            EncoderKind(name="libx265", codec="h265", title="", open=_never),
        ]

    @camcast.hooks.hookimpl
    def camcast_transports(self) -> Sequence[TransportKind]:
        def accepts(_: Target) -> Acceptance:
            return Acceptance(codecs={})

        return [
            TransportKind(
                name="rtmp", title="", schemes=("rtmp", "rtmps"), build=_never, accepts=accepts, check=check_rtmp
            ),
            TransportKind(
                name="srt",
                title="",
                schemes=("srt",),
                build=_never,
                accepts=accepts,
                options=SrtOptions,
                check=check_srt,
            ),
            TransportKind(
                name="librtmp", title="", schemes=("rtmp",), build=_never, accepts=accepts, by_name_only=True
            ),
        ]


def made_up_host() -> PluginHost:
    host = PluginHost(entry_points=False)
    host.register(MadeUp(), "made-up")
    assert not host.problems
    return host
