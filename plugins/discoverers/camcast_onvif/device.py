"""One device, asked over HTTP: requests, logging in by digest, its clock. Everything within deadlines and bounds.

Two ways to prove a password are known, and both are digests: HTTP's (RFC 7616), where the device asks for that, and
WS-UsernameToken, which holds a time that must be the device's. Basic, which is the password itself, is never sent.
"""

from __future__ import annotations

import secrets
import time
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from camcast.contracts import Resolver
from camcast.discovery import CameraLogin
from camcast.errors import SourceError, TransportError
from camcast.net.http import ask
from camcast.net.http_message import Answer
from camcast.target import Target
from camcast_kit_digest.auth import Login, parse_challenges

from . import soap, xml

CLOCK_OFF = 5.0
"""Seconds from which a device's clock is told to be wrong: some take no proof that is older."""
_HEADERS = {"Content-Type": "application/soap+xml; charset=utf-8"}
_TRIES = 6
_TIME = '<GetSystemDateAndTime xmlns="http://www.onvif.org/ver10/device/wsdl"/>'
_LOGINS = (
    "many cameras keep the users of ONVIF apart from those of their web page and have none at first: create one there, "
    "under ONVIF, Integration or Users"
)


class Device:
    """Asked one request after the other. All errors are `SourceError` or `soap.Fault`, without secrets."""

    def __init__(
        self,
        host: str,
        service: str,
        login: CameraLogin | None,
        resolver: Resolver,
        *,
        timeout: float = 5.0,
        insecure: bool = False,
    ) -> None:
        """`service`: the URL of its device service, at `host`. `timeout`: seconds to connect, and for an answer."""
        self.host = host
        self.service = service
        self.skew: float | None = None
        """Seconds that its clock is ahead of ours; None = it has not said."""
        self._login = login
        self._resolver = resolver
        self._target = Target(url=service, connect_timeout=timeout, insecure=insecure)
        self._digest = Login(login.username, login.password) if login else None
        self._token = False
        """Whether a WS-UsernameToken goes along."""
        self._basic_only = False
        self._refused = False
        self._accepted = False
        """Whether it has taken the password; what it refuses from then on, this user may not have."""

    async def read_clock(self) -> None:
        """Ask what time it has, which no device keeps secret. One that does not say is left with our time."""
        sent = time.time()
        try:
            told = soap.clock(await self.call(_TIME, anonymous=True))
        except soap.Fault:
            told = None
        if told is not None:
            self.skew = told - (sent + time.time()) / 2

    async def call(self, body: str, url: str | None = None, *, anonymous: bool = False) -> Element:
        """The body of its answer to a request. `url`: of another of its services.

        Raises `soap.Fault` for what it does not want to do, `SourceError` for all else.
        """
        url = url or self.service
        if self._refused and not anonymous:
            raise self._no()
        for _ in range(_TRIES):
            answer = await self._post(url, body, anonymous)
            fault: soap.Fault | None = None
            if answer.status != 401:
                try:
                    found = soap.read(answer.body)
                except xml.BadXml as error:
                    raise SourceError(
                        f"{self.host} does not answer as an ONVIF device does: {error} (HTTP status {answer.status}); "
                        "see that ONVIF is switched on in the camera's settings"
                    ) from None
                except soap.Fault as error:
                    fault = error
                else:
                    if self._digest is not None and not anonymous:
                        self._digest.well()
                        self._accepted = True
                    return found
            if fault is not None and not fault.unauthorized:
                raise fault
            if anonymous or (self._accepted and not self._renewed(answer)):
                raise fault or soap.Fault(frozenset({"NotAuthorized"}), "this user may not ask for it")
            if not self._accepted and not self._again(answer):
                break
        self._refused = True
        raise self._no()

    async def _post(self, url: str, body: str, anonymous: bool) -> Answer:
        headers, security = dict(_HEADERS), ""
        if self._login is not None and self._digest is not None and not anonymous:
            parts = urlsplit(url)
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            if (said := self._digest.header("POST", path)) is not None:
                headers["Authorization"] = said
            if self._token:
                now = time.time() + (self.skew or 0.0)
                nonce = secrets.token_bytes(soap.NONCE)
                security = soap.username_token(self._login.username, self._login.password, nonce, now)
        try:
            said_body = soap.envelope(body, security)
            return await ask(
                self._target, "POST", url, self._resolver, headers=headers, body=said_body, max_body=xml.MAX_BYTES
            )
        except TransportError as error:
            raise SourceError(f"{self.host} does not answer by ONVIF: {error}") from None

    def _renewed(self, answer: Answer) -> bool:
        """Whether the proof is only too old, and there is a new one."""
        offers = parse_challenges(answer.all("www-authenticate"))
        digests = [one for one in offers.challenges if one.scheme == "digest"]
        return self._digest is not None and bool(digests) and self._digest.again(digests)

    def _again(self, answer: Answer) -> bool:
        """Whether to ask once more, with another proof of the password."""
        if self._digest is None:
            return False
        offers = parse_challenges(answer.all("www-authenticate"))
        digests = [one for one in offers.challenges if one.scheme == "digest"]
        self._basic_only = bool(offers.challenges) and not digests
        if digests and self._digest.again(digests):
            return True
        if self._token:
            return False
        self._token = True
        return True

    def _no(self) -> SourceError:
        if self._login is None:
            text = f"the camera at {self.host} asks for a user and a password: give those of its ONVIF user; {_LOGINS}"
        elif self._basic_only:
            text = (
                f"the camera at {self.host} takes the password in clear only (Basic), which is not sent: choose digest "
                "authentication in its settings"
            )
        else:
            text = f"the camera at {self.host} refuses the user or the password: check them; {_LOGINS}{self._clock()}"
        return SourceError(text, refused=True)

    def _clock(self) -> str:
        if self.skew is None:
            return "; it does not tell its time, which must be right for that: see that its clock is set"
        if abs(self.skew) <= CLOCK_OFF:
            return ""
        return f"; {clock_words(self.skew)}, which was allowed for, but some refuse all the same: set it, by NTP"


def clock_words(skew: float) -> str:
    """What is wrong with a clock that is ahead by `skew` seconds."""
    size, way = abs(skew), "ahead of" if skew > 0 else "behind"
    for unit, seconds in (("days", 86400), ("h", 3600), ("min", 60)):
        if size >= 2 * seconds:
            return f"its clock is {size / seconds:.0f} {unit} {way} this machine's"
    return f"its clock is {size:.0f} s {way} this machine's"
