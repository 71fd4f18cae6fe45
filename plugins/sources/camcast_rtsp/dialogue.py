"""Our side of an RTSP conversation (RFC 2326): requests made, answers judged, the session remembered. No I/O.

A 401 is answered in every way that is offered before the password counts as wrong. Redirects are followed only to the
same host, and never from rtsps to rtsp.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from camcast.errors import SourceError
from camcast.redaction import MAX_URL, excerpt, piece, words
from camcast_kit_digest.auth import Login, Way, parse_challenges

from .messages import Response, encode_request, parameters
from .numbers import whole
from .oddities import Oddities
from .url import RtspUrl, parse_url

DEFAULT_TIMEOUT = 60
"""Seconds an RTSP session lasts without a sign of life when the server does not say (§12.37)."""
MAX_REDIRECTS = 3
MAX_SESSIONS = 4
MAX_SHOWN = 200
"""Characters of a peer's words in a text of ours."""
_REDIRECTS = (301, 302, 303, 305, 307, 308)

_MEANING = {
    403: "the camera forbids it: this user may not watch this stream",
    404: "the camera has no stream of this name: check the path of the URL",
    406: "the camera offers no session description that can be used",
    453: "the camera's bandwidth is used up: too many viewers",
    454: "the camera has forgotten the session",
    459: "the camera does not allow its media to be set up together",
    461: 'the camera does not offer this transport: set the option "transport" to "auto", or to the other one',
    500: "the camera failed inside",
    503: "the camera is busy: often too many viewers at once",
    551: "the camera lacks an option",
}


class Redirected(Exception):
    """The camera is at another address."""

    def __init__(self, url: RtspUrl) -> None:
        super().__init__("redirected")
        self.url = url


class Dialogue:
    """Makes requests and judges responses for one connection."""

    def __init__(
        self,
        url: RtspUrl,
        username: str | None,
        password: str | None,
        user_agent: str,
        oddities: Oddities,
        remembered: Way | None = None,
        login: Login | None = None,
        *,
        digest_only: bool = False,
    ) -> None:
        """`remembered`: the way to log in that this camera accepted before. `login`: what goes on from another
        connection. `digest_only`: the password itself is never sent."""
        self.url = url
        self.session = ""
        self.timeout = DEFAULT_TIMEOUT
        self.other_sessions: list[str] = []
        """Further names that the camera gave the session."""
        self.oddities = oddities
        self._username, self._password = username, password
        self._user_agent = user_agent
        self._sequence = 0
        self._digest_only = digest_only
        self._login = login or Login(username or "", password or "", remembered)
        self._asked_back = False
        """The last answer asked for a password, or another one."""

    @property
    def has_password(self) -> bool:
        return self._username is not None

    @property
    def unanswered(self) -> Login | None:
        """What answers a question for the password, if that was the last that the camera said."""
        return self._login if self._asked_back else None

    @property
    def secrets(self) -> frozenset[str]:
        found = set(self.url.secrets)
        found.update(secret for secret in (self._password,) if secret)
        return frozenset(found)

    def scrub(self, text: str) -> str:
        """A peer's words as they may be shown: without our secrets, printable, short."""
        return words(text, self.secrets, MAX_SHOWN)

    def excerpt(self, text: str) -> str:
        """The same of one of its texts, where the rest of a secret may stand in another."""
        return excerpt(text, self.secrets, MAX_SHOWN)

    def piece(self, text: str) -> str:
        """The same for what we have taken out of a peer's text."""
        return piece(text, self.secrets, MAX_SHOWN // 4)

    @property
    def login(self) -> Way | None:
        """The way to log in that was accepted."""
        return self._login.way if self._login.accepted else None

    def request(self, method: str, url: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """The next request and its sequence number."""
        self._sequence += 1
        # A camera's control attribute may hold what no request line can.
        target = "".join(char if char > " " else f"%{ord(char):02X}" for char in url)
        fields = {"CSeq": str(self._sequence), "User-Agent": self._user_agent, "Session": self.session}
        authorization = self._login.header(method, target)
        if authorization is not None:
            fields["Authorization"] = authorization
        return self._sequence, encode_request(method, target, {**fields, **(headers or {})})

    def authorization(self, method: str, target: str) -> str | None:
        """What such a request has to bring; None before anything was asked for."""
        return self._login.header(method, target)

    def beside(self) -> Dialogue:
        """Another conversation with the same camera, by the same user."""
        return Dialogue(
            self.url, self._username, self._password, self._user_agent, self.oddities, digest_only=self._digest_only
        )

    def again(self, method: str, response: Response) -> bool:
        """Whether to send the same request once more, now with an Authorization. Raises `SourceError` for refusals."""
        self._asked_back = False
        if response.status != 401:
            self._login.well()
            return False
        told = response.headers.all("www-authenticate")
        if not told:
            raise SourceError(
                f"{self.url.shown}: {method} was answered 401 without a way to log in (WWW-Authenticate): choose "
                "digest authentication in the camera's own settings",
                refused=True,
            )
        offers = parse_challenges(told)
        if not offers.challenges:
            named = self.piece(", ".join(dict.fromkeys(offers.others))) or self.excerpt(told[0])
            raise SourceError(
                f"{self.url.shown}: the camera asks for a password in a way that is not supported: expected Basic or "
                f"Digest with MD5 or SHA-256, got {named}: choose digest authentication in "
                "the camera's own settings",
                refused=True,
            )
        if self._digest_only:
            offers = attrs.evolve(offers, challenges=tuple(one for one in offers.challenges if one.scheme == "digest"))
        if not offers.challenges:
            raise SourceError(
                f'{self.url.shown}: the camera asks for the password in clear (Basic), which the option "login": '
                '"digest" does not allow: choose digest authentication in the camera\'s own settings',
                refused=True,
            )
        if self._username is None:
            scheme = offers.challenges[0].scheme.capitalize()
            raise SourceError(
                f"{self.url.shown}: the camera asks for a user name and a password ({scheme}): put them into the URL "
                "or the source's options",
                refused=True,
            )
        before = self._login.way
        if self._login.again(offers.challenges):
            if before is not None and before != self._login.way and not self._login.accepted:
                self.oddities.tell(f"login by {_named(before)} is refused though offered, so others are tried")
            self._asked_back = True
            return True
        tried = (self._login.way or ("", "", False))[0].capitalize()
        raise SourceError(
            f"{self.url.shown}: the camera refuses the user name or password (401 after {tried} authentication): check "
            "them; some cameras lock the user for a while after several wrong tries",
            refused=True,
        )

    def check(self, method: str, response: Response) -> None:
        """Raises `SourceError` unless the response is a success, `Redirected` when the camera is elsewhere."""
        status = response.status
        if 200 <= status < 300:
            self._remember(response)
            return
        if status in _REDIRECTS:
            raise Redirected(self._redirect(method, response))
        meaning = _MEANING.get(status, "")
        text = f"{self.url.shown}: {method} was answered {status} {self.excerpt(response.reason)}"
        raise SourceError(f"{text}: {meaning}" if meaning else text)

    def _remember(self, response: Response) -> None:
        value = response.headers.get("session")
        name = value.partition(";")[0].strip()
        if not name:
            return
        if not self.session:
            self.session = name
        elif name != self.session and name not in self.other_sessions and len(self.other_sessions) < MAX_SESSIONS:
            self.oddities.tell("its session gets another name with each SETUP; the first is kept")
            self.other_sessions.append(name)
        timeout = whole(parameters(value).get("timeout", ""), 6)
        if timeout:
            self.timeout = timeout

    def _redirect(self, method: str, response: Response) -> RtspUrl:
        # It may be shown, so it has to be text.
        location = response.headers.get("location").encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        try:
            there = attrs.evolve(parse_url(location if len(location) <= MAX_URL else ""), inherited=self.secrets)
        except SourceError:
            raise SourceError(
                f"{self.url.shown}: the camera redirects {method} ({response.status}), but not to a URL"
            ) from None
        if there.host.lower() != self.url.host.lower():
            raise SourceError(
                f"{self.url.shown}: the camera redirects to another host ({self.excerpt(there.host)}), which is not "
                "followed: put that address into the source's URL if it is right"
            )
        if self.url.secure and not there.secure:
            raise SourceError(f"{self.url.shown}: the camera redirects from rtsps to rtsp, which is not followed")
        return there


def _named(way: Way | None) -> str:
    scheme, algorithm, _ = way or ("", "", False)
    return f"{scheme.capitalize()} {algorithm.upper()}".strip()


def content_base(response: Response, url: str, oddities: Oddities) -> str:
    """What relative controls are appended to (RFC 2326 §C.1.1): what the camera says where that is a URL, else ours."""
    for name in ("content-base", "content-location"):
        value = response.headers.get(name)
        lower = value.lower()
        if not lower.startswith(("rtsp:", "rtsps:")):
            continue
        again = max(lower.rfind("rtsp://"), lower.rfind("rtsps://"))
        try:
            parse_url(value[again:])
        except SourceError:
            oddities.tell("its Content-Base is no URL; the one that was asked for is used")
            return url
        if again:
            oddities.tell("its Content-Base holds one URL behind another; the last is used")
        return value[again:]
    return url
