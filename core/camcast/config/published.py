"""Who publishes what: two sessions that take one name at one server would throw each other out for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from camcast.config.asked import READABLE, bug
from camcast.config.hosted import check_options
from camcast.config.place import Place, Report
from camcast.config.target import TargetConfig
from camcast.kinds import TransportKind
from camcast.target import Target

if TYPE_CHECKING:
    from camcast.host import PluginHost


def published_name(host: PluginHost, kind: TransportKind, config: TargetConfig) -> str | None:
    """Identifies what this target publishes, whichever transport carries it; None where that needs a secret."""
    if config.needs_secrets:
        return None
    # In the form that the transport gets them: a stream id or a token in them is part of the name.
    options = check_options(host, kind, config.options, Report().root())
    return name_of(host, kind, attrs.evolve(config.target(resolve_secret=str), options=options))


def name_of(host: PluginHost, kind: TransportKind, target: Target) -> str | None:
    """The same of a target whose secrets are known, with its options in the form that the transport gets them.

    None where its plugin fails.
    """
    try:
        name = kind.publish_name(target)
        if not isinstance(name, str):
            raise TypeError(f"it gave {type(name).__name__}, not a text")
    except READABLE:
        return None
    except Exception as error:  # noqa: BLE001  a plugin's bug, which its sessions tell
        bug(host, f"transport {kind.name}", "publish_name", error, target.scrub)
        return None
    # Kinds for one protocol name alike: their first scheme stands for it.
    return f"{kind.schemes[0]}\0{name}"


class Published:
    """What the sessions that will run have taken so far."""

    def __init__(self, host: PluginHost) -> None:
        self._host = host
        self._owners: dict[str, str] = {}

    def take(self, label: str, kind: TransportKind | None, target: TargetConfig, place: Place) -> None:
        """Session `label` publishes `target`. What is taken by another is told at `place`."""
        name = published_name(self._host, kind, target) if kind is not None else None
        if name is None:
            return
        owner = self._owners.setdefault(name, label)
        if owner != label:
            advice = "put {camera_id} and {stream_name} into the template, or give it a URL of its own"
            place.wrong(f"{label} would publish {target.shown} as {owner} does; {advice}")
