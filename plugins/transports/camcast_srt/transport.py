"""One attempt over SRT: packets → MPEG-TS → payloads of seven TS packets → libsrt.

The receiver acknowledges every 10 ms. `acked` is what was sent without what libsrt still holds and without what it gave
up as too late. Bytes given up stay `pending` until a later one is acknowledged: a peer that stands still is seen to do
so although libsrt's buffer empties by itself. libsrt ends a connection after 5 s without a word from the peer.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import time as clock
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from camcast.contracts import TransportContext
from camcast.errors import MediaError, MisconfiguredError, NetworkError, TransportError
from camcast.kinds import Acceptance
from camcast.media import NS_PER_MS, MediaKind, Packet, Tag, Track, Unit
from camcast_srt import address as addresses
from camcast_srt.address import Address
from camcast_srt.afterlife import Afterlives
from camcast_srt.library import Library
from camcast_srt.link import Link
from camcast_srt.mpegts import CODECS, TICK, TsMuxer
from camcast_srt.options import SrtOptions, SrtSettings, settings_of
from camcast_srt.reactor import Reactor

_TICKS_PER_MS = 90
_TAIL_LIMIT = 8 << 20
"""Bytes kept when libsrt's own buffer is full. The outlet holds back long before; this is the last bound."""
_ASK_EVERY = 0.02
"""Seconds between questions to libsrt about its send buffer."""
_DRAIN_STEP = 0.01
_DRAIN_LIMIT = 1.6
_TAKEN_WITHIN = 0.1
"""Seconds that a busy receiver may take to fetch what its latency has let through."""
_CLOSED_WITHIN = 0.3


class SrtTransport:
    """Implements `camcast.contracts.Transport`."""

    def __init__(
        self, context: TransportContext, library: Library, reactor: Reactor, afterlives: Afterlives | None = None
    ) -> None:
        self._context = context
        self._target = context.target
        self._library = library
        self._reactor = reactor
        self._afterlives = afterlives or Afterlives()
        options = context.options if isinstance(context.options, SrtOptions) else SrtOptions()
        try:
            self._settings: SrtSettings = settings_of(self._target, options)
        except ValueError as error:
            raise MisconfiguredError(str(error)) from None
        self._attached = False
        self._closing = False
        self._gone = False
        self._link: Link | None = None
        self._opening: Link | None = None
        self._up: asyncio.Future[Link] | None = None
        self._muxer: TsMuxer | None = None
        self._ticker: asyncio.TimerHandle | None = None
        self._as_ts: dict[MediaKind, Callable[[Packet], bytes] | None] = {}
        """How each track's packets become what a TS carries; None = they are already."""
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self._wait_keyframe = False
        self._sent = 0
        self._acked = 0
        self._settled = 0
        self._waiting = 0
        self._asked_at = 0.0
        self._last_send = 0.0
        self._counts = {"overflow_packets": 0, "damaged_packets": 0, "unknown_packets": 0, "refused_callers": 0}
        self._last_figures: dict[str, float] = {}

    def __repr__(self) -> str:
        return f"<SrtTransport {self._target.shown} {self._settings.mode}>"

    # --- connecting ---------------------------------------------------------------------------------------

    async def connect(self) -> Acceptance | None:
        """Open the connection, trying each address in turn. Raises `TransportError`."""
        if self._attached or self._closing:
            raise NetworkError("this attempt has been used already", stage="connect")
        self._reactor.attach()
        self._attached = True
        self._afterlives.end(self._settings.publish_name)
        if self._settings.ignored:
            keys = ", ".join(self._settings.ignored)
            self._context.events.note("srt_ignored", f"keys of the URL that change nothing here are ignored: {keys}")
        deadline = clock.monotonic() + self._target.connect_timeout
        places = await self._places(deadline)
        if self._closing:
            raise NetworkError("closed while connecting", stage="connect")
        error: TransportError | None = None
        for index, place in enumerate(places):
            left = deadline - clock.monotonic()
            if left <= 0:
                break
            try:
                self._link = await self._open(place, left / (len(places) - index))
            except NetworkError as caught:
                error = caught
                continue
            return None
        raise error or NetworkError(f"{self._target.shown}: no answer in time", stage="connect")

    async def _places(self, deadline: float) -> list[Address]:
        settings = self._settings
        if settings.mode == "listener" and not settings.host:
            return [addresses.literal("::1" if self._target.ip_family == "ipv6" else "127.0.0.1", settings.port)]
        try:
            async with asyncio.timeout(max(0.0, deadline - clock.monotonic())):
                found = await self._context.resolver.resolve(settings.host, settings.port, self._target.ip_family)
        except TimeoutError:
            raise NetworkError(f"{self._target.shown}: the name was not resolved in time", stage="resolve") from None
        if not found:
            raise NetworkError(f"{self._target.shown}: the name has no address", stage="resolve")
        # A listener binds to one address; a caller tries them all.
        return found[:1] if settings.mode == "listener" else found

    async def _open(self, place: Address, timeout: float) -> Link:
        self._opening = link = Link(self._reactor, self._settings, self, self._target.shown)
        self._up = asyncio.get_running_loop().create_future()
        local = self._local(place)
        self._reactor.do(lambda: link.open(place, local, timeout))
        try:
            async with asyncio.timeout(timeout):
                return await self._up
        except BaseException as error:
            self._reactor.do(link.close)
            if isinstance(error, TimeoutError):
                what = "nobody called" if self._settings.mode == "listener" else "no answer"
                raise NetworkError(f"{self._target.shown}: {what} within {timeout:g} s", stage="connect") from None
            raise
        finally:
            self._up = self._opening = None

    def _local(self, place: Address) -> Address | None:
        if not self._target.bind or self._settings.mode == "listener":
            return None
        port = self._settings.port if self._settings.mode == "rendezvous" else 0
        try:
            local = addresses.literal(self._target.bind, port)
        except ValueError:
            raise MisconfiguredError("`bind` must be an IP address for SRT", stage="connect") from None
        if local[0] != place[0]:
            version = ipaddress.ip_address(self._target.bind).version
            raise NetworkError(f"{self._target.shown}: no IPv{version} address to reach from `bind`", stage="connect")
        return local

    # --- what the link tells ------------------------------------------------------------------------------

    def opened(self, link: Link) -> None:
        if self._up is not None and not self._up.done():
            self._up.set_result(link)

    def failed(self, link: Link, error: TransportError) -> None:
        if self._up is not None and not self._up.done():
            self._up.set_exception(error)

    def broken(self, link: Link) -> None:
        if link is self._link:
            self._lose(f"{self._target.shown}: the peer closed the connection or was silent for too long")
        elif self._up is not None and not self._up.done():
            self._up.set_exception(NetworkError(f"{self._target.shown}: closed at once", stage="connect"))

    def stranger(self) -> None:
        self._counts["refused_callers"] += 1

    def writable(self) -> None:
        if not self._gone and not self._closing:
            self._push_tail()

    def _lose(self, text: str) -> None:
        if not self._gone and not self._closing:
            self._gone = True
            self._context.events.lost(NetworkError(text, stage="streaming"))

    # --- publishing ---------------------------------------------------------------------------------------

    async def publish(self, tracks: Sequence[Track]) -> None:
        """SRT has no such step: the connection is the permission. Raises `MisconfiguredError` for the codecs."""
        if self._link is None or self._closing:
            raise NetworkError("not connected", stage="publish")
        kinds = [track.kind for track in tracks]
        unknown = [track.codec for track in tracks if track.codec not in CODECS]
        if unknown:
            raise MisconfiguredError(
                f"SRT carries {', '.join(CODECS)}; this stream has {', '.join(unknown)}: transcode it", stage="publish"
            )
        if not tracks or len(set(kinds)) != len(kinds):
            raise MisconfiguredError("SRT carries one video track, one audio track or both", stage="publish")
        if self._gone:
            raise NetworkError(f"{self._target.shown}: the peer closed the connection", stage="publish")
        self._muxer = TsMuxer(tracks)
        self._as_ts = {track.kind: self._context.codec(track.codec).annexb for track in tracks}
        self._link.peer_latency()
        self._ticker = asyncio.get_running_loop().call_later(TICK, self._tick)

    def send(self, unit: Unit, time: int) -> int | None:
        if self._muxer is not None and not self._gone and not self._closing and not isinstance(unit, Tag):
            reason = self._cannot_take(unit)
            if reason:
                self._drop(unit, reason)
            else:
                self._mux(self._muxer, unit, time)
        return self._sent + self._tail_bytes

    def _cannot_take(self, unit: Packet) -> str:
        """Why a unit is left out; "" = it is not."""
        assert self._muxer is not None
        track = unit.track
        if self._muxer.codec(track.kind) != track.codec:
            return "unknown_packets"
        if self._tail_bytes > _TAIL_LIMIT:
            return "overflow_packets"
        if self._wait_keyframe and track.kind is MediaKind.VIDEO:
            if not unit.keyframe:
                return "overflow_packets"
            self._wait_keyframe = False
        return ""

    def _mux(self, muxer: TsMuxer, unit: Packet, time: int) -> None:
        kind = unit.track.kind
        try:
            convert = self._as_ts[kind]
            data = unit.payload if convert is None else convert(unit)
            dts = time * _TICKS_PER_MS
            pts = dts + max(0, unit.pts - unit.dts) * _TICKS_PER_MS // NS_PER_MS
            stream = muxer.mux(kind, data, dts, pts, unit.keyframe, clock.monotonic())
        except MediaError:
            self._drop(unit, "damaged_packets")
            return
        self._add(stream)

    def _tick(self) -> None:
        """The stream's clock goes on between units that are far apart."""
        if self._muxer is None or self._gone or self._closing:
            return
        now = clock.monotonic()
        # A link that is behind is not sent clocks on top.
        if now - self._last_send >= TICK and not self._tail:
            stream = self._muxer.tick(now)
            if stream:
                self._add(stream)
        wait = max(TICK / 4, self._last_send + TICK - now)
        self._ticker = asyncio.get_running_loop().call_later(wait, self._tick)

    def _add(self, stream: bytes) -> None:
        size = self._settings.payload_size
        self._tail.extend(stream[at : at + size] for at in range(0, len(stream), size))
        self._tail_bytes += len(stream)
        self._push_tail()

    def _drop(self, packet: Packet, reason: str) -> None:
        if not self._counts[reason]:
            self._context.events.note(f"srt_{reason}", f"a {packet.track.codec} packet was left out ({reason})")
        self._counts[reason] += 1
        if packet.track.kind is MediaKind.VIDEO and not packet.disposable:
            self._wait_keyframe = True

    def _push_tail(self) -> None:
        link, tail = self._link, self._tail
        assert link is not None
        try:
            while tail:
                payload = tail[0]
                if not link.send(payload, len(payload)):
                    break
                tail.popleft()
                self._tail_bytes -= len(payload)
                self._sent += len(payload)
        except NetworkError as error:
            # Not from within `send`: the hub is in the middle of handing this packet to everybody.
            asyncio.get_running_loop().call_soon(self._lose, str(error))
        self._last_send = clock.monotonic()

    # --- figures ------------------------------------------------------------------------------------------

    @property
    def pending(self) -> int:
        self._ask()
        return self._tail_bytes + self._sent - self._settled

    @property
    def unsent(self) -> int:
        """What libsrt has not taken, has not sent, or holds for longer than its latency covers."""
        self._ask()
        return self._tail_bytes + self._waiting

    @property
    def acked(self) -> int:
        """Everything up to here has been acknowledged, or given up before something that has been."""
        self._ask()
        return self._settled

    def _ask(self) -> None:
        moment = clock.monotonic()
        if self._link is None or self._gone or moment - self._asked_at < _ASK_EVERY:
            return
        self._asked_at = moment
        # In this order: what is dropped in between then counts twice against progress, never for it.
        held = self._link.unacknowledged()
        dropped = self._link.dropped()
        acked = self._sent - held - dropped
        if acked > self._acked:
            self._acked, self._settled = acked, self._sent - held
        self._waiting = int(held * self._link.waiting())

    def stats(self) -> Mapping[str, float]:
        if self._link is not None and not self._closing:
            figures = self._link.figures()
            if figures is not None:
                self._last_figures = {
                    "rtt_ms": figures.msRTT,
                    "bandwidth_mbps": figures.mbpsBandwidth,
                    "send_rate_mbps": figures.mbpsSendRate,
                    "send_buffer_bytes": float(figures.byteSndBuf),
                    "send_buffer_ms": float(figures.msSndBuf),
                    "latency_ms": float(figures.msSndTsbPdDelay),
                    "packets_sent": float(figures.pktSentTotal),
                    "packets_lost": float(figures.pktSndLossTotal),
                    "packets_retransmitted": float(figures.pktRetransTotal),
                    "packets_too_late": float(figures.pktSndDropTotal),
                    "bytes_sent": float(figures.byteSentTotal),
                }
        return {**self._last_figures, **{name: float(count) for name, count in self._counts.items()}}

    # --- the end ------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Let what is under way arrive (`linger`), then free everything."""
        if self._closing:
            return
        self.stats()
        self._closing = True
        if self._ticker is not None:
            self._ticker.cancel()
        lives_on = 0.0
        try:
            if self._link is not None and not self._gone and self._muxer is not None:
                async with asyncio.timeout(_DRAIN_LIMIT):
                    lives_on = await self._drain(self._link)
        except TimeoutError:
            pass
        finally:
            closed = self._free(lives_on)
        with contextlib.suppress(TimeoutError):
            # A listener's port is free again when this is through.
            async with asyncio.timeout(_CLOSED_WITHIN):
                await closed.wait()

    async def _drain(self, link: Link) -> float:
        """Wait until the peer has all of it, and has had the time to show it: closing discards the rest there too.

        Returns the seconds that it still needs for that.
        """
        until = clock.monotonic() + self._settings.linger
        while clock.monotonic() < until and not self._gone:
            with contextlib.suppress(NetworkError):
                self._push_tail_quietly(link)
            if not self._tail and not link.unacknowledged():
                break
            await asyncio.sleep(_DRAIN_STEP)
        else:
            return 0.0
        shown_at = self._last_send + link.peer_latency() + _TAKEN_WITHIN
        if not self._settings.linger:
            return 0.0
        if shown_at <= until:
            await asyncio.sleep(max(0.0, shown_at - clock.monotonic()))
        return 0.0 if self._gone else max(0.0, shown_at - clock.monotonic())

    def _push_tail_quietly(self, link: Link) -> None:
        while self._tail and link.send(self._tail[0], len(self._tail[0])):
            self._tail_bytes -= len(self._tail.popleft())

    def _free(self, lives_on: float = 0.0) -> asyncio.Event:
        """Returns what is set when libsrt's sockets are closed, or live on for `lives_on` seconds."""
        closed = asyncio.Event()
        self._tail.clear()
        self._tail_bytes = 0
        if self._up is not None and not self._up.done():
            self._up.set_exception(NetworkError("closed while connecting", stage="connect"))
        links = [link for link in (self._link, self._opening) if link is not None]
        self._muxer = None
        if not self._attached:
            closed.set()
            return closed
        self._attached = False
        if lives_on > 0:
            self._live_on(links, lives_on)
            closed.set()
            return closed
        self._reactor.do(lambda: self._end_links(links, closed))
        self._reactor.detach()
        return closed

    def _live_on(self, links: list[Link], seconds: float) -> None:
        """The sockets stay open for the receiver's sake; the I/O thread with them."""
        name, reactor, afterlives = self._settings.publish_name, self._reactor, self._afterlives
        ended = False

        def end() -> None:
            nonlocal ended
            if not ended:
                ended = True
                for link in links:
                    link.close()
                afterlives.over(name)
                reactor.detach()

        afterlives.begin(name, seconds, lambda: reactor.do(end), reactor.thread)
        reactor.do(lambda: reactor.later(seconds, end))

    def _end_links(self, links: list[Link], closed: asyncio.Event) -> None:
        """On the I/O thread."""
        for link in links:
            link.close()
        self._reactor.tell(closed.set)
