"""What an answer of the API says of streams, and what of that an operator has to know. Pure, with a clock passed in.

The resource: https://developers.google.com/youtube/v3/live/docs/liveStreams; what may be wrong with a stream:
https://developers.google.com/youtube/v3/live/docs/liveStreams/health_status_messages.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import attrs

MAX_ISSUES = 20
"""Of one stream; more are left out."""
_NOTHING = frozenset({"noData", "revoked"})
_WORSE = ("error", "warning")


@attrs.frozen
class Health:
    """Of one stream, as YouTube sees it."""

    stream: str = ""
    """"active" while it gets media."""
    status: str = ""
    """"good", "ok", "bad" or "noData"."""
    issues: Mapping[str, str] = attrs.field(factory=dict)
    """What is wrong, in YouTube's words by its type: "gopSizeLong"."""

    @property
    def shows(self) -> bool:
        """Whether YouTube gets anything."""
        return self.stream == "active" and self.status not in _NOTHING


def read(body: bytes) -> dict[str, Health]:
    """The streams of an answer, by id. Raises `ValueError` for what is none."""
    try:
        items = json.loads(body)["items"]
        return {str(item["id"]): _health(item["status"]) for item in items}
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"expected a list of live streams, got something else ({type(error).__name__})") from None


def _health(status: Mapping[str, Any]) -> Health:
    health = status.get("healthStatus") or {}
    issues = {}
    for one in (health.get("configurationIssues") or ())[:MAX_ISSUES]:
        if one.get("severity") in _WORSE:
            issues[str(one.get("type"))] = str(one.get("description") or one.get("reason") or one.get("type"))
    return Health(str(status.get("streamStatus", "")), str(health.get("status", "")), issues)


@attrs.define
class _Known:
    """What is known of one output."""

    since: float | None = None
    """When it was seen to be on the air, and YouTube to show nothing."""
    told: bool = False
    issues: set[str] = attrs.field(factory=set)
    missing: bool = False
    absent_since: float | None = None
    """When no output of this name was there."""
    absence_told: bool = False


@attrs.define
class Watch:
    """Sees what changes, and tells each thing once for as long as it lasts."""

    streams: Mapping[str, str]
    after: float
    """Seconds."""
    words: Callable[[str], str] = str
    """Makes one of a peer's texts a line of bounded length."""
    _known: dict[str, _Known] = attrs.field(factory=dict)

    def look(
        self, outputs: frozenset[str], sending: frozenset[str], found: Mapping[str, Health], now: float
    ) -> Iterator[tuple[str, str]]:
        """(code, text) of all that is to be told. `outputs`: names of all that there are; `sending`: of those of them
        that are on the air and well."""
        for name, stream in self.streams.items():
            known = self._known.setdefault(name, _Known())
            yield from self._absent(name, known, outputs, now)
            health = found.get(stream)
            if health is None:
                if not known.missing:
                    known.missing = True
                    yield "unknown_stream", f"{name}: YouTube knows no live stream of this id in the token's account"
                continue
            known.missing = False
            yield from self._shown(name, known, health, now, sending=name in sending)
            yield from self._issues(name, known, health, sending=name in sending)

    def _absent(self, name: str, known: _Known, outputs: frozenset[str], now: float) -> Iterator[tuple[str, str]]:
        if name in outputs:
            known.absent_since, known.absence_told = None, False
            return
        # Outputs may be begun after the service.
        known.absent_since = now if known.absent_since is None else known.absent_since
        if not known.absence_told and now - known.absent_since >= self.after:
            known.absence_told = True
            near = get_close_matches(name, sorted(outputs), 1)
            which = f"is {near[0]} meant?" if near else "`camcast run` shows the names"
            yield "unknown_output", f"{name}: `streams` names an output that is not there; {which}"

    def _shown(
        self, name: str, known: _Known, health: Health, now: float, *, sending: bool
    ) -> Iterator[tuple[str, str]]:
        if not sending or health.shows:
            if known.told and sending:
                yield "shown_again", f"{name}: YouTube shows it again"
            known.since, known.told = None, False
            return
        known.since = now if known.since is None else known.since
        if not known.told and now - known.since >= self.after:
            known.told = True
            stream, status = self.words(health.stream or "unknown"), self.words(health.status or "unknown")
            text = f"{name}: we send, YouTube shows nothing (stream {stream}, health {status}): see whether the stream "
            yield "nothing_shown", text + "key is this stream's, and whether the broadcast has begun"

    def _issues(self, name: str, known: _Known, health: Health, *, sending: bool) -> Iterator[tuple[str, str]]:
        present = set(health.issues) if sending else set()
        for one in sorted(present - known.issues):
            yield "issue", f"{name}: YouTube says {self.words(f'{one}: {health.issues[one]}')}"
        known.issues = present
