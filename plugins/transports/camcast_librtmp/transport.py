"""One attempt through librtmp: a lane of its own, so that nothing of librtmp's waiting is anybody else's.

`pending` is what waits on the lane and what the kernel holds unacknowledged; `acked` is what was written without the
latter; `unsent` is what waits and what the kernel has not sent.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time as clock
from collections.abc import Mapping, Sequence

from camcast.contracts import TransportContext
from camcast.errors import MisconfiguredError, NetworkError, TransportError
from camcast.kinds import Acceptance
from camcast.lane import Lane, LaneClosed
from camcast.media import MediaKind, Tag, TagType, Track, Unit
from camcast_kit_rtmp import answers, urls
from camcast_librtmp.binding import Binding
from camcast_librtmp.checks import check
from camcast_librtmp.options import LibrtmpOptions
from camcast_librtmp.session import Session, wire_size

log = logging.getLogger(__name__)

_LOOK_EVERY = 0.5
"""Seconds between looks for the server's words while no media flows."""
_ASK_EVERY = 0.05


class LibrtmpTransport:
    """Implements `camcast.contracts.Transport`."""

    def __init__(self, context: TransportContext, binding: Binding) -> None:
        self._context = context
        self._target = context.target
        self._binding = binding
        self._options = context.options if isinstance(context.options, LibrtmpOptions) else LibrtmpOptions()
        try:
            check(self._target)
            self._address = urls.parse(self._target)
        except ValueError as error:
            raise MisconfiguredError(str(error)) from None
        self._lane: Lane | None = None
        self._sessions: list[Session] = []
        """One per address tried; the last is the one in use."""
        self._live = False
        self._closed = False
        self._gone = False
        self._looking: asyncio.TimerHandle | None = None
        self._posted = 0
        """Bytes that the lane has taken, in all: the position at which the newest tag ends."""
        self._acked = 0
        self._unacknowledged = 0
        self._unsent = 0
        self._asked_at = 0.0
        self._wait_keyframe = False
        self._left_out = 0

    def __repr__(self) -> str:
        return f"<LibrtmpTransport {self._target.shown}>"

    async def connect(self) -> Acceptance | None:
        """TCP to the answer of the connect command. Raises `TransportError`."""
        if self._lane is not None or self._closed:
            raise NetworkError("this attempt has been used already", stage="connect")
        self._lane = Lane(
            f"camcast-librtmp {self._context.label}",
            self._context.handover,
            interrupt=self._interrupt,
            failed=self._failed,
            deadline=self._target.connect_timeout,
        )
        timeout = self._target.connect_timeout
        deadline = clock.monotonic() + timeout
        places = await self._places(timeout)
        error: TransportError | None = None
        for index, place in enumerate(places):
            left = deadline - clock.monotonic()
            if left <= 0:
                break
            session = Session(self._binding, self._target, self._address, place, self._options)
            self._sessions.append(session)
            try:
                await self._on_lane(session, left / (len(places) - index), session.connect)
            except NetworkError as caught:
                error = caught
                continue
            return None
        raise error or NetworkError(f"{self._target.shown}: no connection in time", stage="connect")

    async def publish(self, tracks: Sequence[Track]) -> None:
        if not self._sessions or self._live or self._closed:
            raise NetworkError("publish comes once, after connect", stage="publish")
        session = self._sessions[-1]
        await self._on_lane(session, self._target.connect_timeout, session.publish)
        self._live = True
        self._look_later()

    def send(self, unit: Unit, time: int) -> int:
        if not self._live or self._gone or self._closed or not isinstance(unit, Tag) or self._lane is None:
            return self._posted
        if self._wait_keyframe and unit.type is TagType.VIDEO and unit.packet is not None and not unit.keyframe:
            self._left_out += 1
            return self._posted
        session = self._sessions[-1]
        size = wire_size(unit, session.chunk_size)
        if self._lane.post(size, session.send, unit, time):
            self._posted += size
            if unit.type is TagType.VIDEO and unit.packet is not None:
                self._wait_keyframe = False
            return self._posted
        # The outlet holds back long before the lane is full.
        self._left_out += 1
        if unit.packet is not None and unit.packet.track.kind is MediaKind.VIDEO and not unit.packet.disposable:
            self._wait_keyframe = True
        return self._posted

    @property
    def pending(self) -> int:
        self._ask()
        return (self._lane.backlog if self._lane is not None else 0) + self._unacknowledged

    @property
    def unsent(self) -> int:
        self._ask()
        return (self._lane.backlog if self._lane is not None else 0) + self._unsent

    @property
    def acked(self) -> int:
        self._ask()
        return self._acked

    def stats(self) -> Mapping[str, float]:
        backlog = self._lane.backlog if self._lane is not None else 0
        return {
            "lane_bytes": float(backlog),
            "unacknowledged_bytes": float(self._unacknowledged),
            "unsent_bytes": float(self._unsent),
            "left_out_tags": float(self._left_out),
        }

    async def close(self) -> None:
        """Unpublish, if the lane gets round to it within a second; then shut the connection down."""
        if self._closed:
            return
        self._closed = True
        if self._looking is not None:
            self._looking.cancel()
        if self._lane is None:
            return
        try:
            # Only who publishes has a goodbye to say.
            patience = 1.0 if self._live and not self._gone else 0.0
            ended = await self._lane.stop(self._end, patience=patience, after=0.5)
            if not ended:
                log.warning("%s: librtmp did not return; its thread is left behind", self._context.label)
        finally:
            for session in self._sessions:
                session.free()

    # --- inside -------------------------------------------------------------------------------------------

    async def _places(self, timeout: float) -> list[tuple[str, int]]:
        # Names are not for librtmp: its gethostbyname can neither be interrupted nor run twice at once.
        address = self._address
        try:
            async with asyncio.timeout(timeout):
                found = await self._context.resolver.resolve(address.host, address.port, "ipv4")
        except TimeoutError:
            raise NetworkError(f"{self._target.shown}: the name was not resolved in time", stage="resolve") from None
        places = [(str(where[0]), int(where[1])) for family, where in found if family == socket.AF_INET]
        if not places:
            raise NetworkError(f"{self._target.shown}: the name has no IPv4 address", stage="resolve")
        return places

    async def _on_lane(self, session: Session, timeout: float, step: object) -> None:
        assert self._lane is not None
        assert callable(step)
        try:
            await self._lane.call(timeout, step)
        except TransportError:
            raise
        except TimeoutError:
            raise answers.silent(session.state, round(timeout, 1)) from None
        except LaneClosed:
            raise NetworkError("closed meanwhile", stage="connect") from None
        except Exception as error:  # noqa: BLE001 - python-librtmp's own: ValueError, RTMPError, …
            text = self._target.scrub(f"{type(error).__name__}: {error}")
            raise NetworkError(f"{self._target.shown}: {text}", stage="connect") from None

    def _end(self) -> None:
        """On the lane."""
        for session in self._sessions:
            session.end()

    def _interrupt(self) -> None:
        for session in self._sessions:
            session.shut()

    def _failed(self, error: BaseException) -> None:
        """A tag could not be written, or the server said or did something. On the loop."""
        if self._gone or self._closed:
            return
        self._gone = True
        if isinstance(error, TransportError):
            lost = error
        elif isinstance(error, TimeoutError):
            timeout = self._target.connect_timeout
            lost = NetworkError(f"{self._target.shown}: the server took nothing for {timeout:g} s", stage="streaming")
        else:
            text = self._target.scrub(f"{type(error).__name__}: {error}")
            lost = NetworkError(f"{self._target.shown}: {text}", stage="streaming")
        self._context.events.lost(lost)

    def _look_later(self) -> None:
        if not self._closed and not self._gone:
            self._looking = asyncio.get_running_loop().call_later(_LOOK_EVERY, self._look)

    def _look(self) -> None:
        if self._lane is not None and not self._lane.backlog:
            self._lane.post(0, self._sessions[-1].look)
        self._look_later()

    def _ask(self) -> None:
        now = clock.monotonic()
        if not self._live or self._closed or self._lane is None or now - self._asked_at < _ASK_EVERY:
            return
        self._asked_at = now
        # In this order: bytes on their way from the lane to the kernel then count against progress, never for it.
        done = self._lane.done
        self._unacknowledged = self._sessions[-1].unacknowledged()
        self._unsent = min(self._sessions[-1].unsent(), self._unacknowledged)
        self._acked = max(self._acked, done - self._unacknowledged)
