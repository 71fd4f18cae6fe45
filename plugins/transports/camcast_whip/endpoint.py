"""The HTTP side (RFC 9725 §4): OPTIONS for ICE servers, POST of the offer, DELETE at the end.

Rules: the token goes to the configured origin only, whatever a redirect or a Location says. A redirect within the
origin is followed, at most `MAX_HOPS` times; to another one the session is asked; from https to http never. OPTIONS is
a question that servers may leave unanswered, or hang up at: the offer is posted all the same. A session is ended where
its endpoint is, not where an answer points to, unless the configuration knows that host.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urljoin

import attrs

from camcast.contracts import Resolver
from camcast.errors import BusyError, MisconfiguredError, NetworkError, RefusedError, TransportError
from camcast.net.http import Unanswered, ask, origin
from camcast.net.http_message import Answer
from camcast.redaction import piece, words
from camcast.target import Target
from camcast_whip.errors import Moved
from camcast_whip.links import ice_servers
from camcast_whip.options import IceServer, Place
from camcast_whip.retry_after import retry_after

MAX_HOPS = 5
DELETE_TIMEOUT = 1.0
OPTIONS_TIMEOUT = 3.0
"""Seconds for an answer that nothing depends on."""
_FOLLOWED = (301, 302, 307, 308)
_SDP = "application/sdp"
_MAY_PRECEDE = b"\xef\xbb\xbf \t\r\n"
MAX_SHOWN = 200
_WORDS = ("text/plain", "application/json", "application/problem+json")


@attrs.frozen
class Opened:
    """The server's yes: 201 (RFC 9725 §4.2), of some 200."""

    answer: str = attrs.field(repr=False)
    session_url: str = attrs.field(repr=False)
    """Where the session can be ended; "" = nowhere."""
    elsewhere: str
    """The host that the server named for it and that is not asked; "" = none."""
    ice_servers: tuple[IceServer, ...]


class Endpoint:
    """One WHIP endpoint, and the session on it. `hosts` besides its own may be asked to end a session."""

    def __init__(self, place: Place, target: Target, resolver: Resolver, hosts: tuple[str, ...] = ()) -> None:
        self._place = place
        self._target = target
        self._resolver = resolver
        self._hosts = {host.lower() for host in hosts}
        try:
            self._origin = origin(place.url)
        except ValueError:
            raise MisconfiguredError("the URL is not valid; expected one like whips://host/path") from None
        self._session_url = ""
        self.findings: tuple[str, ...] = ()
        """What the first answer showed, for people."""
        self.certificate_expires: float | None = None
        """`time.time()` at which the endpoint's certificate expires, where it was verified."""

    async def options(self) -> tuple[IceServer, ...] | None:
        """The ICE servers that the endpoint names before it is asked; None when it gives no answer at all.

        Raises `TransportError` when it cannot be reached.
        """
        within = min(OPTIONS_TIMEOUT, self._target.connect_timeout / 2)
        try:
            answer = await self._ask("OPTIONS", self._place.url, stage="connect", within=within)
        except Unanswered:
            self.findings = ("OPTIONS is not answered, which is allowed",)
            return None
        self.findings = (*([answer.tls] if answer.tls else []), f"OPTIONS is answered with {answer.status}")
        return ice_servers(answer.all("link")) if 200 <= answer.status < 300 else ()

    async def publish(self, offer: str) -> Opened:
        """POST the offer; raises `TransportError` for all but an answer."""
        url = self._place.url
        headers = {"Content-Type": _SDP, "Accept": _SDP}
        for _ in range(MAX_HOPS):
            answer = await self._ask("POST", url, stage="publish", headers=headers, body=offer.encode())
            if answer.status not in _FOLLOWED:
                return self._opened(answer, url)
            url = self._redirected(answer, url)
        raise NetworkError(f"the server sent more than {MAX_HOPS} redirects in a row", stage="publish")

    async def delete(self) -> None:
        """End the session at the server, if there is one. Never raises for the network."""
        url, self._session_url = self._session_url, ""
        if url:
            try:
                await self._ask("DELETE", url, stage="close", within=DELETE_TIMEOUT)
            except TransportError:
                return  # the server notices by itself, a little later

    # --- inside -------------------------------------------------------------------------------------------

    async def _ask(
        self,
        method: str,
        url: str,
        *,
        stage: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        within: float | None = None,
    ) -> Answer:
        said = {"User-Agent": "camcast", "Accept-Encoding": "identity", **(headers or {})}
        if self._place.token is not None and origin(url) == self._origin:
            said["Authorization"] = f"Bearer {self._place.token}"
        try:
            answer = await ask(
                self._target,
                method,
                url,
                self._resolver,
                headers=said,
                body=body,
                answer_within=within,
                plain="whip",
            )
            self.certificate_expires = answer.certificate_expires or self.certificate_expires
            return answer
        except TransportError as error:
            error.stage = error.stage or stage
            raise

    def _opened(self, answer: Answer, url: str) -> Opened:
        if not 200 <= answer.status < 300:
            raise self._refusal(answer)
        location = answer.get("location")
        elsewhere = ""
        there = self._there(url, location) if location else ""
        if there:
            host = origin(there)[1]
            if origin(there) == self._origin or host in self._hosts:
                self._session_url = there
            else:
                elsewhere = self._target.excerpt(host, 100)
        if answer.kind != _SDP and not answer.body.lstrip(_MAY_PRECEDE).startswith(b"v=0"):
            raise RefusedError(
                f"the server answered {answer.status} with "
                f"{piece(answer.kind, self._target.secrets, 80) or 'no content type'}, "
                f"expected {_SDP}: this is no WHIP endpoint",
                stage="publish",
            )
        try:
            text = answer.body.decode()
        except UnicodeDecodeError:
            raise RefusedError("the answer is no text", stage="publish") from None
        return Opened(text, self._session_url, elsewhere, ice_servers(answer.all("link")))

    def _there(self, base: str, location: str) -> str:
        """`location` made absolute; "" for what must not or cannot be followed."""
        try:
            url = urljoin(base, location)
            scheme, _, _ = origin(url)
        except ValueError:
            return ""
        return "" if not url.isascii() or (self._origin[0] == "https" and scheme != "https") else url

    def _redirected(self, answer: Answer, base: str) -> str:
        location = answer.get("location")
        url = self._there(base, location) if location else ""
        if not url:
            raise NetworkError(
                f"the server redirects ({answer.status}) to nowhere, or from https to http: not followed",
                stage="publish",
            )
        if origin(url) != self._origin:
            raise Moved(f"the server redirects ({answer.status}) to another origin", url)
        return url

    def _refusal(self, answer: Answer) -> TransportError:
        status = answer.status
        shown = self._words(answer)
        said = f" ({shown})" if shown else ""
        if status in (401, 403):
            why = "the token is wrong" if self._place.token is not None else 'it wants a token: set "options.token"'
            return RefusedError(f"the server refused ({status}): {why} or may not publish here{said}", stage="publish")
        if status in (404, 405, 410):
            return RefusedError(f"there is no WHIP endpoint ({status}): check the path{said}", stage="publish")
        if status == 409:
            return BusyError(f"the name is being published already (409){said}", stage="publish")
        if status == 429 or status >= 500:
            wait = retry_after(answer.get("retry-after"), answer.get("date"))
            when = f", and asks to wait {wait:g} s" if wait is not None else ""
            error = NetworkError(f"the server cannot take the stream now ({status}){when}{said}", stage="publish")
            error.retry_after = wait
            return error
        if 400 <= status < 500:
            return RefusedError(f"the server refused the offer ({status}){said}", stage="publish")
        return NetworkError(f"the server answered {status}, expected 201 Created{said}", stage="publish")

    def _words(self, answer: Answer) -> str:
        """What the server says, fit to be shown."""
        if answer.kind not in _WORDS:
            return ""
        text = answer.body.decode(errors="replace")
        return words(text, {*self._target.secrets, self._place.token or ""}, MAX_SHOWN)
