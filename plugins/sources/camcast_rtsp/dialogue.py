"""Our side of an RTSP conversation (RFC 2326): requests made, answers judged, the session remembered. No I/O.

A 401 is answered once with what is known; a second one for the same nonce means that the password is wrong. Redirects
are followed only to the same host, and never from rtsps to rtsp.
"""

from __future__ import annotations

from collections.abc import Mapping

from camcast.errors import SourceError
from camcast.redaction import redact_text

from .auth import Authenticator, parse_challenges
from .messages import Response, encode_request, parameters
from .url import RtspUrl, parse_url

DEFAULT_TIMEOUT = 60
"""Seconds an RTSP session lasts without a sign of life when the server does not say (§12.37)."""
MAX_REDIRECTS = 3
_REDIRECTS = (301, 302, 303, 305, 307, 308)

_MEANING = {
    403: "the camera forbids it: this user may not watch this stream",
    404: "the camera has no stream of this name: check the path of the URL",
    406: "the camera offers no session description that can be used",
    453: "the camera's bandwidth is used up: too many viewers",
    454: "the camera has forgotten the session",
    459: "the camera does not allow its media to be set up together",
    461: 'the camera does not offer this transport: set the option "transport" to the other of "tcp" and "udp"',
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

    def __init__(self, url: RtspUrl, username: str | None, password: str | None, user_agent: str) -> None:
        self.url = url
        self.session = ""
        self.timeout = DEFAULT_TIMEOUT
        self._username, self._password = username, password
        self._user_agent = user_agent
        self._sequence = 0
        self._authenticator: Authenticator | None = None

    @property
    def secrets(self) -> frozenset[str]:
        found = set(self.url.secrets)
        found.update(secret for secret in (self._password,) if secret)
        return frozenset(found)

    def scrub(self, text: str) -> str:
        """A peer's words as they may be shown: printable, short, without our secrets."""
        clean = "".join(char if char.isprintable() else " " for char in text)
        return redact_text(clean, self.secrets)[:200]

    def request(self, method: str, url: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """The next request and its sequence number."""
        self._sequence += 1
        # A camera's control attribute may hold what no request line can.
        target = "".join(char if char > " " else f"%{ord(char):02X}" for char in url)
        fields = {"CSeq": str(self._sequence), "User-Agent": self._user_agent, "Session": self.session}
        if self._authenticator is not None:
            fields["Authorization"] = self._authenticator.header(method, target)
        return self._sequence, encode_request(method, target, {**fields, **(headers or {})})

    def again(self, response: Response) -> bool:
        """Whether to send the same request once more, now with an Authorization. Raises `SourceError` for refusals."""
        if response.status != 401:
            return False
        offers = parse_challenges(response.headers.all("www-authenticate"))
        if not offers:
            raise SourceError(
                f"{self.url.shown}: the camera asks for a password in a way that is not supported: expected Basic or "
                f"Digest with MD5 or SHA-256, got {self.scrub(response.headers.get('www-authenticate')) or 'nothing'}"
            )
        best = offers[0]
        if self._username is None:
            raise SourceError(
                f"{self.url.shown}: the camera asks for a user name and a password ({best.scheme.capitalize()}): put "
                "them into the URL or the source's options"
            )
        before = self._authenticator
        if before is not None and not (best.stale and best.nonce != before.challenge.nonce):
            raise SourceError(
                f"{self.url.shown}: the camera refuses the user name or password (401 after {best.scheme.capitalize()} "
                "authentication): check them; some cameras lock the user for a while after several wrong tries"
            )
        self._authenticator = Authenticator(best, self._username, self._password or "")
        return True

    def check(self, method: str, response: Response) -> None:
        """Raises `SourceError` unless the response is a success, `Redirected` when the camera is elsewhere."""
        status = response.status
        if 200 <= status < 300:
            self._remember(response)
            return
        if status in _REDIRECTS:
            raise Redirected(self._redirect(response))
        meaning = _MEANING.get(status, "")
        text = f"{self.url.shown}: {method} was answered {status} {self.scrub(response.reason)}"
        raise SourceError(f"{text}: {meaning}" if meaning else text)

    def _remember(self, response: Response) -> None:
        value = response.headers.get("session")
        if not value:
            return
        self.session = value.partition(";")[0].strip()
        timeout = parameters(value).get("timeout", "")
        if timeout.isascii() and timeout.isdigit() and len(timeout) < 7 and int(timeout) > 0:
            self.timeout = int(timeout)

    def _redirect(self, response: Response) -> RtspUrl:
        location = response.headers.get("location")
        try:
            there = parse_url(location)
        except SourceError:
            raise SourceError(f"{self.url.shown}: the camera redirects ({response.status}), but not to a URL") from None
        if there.host.lower() != self.url.host.lower():
            raise SourceError(
                f"{self.url.shown}: the camera redirects to another host ({self.scrub(there.host)}), which is not "
                "followed: put that address into the source's URL if it is right"
            )
        if self.url.secure and not there.secure:
            raise SourceError(f"{self.url.shown}: the camera redirects from rtsps to rtsp, which is not followed")
        return there


def content_base(response: Response, url: str) -> str:
    """What relative controls are appended to (RFC 2326 §C.1.1)."""
    for name in ("content-base", "content-location"):
        value = response.headers.get(name)
        if value.lower().startswith(("rtsp://", "rtsps://")):
            return value
    return url
