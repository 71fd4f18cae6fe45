"""Asks YouTube's API now and then how the streams are that are sent there, and tells what is not as it should be.

"We send, YouTube shows nothing" is what nobody else can see: the server acknowledges every byte of it.
"""

from __future__ import annotations

import asyncio
import json
import time
from urllib.parse import quote, urlencode

from camcast.camera.stats import Stats
from camcast.errors import NetworkError, ServiceError, TransportError
from camcast.net.http import ask
from camcast.net.http_message import Answer
from camcast.services import ServiceContext
from camcast.session.resolver import NameResolver
from camcast.target import Target
from camcast_youtube.health import Health, Watch, read
from camcast_youtube.options import YoutubeOptions

MAX_BODY = 1024 * 1024
_NO_ENTRY = (401, 403)
_TOO_MANY = 429


class Youtube:
    """The service."""

    def __init__(self, context: ServiceContext) -> None:
        self._options: YoutubeOptions = context.options
        self._engine = context.engine
        self._note = context.note
        self._figure = context.figure
        self._resolver = NameResolver()
        options = self._options
        secrets = filter(None, (options.token, options.client_secret, options.refresh_token))
        self._target = Target(
            url=options.url, connect_timeout=options.timeout, ca_file=options.ca_file, inherited=frozenset(secrets)
        )
        self._watch = Watch(options.streams, options.after, self._target.excerpt)
        self._token = options.token
        self._away = False
        """Whether the API was not reached, and that was told."""

    async def run(self) -> None:
        while True:
            found = await self._ask()
            if found is not None:
                self._see(await self._engine.stats(), found)
            await asyncio.sleep(self._options.every)

    def _see(self, stats: Stats, found: dict[str, Health]) -> None:
        sending = frozenset(one.label for one in stats.sessions if one.healthy)
        outputs = frozenset(one.label for one in stats.sessions)
        for code, text in self._watch.look(outputs, sending, found, time.monotonic()):
            self._note(code, text)
        for name, stream in self._options.streams.items():
            if (health := found.get(stream)) is not None:
                self._figure(f"shows {name}", float(health.shows))

    async def _ask(self) -> dict[str, Health] | None:
        """None = it cannot be told now. Raises `ServiceError` where somebody has to do something."""
        ids = quote(",".join(self._options.streams.values()), safe=",")
        url = f"{self._options.url}/liveStreams?part=id,status&maxResults=50&id={ids}"
        try:
            answer = await self._get(url)
            if answer.status in _NO_ENTRY and self._options.refresh_token is not None:
                self._token = None
                answer = await self._get(url)
        except TransportError as error:
            self._unreached(str(error))
            return None
        if answer.status in _NO_ENTRY:
            raise ServiceError(
                f"YouTube refuses the question ({answer.status}): the token has ended, is not for youtube.readonly, or "
                "the day's quota is used up; with client_id, client_secret and refresh_token fresh ones are got"
            )
        if answer.status != 200:
            self._unreached(f"it answers {answer.status}")
            return None
        try:
            found = read(answer.body)
        except ValueError as error:
            self._unreached(str(error))
            return None
        self._away = False
        return found

    async def _get(self, url: str) -> Answer:
        if self._token is None:
            self._token = await self._fresh()
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        return await ask(self._target, "GET", url, self._resolver, headers=headers, max_body=MAX_BODY)

    async def _fresh(self) -> str:
        """An access token for the refresh token (RFC 6749, section 6). Raises `TransportError`, `ServiceError`."""
        options = self._options
        form = {
            "grant_type": "refresh_token",
            "client_id": options.client_id,
            "client_secret": options.client_secret,
            "refresh_token": options.refresh_token,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode(form).encode()
        answer = await ask(self._target, "POST", options.refresh_url, self._resolver, headers=headers, body=body)
        if answer.status == _TOO_MANY or answer.status >= 500:
            # That is its own trouble, and says nothing of the refresh token.
            raise NetworkError(f"no fresh token: `refresh_url` answers {answer.status}")
        try:
            token = json.loads(answer.body)["access_token"] if answer.status == 200 else None
        except (ValueError, KeyError, TypeError, RecursionError):
            token = None
        if not isinstance(token, str) or not token.isprintable():
            raise ServiceError(f"no fresh token: {options.refresh_url} answers {answer.status}; see the refresh token")
        return token

    def _unreached(self, why: str) -> None:
        if not self._away:
            self._away = True
            self._note("not_reached", f"YouTube's API says nothing of use: {self._target.words(why)}")
