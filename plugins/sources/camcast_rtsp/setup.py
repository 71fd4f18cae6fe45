"""From the first request to PLAY: what the camera offers, which of it is taken, and how it comes.

What only informs is never a condition: an answer is refused for its status, not for what else is odd about it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from ipaddress import ip_address

import attrs

from camcast.contracts import MediaSink
from camcast.errors import MediaError, SourceError
from camcast.media import MediaKind

from . import sdp
from .channels import Channels
from .clock import TrackClock
from .connection import CLOSED, Connection
from .dialogue import content_base
from .formats import FindCodec, Payload, choose
from .memory import Memory
from .messages import Response, parameters
from .numbers import whole
from .options import RtspOptions
from .session import Medium, Session
from .track import TrackReceiver
from .udp import Group, UdpPair

_NOT_THIS_WAY = (400, 405, 406, 415, 455, 459, 500, 501, 551)
"""With which firmware refuses a transport that it does not know, instead of 461."""

OPTIONS_PATIENCE = 3.0
"""Seconds that the answer to OPTIONS may take; nothing depends on it."""


class Unsuitable(SourceError):
    """The camera does not send media this way, over TCP or UDP; it may do so over another."""

    def __init__(self, text: str, *, sure: bool = True) -> None:
        """`sure`: it is known to be the way; False = it may be."""
        super().__init__(text)
        self.sure = sure


@attrs.frozen
class Setup:
    """Sets one session up."""

    connection: Connection
    session: Session
    options: RtspOptions
    transport: str
    """"tcp", "udp" or "multicast"."""
    find: FindCodec
    sink: MediaSink
    memory: Memory
    sound: bool = True
    """Sound is asked for."""
    channels: Channels = attrs.field(init=False)

    @channels.default
    def _channels(self) -> Channels:
        return Channels(self.connection.incoming, self.session.oddities.tell)

    async def run(self) -> None:
        """Up to the answer to PLAY. Raises `SourceError`, `Redirected`, `Unsuitable`."""
        session, request = self.session, self.connection.url.request
        try:
            await self._options(request)
            described = await self._ask("DESCRIBE", request, {"Accept": "application/sdp"})
        except SourceError:
            closed = self.connection.closed
            if closed.done() and closed.result() == CLOSED and not session.public:
                self._hung_up()
            raise
        base = content_base(described, request, session.oddities)
        offer = sdp.parse_sdp(described.body)
        session.aggregate = sdp.control_url(base, offer.control) if offer.control else base
        if "://" in offer.control:
            # Everybody else takes this for what the others' are relative to.
            base = offer.control
        self.connection.on_announce = lambda description: _same(offer, description)
        for kind in MediaKind:
            if kind is MediaKind.VIDEO or self.sound:
                await self._take_one(kind, offer, base)
        if not session.media:
            offered = "; ".join(f"{media.kind.value} {self._named(media)}" for media in offer.media)
            raise SourceError(f"{self._shown}: the camera offers nothing that can be taken: {self._scrub(offered)}")
        self.connection.on_answer = self._rtp_info
        await self._play(request)

    @property
    def _shown(self) -> str:
        return self.connection.url.shown

    def _scrub(self, text: str) -> str:
        return self.connection.dialogue.scrub(text)

    def _named(self, media: sdp.Media) -> str:
        """By what it is in."""
        names = (self.connection.dialogue.piece(offer.encoding) for offer in media.formats)
        return self._scrub(", ".join(names)) or "no known format"

    async def _ask(self, method: str, url: str, headers: dict[str, str] | None = None) -> Response:
        response = await self.connection.ask(method, url, headers)
        self.connection.dialogue.check(method, response)
        return response

    def _hung_up(self) -> None:
        """At OPTIONS or right behind it: the next time without."""
        if not self.memory.no_options and self.connection.dialogue.unanswered is None:
            self.memory.no_options = True
            self.session.oddities.tell("it hangs up at OPTIONS, which is left out")

    async def _options(self, url: str) -> None:
        """What the camera says it knows. It may refuse to say."""
        if self.memory.no_options:
            return
        odd = self.session.oddities.tell
        try:
            async with asyncio.timeout(min(OPTIONS_PATIENCE, self.options.connect_timeout / 3)):
                response = await self.connection.ask("OPTIONS", url)
        except TimeoutError:
            odd("OPTIONS is not answered")
            return
        except SourceError as error:
            if not error.refused or self.connection.dialogue.has_password:
                raise
            # Whether DESCRIBE needs one, it says itself.
            odd("OPTIONS is refused (401)")
            return
        if 200 <= response.status < 400:
            # A redirection here is one, too.
            self.connection.dialogue.check("OPTIONS", response)
            self.session.public = ",".join(response.headers.all("public")).upper()
        else:
            odd(f"OPTIONS is refused ({response.status})")

    # --- which media --------------------------------------------------------------------------------------

    async def _take_one(self, kind: MediaKind, offer: sdp.Session, base: str) -> None:
        """Set up the first medium of this kind that can be used; one that must be made another codec comes last."""
        offered = [media for media in offer.media if media.kind is kind]
        receivable = [media for media in offered if media.receivable]
        if not receivable and kind is MediaKind.VIDEO:
            # Before PLAY, some cameras call everything inactive.
            receivable = offered
        usable: list[tuple[sdp.Media, tuple[Payload, ...]]] = []
        reasons: list[str] = []
        for media in receivable:
            try:
                usable.append((media, choose(media, self.find, self.connection.dialogue.piece)))
            except MediaError as error:
                reasons.append(self._scrub(str(error)))
        usable.sort(key=lambda entry: not entry[1][0].carried)
        for media, ways in usable:
            try:
                await self._set_up(media, ways, sdp.control_url(base, media.control))
            except Unsuitable as error:
                if kind is MediaKind.VIDEO or not self.session.media:
                    raise
                reasons.append(str(error))
                break
            except SourceError as error:
                if self.connection.closed.done():
                    raise
                reasons.append(str(error))
            else:
                self._tell_left_out(kind, media, receivable, reasons)
                return
        if kind is MediaKind.VIDEO and offered:
            raise SourceError(f"{self._shown}: the camera's video cannot be taken: {'; '.join(reasons)}")
        if reasons:
            self.session.oddities.warn("sound_left_out", f"the camera's sound is left out: {'; '.join(reasons)}")

    def _tell_left_out(
        self, kind: MediaKind, taken: sdp.Media, offered: Sequence[sdp.Media], reasons: list[str]
    ) -> None:
        others = self._scrub(", ".join(self._named(media) for media in offered if media is not taken))
        if others:
            why = f": {'; '.join(reasons)}" if reasons else ""
            self.session.oddities.tell(
                f"of its {len(offered)} {kind.value} tracks, {self._named(taken)} is taken and {others} left out{why}"
            )

    # --- how it comes -------------------------------------------------------------------------------------

    async def _set_up(self, media: sdp.Media, ways: Sequence[Payload], url: str) -> None:
        session = self.session
        video = next((m.receiver.clock for m in session.media if m.receiver.kind is MediaKind.VIDEO), None)
        clock = TrackClock(ways[0].clock_rate, session.timeline, follows=video)
        in_order = self.transport in ("tcp", "http")
        receiver = TrackReceiver(ways, self.sink, session.deliver, clock, session.meter, in_order=in_order)
        others = {"udp": self._set_up_udp, "multicast": self._set_up_group}
        set_up = others.get(self.transport, self._set_up_tcp)
        try:
            send = await set_up(receiver, url)
        except SourceError:
            session.timeline.clocks.remove(clock)
            raise
        feedback = any("pli" in wish for found in media.formats for wish in found.feedback)
        session.media.append(Medium(receiver, url, send, feedback))

    async def _answer(self, url: str, transport: str) -> Response:
        try:
            response = await self.connection.ask("SETUP", url, {"Transport": transport})
        except SourceError as error:
            if self.session.media or error.refused or not self.connection.closed.done():
                raise
            # Some hang up at a transport that they do not know.
            raise Unsuitable(str(error), sure=False) from None
        self._judge_way("SETUP", response)
        try:
            self.connection.dialogue.check("SETUP", response)
        except SourceError as error:
            if self.session.media or response.status not in _NOT_THIS_WAY:
                raise
            raise Unsuitable(str(error), sure=False) from None
        return response

    def _judge_way(self, method: str, response: Response) -> None:
        if response.status == 461:
            raise Unsuitable(
                f"{self._shown}: the camera does not send media over {self.transport.upper()} ({method} was answered "
                f"461 {self.connection.dialogue.excerpt(response.reason)})"
            )

    async def _set_up_tcp(self, track: TrackReceiver, url: str) -> Callable[[bytes], None]:
        first = 2 * len(self.session.media)
        response = await self._answer(url, f"RTP/AVP/TCP;unicast;interleaved={first}-{first + 1}")
        told = parameters(response.headers.get("transport"))
        channels = pair_of(told.get("interleaved", ""), 255)
        if "rtp/avp/tcp" not in told:
            if channels is None and ("server_port" in told or "client_port" in told):
                raise Unsuitable(f"{self._shown}: the camera answers SETUP over TCP with UDP")
            self.session.oddities.tell("its answers to SETUP do not say that media comes over TCP")
        asked = (first, first + 1)
        channels = channels or asked
        self.channels.expect(track, channels, asked)
        return lambda data: self.connection.send_frame(channels[1], data)

    async def _set_up_udp(self, track: TrackReceiver, url: str) -> Callable[[bytes], None]:
        connection, session = self.connection, self.session
        pair = UdpPair(*connection.local, connection.peer, track.rtp, track.rtcp, session.meter, connection.fail)
        session.pairs.append(pair)
        response = await self._answer(url, f"RTP/AVP;unicast;client_port={pair.port}-{pair.port + 1}")
        told = parameters(response.headers.get("transport"))
        if "rtp/avp/tcp" in told or "interleaved" in told:
            raise Unsuitable(f"{self._shown}: the camera answers SETUP over UDP with TCP")
        if "multicast" in told:
            session.pairs.remove(pair)
            pair.close()
            session.oddities.tell("it answers SETUP over UDP with a group (multicast), which is listened to")
            return self._listen(track, told)
        self._comes_from(pair, told)
        ports = pair_of(told.get("server_port", ""), 65535)
        if ports is None:
            return lambda data: None
        pair.knock(ports)
        return lambda data: pair.send_rtcp(data, ports[1])

    async def _set_up_group(self, track: TrackReceiver, url: str) -> Callable[[bytes], None]:
        response = await self._answer(url, "RTP/AVP;multicast")
        return self._listen(track, parameters(response.headers.get("transport")))

    def _listen(self, track: TrackReceiver, told: dict[str, str]) -> Callable[[bytes], None]:
        """To the group that the camera says; reports of ours would go to everybody, so there are none."""
        connection, session = self.connection, self.session
        address, ports = told.get("destination", ""), pair_of(told.get("port", ""), 65535)
        if not _is_group(address) or ports is None or ":" in connection.peer:
            raise Unsuitable(f"{self._shown}: the camera names no group of IPv4 to which it sends")
        pair = UdpPair(
            *connection.local,
            connection.peer,
            track.rtp,
            track.rtcp,
            session.meter,
            connection.fail,
            Group(address, ports),
        )
        session.pairs.append(pair)
        self._comes_from(pair, told)
        return lambda data: None

    def _comes_from(self, pair: UdpPair, told: dict[str, str]) -> None:
        source = told.get("source", "").strip("[]")
        if _names_sender(source) and source != self.connection.peer:
            self.session.oddities.tell("its media comes from another address than its answers")
            pair.comes_from(source)

    # --- PLAY ---------------------------------------------------------------------------------------------

    async def _play(self, request: str) -> None:
        """Ask to play, and once more in the way that the refusal suggests."""
        dialogue, session = self.connection.dialogue, self.session
        headers = {"Range": "npt=0.000-"}
        url = session.aggregate
        response = await self.connection.ask("PLAY", url, headers)
        if response.status == 457:
            session.oddities.tell("PLAY with a Range is refused (457)")
            headers = {}
            response = await self.connection.ask("PLAY", url, headers)
        if response.status == 454 and dialogue.other_sessions:
            # It meant the last name that it gave the session.
            session.oddities.tell("of the names that it gives its session, only the last counts")
            dialogue.session = dialogue.other_sessions[-1]
            response = await self.connection.ask("PLAY", url, headers)
        if response.status in (404, 451, 460) and url != request:
            session.oddities.tell(f"PLAY for the URL that it says itself is refused ({response.status})")
            session.aggregate = request
            response = await self.connection.ask("PLAY", request, headers)
        if response.status == 459 and self.session.media:
            response = await self._play_each(headers)
        self._judge_way("PLAY", response)
        dialogue.check("PLAY", response)

    async def _play_each(self, headers: dict[str, str]) -> Response:
        """Ask each track to play by itself; the last answer, or the first that refuses."""
        self.session.oddities.tell("PLAY for all tracks together is refused (459)")
        for medium in self.session.media:
            response = await self.connection.ask("PLAY", medium.control, headers)
            if response.status >= 300:
                break
        return response

    def _rtp_info(self, response: Response) -> None:
        """Where each track's timestamps stand at the start, before anything behind the answer is looked at."""
        # A URL may hold a comma.
        for entry in response.headers.get("rtp-info").split("url=")[1:]:
            told = parameters("url=" + entry.rstrip(", "))
            time = whole(told.get("rtptime", ""), 10)
            url = told["url"]
            # 0 is what firmware says that does not know; where timestamps really begin there, arrival tells as much.
            if not time or not url:
                continue
            for medium in self.session.media:
                if medium.control == url or medium.control.endswith("/" + url.rpartition("/")[2]):
                    medium.receiver.clock.starts_at(time & 0xFFFFFFFF)


def _same(offer: sdp.Session, description: bytes) -> bool:
    """Whether a new description is about the same formats. One that says nothing changes nothing."""
    try:
        new = sdp.parse_sdp(description)
    except SourceError:
        return True
    return _formats(new) == _formats(offer)


def _formats(offer: sdp.Session) -> list[tuple[int, str, int, int]]:
    return [
        (found.payload_type, found.encoding.upper(), found.clock_rate, found.channels)
        for media in offer.media
        for found in media.formats
    ]


def pair_of(text: str, limit: int) -> tuple[int, int] | None:
    """ "6970-6971" as numbers; a lone one is taken with the next."""
    first, _, second = text.partition("-")
    low, high = whole(first, 5), whole(second, 5)
    if low is None or low >= limit:
        return None
    last = low + 1 if high is None else high
    return (low, last) if last <= limit and last != low else None


def _is_group(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return address.version == 4 and address.is_multicast


def _names_sender(text: str) -> bool:
    """Whether it is the address of one machine: many cameras say 0.0.0.0."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return not address.is_unspecified and not address.is_multicast
