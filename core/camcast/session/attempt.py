"""One use of one transport on one target, from the first thought to the close; never reused.

An attempt is who it is all the way; what is known of it grows with its stages (`stage.py`):

    new -> Prepared -> Connected -> Published -> OnAir -> … -> closed

It hears its transport (`TransportEvents`) and its outlet (`OutletOwner`), and tells its owner. Whatever ends it
resolves `lost_error`; whoever holds it closes it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

from camcast.config import SessionConfig
from camcast.contracts import Segment
from camcast.errors import CamcastError, NetworkError, PluginError, PluginFault, TransportError
from camcast.events import Note, SegmentFinished
from camcast.hosting.timed import HOLD
from camcast.media import MediaKind
from camcast.redaction import redact_text
from camcast.session.environment import Environment
from camcast.session.guard import Guarded
from camcast.session.hosts import host_of
from camcast.stream.feed import Feed
from camcast.stream.flow import FlowCounters
from camcast.stream.outlet import Outlet
from camcast.stream.rendition import Rendition
from camcast.target import Target

log = logging.getLogger(__name__)

MAX_NOTES = 20
"""Notes of one attempt that are told."""
DRAIN_DEADLINE = 1.0
"""Seconds in which a peer may take what is under way before a clean close."""


class AttemptOwner(Protocol):
    """Whom an attempt works for. All calls on the loop; each returns at once."""

    @property
    def flow(self) -> FlowCounters:
        """Where its frames are counted."""

    def dropped(self, kind: MediaKind) -> None:
        """A frame was dropped; the counters have it already."""

    def redirected(self, attempt: Attempt, url: str) -> None:
        """Its server asks to move to `url`."""

    def outdated(self, attempt: Attempt) -> None:
        """The stream is no more what it publishes: it must be published anew."""

    def begun(self, attempt: Attempt) -> None:
        """Its first unit is about to be sent."""


class Attempt:
    """One attempt of one session."""

    def __init__(
        self, config: SessionConfig, index: int, environment: Environment, feed: Feed, owner: AttemptOwner
    ) -> None:
        self.config = config
        self.index = index
        """Of its target in the chain."""
        self.environment = environment
        self.feed = feed
        self.owner = owner
        self.lost_error: asyncio.Future[TransportError] = asyncio.get_running_loop().create_future()
        self.started_at = time.monotonic()
        self.target: Target | None = None
        """Known once it is prepared, and so is its `name`: what it publishes there."""
        self.name: str | None = None
        self.redirected_from = ""
        """The configured URL, redacted, when it goes where its server said."""
        self.transport: Guarded | None = None
        self.outlet: Outlet | None = None
        self.used = False
        """Whether publishing was begun, with whatever success."""
        self.closed = False
        self._rendition: Rendition | None = None
        self._on_tracks: Callable[[], object] = lambda: None
        self._leaving: asyncio.Future[None] | None = None
        self._notes = 0

    @property
    def shown(self) -> str:
        """Its URL, redacted."""
        return self.target.shown if self.target is not None else self.config.targets[self.index].shown

    @property
    def host(self) -> str:
        """Host and port that it connects to."""
        return host_of(self.target.url if self.target is not None else self.config.targets[self.index].url)

    @property
    def rendition(self) -> Rendition | None:
        """What it publishes; None before and after."""
        return self._rendition

    @property
    def ended(self) -> bool:
        return self.closed or self.lost_error.done()

    def scrub(self, text: str) -> str:
        """`text` without this attempt's secrets."""
        return self.target.scrub(text) if self.target is not None else redact_text(text)

    # --- TransportEvents ----------------------------------------------------------------------------------

    def lost(self, error: TransportError) -> None:
        if not self.ended:
            if self.outlet is not None:
                self.outlet.close()
                self.outlet.write_off(settle=False)
            self.lost_error.set_result(error)

    def redirect(self, url: str) -> None:
        if not self.closed:
            self.owner.redirected(self, url)

    def keyframe_wanted(self) -> None:
        if not self.closed:
            self.want_keyframe()

    def note(self, code: str, text: str) -> None:
        # A peer may cause as many as it likes.
        self._notes += 1
        if self._notes > MAX_NOTES:
            return
        more = " (this attempt has said enough: nothing more of it is told)" if self._notes == MAX_NOTES else ""
        message = self.scrub(text) + more
        self.environment.emit(Note(label=self.config.label, key=self.config.key, code=code, message=message))

    def segment(self, segment: Segment) -> None:
        event = SegmentFinished(
            label=self.config.label,
            key=self.config.key,
            path=segment.path,
            shown=self.scrub(segment.path),
            begin=segment.begin,
            end=segment.end,
            size=segment.size,
            frames=segment.frames,
        )
        self.environment.emit(event)
        self.environment.segments.tell(event)

    # --- OutletOwner --------------------------------------------------------------------------------------

    def want_keyframe(self) -> None:
        self.feed.request_keyframe(self._rendition)

    def dropped(self, kind: MediaKind) -> None:
        self.owner.dropped(kind)

    def slow(self, seconds: float) -> None:
        # A busy machine has many slow sends, and must not spend on each what hiding a key in a URL takes.
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s: a send to %s took %.1f ms", self.config.label, self.shown, seconds * 1000)
        if seconds >= HOLD and self.transport is not None:
            self.transport.held("send", seconds)

    def broken(self, error: Exception) -> None:
        if not self.lost_error.done() and self.transport is not None:
            self.lost(self.transport.failure(error, "send"))

    def keyframe_late(self, seconds: float) -> None:
        self.note(
            "keyframe_awaited",
            f"no keyframe has come for {seconds:.0f} s, so {self.shown} gets no picture yet; sound goes out alone "
            "until then. A shorter keyframe interval in the camera or the encoder, or `replay`, helps",
        )

    def begun(self) -> None:
        self.owner.begun(self)

    # --- life ---------------------------------------------------------------------------------------------

    def takes(self, rendition: Rendition, on_tracks: Callable[[], object]) -> None:
        """It publishes `rendition`, acquired for it; `on_tracks` is called when the stream has other tracks."""
        self._rendition = rendition
        self._on_tracks = on_tracks

    def adopt(self, owner: AttemptOwner) -> None:
        """It stood beside and works for `owner` from now on; what it has under way is counted there."""
        self.owner = owner
        self.started_at = time.monotonic()
        if self.outlet is not None:
            self.outlet.adopt(owner.flow)

    def leave(self, *, clean: bool) -> asyncio.Future[None]:
        """Give everything back; what is returned is done when nothing is left.

        `clean`: say goodbye and let the peer take what is under way first.
        """
        if self._leaving is None:
            self._leaving = self._leave(clean)
        return self._leaving

    def _leave(self, clean: bool) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        if self.outlet is not None:
            return loop.create_task(self._say_goodbye(clean), name=f"camcast-parting-{self.config.label}")
        # It was never on the air: nothing to wait for but its transport, if it got as far.
        self._give_back()
        # Each knows the other, and must not be left to the collector: there may be hundreds every second.
        transport, self.transport = self.transport, None
        if transport is not None:
            return transport.close_soon()
        nothing: asyncio.Future[None] = loop.create_future()
        nothing.set_result(None)
        return nothing

    async def close(self, *, clean: bool) -> None:
        """`leave`, and wait until nothing is left."""
        await self.leave(clean=clean)

    async def _say_goodbye(self, clean: bool) -> None:
        try:
            await self._part(clean)
        finally:
            self._give_back()
        if self.transport is not None:
            await self.transport.close()

    async def _part(self, clean: bool) -> None:
        outlet = self.outlet
        if outlet is None:
            return
        if clean and self.transport is not None and not self.lost_error.done():
            outlet.finish()
            await self.transport.drain(DRAIN_DEADLINE, self.lost_error)
            outlet.write_off(settle=True)
        else:
            outlet.close()
            if not self.lost_error.done():
                outlet.write_off(settle=False)

    def _give_back(self) -> None:
        self.closed = True
        rendition, self._rendition = self._rendition, None
        if rendition is not None:
            self.feed.renditions.release(rendition, self)

    # --- RenditionUser ------------------------------------------------------------------------------------

    def tracks_changed(self) -> None:
        self._on_tracks()

    def rendition_failed(self, error: CamcastError) -> None:
        text = self.scrub(str(error))
        bug = isinstance(error, PluginError)
        self.lost(PluginFault(text, stage="streaming") if bug else NetworkError(text, stage="streaming"))
