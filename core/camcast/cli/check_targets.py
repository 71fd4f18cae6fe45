"""`camcast check --targets`: every target is gone to as far as publishing may begin, and what was found is told.

It takes the way that a session takes: secrets, plugins' URLs, name, connection, TLS, and the server's answer. Nothing
is published, so whether a server takes the key shows later: `--publish-test` goes all the way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import attrs

from camcast.config import Config, SessionConfig, TargetConfig
from camcast.contracts import Resolver, Segment, TransportContext
from camcast.engine.handover import LoopHandover
from camcast.errors import PluginFault, TransportError
from camcast.host import PluginHost
from camcast.kinds import Acceptance, Confidence
from camcast.net.host import Address
from camcast.session.environment import Environment, Place
from camcast.session.guard import Guarded
from camcast.session.hosts import Hosts, host_of
from camcast.session.resolver import NameResolver
from camcast.session.uplinks import Uplinks

AT_ONCE = 32
"""Targets that are tried at the same time."""


class _Told:
    """Implements `contracts.TransportEvents`: what a transport says while it connects."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.error: TransportError | None = None

    def lost(self, error: TransportError) -> None:
        self.error = self.error or error

    def redirect(self, url: str) -> None:
        self.lines.append("the server asks to go to another address; a session decides whether it follows")

    def keyframe_wanted(self) -> None:
        """Nothing is sent yet."""

    def note(self, code: str, text: str) -> None:
        self.lines.append(text)

    def segment(self, segment: Segment) -> None:
        """Nothing is recorded yet."""


@attrs.define(eq=False)
class _Looking:
    """Implements `contracts.Resolver`, and keeps what names came to."""

    resolver: Resolver
    lines: list[str]

    async def resolve(self, host: str, port: int, family: str = "both") -> list[Address]:
        found = await self.resolver.resolve(host, port, family)
        shown = ", ".join(dict.fromkeys(str(address[1][0]) for address in found))
        line = f"{host} is {shown}" if shown != host else ""
        if line and line not in self.lines:
            self.lines.append(line)
        return found


async def try_targets(config: Config, host: PluginHost) -> tuple[list[str], bool]:
    """(one line for each target and each thing found, whether all can be published to as far as one sees)."""
    handover = LoopHandover(asyncio.get_running_loop())
    environment = Environment(
        host=host,
        handover=handover,
        resolver=NameResolver(),
        hosts=Hosts(config.system.max_connects_per_second),
        emit=lambda event: None,
        uplinks=Uplinks(config.system.uplinks),
    )
    room = asyncio.Semaphore(AT_ONCE)

    async def one(session: SessionConfig, target: TargetConfig) -> tuple[list[str], bool]:
        async with room:
            return await _try(environment, session, target)

    try:
        wanted = [(session, target) for session in config.sessions() for target in session.targets]
        answers = await asyncio.gather(*(one(session, target) for session, target in wanted))
    finally:
        handover.close()
    return [line for lines, _ in answers for line in lines], all(well for _, well in answers)


async def _try(environment: Environment, session: SessionConfig, config: TargetConfig) -> tuple[list[str], bool]:
    told = _Told()
    try:
        place = await environment.prepare(environment.uplinks.bound(session.uplink, config), 0)
        if _waits(environment, place):
            # Trying it would take its place, perhaps from a run, until somebody calls.
            return _report(session.label, config.shown, "waits for callers; not tried", []), True
        answer = await _connect(environment, session.label, place, told)
    except TransportError as error:
        return _report(session.label, config.shown, f"{error.stage or 'connect'}: {error}", told.lines), False
    told.lines.extend(_taken(answer))
    return _report(session.label, config.shown, "answers; ready to publish", told.lines), True


def _waits(environment: Environment, place: Place) -> bool:
    """Whether the target goes nowhere. Raises `PluginFault`."""
    try:
        return bool(place.kind.waits(place.target))
    except Exception as error:  # noqa: BLE001  a plugin's bug
        who = f"transport {place.kind.name}"
        environment.host.faults.tell(who, "waits", error, clean=place.target.scrub)
        text = f"{who} failed in waits, by a bug of its own: {type(error).__name__}"
        raise PluginFault(text, stage="configuration") from None


async def _connect(environment: Environment, label: str, place: Place, told: _Told) -> Acceptance:
    """What the server takes. Raises `TransportError`. Whatever was found on the way is in `told` then."""
    await environment.hosts.slot(host_of(place.target.url))
    transport = Guarded(
        place.kind,
        TransportContext(
            target=place.target,
            options=place.target.options,
            events=told,
            resolver=_Looking(environment.resolver, told.lines),
            handover=environment.handover,
            codec=environment.host.codec,
            label=label,
        ),
        environment.host.faults,
    )
    try:
        answer = await transport.connect()
        if told.error is not None:
            raise told.error
        return answer
    finally:
        told.lines.extend(transport.findings)
        await transport.close()


def _taken(answer: Acceptance) -> Iterator[str]:
    by_confidence: dict[Confidence, list[str]] = {}
    for codec, take in answer.codecs.items():
        by_confidence.setdefault(take.confidence, []).append(codec)
    yes, unknown = (by_confidence.get(which, []) for which in (Confidence.YES, Confidence.UNKNOWN))
    text = f"it takes {', '.join(yes) or 'no codec for certain'}"
    if unknown:
        text += f"; nobody can say whether {', '.join(unknown)}"
    if answer.needs_audio:
        text += "; it wants sound: where there is none, silence is added"
    yield text


def _report(label: str, shown: str, result: str, lines: Sequence[str]) -> list[str]:
    return [f"{label}: {shown}: {result}", *(f"  {line}" for line in lines)]
