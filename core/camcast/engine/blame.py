"""What is told when the event loop was held: by whom, and which sessions and cameras use that plugin."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from camcast.camera.handles import CameraHandle
from camcast.config import SessionConfig
from camcast.engine.loop_watch import Hold
from camcast.events import Event, LoopHeld, Note, SourceNote
from camcast.host import PluginHost
from camcast.kinds import Kind
from camcast.session.session_manager import SessionHandle

CODE = "plugin_stall"


def blame(
    hold: Hold, host: PluginHost, cameras: Iterable[CameraHandle], sessions: Iterable[SessionHandle], stall: float
) -> Iterator[Event]:
    """The event of the hold; after `stall` seconds also a note for each session and stream that uses its plugin."""
    plugin = hold.plugin
    yield LoopHeld(
        label=f"process {os.getpid()}",
        seconds=hold.seconds,
        plugin=plugin.name if plugin is not None else "",
        where=hold.where,
    )
    if plugin is None or hold.seconds < stall:
        return
    text = f"plugin {plugin.name} held every camera for {hold.seconds:.1f} s, in {hold.where}; it is at fault"
    own = plugin.kinds
    for session in sessions:
        if any(kind in own for kind in _transports(host, session.config)):
            yield Note(label=session.config.label, key=session.key, code=CODE, message=text)
    for camera in cameras:
        for stream in camera.streams.values():
            if _source(host, stream.config.source.type) in own:
                yield SourceNote(
                    label=stream.label,
                    camera_id=camera.camera_id,
                    stream_id=stream.config.stream_id,
                    code=CODE,
                    message=text,
                )


def _transports(host: PluginHost, config: SessionConfig) -> Iterator[Kind]:
    for target in config.targets:
        try:
            yield host.transport(target.transport, target.scheme)
        except LookupError:
            continue  # told where the session tries it


def _source(host: PluginHost, name: str) -> Kind | None:
    try:
        return host.source(name)
    except LookupError:
        return None
