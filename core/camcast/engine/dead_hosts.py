"""Which hosts are known to be dead, so that the log says it once: not for each session, and not for each retry.

Hundreds of sessions may want the same host. What keeps them from it is news once a host and reason; who else has the
same trouble follows in one line. When somebody gets through to the host, everything of it is news again.
"""

from __future__ import annotations

import attrs

from camcast.errors import ErrorClass
from camcast.events import AttemptFailed, Event, SessionKey
from camcast.session.hosts import host_of

ON_THE_WAY = frozenset({"resolve", "connect", "tls", "handshake"})
"""Stages in which the host is at fault, or the way there; what comes later concerns one stream."""
NAMED = 5
"""Sessions that are told by name."""
MOST = 4096
"""Hosts and reasons that are remembered."""


@attrs.define(eq=False)
class Trouble:
    """One reason of one host, which several sessions may have."""

    first: AttemptFailed
    sessions: set[SessionKey] = attrs.field(factory=set)
    untold: list[str] = attrs.field(factory=list)
    """Labels of those that came after the first, until they are told."""

    @property
    def text(self) -> str:
        """A line for those that are not told yet."""
        names, rest = self.untold[:NAMED], len(self.untold) - NAMED
        who = f"{', '.join(names)} and {rest} more" if rest > 0 else ", ".join(names)
        what = f"{self.first.error_class.value}: {self.first.error}"
        return f"The same at {host_of(self.first.target)} ({what}) for {len(self.untold)} more: {who}"


class DeadHosts:
    """Of one engine."""

    def __init__(self) -> None:
        self._known: dict[str, dict[tuple[str, str, str], Trouble]] = {}

    def see(self, failed: AttemptFailed, then: Event | None) -> tuple[Trouble | None, bool]:
        """A session failed, and `then` is what comes of it.

        Returns what is known of it, None where it is no matter of the host, and whether it must be told at once.
        """
        if failed.stage not in ON_THE_WAY or failed.error_class is not ErrorClass.NETWORK:
            return None, True
        if sum(map(len, self._known.values())) >= MOST:
            self._known.clear()
        reasons = self._known.setdefault(host_of(failed.target), {})
        # Where an error names the URL, only that differs between sessions.
        what = (failed.error_class.value, failed.error.replace(failed.target, ""), type(then).__name__)
        trouble = reasons.get(what)
        if trouble is None:
            reasons[what] = trouble = Trouble(failed, {failed.key})
            return trouble, True
        if failed.key not in trouble.sessions:
            trouble.sessions.add(failed.key)
            trouble.untold.append(failed.label)
        return trouble, False

    def reached(self, target: str) -> None:
        """Somebody got through to the host of this URL."""
        self._known.pop(host_of(target), None)

    def untold(self) -> list[Trouble]:
        """Those of which more sessions have come than were told."""
        return [one for reasons in self._known.values() for one in reasons.values() if one.untold]
