"""At which addresses of this machine a camera listens: those who share one must run in one process, which has it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Any

from camcast.config import CameraConfig, SessionConfig, SourceConfig
from camcast.config.secrets import has_reference, is_url_reference
from camcast.errors import CamcastError
from camcast.host import PluginHost
from camcast.kinds import SourceKind, TransportKind

UNKNOWN = "an address that is kept elsewhere (env: or file:)"


def addresses(camera: CameraConfig, host: PluginHost) -> dict[Hashable, frozenset[str]]:
    """Those of its sources, by their streams' ids, and of its outputs, by their keys.

    As their plugins write them; `UNKNOWN` for one that is not known yet. What cannot be read listens nowhere: whoever
    builds it says what is wrong.
    """
    found: dict[Hashable, frozenset[str]] = {}
    for stream in camera.streams:
        if stream.enabled:
            found[stream.stream_id] = of_source(stream.source, host)
            for session in stream.sessions:  # of which several may have no name yet
                found[session.key] = found.get(session.key, frozenset()) | of_session(session, host)
    return found


def of_source(source: SourceConfig, host: PluginHost) -> frozenset[str]:
    """At most one."""
    hidden = is_url_reference(source.url)
    known = {key: value for key, value in source.options.items() if not has_reference(value)}

    def asked() -> str:
        kind: SourceKind = host.source(source.type)
        return kind.listens("" if hidden else source.url, host.structure_options(kind, known, ""))

    found = _answer(asked)
    return frozenset({UNKNOWN if hidden else found} if found else ())


def of_session(session: SessionConfig, host: PluginHost) -> frozenset[str]:
    """Those of an output's targets."""
    return frozenset(_of_targets(session, host))


def _of_targets(session: SessionConfig, host: PluginHost) -> Iterator[str]:
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
