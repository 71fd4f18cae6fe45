"""What plugins are asked on threads: how that is called where it fails, and in whose code it is where it is late."""

from __future__ import annotations

import sys

from camcast.config.secrets import secret, trimmed
from camcast.host import PluginHost
from camcast.hosting.culprit import culprit
from camcast.session.hook_threads import Late


class Secrets:
    """Resolves the references of one question, on a thread. As a text, what it is doing."""

    def __init__(self, host: PluginHost) -> None:
        self._host = host
        self._asked = ""

    def __call__(self, reference: str) -> str:
        """From the plugins first, then from the environment or a file. Raises `ConfigError`, `PluginFault`."""
        self._asked = trimmed(reference)
        return secret(self._host, reference)

    def __str__(self) -> str:
        return f'resolving the secret "{self._asked}"' if self._asked else "resolving a secret"


def overdue(late: Late, what: object, seconds: float, host: PluginHost) -> str:
    """What to say of a question that was not answered within so many `seconds`."""
    thread = sys._current_frames().get(late.thread) if late.thread is not None else None
    plugin, where = culprit(thread, host.plugins)
    if plugin is None:
        return f"{what} took longer than {seconds:g} s"
    return f"{what} took longer than {seconds:g} s: plugin {plugin.name} has not answered, it is in {where}"
