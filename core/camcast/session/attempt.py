"""One use of one transport on one target, from the connect to the close; never reused.

    prepare -> connect -> negotiate -> publish -> start (outlet on the hub) -> … -> close

A spare attempt stops after `connect`. Whatever ends the attempt resolves `lost`.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from typing import TypeVar
from urllib.parse import urlsplit

from camcast.config import SessionConfig
from camcast.contracts import Transport, TransportContext
from camcast.descriptors import exhausted
from camcast.errors import CamcastError, MediaError, NetworkError, TransportError
from camcast.events import Note
from camcast.kinds import Acceptance, TransportKind
from camcast.media import MediaKind
from camcast.redaction import redact_text
from camcast.session.environment import Environment
from camcast.session.liveness import LOOK, Liveness
from camcast.stream.feed import Feed
from camcast.stream.flow import FlowCounters
from camcast.stream.negotiation import Choice, choose
from camcast.stream.outlet import Limits, Outlet
from camcast.stream.rendition import Rendition
from camcast.target import Target

log = logging.getLogger(__name__)
T = TypeVar("T")

HUB_DEADLINE = 20.0
"""Seconds to wait for the rendition's first keyframe: the longest usual distance of keyframes, doubled."""
STEPS = 8.0
"""Connect timeouts after which a transport that forgot its own deadlines is given up."""
MAX_NOTES = 20
"""Notes of one attempt that are told."""
CLOSE_DEADLINE = 2.5
DRAIN_DEADLINE = 1.0


class Attempt:
    """One attempt of one session. Implements `TransportEvents` for its transport and `OutletOwner` for its outlet."""

    def __init__(
        self,
        config: SessionConfig,
        index: int,
        environment: Environment,
        feed: Feed,
        flow: FlowCounters,
        *,
        on_redirect: Callable[[Attempt, str], object] = lambda attempt, url: None,
        on_drop: Callable[[MediaKind], object] = lambda kind: None,
        on_outdated: Callable[[Attempt], object] | None = None,
    ) -> None:
        """`on_outdated`: the stream's tracks are others now, so it must be published anew; None = the attempt ends."""
        self.config = config
        self.index = index
        self.target: Target | None = None
        self.lost_error: asyncio.Future[TransportError] = asyncio.get_running_loop().create_future()
        self.outlet: Outlet | None = None
        self.published_at: float | None = None
        self.started_at = time.monotonic()
        self.closed = False
        self._closing = False
        self._notes = 0
        self._environment = environment
        self._feed = feed
        self._flow = flow
        self._on_redirect = on_redirect
        self._on_drop = on_drop
        self._on_outdated = on_outdated
        self._on_begun: Callable[[], object] = lambda: None
        self._kind: TransportKind | None = None
        self._transport: Transport | None = None
        self._acceptance: Acceptance | None = None
        self._rendition: Rendition | None = None
        self._liveness = Liveness(config.stall_timeout, 0, self.started_at)
        self._look_at = 0.0

    # --- TransportEvents ----------------------------------------------------------------------------------

    def lost(self, error: TransportError) -> None:
        if not self.lost_error.done() and not self.closed:
            if self.outlet is not None:
                self.outlet.close()
                self.outlet.write_off(settle=False)
            self.lost_error.set_result(error)

    def redirect(self, url: str) -> None:
        if not self.closed:
            self._on_redirect(self, url)

    def keyframe_wanted(self) -> None:
        if not self.closed:
            self._feed.request_keyframe(self._rendition)

    def note(self, code: str, text: str) -> None:
        # A peer may cause as many as it likes.
        self._notes += 1
        if self._notes > MAX_NOTES:
            return
        more = " (this attempt has said enough: nothing more of it is told)" if self._notes == MAX_NOTES else ""
        message = self.scrub(text) + more
        self._environment.emit(Note(label=self.config.label, key=self.config.key, code=code, message=message))

    # --- OutletOwner --------------------------------------------------------------------------------------

    def want_keyframe(self) -> None:
        self._feed.request_keyframe(self._rendition)

    def dropped(self, kind: MediaKind) -> None:
        self._on_drop(kind)

    def slow(self, seconds: float) -> None:
        name = self._kind.name if self._kind is not None else "?"
        log.debug("%s: send of transport %s took %.1f ms", self.config.label, name, seconds * 1000)

    def broken(self, error: Exception) -> None:
        if not self.lost_error.done():
            self._log_bug("send")
            self.lost(self._foreign(error))

    def begun(self) -> None:
        self._on_begun()

    # --- life ---------------------------------------------------------------------------------------------

    @property
    def shown(self) -> str:
        return self.target.shown if self.target is not None else self.config.targets[self.index].shown

    def scrub(self, text: str) -> str:
        """`text` without this attempt's secrets."""
        return self.target.scrub(text) if self.target is not None else redact_text(text)

    @property
    def host(self) -> str:
        url = self.target.url if self.target is not None else self.config.targets[self.index].url
        return host_of(url)

    @property
    def publish_name(self) -> str:
        assert self._kind is not None
        assert self.target is not None
        return self._kind.publish_name(self.target)

    @property
    def transport(self) -> Transport | None:
        return self._transport

    async def prepare(self, number: int, redirect: tuple[Target, str] | None = None) -> None:
        """Find out where to go; `redirect`: the old target and the new URL that its server named."""
        if redirect is not None:
            self.target, self._kind = self._environment.redirected(self.config.targets[self.index], *redirect)
        else:
            self.target, self._kind = await self._environment.prepare(self.config.targets[self.index], number)
        self._acceptance = self._kind.accepts(self.target)

    async def connect(self) -> None:
        """Connect as far as publishing may begin. Raises `TransportError`."""
        assert self.target is not None
        assert self._kind is not None
        await self._environment.hosts.slot(self.host)
        context = TransportContext(
            target=self.target,
            options=self.target.options,
            events=self,
            resolver=self._environment.resolver,
            handover=self._environment.handover,
            codec=self._environment.host.codec,
            label=self.config.label,
        )
        try:
            self._transport = self._kind.build(context)
            self._environment.opened.add(self._transport, self.config.label)
            connecting = self._transport.connect()
            self._acceptance = await self._within(connecting, "connect") or self._acceptance
        except (TransportError, asyncio.CancelledError):
            raise
        except CamcastError as error:
            raise self._foreign(error) from None
        except Exception as error:  # noqa: BLE001  a plugin's bug
            self._log_bug("connect")
            raise self._foreign(error) from None

    async def publish(self) -> None:
        """Negotiate, start the rendition, and begin publishing. Raises `TransportError`."""
        assert self._transport is not None
        assert self.target is not None
        assert self._kind is not None
        assert self._acceptance is not None
        try:
            choice = self._choose()
            for remark in choice.remarks:
                self.note(remark.code, remark.text)
            rendition = self._rendition = self._feed.acquire(choice.key)
            rendition.on_failed.append(self._rendition_failed)
            self._feed.on_tracks.append(self._tracks_changed)
            if not rendition.ready.done():
                self._feed.request_keyframe(rendition)
            async with asyncio.timeout(HUB_DEADLINE):
                await asyncio.shield(rendition.ready)
            await self._within(self._transport.publish(rendition.tracks), "publish")
        except (TransportError, asyncio.CancelledError):
            raise
        except TimeoutError:
            raise NetworkError(
                f"no keyframe within {HUB_DEADLINE:g} s, so there is nothing to begin with", stage="publish"
            ) from None
        except CamcastError as error:
            raise self._foreign(error) from None
        except Exception as error:  # noqa: BLE001  a plugin's bug
            self._log_bug("publish")
            raise self._foreign(error) from None
        if self.lost_error.done():
            raise self.lost_error.result()
        self.published_at = time.monotonic()

    def start(
        self,
        *,
        at_keyframe: bool = False,
        base: int | None = None,
        begun: Callable[[], object] = lambda: None,
    ) -> None:
        """Feed the published transport: with replay at once, or (planned moves) from the next keyframe.

        `begun` is called just before the first unit is sent.
        """
        assert self._transport is not None
        assert self._rendition is not None
        assert self._rendition.hub is not None
        config = self.config
        self._on_begun = begun
        limits = Limits(
            seconds=config.queue.seconds,
            bytes=config.queue.bytes,
            replay_seconds=config.replay_max.seconds if config.replay == "squeeze" else 0.0,
            replay_bytes=config.replay_max.bytes,
        )
        self.outlet = Outlet(
            self._transport,
            limits,
            self,
            counters=self._flow,
            quiet=at_keyframe,
            first_time=self._environment.first_timestamp,
            base=base,
        )
        self.outlet.start(self._rendition.hub, at_keyframe=at_keyframe)

    def check(self, now: float) -> None:
        """Look for a stall, and for the first acknowledged media. Called several times a second."""
        transport = self._transport
        if transport is None or self.published_at is None or self.lost_error.done() or self.closed:
            return
        if now < self._look_at and self.stall_due(now) > 0:
            return
        if self.flow_since is not None:
            self._look_at = now + LOOK
        try:
            self._look_for_stall(transport, now)
        except Exception as error:  # noqa: BLE001  a plugin's bug
            self._log_bug("its figures")
            self.lost(self._foreign(error))

    def _look_for_stall(self, transport: Transport, now: float) -> None:
        acked = transport.acked
        outlet = self.outlet
        if outlet is None or not outlet.sending:
            self._liveness.rest(acked, now)
            return
        stall = self._liveness.look(acked, transport.pending, outlet.waiting, now)
        if stall is not None:
            self.lost(NetworkError(str(stall), stage="streaming"))

    @property
    def flow_since(self) -> float | None:
        """Monotonic time of the first acknowledged media."""
        return self._liveness.begun

    def stall_due(self, now: float) -> float:
        """Seconds until a stall would be noticed if nothing is acknowledged."""
        return self._liveness.due() - now

    def suspicious(self, now: float) -> bool:
        """Whether nothing has been acknowledged for long enough to prepare for the worst."""
        return self._liveness.suspicious(now)

    def adopt(
        self,
        flow: FlowCounters,
        *,
        on_redirect: Callable[[Attempt, str], object],
        on_drop: Callable[[MediaKind], object],
        on_outdated: Callable[[Attempt], object],
    ) -> None:
        """Count into `flow` from now on: the attempt stood beside and becomes the active one."""
        self._flow = flow
        self._on_redirect = on_redirect
        self._on_drop = on_drop
        self._on_outdated = on_outdated
        self.started_at = time.monotonic()
        if self.outlet is not None:
            self.outlet.adopt(flow)

    async def close(self, *, clean: bool) -> None:
        """Give everything back. `clean`: say goodbye and let the peer take what is under way first."""
        if self._closing:
            return
        self._closing = True
        try:
            await self._part(clean)
        finally:
            if not self.closed:
                self._give_back()
        transport = self._transport
        if transport is not None:
            try:
                # Not wait_for: before Python 3.12 it may lose a cancellation.
                async with asyncio.timeout(CLOSE_DEADLINE):
                    await transport.close()
            except TimeoutError:
                log.warning("%s: transport did not close within %g s", self.config.label, CLOSE_DEADLINE)
            except Exception:  # noqa: BLE001  a plugin's bug
                self._log_bug("close")

    async def _part(self, clean: bool) -> None:
        outlet = self.outlet
        if outlet is not None:
            if clean and not self.lost_error.done():
                outlet.finish()
                await self._drain()
                outlet.write_off(settle=True)
            else:
                outlet.close()
                if not self.lost_error.done():
                    outlet.write_off(settle=False)
        self._give_back()

    def _give_back(self) -> None:
        self.closed = True
        if self._rendition is not None:
            if self._rendition_failed in self._rendition.on_failed:
                self._rendition.on_failed.remove(self._rendition_failed)
            if self._tracks_changed in self._feed.on_tracks:
                self._feed.on_tracks.remove(self._tracks_changed)
            self._feed.release(self._rendition)

    async def _drain(self) -> None:
        assert self._transport is not None
        deadline = time.monotonic() + DRAIN_DEADLINE
        # What the peer has acknowledged is the kernel's to know: nothing tells, so it is asked.
        while self._transport.pending and time.monotonic() < deadline and not self.lost_error.done():  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    def _choose(self) -> Choice:
        assert self.target is not None
        assert self._kind is not None
        assert self._acceptance is not None
        return choose(
            self._feed.offers,
            self._acceptance,
            self._environment.host.codecs,
            payload=self._kind.payload,
            forms=self.target.forms,
            audio=self.target.audio,
            on_unsupported=self.target.on_unsupported,
        )

    def _tracks_changed(self) -> None:
        """What is published may not be what would be chosen now."""
        assert self._rendition is not None
        if not self._rendition.closed:
            try:
                if self._choose().key == self._rendition.key:
                    return
            except CamcastError as error:
                log.debug("%s: %s", self.config.label, type(error).__name__)
        if self._on_outdated is not None:
            self._on_outdated(self)
        else:
            self.lost(NetworkError("the stream's tracks changed, so it must be published anew", stage="streaming"))

    def _rendition_failed(self, error: CamcastError) -> None:
        self.lost(self._foreign(error))

    async def _within(self, work: Awaitable[T], stage: str) -> T:
        assert self.target is not None
        assert self._kind is not None
        seconds = STEPS * self.target.connect_timeout
        try:
            async with asyncio.timeout(seconds):
                return await work
        except TimeoutError:
            raise NetworkError(
                f"transport {self._kind.name} did not {stage} within {seconds:g} s, nor did it give up", stage=stage
            ) from None

    def _log_bug(self, where: str) -> None:
        """The traceback of a plugin's bug, without what it must not show."""
        if exhausted(sys.exception()):
            return
        name = self._kind.name if self._kind is not None else "?"
        log.error("Transport %s failed in %s: %s", name, where, self.scrub(traceback.format_exc()))

    def _foreign(self, error: Exception) -> TransportError:
        """Somebody else's exception as an attempt's failure; its text may hold a secret."""
        if told := exhausted(error):
            return NetworkError(told, stage="transport")
        text = str(error) if isinstance(error, MediaError) else f"{type(error).__name__}: {error}"
        return NetworkError(self.scrub(text) if self.target else type(error).__name__, stage="transport")


def host_of(url: str) -> str:
    """Host and port of a URL, for the connect cap; "" where it has none."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return ""
