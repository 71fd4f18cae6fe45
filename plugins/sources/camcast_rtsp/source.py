"""The RTSP source: connects, asks for the media, watches that it comes, and says what happened when it does not.

One object is one session with the camera; whoever runs it makes a new one to try again.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable

import attrs

from camcast.contracts import MediaSink, SourceContext
from camcast.errors import MediaError, SourceError
from camcast.media import NS_PER_S, MediaKind, Packet

from . import sdp
from .clock import Timeline, TrackClock
from .connection import Connection, connect
from .dialogue import MAX_REDIRECTS, Dialogue, Redirected, content_base
from .formats import choose
from .messages import Response, parameters
from .options import RtspOptions
from .track import TrackReceiver
from .udp import UdpPair
from .url import parse_url

CHECK = 0.25
"""Seconds between looks at the camera's signs of life."""
REPORT = 5 * NS_PER_S
"""Between receiver reports."""
MAX_KEEPALIVE = 30
NOTHING_USABLE = 30 * NS_PER_S
"""Media comes, but no picture of it can be shown: so long until we give up."""


@attrs.define(eq=False)
class _Medium:
    """A track that is set up, with its way back to the camera."""

    receiver: TrackReceiver
    control: str
    send_rtcp: Callable[[bytes], None]
    feedback: bool


class RtspSource:
    """Implements `contracts.Source`."""

    def __init__(self, context: SourceContext) -> None:
        self._context = context
        self._options: RtspOptions = context.options
        self._url = parse_url(context.url)
        self._log = context.log
        self._timeline = Timeline(by_arrival=self._options.timestamps == "arrival", on_wrong_rate=self._wrong_rate)
        self._media: list[_Medium] = []
        self._pairs: list[UdpPair] = []
        self._sink: MediaSink | None = None
        self._announced = False
        self._aggregate = ""
        self._methods = ""
        self._reported = time.monotonic_ns()

    async def run(self, sink: MediaSink) -> None:
        """See `contracts.Source.run`."""
        self._sink = sink
        connection: Connection | None = None
        try:
            connection = await self._open()
            await self._watch(connection)
        finally:
            for pair in self._pairs:
                pair.close()
            if connection is not None:
                await connection.goodbye(self._aggregate)

    def request_keyframe(self) -> bool:
        """Asks by RTCP (RFC 4585) where the camera's description says that it listens."""
        asked = False
        for medium in self._media:
            ssrc = medium.receiver.receiver.ssrc
            if medium.feedback and medium.receiver.kind is MediaKind.VIDEO and ssrc is not None:
                medium.send_rtcp(medium.receiver.reporter.picture_loss(ssrc))
                asked = True
        return asked

    # --- opening ------------------------------------------------------------------------------------------

    async def _open(self) -> Connection:
        options, url = self._options, self._url
        for _ in range(MAX_REDIRECTS + 1):
            named = options.username is not None
            dialogue = Dialogue(
                url,
                options.username if named else self._url.username,
                options.password if named else self._url.password,
                options.user_agent,
            )
            try:
                async with asyncio.timeout(options.connect_timeout):
                    connection = await connect(url, dialogue, options, self._context.resolver)
            except TimeoutError:
                raise SourceError(f"{url.shown}: no connection within {options.connect_timeout:g} s") from None
            try:
                async with asyncio.timeout(options.connect_timeout):
                    await self._start(connection)
            except TimeoutError:
                connection.close()
                raise SourceError(
                    f"{url.shown}: connected, but the camera did not answer all requests up to PLAY within "
                    f"{options.connect_timeout:g} s"
                ) from None
            except Redirected as redirect:
                connection.close()
                self._log.info("%s: redirected to %s", self._context.label, redirect.url.shown)
                url = redirect.url
                self._reset()
            except BaseException:
                connection.close()
                raise
            else:
                return connection
        raise SourceError(f"{url.shown}: the camera redirects more than {MAX_REDIRECTS} times")

    def _reset(self) -> None:
        for pair in self._pairs:
            pair.close()
        self._pairs, self._media = [], []

    async def _start(self, connection: Connection) -> None:
        request = connection.url.request
        self._methods = (await self._ask(connection, "OPTIONS", request)).headers.get("public").upper()
        described = await self._ask(connection, "DESCRIBE", request, {"Accept": "application/sdp"})
        base = content_base(described, request)
        session = sdp.parse_sdp(described.body)
        self._aggregate = sdp.control_url(base, session.control) if session.control else base
        chosen = [media for media in map(self._first(session), MediaKind) if media is not None]
        for media in chosen:
            await self._set_up(connection, media, sdp.control_url(base, media.control))
        if not self._media:
            raise SourceError(
                f"{self._url.shown}: the camera offers nothing that can be taken: {self._offers(connection, session)}"
            )
        connection.on_answer = self._rtp_info
        await self._ask(connection, "PLAY", self._aggregate, {"Range": "npt=0.000-"})

    async def _ask(
        self, connection: Connection, method: str, url: str, headers: dict[str, str] | None = None
    ) -> Response:
        response = await connection.ask(method, url, headers)
        connection.dialogue.check(method, response)
        return response

    def _first(self, session: sdp.Session) -> Callable[[MediaKind], sdp.Media | None]:
        def find(kind: MediaKind) -> sdp.Media | None:
            if kind is MediaKind.AUDIO and not self._options.audio:
                return None
            return next((media for media in session.media if media.kind is kind and media.receivable), None)

        return find

    def _offers(self, connection: Connection, session: sdp.Session) -> str:
        named = [f"{media.kind.value} {found.encoding}" for media in session.media for found in media.formats]
        return connection.dialogue.scrub(", ".join(named)) or "no known format"

    async def _set_up(self, connection: Connection, media: sdp.Media, url: str) -> None:
        try:
            payload = choose(media, self._context.codec)
        except MediaError as error:
            text = connection.dialogue.scrub(str(error))
            if media.kind is MediaKind.VIDEO:
                raise SourceError(f"{self._url.shown}: the camera's video cannot be taken: {text}") from None
            self._log.warning("%s: the camera's sound is left out: %s", self._context.label, text)
            return
        assert self._sink is not None
        video = next((m.receiver.clock for m in self._media if m.receiver.kind is MediaKind.VIDEO), None)
        clock = TrackClock(payload.clock_rate, self._timeline, follows=video)
        receiver = TrackReceiver(payload, self._sink, self._deliver, self._timeline, clock)
        try:
            if self._options.transport == "udp":
                send = await self._set_up_udp(connection, receiver, url)
            else:
                send = await self._set_up_tcp(connection, receiver, url)
        except SourceError as error:
            if media.kind is MediaKind.VIDEO or not self._media:
                raise
            self._log.warning("%s: the camera's sound is left out: %s", self._context.label, error)
            return
        feedback = any("pli" in wish for found in media.formats for wish in found.feedback)
        self._media.append(_Medium(receiver, url, send, feedback))

    async def _set_up_tcp(self, connection: Connection, track: TrackReceiver, url: str) -> Callable[[bytes], None]:
        first = 2 * len(self._media)
        response = await self._ask(
            connection, "SETUP", url, {"Transport": f"RTP/AVP/TCP;unicast;interleaved={first}-{first + 1}"}
        )
        told = parameters(response.headers.get("transport"))
        if "rtp/avp/tcp" not in told:
            raise SourceError(f"{self._url.shown}: the camera does not send media over TCP; set transport to udp")
        channels = _pair(told.get("interleaved", ""), 255) or (first, first + 1)
        handlers = connection.incoming.handlers
        if any(handlers[channel] is not None for channel in channels):
            raise SourceError(f"{self._url.shown}: the camera gave two tracks the same channel {channels[0]}")
        handlers[channels[0]] = track.rtp
        if track.run is not None:
            connection.incoming.runs[channels[0]] = track.run
        handlers[channels[1]] = track.rtcp
        return lambda data: connection.send_frame(channels[1], data)

    async def _set_up_udp(self, connection: Connection, track: TrackReceiver, url: str) -> Callable[[bytes], None]:
        pair = UdpPair(*connection.local, connection.peer, track.rtp, track.rtcp)
        self._pairs.append(pair)
        response = await self._ask(
            connection, "SETUP", url, {"Transport": f"RTP/AVP;unicast;client_port={pair.port}-{pair.port + 1}"}
        )
        told = parameters(response.headers.get("transport"))
        if "rtp/avp/tcp" in told:
            raise SourceError(f"{self._url.shown}: the camera does not send media over UDP; set transport to tcp")
        ports = _pair(told.get("server_port", ""), 65535)
        if ports is None:
            return lambda data: None
        pair.knock(ports)
        return lambda data: pair.send_rtcp(data, ports[1])

    def _rtp_info(self, response: Response) -> None:
        """Where each track's timestamps stand at the start, before the first packet is looked at."""
        for entry in re.split(r",\s*(?=url=)", response.headers.get("rtp-info")):
            told = parameters(entry)
            text = told.get("rtptime", "")
            url = told.get("url", "")
            if not url or not text.isascii() or not text.isdigit() or len(text) > 10:
                continue
            for medium in self._media:
                if medium.control == url or medium.control.endswith("/" + url.rpartition("/")[2]):
                    medium.receiver.clock.start = int(text) & 0xFFFFFFFF

    # --- running ------------------------------------------------------------------------------------------

    async def _watch(self, connection: Connection) -> None:
        """Stay until the camera is gone; never returns otherwise."""
        looks = _Looks(self._look)
        keepalive = asyncio.ensure_future(self._keep_alive(connection))
        try:
            await asyncio.wait((connection.closed, keepalive, looks.over), return_when=asyncio.FIRST_COMPLETED)
            if looks.over.done():
                await looks.over
            if connection.closed.done():
                raise SourceError(f"{self._url.shown}: {connection.dialogue.scrub(connection.closed.result())}")
            await keepalive
        finally:
            looks.stop()
            keepalive.cancel()
            for medium in self._media:
                medium.receiver.flush()

    def _look(self, begun: int, now: int) -> None:
        self._check(begun, now)
        if now - self._reported >= REPORT:
            self._reported = now
            self._report(now)

    def _check(self, begun: int, now: int) -> None:
        limit = int(self._options.no_data_timeout * NS_PER_S)
        for medium in self._media:
            medium.receiver.receiver.tick(now)
        leading = self._media[0].receiver
        # The other track may still be on its way, or end without a word.
        overdue = leading.ended and now - leading.ended > NS_PER_S
        if overdue or all(medium.receiver.ended for medium in self._media):
            raise SourceError(f"{self._url.shown}: the camera has ended the stream (RTCP BYE)")
        if now - (leading.receiver.arrival or begun) > limit:
            raise SourceError(f"{self._url.shown}: {self._silence(leading)}")
        if not self._announced and now - begun > NOTHING_USABLE:
            raise SourceError(
                f"{self._url.shown}: RTP comes, but no {leading.kind.value} that could be shown in "
                f"{NOTHING_USABLE // NS_PER_S} s: no keyframe or no parameter sets ({dict(leading.receiver.counts)})"
            )

    def _silence(self, track: TrackReceiver) -> str:
        text = (
            f"the camera keeps the session open, but sent no {track.kind.value} for {self._options.no_data_timeout:g} s"
        )
        if self._options.transport == "udp" and not track.receiver.arrival:
            return text + ": a firewall may stop its UDP packets; set transport to tcp"
        return text

    async def _keep_alive(self, connection: Connection) -> None:
        """Tell the camera that somebody still watches, at half its session's time or more often."""
        method = "GET_PARAMETER" if "GET_PARAMETER" in self._methods else "OPTIONS"
        while True:
            await asyncio.sleep(min(connection.dialogue.timeout / 2, MAX_KEEPALIVE))
            try:
                async with asyncio.timeout(self._options.connect_timeout):
                    response = await connection.ask(method, self._aggregate)
            except TimeoutError:
                # Some cameras never answer it. Media decides whether the camera is there.
                continue
            if response.status in (405, 501) and method != "OPTIONS":
                method = "OPTIONS"
            elif response.status == 454:
                connection.dialogue.check(method, response)

    def _report(self, now: int) -> None:
        for medium in self._media:
            report = medium.receiver.receiver_report(now)
            if report is not None:
                medium.send_rtcp(report)

    # --- media --------------------------------------------------------------------------------------------

    def _deliver(self, packet: Packet) -> None:
        assert self._sink is not None
        if not self._announced:
            tracks = [medium.receiver.track for medium in self._media]
            known = [track for track in tracks if track is not None]
            if len(known) < len(tracks):
                self._sink.dropped(packet.track.kind, "before all tracks were known")
                return
            self._announced = True
            self._sink.tracks(known)
        self._sink.packet(packet)

    def _wrong_rate(self, factor: float) -> None:
        self._log.warning(
            "%s: the camera's clock runs at %.2f times real time; its timestamps are replaced by arrival times",
            self._context.label,
            factor,
        )
        if self._sink is not None:
            self._sink.discontinuity()


class _Looks:
    """Calls `look(begun, now)` every `CHECK`, for all cameras of a loop at the same moments; an error ends it."""

    def __init__(self, look: Callable[[int, int], None]) -> None:
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Holds the error."""
        self._look = look
        self._begun = time.monotonic_ns()
        self._loop = asyncio.get_running_loop()
        self._timer = self._later()

    def stop(self) -> None:
        self._timer.cancel()
        self.over.cancel()

    def _later(self) -> asyncio.TimerHandle:
        return self._loop.call_at((self._loop.time() // CHECK + 1) * CHECK, self._now)

    def _now(self) -> None:
        try:
            self._look(self._begun, time.monotonic_ns())
        except Exception as error:  # noqa: BLE001 - whatever it is, the one who waits shall have it.
            self.over.set_exception(error)
        else:
            self._timer = self._later()


def _pair(text: str, limit: int) -> tuple[int, int] | None:
    """ "6970-6971" as numbers; a lone one is taken with the next."""
    first, _, second = text.partition("-")
    numbers = [int(part) for part in (first, second) if part.isascii() and part.isdigit() and len(part) < 6]
    if not numbers or numbers[0] >= limit:
        return None
    last = numbers[1] if len(numbers) > 1 else numbers[0] + 1
    return (numbers[0], last) if last <= limit and last != numbers[0] else None
