"""The RTSP source: connects, sets a session up and stays with it, by TCP, UDP or multicast, whichever the camera can.

One object is one run; whoever runs it makes a new one to try again. What was learnt of the camera outlives it.
"""

from __future__ import annotations

import asyncio

from camcast.contracts import MediaSink, SourceContext
from camcast.errors import SourceError
from camcast.media import MediaKind
from camcast_kit_digest.auth import Login

from .connection import Connection, connect
from .dialogue import MAX_REDIRECTS, Dialogue, Redirected
from .memory import Memories
from .oddities import Oddities
from .options import RtspOptions
from .session import Session
from .setup import Setup, Unsuitable
from .tls import ASK
from .url import RtspUrl, parse_url
from .watching import Watch

_GROUP = "multicast"
_TWICE = 2
"""Connections that end when sound is asked for, before it is the camera that is taken to end them, and not the link."""


class RtspSource:
    """Implements `contracts.Source`."""

    def __init__(self, context: SourceContext, memories: Memories | None = None) -> None:
        self._context = context
        self._options: RtspOptions = context.options
        self._url = parse_url(context.url)
        self._memory = (memories or Memories()).of(self._url.request)
        self._oddities = Oddities(self._memory, context.note)
        self._session: Session | None = None

    async def run(self, sink: MediaSink) -> None:
        """See `contracts.Source.run`."""
        transports = self._transports()
        failures: list[str] = []
        refused = True
        for number, transport in enumerate(transports):
            others = number < len(transports) - 1
            try:
                await self._play(sink, transport, others)
            except Unsuitable as error:
                failures.append(f"over {transport.upper()}: {error}")
                refused = refused and error.sure
                if not others and refused and transports == ["tcp", "udp"]:
                    # It may send to a group, and to nobody alone.
                    transports.append(_GROUP)
                elif not others:
                    raise SourceError(self._no_way(failures, error.sure)) from None
                self._oddities.tell(
                    f"no media comes over {transport.upper()}; {transports[number + 1].upper()} is tried"
                )

    def _no_way(self, failures: list[str], sure: bool) -> str:
        if len(failures) > 1:
            return "; ".join(failures)
        if not sure or self._options.transport == "auto":
            return failures[0].partition(": ")[2]
        return f'{failures[0].partition(": ")[2]}: set the option "transport" to "auto"'

    def request_keyframe(self) -> bool:
        """Asks by RTCP (RFC 4585) where the camera's description says that it listens."""
        return self._session is not None and self._session.request_keyframe()

    def _transports(self) -> list[str]:
        """In the order to try."""
        if self._options.transport != "auto":
            return [self._options.transport]
        if self._url.secure:
            # Beside a TLS connection, media would go in the clear.
            return ["tcp"]
        known = self._memory.transport
        return sorted(["tcp", "udp", *[_GROUP] * (known == _GROUP)], key=lambda transport: transport != known)

    async def _play(self, sink: MediaSink, transport: str, others: bool) -> None:
        """One session. Never returns."""
        options, memory = self._options, self._memory
        connection: Connection | None = None
        try:
            connection, session = await self._open(sink, transport)
            memory.login = connection.dialogue.login
            await Watch(connection, session, options, memory, transport, others).run()
        finally:
            session_ended, self._session = self._session, None
            if session_ended is not None:
                session_ended.close()
                if connection is not None:
                    await connection.goodbye(session_ended.aggregate)

    async def _open(self, sink: MediaSink, transport: str) -> tuple[Connection, Session]:
        url = self._url
        skipped_options = self._memory.no_options
        sound = self._options.audio
        login: Login | None = None
        redirects = lost = 0
        # Of each other reason to begin again there is one for each run, or two.
        while redirects <= MAX_REDIRECTS:
            self._session = session = Session(sink, self._oddities, by_arrival=self._options.timestamps == "arrival")
            connection = await self._connect(url, session, login)
            if connection.old_tls:
                self._oddities.tell(f"it speaks only old TLS ({connection.old_tls}), which protects little")
            setup = Setup(connection, session, self._options, transport, self._context.codec, sink, self._memory, sound)
            try:
                async with asyncio.timeout(self._options.connect_timeout):
                    await setup.run()
            except TimeoutError:
                connection.close()
                text = (
                    f"{url.shown}: connected, but the camera did not answer all requests up to PLAY within "
                    f"{self._options.connect_timeout:g} s: {connection.asking} is not answered"
                )
                if connection.asking == "SETUP" and not session.media:
                    # Some say nothing to a transport that they do not know.
                    raise Unsuitable(text, sure=False) from None
                if not (sound and _at_sound(connection, session)):
                    raise SourceError(text) from None
                lost += 1
                sound = self._sound_again("says nothing", lost)
            except Redirected as redirect:
                connection.close()
                self._context.log.info("%s: redirected to %s", self._context.label, redirect.url.shown)
                url = redirect.url
                redirects += 1
            except SourceError:
                gone = connection.closed.done()
                connection.close()
                if gone and login is None and (unanswered := connection.dialogue.unanswered) is not None:
                    self._oddities.tell("it hangs up after asking for the password")
                    login = unanswered
                elif gone and sound and _at_sound(connection, session):
                    lost += 1
                    sound = self._sound_again("hangs up", lost)
                elif not skipped_options and self._memory.no_options:
                    # It hung up at OPTIONS: once more without.
                    skipped_options = True
                else:
                    raise
            except BaseException:
                connection.close()
                raise
            else:
                if any(medium.receiver.kind is MediaKind.AUDIO for medium in session.media):
                    self._memory.lost_at_sound = 0
                return connection, session
            session.close()
        raise SourceError(f"{url.shown}: the camera redirects more than {MAX_REDIRECTS} times")

    def _sound_again(self, what: str, lost: int) -> bool:
        """The camera did this when it was asked for its sound, in this run `lost` times: whether to ask for it again.

        Once, it may be the link that was lost at this moment.
        """
        self._memory.lost_at_sound += 1
        if max(lost, self._memory.lost_at_sound) < _TWICE:
            return True
        self._oddities.warn("sound_left_out", f"the camera {what} when its sound is asked for, which is left out")
        return False

    async def _connect(self, url: RtspUrl, session: Session, login: Login | None) -> Connection:
        options = self._options
        named = options.username is not None
        dialogue = Dialogue(
            url,
            options.username if named else self._url.username,
            options.password if named else self._url.password,
            options.user_agent,
            self._oddities,
            self._memory.login,
            login,
            digest_only=options.login == "digest" and (options.insecure or not url.secure),
        )
        try:
            async with asyncio.timeout(options.connect_timeout):
                return await connect(url, dialogue, options, self._context.resolver, session.meter)
        except TimeoutError:
            # Connected or not: how far it came is not known.
            hint = f": {ASK}" if url.secure else ""
            raise SourceError(f"{url.shown}: no connection within {options.connect_timeout:g} s{hint}") from None


def _at_sound(connection: Connection, session: Session) -> bool:
    """Whether what was asked last was a further track, behind the picture."""
    return connection.asking == "SETUP" and bool(session.media) and session.media[0].receiver.kind is MediaKind.VIDEO
