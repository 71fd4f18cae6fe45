"""One attempt over SRT: packets → MPEG-TS → payloads of seven TS packets → libsrt, in a process of its own.

The receiver acknowledges every 10 ms. libsrt ends a connection after 5 s without a word from the peer.
"""

from __future__ import annotations

import asyncio
import time as clock
from collections.abc import Callable, Mapping, Sequence

from camcast.contracts import TransportContext
from camcast.errors import MediaError, MisconfiguredError, NetworkError, TransportError
from camcast.kinds import Acceptance
from camcast.media import NS_PER_MS, MediaKind, Packet, Tag, Track, Unit
from camcast_srt.afterlife import Afterlives
from camcast_srt.backlog import Backlog
from camcast_srt.keeper import Keeper
from camcast_srt.lease import Lease
from camcast_srt.link import Link
from camcast_srt.losses import Losses
from camcast_srt.mpegts import CODECS, TICK, TsMuxer
from camcast_srt.opening import Opening
from camcast_srt.options import SrtOptions, SrtSettings, settings_of
from camcast_srt.pace import Pace

_TICKS_PER_MS = 90
_DRAIN_STEP = 0.01
_DRAIN_LIMIT = 1.6
_TAKEN_WITHIN = 0.1
"""Seconds that a busy receiver may take to fetch what its latency has let through."""
_CLOSED_WITHIN = 1.9
"""Seconds from the begin of the end until nobody waits any longer for what is left of it."""
_TURN = 0.01
"""Seconds until what waits for its turn is tried again."""


class SrtTransport:
    """Implements `camcast.contracts.Transport`."""

    def __init__(self, context: TransportContext, keeper: Keeper, afterlives: Afterlives) -> None:
        self._context = context
        self._target = context.target
        options = context.options if isinstance(context.options, SrtOptions) else SrtOptions()
        try:
            self._settings: SrtSettings = settings_of(self._target, options)
        except ValueError as error:
            raise MisconfiguredError(str(error)) from None
        self._lease = Lease(afterlives, self._settings.publish_name)
        self._keeper = keeper
        self._opening = Opening(self._target, self._settings, context.resolver, self._new_link)
        self._begun = False
        self._closing = False
        self._gone = False
        self._link: Link | None = None
        self._backlog: Backlog | None = None
        self._muxer: TsMuxer | None = None
        self._ticker: asyncio.TimerHandle | None = None
        self._as_ts: dict[MediaKind, Callable[[Packet], bytes] | None] = {}
        """How each track's packets become what a TS carries; None = they are already."""
        self._wait_keyframe = False
        self._counts = {"overflow_packets": 0, "damaged_packets": 0, "unknown_packets": 0, "refused_callers": 0}
        self._last_figures: dict[str, float] = {}
        self._losses = Losses(self._target.shown, context.events.note, Pace(self._settings.payload_size))
        self._turn: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<SrtTransport {self._target.shown} {self._settings.mode}>"

    # --- connecting ---------------------------------------------------------------------------------------

    async def connect(self) -> Acceptance | None:
        """Open the connection, trying each address in turn. Raises `TransportError`."""
        if self._begun or self._closing:
            raise NetworkError("this attempt has been used already", stage="connect")
        self._begun = True
        await self._lease.take()
        if remark := self._settings.remark:
            self._context.events.note("srt_ignored", remark)
        self._link = await self._opening.run()
        self._backlog = Backlog(self._link, self._settings.payload_size)
        return None

    # --- what the link tells ------------------------------------------------------------------------------

    def _new_link(self) -> Link:
        return Link(self._keeper, self._settings, self, self._target.shown, self._target.words)

    def opened(self, link: Link) -> None:
        self._opening.opened(link)

    def failed(self, link: Link, error: TransportError) -> None:
        self._opening.failed(error)

    def broken(self, link: Link, why: str) -> None:
        if link is self._link:
            self._lose(f"{self._target.shown}: {why}")
        else:
            self._opening.broken(why)

    def stranger(self) -> None:
        self._counts["refused_callers"] += 1

    def writable(self) -> None:
        if not self._gone and not self._closing:
            self._push()

    def _lose(self, text: str) -> None:
        if not self._gone and not self._closing:
            self._gone = True
            if self._backlog is not None:
                self._backlog.freeze()
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
        if self._backlog is None:
            return 0
        # What waits makes the stream longer by at least its own bytes; a picture may go in between, and with it count
        # for the sound some 50 ms too early.
        return self._backlog.end + self._waits

    def _cannot_take(self, unit: Packet) -> str:
        """Why a unit is left out; "" = it is not."""
        assert self._muxer is not None
        track = unit.track
        if self._muxer.codec(track.kind) != track.codec:
            return "unknown_packets"
        if self._backlog is not None and self._backlog.full:
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
        if stream:
            self._add(stream)

    def _tick(self) -> None:
        """The stream's clock goes on between units that are far apart."""
        if self._muxer is None or self._backlog is None or self._gone or self._closing:
            return
        now = clock.monotonic()
        due = self._muxer.due_in(now)
        if due is not None and due <= 0:
            self._add(self._muxer.flush(now))
            due = None
        # A link that is behind is not sent clocks on top.
        if now - self._backlog.pushed_at >= TICK and not self._backlog:
            stream = self._muxer.tick(now)
            if stream:
                self._add(stream)
        if self._link is not None and (useless := self._losses.look(self._link, self._backlog, now)):
            self._lose(useless)
            return
        wait = max(TICK / 4, min(self._backlog.pushed_at + TICK - now, TICK if due is None else due))
        self._ticker = asyncio.get_running_loop().call_later(wait, self._tick)

    def _add(self, stream: bytes) -> None:
        assert self._backlog is not None
        self._backlog.add(stream)
        self._push()

    def _push(self) -> None:
        assert self._backlog is not None
        self._backlog.push()
        if self._backlog.paced and self._turn is None:
            self._turn = asyncio.get_running_loop().call_later(_TURN, self._next_turn)

    def _next_turn(self) -> None:
        self._turn = None
        self.writable()

    def _drop(self, packet: Packet, reason: str) -> None:
        if not self._counts[reason]:
            self._context.events.note(f"srt_{reason}", f"a {packet.track.codec} packet was left out ({reason})")
        self._counts[reason] += 1
        if packet.track.kind is MediaKind.VIDEO and not packet.disposable:
            self._wait_keyframe = True

    # --- figures ------------------------------------------------------------------------------------------

    @property
    def pending(self) -> int:
        # Sound that waits for more of it has not arrived either: who ends in order waits for it.
        return 0 if self._backlog is None else self._backlog.pending + self._waits

    @property
    def _waits(self) -> int:
        """Bytes of sound that wait in the muxer for more of it."""
        return 0 if self._muxer is None else self._muxer.waits

    @property
    def unsent(self) -> int:
        return 0 if self._backlog is None else self._backlog.unsent

    @property
    def acked(self) -> int:
        return 0 if self._backlog is None else self._backlog.acked

    @property
    def impaired(self) -> bool:
        return self._losses.pace.impaired

    @property
    def findings(self) -> Sequence[str]:
        """See `contracts.TellsFindings`."""
        version = self._link.peer_version() if self._link is not None else ""
        return (f"the peer's SRT library is {version}",) if version else ()

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
        limit = self._losses.pace.limit
        if limit is not None:
            self._last_figures["pace_mbps"] = limit * 8 / 1e6
        else:
            self._last_figures.pop("pace_mbps", None)
        return {**self._last_figures, **{name: float(count) for name, count in self._counts.items()}}

    # --- the end ------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Let what is under way arrive (`linger`), then free everything."""
        if self._closing:
            return
        until = clock.monotonic() + _CLOSED_WITHIN
        self.stats()
        self._closing = True
        for timer in (self._ticker, self._turn):
            if timer is not None:
                timer.cancel()
        lives_on = 0.0
        try:
            if self._link is not None and self._backlog is not None and not self._gone and self._muxer is not None:
                self._backlog.add(self._muxer.flush(clock.monotonic()))
                async with asyncio.timeout(_DRAIN_LIMIT):
                    lives_on = await self._drain(self._link, self._backlog)
        except TimeoutError:
            pass
        finally:
            links = self._free(lives_on)
        # A listener's port is free again when this is through.
        await self._lease.closed(links, max(0.0, until - clock.monotonic()))

    async def _drain(self, link: Link, backlog: Backlog) -> float:
        """Wait until the peer has all of it, and has had the time to show it: closing discards the rest there too.

        Returns the seconds that it still needs for that.
        """
        until = clock.monotonic() + self._settings.linger
        while clock.monotonic() < until and not self._gone:
            backlog.push()
            if not backlog and not link.unacknowledged():
                break
            await asyncio.sleep(_DRAIN_STEP)
        else:
            return 0.0
        shown_at = backlog.pushed_at + link.peer_latency() + _TAKEN_WITHIN
        if not self._settings.linger:
            return 0.0
        if shown_at <= until:
            await asyncio.sleep(max(0.0, shown_at - clock.monotonic()))
        return 0.0 if self._gone else max(0.0, shown_at - clock.monotonic())

    def _free(self, lives_on: float) -> Sequence[Link]:
        """Returns the links, whose processes end, but for that of ours, which lives on for some seconds."""
        if self._backlog is not None:
            self._backlog.clear()
        self._muxer = None
        self._opening.stop()
        self._lease.give_back(self._opening.links, self._link, lives_on)
        return self._opening.links
