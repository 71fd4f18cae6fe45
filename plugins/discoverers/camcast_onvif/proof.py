"""Which proof of the password goes along with a request to one device. No I/O.

Two ways are known, and both are digests: HTTP's (RFC 7616), where the device asks for that, and WS-UsernameToken, which
holds a time that must be the device's. Basic, which is the password itself, is never sent. Some cameras lock a user
after five wrong tries, so three are made in all, and one only where all were refused the last time.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import attrs

from camcast.discovery import CameraLogin
from camcast_kit_digest.auth import Login, Way, parse_challenges

from . import soap

MAX_PROOFS = 3
"""That a device may refuse before the password counts as wrong."""
TOKEN: Way = ("token", "", False)
"""WS-UsernameToken."""
MD5: Way = ("digest", "md5", False)
_TURNS = (None, MD5, TOKEN)


@attrs.frozen
class Trial:
    """What is tried at a device."""

    first: Way | None = None
    """The way that is tried first; None = the strongest that is offered."""
    most: int = MAX_PROOFS

    def refused(self) -> Trial:
        """The next one, after this has come to nothing: one proof, each time in another way."""
        if self.most > 1:
            return Trial(most=1)
        turn = _TURNS.index(self.first) if self.first in _TURNS else 0
        return Trial(_TURNS[(turn + 1) % len(_TURNS)], 1)


class Proofs:
    """One user at one device."""

    def __init__(self, login: CameraLogin, trial: Trial) -> None:
        self._login = login
        self._digest = Login(login.username, login.password, trial.first, MAX_PROOFS - 1)
        self._left = trial.most
        self._token = trial.first == TOKEN
        """Whether a WS-UsernameToken goes along."""
        self.basic_only = False
        self.accepted = False
        """Whether the device has taken a proof; what it refuses from then on, this user may not have."""

    @property
    def way(self) -> Way | None:
        """The way that it takes; None = not known."""
        if not self.accepted:
            return None
        return TOKEN if self._token else self._digest.way

    def token(self, now: float) -> str:
        """What goes into the envelope. `now`: the device's time."""
        if not self._token:
            return ""
        return soap.username_token(self._login.username, self._login.password, secrets.token_bytes(soap.NONCE), now)

    def header(self, path: str, body: bytes) -> str | None:
        """The Authorization of a POST; None where nothing has asked for one."""
        return self._digest.header("POST", path, body)

    def well(self) -> None:
        """A request with a proof was answered."""
        self._digest.well()
        self.accepted = True

    def again(self, challenges: Sequence[str], proved: bool) -> bool:
        """Whether to ask once more, now with another proof: of what is offered, or with a new nonce.

        `proved`: whether there was a proof with what was refused.
        """
        offers = parse_challenges(challenges)
        digests = [one for one in offers.challenges if one.scheme == "digest"]
        if self.accepted:
            return bool(digests) and self._digest.again(digests)
        self.basic_only = bool(offers.challenges) and not digests
        self._left -= proved
        if self._left <= 0:
            return False
        if digests and self._digest.again(digests):
            return True
        if self._token:
            return False
        self._token = True
        return True
