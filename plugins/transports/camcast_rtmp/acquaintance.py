"""Which server one attempt has met: what it said of itself, and what it takes by that. Pure; times are passed in."""

from __future__ import annotations

from collections.abc import Sequence

from camcast.errors import NetworkError
from camcast.kinds import Acceptance
from camcast.media import Track
from camcast.target import Target
from camcast_kit_rtmp.urls import Address
from camcast_rtmp import profiles
from camcast_rtmp.client import Connected
from camcast_rtmp.memory import ShownServers


class Acquaintance:
    """With the server at one address, of whom others' attempts may know something (`shown`)."""

    def __init__(self, target: Target, address: Address, shown: ShownServers) -> None:
        self._target, self._address, self._shown = target, address, shown
        self._answer: Connected | None = None
        self._findings: dict[str, None] = {}

    @property
    def findings(self) -> Sequence[str]:
        """What was found out, each thing once; see `contracts.TellsFindings`."""
        return tuple(self._findings)

    @property
    def who(self) -> str:
        """By what another server at this place would be told from the one that has answered."""
        return "" if self._answer is None else f"{self._answer.properties.get('fmsVer')} {self._answer.manner}"

    def found(self, what: str) -> None:
        """Keep a finding."""
        self._findings.setdefault(what)

    def introduced(self, answer: Connected, now: float) -> Acceptance | None:
        """It has answered connect: what it takes, as far as anybody knows."""
        self._answer = answer
        said = (str(answer.info.get("description") or ""), str(answer.properties.get("fmsVer") or ""))
        words = [f'"{self._target.excerpt(text, 80)}"' for text in said if text]
        self.found(f"the server accepts the application: {' from '.join(words) or 'without a word'}")
        if (profile := profiles.recognised(answer)) is not None:
            self.found(f"by its answer it is {profile.title}")
        return profiles.from_answer(self._target, answer, self._shown.of(self._address, now))

    def began(self, said: str, tracks: Sequence[Track], now: float) -> NetworkError | None:
        """It has agreed to publish, with these words, by which alone some servers are told from others.

        Why this attempt cannot go on, where such a one does not take what was meant for another: the next one knows it.
        """
        assert self._answer is not None
        if profiles.is_named(self._target):
            return None
        name, before = profiles.shown_by(self._target, self._answer, said), self._shown.of(self._address, now)
        if not name:
            self._shown.forget(self._address)
            return None
        self._shown.remember(self._address, name, now)
        found = profiles.profiles()[name]
        unfit = [track.codec for track in tracks if track.codec not in found.yes]
        if name == before or not unfit:
            return None
        return NetworkError(
            f"by its words when publishing began it is {found.title}, which does not take {', '.join(unfit)}; "
            "the next attempt sends what it takes",
            stage="publish",
        )
