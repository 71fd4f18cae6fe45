"""The stages of an attempt, as values: each holds what is known from then on, and is the way to the next one.

    Prepared    where to go: secrets resolved, URL as the plugins say, options checked
    Connected   as far as publishing may begin: a spare stands here
    Published   the server has agreed, and the rendition is there
    OnAir       an outlet feeds it

A stage is got from the one before, so whoever holds it need not ask whether it was reached.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from math import inf

import attrs

from camcast.config import SessionConfig
from camcast.contracts import TransportContext
from camcast.errors import CamcastError, NetworkError, TransportError
from camcast.kinds import Acceptance, Confidence, TransportKind
from camcast.media import Track
from camcast.session.attempt import Attempt
from camcast.session.environment import Place
from camcast.session.guard import Guarded
from camcast.session.liveness import LOOK, Liveness
from camcast.session.rounds import GRID, shared
from camcast.stream.hub import Hub
from camcast.stream.negotiation import Choice, choose
from camcast.stream.outlet import Limits, Outlet
from camcast.stream.rendition import Rendition
from camcast.target import Target

log = logging.getLogger(__name__)

HUB_DEADLINE = 20.0
"""Seconds to wait for the rendition's first keyframe: the longest usual distance of keyframes, doubled."""


async def prepare(
    attempt: Attempt, number: int, redirect: tuple[Target, str] | None = None, known: Place | None = None
) -> Prepared:
    """Find out where to go. `number` counts the session's attempts from 0; `redirect` is the old target and the new URL
    that its server named; `known` is where the last attempt on this target went. Raises `TransportError`."""
    environment = attempt.environment
    config = environment.uplinks.bound(attempt.config.uplink, attempt.config.targets[attempt.index])
    if redirect is not None:
        attempt.redirected_from = config.shown
        place = await environment.redirected(config, *redirect)
    else:
        place = await environment.prepare(config, number, known)
    attempt.target, attempt.name = place.target, place.name
    return Prepared(attempt, place)


@attrs.frozen(eq=False, repr=False)
class Prepared:
    """It is known where to go."""

    attempt: Attempt
    place: Place

    @property
    def name(self) -> str:
        """What is published there: it has one publisher at a time."""
        return self.place.name

    @property
    def target(self) -> Target:
        return self.place.target

    @property
    def kind(self) -> TransportKind:
        return self.place.kind

    async def connect(self) -> Connected:
        """Connect as far as publishing may begin. Raises `TransportError`."""
        attempt, environment = self.attempt, self.attempt.environment
        await environment.hosts.slot(attempt.host)
        context = TransportContext(
            target=self.target,
            options=self.target.options,
            events=attempt,
            resolver=environment.resolver,
            handover=environment.handover,
            codec=environment.host.codec,
            label=attempt.config.label,
            beside=lambda output: environment.delivery(attrs.evolve(attempt.config.key, output=output)),
        )
        transport = attempt.transport = Guarded(self.kind, context, environment.host.faults)
        environment.opened.add(transport.transport, context.label)
        return Connected(self, transport, await transport.connect())


@attrs.frozen(eq=False, repr=False)
class Connected:
    """Connected, and nothing published: what a pool keeps."""

    prepared: Prepared
    transport: Guarded
    acceptance: Acceptance

    @property
    def attempt(self) -> Attempt:
        return self.prepared.attempt

    @property
    def target(self) -> int:
        """Which one of the chain."""
        return self.attempt.index

    @property
    def fresh(self) -> bool:
        """Whether it can still be published: alive, and never tried."""
        return not self.attempt.used and not self.attempt.ended

    async def close(self) -> None:
        await self.attempt.close(clean=False)

    def choose(self) -> Choice:
        """The rendition that this server would be given now. Raises `MisconfiguredError` when there is none."""
        attempt, prepared = self.attempt, self.prepared
        return choose(
            attempt.feed.offers,
            self.acceptance,
            attempt.environment.host.codecs,
            payload=prepared.kind.payload,
            forms=prepared.target.forms,
            audio=prepared.target.audio,
            on_unsupported=prepared.target.on_unsupported,
            on_unconfirmed=prepared.target.on_unconfirmed,
        )

    async def publish(self) -> Published:
        """Negotiate, start the rendition, and begin publishing. Raises `TransportError`."""
        attempt = self.attempt
        attempt.used = True
        try:
            choice = self.choose()
            for remark in choice.remarks:
                attempt.note(remark.code, remark.text)
            rendition = attempt.feed.renditions.acquire(choice.key, attempt)
            attempt.takes(rendition, lambda: self._compare(rendition))
            hub = await self._hub(rendition)
            await self.transport.publish(rendition.tracks)
        except Exception as error:  # noqa: BLE001  codecs and encoders are plugins as well
            raise self.transport.failure(error, "publish") from None
        if attempt.lost_error.done():
            raise attempt.lost_error.result()
        return Published(self, hub, rendition.tracks, choice.unconfirmed)

    async def _hub(self, rendition: Rendition) -> Hub:
        """The rendition's, once it has something to begin with."""
        if not rendition.ready.done():
            self.attempt.want_keyframe()
        try:
            async with asyncio.timeout(HUB_DEADLINE):
                return await asyncio.shield(rendition.ready)
        except TimeoutError:
            raise NetworkError(
                f"no keyframe within {HUB_DEADLINE:g} s, so there is nothing to begin with", stage="publish"
            ) from None

    def _compare(self, rendition: Rendition) -> None:
        """The stream has other tracks: what is published may not be what would be chosen now."""
        attempt = self.attempt
        if not rendition.closed:
            try:
                if self.choose().key == rendition.key:
                    return
            except CamcastError as error:
                log.debug("%s: %s", attempt.config.label, type(error).__name__)
        attempt.owner.outdated(attempt)


@attrs.frozen(eq=False, repr=False)
class Published:
    """The server has agreed."""

    connected: Connected
    hub: Hub
    tracks: tuple[Track, ...]
    unconfirmed: str = ""
    """Why nobody can tell whether there is a picture at the other end."""
    at: float = attrs.field(factory=time.monotonic)
    """`time.monotonic()` of the agreement."""

    @property
    def attempt(self) -> Attempt:
        return self.connected.attempt

    @property
    def name(self) -> str:
        """What is published."""
        return self.connected.prepared.name

    def start(self, *, at_keyframe: bool = False, base: int | None = None) -> OnAir:
        """Feed it: with replay at once, or (planned moves) from the next keyframe.

        `base` is the hub's time in ms that is this attempt's 0, where it shares a timeline with another one.
        """
        attempt, transport = self.attempt, self.connected.transport
        config = attempt.config
        limits = limits_of(config)
        outlet = attempt.outlet = Outlet(
            transport.transport,
            limits,
            attempt,
            counters=attempt.owner.flow,
            quiet=at_keyframe,
            first_time=attempt.environment.first_timestamp,
            base=base,
        )
        liveness = Liveness(config.stall_timeout, 0, self.at, trip=transport.trip)
        on_air = OnAir(self, outlet, liveness)
        on_air.check(time.monotonic())
        outlet.start(self.hub, at_keyframe=at_keyframe)
        return on_air


@attrs.define(eq=False, repr=False)
class OnAir:
    """Publishing, and fed by an outlet."""

    published: Published
    outlet: Outlet
    liveness: Liveness
    attempt: Attempt = attrs.field(init=False)
    _look_at: float = attrs.field(default=0.0, init=False)

    def __attrs_post_init__(self) -> None:
        self.attempt = self.published.attempt

    @property
    def index(self) -> int:
        """Of its target in the chain."""
        return self.attempt.index

    @property
    def target(self) -> Target:
        return self.published.connected.prepared.target

    @property
    def shown(self) -> str:
        """Its URL, redacted."""
        return self.attempt.shown

    @property
    def tracks(self) -> tuple[Track, ...]:
        """As published."""
        return self.published.tracks

    @property
    def rendition(self) -> Rendition | None:
        """What it publishes; None once it has been given back."""
        return self.attempt.rendition

    @property
    def another_picture(self) -> bool:
        """Whether its server takes a picture of another size in mid-stream."""
        return self.published.connected.acceptance.another_picture

    @property
    def tracks_taken(self) -> Confidence:
        """Whether its server takes several pictures, and several sounds, in one connection."""
        return self.published.connected.acceptance.tracks

    @property
    def headers_again(self) -> bool:
        """Whether headers of further tracks are to be repeated for those who come later."""
        return self.published.connected.acceptance.headers_again

    def takes(self, codec: str) -> Confidence:
        """Whether its server takes this codec."""
        return self.published.connected.acceptance.take(codec).confidence

    @property
    def spares(self) -> bool:
        """Whether its server takes a second connection beside this one, which does not publish."""
        return self.published.connected.prepared.kind.spares

    @property
    def trip(self) -> float:
        """Seconds that the slowest answer of its server took while nothing was sent; 0 = not known."""
        return self.published.connected.transport.trip

    @property
    def waited(self) -> float:
        """Seconds that the oldest had waited for its acknowledgement when it was last looked for a stall."""
        return self.liveness.waited

    @property
    def flow_since(self) -> float | None:
        """`time.monotonic()` at which the first media was seen to be acknowledged."""
        return self.liveness.begun

    @property
    def unconfirmed(self) -> str:
        """Why nobody can tell whether there is a picture at the other end; "" = it can be told."""
        return self.published.unconfirmed

    @property
    def impaired(self) -> bool:
        """Whether what is sent arrives so damaged that the receiver can hardly show a picture."""
        return self.published.connected.transport.impaired

    def adopt(self, config: SessionConfig) -> None:
        """Go on by this."""
        self.attempt.config = config
        self.liveness.stall_timeout = config.stall_timeout
        self.outlet.limit(limits_of(config))

    def figures(self) -> tuple[Mapping[str, float], int]:
        """The transport's own figures, and the bytes pending."""
        return self.published.connected.transport.figures()

    def acknowledged(self, now: float) -> bool:
        """Whether the peer acknowledges what is sent."""
        return self.outlet.delivered and not self.attempt.ended and not self.liveness.suspicious(now)

    def check(self, now: float) -> None:
        """Look for a stall, and for the first acknowledged media, unless neither is `due`."""
        if self.attempt.ended or (now < self._look_at and now < self.liveness.due()):
            return
        if self.liveness.begun is not None:
            self._look_at = shared(now + LOOK)
        try:
            acked, pending = self.published.connected.transport.read()
        except TransportError as error:
            self.attempt.lost(error)
            return
        if not self.outlet.sending:
            self.liveness.rest(acked, now)
            return
        stall = self.liveness.look(acked, pending, self.outlet.waiting, now)
        if stall is not None:
            self.attempt.lost(NetworkError(str(stall), stage="streaming"))

    def due(self, now: float) -> float:
        """When to `check` next: soon until media flows, then a few times a second, and when a silence is a stall."""
        if self.attempt.ended:
            return inf
        look = shared(now + GRID) if self.liveness.begun is None else self._look_at
        return min(look, self.liveness.due())


def limits_of(config: SessionConfig) -> Limits:
    """What an outlet of this session is bounded by."""
    return Limits(
        seconds=config.queue.seconds,
        bytes=config.queue.bytes,
        replay_seconds=config.replay_max.seconds if config.replay == "squeeze" else 0.0,
        replay_bytes=config.replay_max.bytes,
    )
