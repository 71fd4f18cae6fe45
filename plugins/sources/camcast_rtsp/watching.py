"""While a camera plays: whether its media comes and can be used, signs of life for it, receiver reports.

A camera is given up when media stops for longer than its own habit explains, not for what its bookkeeping says: refused
or forgotten signs of life are noted, and media decides.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from camcast.errors import SourceError
from camcast.media import NS_PER_S
from camcast.patience import quiet

from .connection import Connection
from .interleave import INSIDE
from .keepalive import REFUSED, KeepAlive
from .memory import Memory
from .options import RtspOptions
from .session import Session
from .setup import Unsuitable
from .track import NO_PARAMETERS, UNTIL_KEYFRAME, TrackReceiver

CHECK = 0.25
"""Seconds between looks at the camera's signs of life."""
REPORT = 5 * NS_PER_S
"""Between receiver reports."""
NOTHING_USABLE = 30 * NS_PER_S
"""Media comes, but no picture of it can be shown: so long until we give up."""
LONGEST_WAIT = 600 * NS_PER_S
"""The same where nothing lacks but a keyframe. Smart codecs have one in a minute, or less often."""
SLOW_START = 20 * NS_PER_S
"""For the second and third picture: how often a camera sends one is not known before."""
LAST_MEDIA = NS_PER_S // 10
GOES_ON = "it says good-bye (RTCP BYE) and goes on"
HABIT = 3
"""So many times the longest distance between pictures is a silence."""
LONGEST_HABIT = 300 * NS_PER_S
LATE_START = 3 * NS_PER_S
LATE = (
    "it took seconds until a picture came with which one can begin: keyframes are rare, or it has none and refreshes \
bit by bit"
)
KEYFRAMES_ONLY = ("h265",)
"""Codecs of which FFmpeg's decoder shows nothing before a keyframe (in H.265, an IRAP picture)."""
ENOUGH_DAMAGE = 50
"""Units of which not one could be used, after which that is told."""


class Watch:
    """Stays with one session until the camera is gone."""

    def __init__(
        self,
        connection: Connection,
        session: Session,
        options: RtspOptions,
        memory: Memory,
        transport: str,
        others: bool,
    ) -> None:
        """`others`: there is another transport to try."""
        self._connection = connection
        self._session = session
        self._options = options
        self._memory = memory
        self._transport = transport
        self._others = others
        self._keepalive = KeepAlive(session.public, memory.keepalives)
        connection.on_late = self._keepalive.answered
        self._reported = time.monotonic_ns()
        self._heard = False
        self._late = False
        """Pictures have come for a while, and none with which one can begin; not told yet."""
        self._last_words = ""
        """What the camera said about our signs of life."""

    async def run(self) -> None:
        """Raises `SourceError` when the camera is gone; never returns."""
        connection = self._connection
        looks = _Looks(self._look)
        alive = quiet(asyncio.ensure_future(self._keep_alive()))
        try:
            await asyncio.wait((connection.closed, alive, looks.over), return_when=asyncio.FIRST_COMPLETED)
            if looks.over.done():
                await looks.over
            if connection.closed.done():
                raise self._error(self._why_closed())
            await alive
        finally:
            looks.stop()
            alive.cancel()
            self._session.flush()

    def _error(self, text: str) -> SourceError:
        return SourceError(f"{self._connection.url.shown}: {text}")

    def _why_closed(self) -> str:
        text = self._connection.dialogue.scrub(self._connection.closed.result())
        method = self._keepalive.hung_up(time.monotonic())
        if method:
            text += f" right after {method}, which is not sent to it again"
        return text + self._last_words

    # --- media --------------------------------------------------------------------------------------------

    def _look(self, begun: int, now: int) -> None:
        if self._session.all_read():
            for medium in self._session.media:
                medium.receiver.receiver.tick(now)
        for medium in self._session.media:
            for text in medium.receiver.oddities:
                self._session.oddities.tell(text)
            medium.receiver.oddities.clear()
        if self._connection.incoming.counts[INSIDE]:
            self._session.oddities.tell("it sends media in the middle of its answers")
        leading = self._session.leading
        self._check_ended(leading, now)
        self._check_silence(leading, begun, now)
        self._check_use(leading, begun, now)
        if now - self._reported >= REPORT:
            self._reported = now
            self._session.report(now)

    def _check_ended(self, leading: TrackReceiver, now: int) -> None:
        for medium in self._session.media:
            track = medium.receiver
            # Over UDP, what was sent before may be read after it.
            if track.ended and track.receiver.arrival - track.ended > LAST_MEDIA:
                track.ended = 0
                self._session.oddities.tell(GOES_ON)
        # The other track may still be on its way, or end without a word.
        overdue = leading.ended and now - leading.ended > NS_PER_S
        tracks = [medium.receiver for medium in self._session.media]
        if overdue or all(track.ended and now - track.ended > _silence(track) for track in tracks):
            raise self._error("the camera has ended the stream (RTCP BYE)")

    def _check_silence(self, leading: TrackReceiver, begun: int, now: int) -> None:
        arrival = leading.receiver.arrival
        if arrival and not self._heard:
            self._heard = True
            self._memory.barren = 0
            self._memory.transport = self._transport
        limit = self._patience(leading)
        if now - (arrival or begun) <= limit:
            return
        text = (
            f"the camera keeps the session open, but sent no {leading.kind.value} for {limit / NS_PER_S:g} s"
            + self._last_words
        )
        if arrival:
            raise self._error(text)
        self._memory.barren += 1
        foreign = leading.receiver.counts["other payload type"]
        if foreign:
            raise self._error(
                f"{text}: {foreign} packets came of payload types that its description does not give to what can be "
                "taken"
            )
        # Sound alone may come through where larger packets do not.
        if self._others:
            raise Unsuitable(f"{self._connection.url.shown}: {text}")
        if self._transport == "udp":
            text += ": a firewall may stop its UDP packets; set transport to tcp"
        raise self._error(text)

    def _patience(self, leading: TrackReceiver) -> int:
        """How long this camera may send nothing (ns)."""
        least = int(self._options.no_data_timeout * NS_PER_S)
        if not leading.receiver.arrival:
            # One that brought nothing the last times gets longer: it may be slow.
            return least << min(self._memory.barren // 2, 3)
        gaps = leading.gaps
        if len(gaps) < 2:
            return max(least, SLOW_START)
        return max(least, min(HABIT * max(gaps), LONGEST_HABIT))

    def _check_use(self, leading: TrackReceiver, begun: int, now: int) -> None:
        for medium in self._session.media:
            track = medium.receiver
            if not track.delivered and track.missing_by_reason.total() >= ENOUGH_DAMAGE and track is not leading:
                kind = track.kind.value
                self._session.oddities.warn(
                    "track_damaged", f"nothing that comes of its {kind} can be used: {_reasons(track)}", kind
                )
        kind = leading.kind.value
        if leading.delivered:
            if self._late and kind == "video":
                self._session.oddities.tell(LATE)
            self._late = False
            self._check_keyframes(leading)
            return
        passed_over = leading.missing_by_reason[UNTIL_KEYFRAME] + leading.missing_by_reason[NO_PARAMETERS]
        self._late = passed_over > 0 and now - begun > LATE_START
        if now - begun <= NOTHING_USABLE:
            return
        if passed_over and now - begun <= LONGEST_WAIT:
            self._late = False
            self._session.oddities.warn(
                "waiting_for_keyframe",
                f"{kind} comes, but no keyframe has in {NOTHING_USABLE // NS_PER_S} s: waiting for one "
                f"({passed_over} pictures passed over); a smart codec or a long keyframe interval is set in the camera",
            )
            return
        raise self._error(
            f"RTP comes, but no {kind} that could be shown in {(now - begun) // NS_PER_S} s: {_reasons(leading)}"
        )

    def _check_keyframes(self, leading: TrackReceiver) -> None:
        track = leading.track
        if leading.refreshes and track is not None and track.codec in KEYFRAMES_ONLY:
            self._session.oddities.warn(
                "no_keyframes",
                f"its {track.codec} has no keyframes and refreshes bit by bit (intra refresh, GDR): servers and "
                "viewers that decode with FFmpeg show nothing to whoever joins; set keyframes in the camera",
            )

    # --- signs of life ------------------------------------------------------------------------------------

    async def _keep_alive(self) -> None:
        """Tell the camera that somebody still watches."""
        connection, keepalive = self._connection, self._keepalive
        while True:
            await asyncio.sleep(keepalive.interval(connection.dialogue.timeout))
            # One that is not answered is followed by another at once.
            for _ in range(2):
                method = keepalive.next(time.monotonic())
                if method is None or await self._sign(method):
                    break

    async def _sign(self, method: str) -> bool:
        """Send one; whether the camera answered."""
        connection, keepalive, odd = self._connection, self._keepalive, self._session.oddities
        try:
            async with asyncio.timeout(keepalive.patience(connection.dialogue.timeout)):
                response = await connection.ask(method, self._session.aggregate)
        except TimeoutError:
            if keepalive.not_answered(method):
                odd.tell(f"{method} is not answered")
            return False
        except SourceError:
            if connection.closed.done():
                raise
            # A password that was right is refused: media decides.
            keepalive.answered(method)
            self._note_words(method, 401)
            return True
        keepalive.answered(method)
        if response.status >= 300:
            keepalive.judged(method, REFUSED)
            self._note_words(method, response.status)
            return False
        return True

    def _note_words(self, method: str, status: int) -> None:
        meaning = {454: " (it has forgotten the session)", 401: " (it refuses the login that it took before)"}
        self._last_words = f"; it answered {method} with {status}{meaning.get(status, '')}"
        self._session.oddities.tell(f"{method} as a sign of life is refused ({status})")


def _silence(track: TrackReceiver) -> int:
    """How long nothing must come of a track that has ended, until that is believed (ns)."""
    return max(LAST_MEDIA, min(HABIT * max(track.gaps, default=0), NS_PER_S))


def _reasons(track: TrackReceiver) -> str:
    """What was left out and why, in words."""
    counts = {
        **track.missing_by_reason,
        **{f"packets: {reason}": count for reason, count in track.receiver.counts.items()},
    }
    if not counts:
        return "not one whole unit came"
    words = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items(), key=lambda item: -item[1]))
    return f"{words} ({track.refusal})" if track.refusal else words


class _Looks:
    """Calls `look(begun, now)` every `CHECK`, for all cameras of a loop at the same moments; an error ends it."""

    def __init__(self, look: Callable[[int, int], None]) -> None:
        self.over: asyncio.Future[None] = quiet(asyncio.get_running_loop().create_future())
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
