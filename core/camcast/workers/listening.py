"""At which addresses of this machine a camera listens: those who share one must run in one process, which has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from camcast.config import CameraConfig, SessionConfig, SourceConfig
from camcast.config.secrets import has_reference, is_url_reference
from camcast.errors import CamcastError
from camcast.host import PluginHost
from camcast.kinds import SourceKind, TransportKind

UNKNOWN = "an address that is kept elsewhere (env: or file:)"


def addresses(camera: CameraConfig, host: PluginHost) -> frozenset[str]:
    """Those of its sources and its outputs, as their plugins write them; `UNKNOWN` for one that is not known yet.

    What cannot be read listens nowhere: whoever builds it says what is wrong.
    """
    return frozenset(_addresses(camera, host))


def _addresses(camera: CameraConfig, host: PluginHost) -> Iterator[str]:
    for stream in camera.streams:
        if stream.enabled:
            yield from _of_source(stream.source, host)
            for session in stream.sessions:
                yield from of_session(session, host)


def _of_source(source: SourceConfig, host: PluginHost) -> Iterator[str]:
    hidden = is_url_reference(source.url)
    known = {key: value for key, value in source.options.items() if not has_reference(value)}

    def asked() -> str:
        kind: SourceKind = host.source(source.type)
        return kind.listens("" if hidden else source.url, host.structure_options(kind, known, ""))

    if found := _answer(asked):
        yield UNKNOWN if hidden else found


def of_session(session: SessionConfig, host: PluginHost) -> Iterator[str]:
    """Those of an output's targets."""
    for target in session.targets:
        if not is_url_reference(target.url):

            def asked(target: Any = target) -> str:
                kind: TransportKind = host.transport(target.transport, target.scheme)
                return kind.listens(target.target(resolve_secret=str))

            if found := _answer(asked):
                yield found


def _answer(asked: Callable[[], str]) -> str:
    try:
        return str(asked())
    except (LookupError, ValueError, CamcastError):
        return ""
