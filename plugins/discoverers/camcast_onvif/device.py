"""One device, asked over HTTP: requests, logging in, its clock. Everything within deadlines and bounds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from camcast.contracts import Resolver
from camcast.discovery import CameraLogin
from camcast.errors import SourceError, TransportError
from camcast.net.http import ask
from camcast.net.http_message import Answer
from camcast.target import Target
from camcast_kit_digest.auth import Way

from . import soap, xml
from .proof import Proofs, Trial

CLOCK_OFF = 5.0
"""Seconds from which a device's clock is told to be wrong: some take no proof that is older."""
MOST_AHEAD = 50 * 365 * 86400.0
"""Seconds that a clock may be ahead. Behind it may be as far as 1970, where clocks begin whose battery is empty."""
_HEADERS = {"Content-Type": "application/soap+xml; charset=utf-8"}
_TRIES = 6
_ALL = Trial()
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
        trial: Trial = _ALL,
    ) -> None:
        """`service`: the URL of its device service, at `host`. `timeout`: seconds to connect, and for an answer.

        `trial`: which proofs of the password are tried.
        """
        self.host = host
        self.service = service
        self.skew: float | None = None
        """Seconds that its clock is ahead of ours; None = it has not said."""
        self._resolver = resolver
        self._target = Target(url=service, connect_timeout=timeout, insecure=insecure)
        self._proofs = Proofs(login, trial) if login else None
        self.secrets = frozenset({login.password} if login else ())
        """What it may know, and must not be shown to say."""
        self.refused = False
        """Whether it wants a user and a password, and not this one."""

    @property
    def way(self) -> Way | None:
        """How it takes the password; None = it has not yet."""
        return self._proofs.way if self._proofs else None

    async def read_clock(self) -> bool:
        """Ask what time it has, which no device keeps secret; whether it answers by ONVIF at all.

        One that does not say, or says what no clock here can count in, is left with our time.
        """
        sent = time.time()
        try:
            told = soap.clock(await self.call(_TIME, anonymous=True))
        except soap.Fault as fault:
            return not isinstance(fault, soap.NoSoap)
        now = (sent + time.time()) / 2
        if told is not None and 0 <= told <= now + MOST_AHEAD:
            self.skew = told - now
        return True

    async def call(self, body: str, url: str | None = None, *, anonymous: bool = False) -> Element:
        """The body of its answer to a request. `url`: of another of its services.

        Raises `soap.Fault` for what it does not want to do, `soap.NoSoap` for an answer of another kind, `SourceError`
        for all else.
        """
        url = url or self.service
        proofs = None if anonymous else self._proofs
        if self.refused and not anonymous:
            raise self._no()
        for _ in range(_TRIES):
            answer, proved = await self._post(url, body, proofs)
            fault: soap.Fault | None = None
            if answer.status != 401:
                try:
                    found = soap.read(answer.body, self.secrets)
                except xml.BadXml as error:
                    raise soap.NoSoap(str(error), answer.status) from None
                except soap.Fault as error:
                    fault = error
                else:
                    # Many requests are answered to anybody, which says nothing of the password.
                    if proofs is not None and proved:
                        proofs.well()
                    return found
            if fault is not None and not fault.unauthorized:
                raise fault
            again = proofs is not None and proofs.again(answer.challenges(), proved)
            if anonymous or (proofs is not None and proofs.accepted and not again):
                raise fault or soap.Fault(frozenset({"NotAuthorized"}), "this user may not ask for it")
            if not again:
                break
        self.refused = True
        raise self._no()

    async def _post(self, url: str, body: str, proofs: Proofs | None) -> tuple[Answer, bool]:
        """Its answer, and whether a proof of the password went along."""
        headers, security = dict(_HEADERS), ""
        if proofs is not None:
            security = proofs.token(time.time() + (self.skew or 0.0))
        said = soap.envelope(body, security)
        if proofs is not None:
            parts = urlsplit(url)
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            if (authorization := proofs.header(path, said)) is not None:
                headers["Authorization"] = authorization
        try:
            answer = await ask(
                self._target, "POST", url, self._resolver, headers=headers, body=said, max_body=xml.MAX_BYTES
            )
        except TransportError as error:
            raise SourceError(f"{self.host} does not answer by ONVIF: {error}") from None
        return answer, bool(security) or "Authorization" in headers

    def _no(self) -> SourceError:
        if self._proofs is None:
            text = f"the camera at {self.host} asks for a user and a password: give those of its ONVIF user; {_LOGINS}"
        elif self._proofs.basic_only:
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


async def first_that_answers(
    host: str,
    services: Sequence[str],
    login: CameraLogin | None,
    resolver: Resolver,
    *,
    timeout: float,
    insecure: bool = False,
    trial: Trial = _ALL,
) -> Device:
    """The device by the first of its services that answers, its clock read. Raises the first one's `SourceError`.

    Cameras name https first and have a certificate that nobody can verify. No proof is sent while it is looked.
    """
    why: list[SourceError] = []
    for service in services:
        device = Device(host, service, login, resolver, timeout=timeout, insecure=insecure, trial=trial)
        try:
            await device.read_clock()
        except SourceError as error:
            why.append(error)
        else:
            return device
    raise why[0]


def clock_words(skew: float) -> str:
    """What is wrong with a clock that is ahead by `skew` seconds."""
    size, way = abs(skew), "ahead of" if skew > 0 else "behind"
    for unit, seconds in (("days", 86400), ("h", 3600), ("min", 60)):
        if size >= 2 * seconds:
            return f"its clock is {size / seconds:.0f} {unit} {way} this machine's"
    return f"its clock is {size:.0f} s {way} this machine's"
