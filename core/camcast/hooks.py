"""The hooks that plugins implement. Pluggy composes; it is never called per packet.

All hooks are synchronous. A plugin is a module or object with functions marked `@camcast.hookimpl`,
announced by an entry point in the group `camcast` or by `PluginHost.register`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import cattrs

    from camcast.discovery import SourceAddress
    from camcast.events import Event, SegmentFinished
    from camcast.kinds import (
        CodecKind,
        ConfigForm,
        CoordinatorKind,
        DiscovererKind,
        EncoderKind,
        Platform,
        ServiceKind,
        SourceKind,
        TransportKind,
    )
    from camcast.target import Target

PROJECT = "camcast"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Hooks:
    """The specification; `PluginHost` adds it to its plugin manager."""

    @hookspec
    def camcast_sources(self) -> Sequence[SourceKind]:  # type: ignore[empty-body]
        """The kinds of source this plugin brings."""

    @hookspec
    def camcast_codecs(self) -> Sequence[CodecKind]:  # type: ignore[empty-body]
        """The codecs this plugin knows."""

    @hookspec
    def camcast_encoders(self) -> Sequence[EncoderKind]:  # type: ignore[empty-body]
        """The encoders this plugin brings, hardware ones included: they are probed by opening."""

    @hookspec
    def camcast_transports(self) -> Sequence[TransportKind]:  # type: ignore[empty-body]
        """The transports this plugin brings."""

    @hookspec
    def camcast_services(self) -> Sequence[ServiceKind]:  # type: ignore[empty-body]
        """The services this plugin brings: what runs beside an engine and sees it through a view."""

    @hookspec
    def camcast_coordinators(self) -> Sequence[CoordinatorKind]:  # type: ignore[empty-body]
        """The stores this plugin speaks to, through which the machines of a fleet agree on who runs which camera."""

    @hookspec
    def camcast_discoverers(self) -> Sequence[DiscovererKind]:  # type: ignore[empty-body]
        """The ways to find cameras that this plugin brings."""

    @hookspec
    def camcast_config_forms(self) -> Sequence[ConfigForm]:  # type: ignore[empty-body]
        """Other forms of configuration that this plugin converts to camcast's."""

    @hookspec
    def camcast_platforms(self) -> Sequence[Platform]:  # type: ignore[empty-body]
        """The platforms this plugin knows: where they are and what they want, each figure with its source."""

    @hookspec
    def camcast_prepare_converter(self, converter: cattrs.Converter) -> None:
        """Teach the configuration's converter this plugin's own option types."""

    @hookspec(firstresult=True)
    def camcast_resolve_url(self, target: Target, attempt: int) -> str | None:
        """The URL to use for this attempt (a fresh token, say), or None to leave it. Thread, 10 s deadline."""

    @hookspec(firstresult=True)
    def camcast_resolve_source(self, url: str, options: Mapping[str, Any]) -> SourceAddress | None:
        """Where the camera is now that a source's URL names by what it is, or None if not yours. Before every run of
        the source, its secrets resolved. On a thread, 10 s deadline. Raises `SourceError`."""

    @hookspec(firstresult=True)
    def camcast_resolve_secret(self, reference: str) -> str | None:
        """The value behind a reference ("vault:camera/7"), or None if not yours. On a thread, 10 s deadline."""

    @hookspec
    def camcast_segment(self, segment: SegmentFinished) -> None:
        """A file of a recording is complete. On a thread, one file after another: take the time that it takes."""

    @hookspec
    def camcast_session_event(self, event: Event) -> None:
        """Watch what happens. Each implementation is called by itself, guarded, on the loop: be quick."""
