"""The rules of a transport when things go wrong: cancelled, refused, silent, stalled, gone."""

from __future__ import annotations

import asyncio
import time
import traceback

from camcast.contracts import findings
from camcast.errors import TransportError
from camcast.testing.conformance.attempt import (
    Attempt,
    TransportBench,
    logged,
)
from camcast.testing.conformance.peers import Between
from camcast.testing.conformance.rule import Rules, broken, expect
from camcast.testing.conformance.stepping import cut
from camcast.testing.conformance.watch import Before, abandoned, strays, until

RULES: Rules[TransportBench] = Rules()

_PATIENT = 5.0
"""The longest deadline that is tried."""
_MAX_AWAITS = 60
_STANDSTILL = 1.5
"""Seconds without an acknowledgement that show it."""


async def _cut_everywhere(bench: TransportBench) -> str:
    """Cancel connect, publish and close at each of their awaits; what is wrong with how it was heard, "" = nothing."""
    for step in ("connect", "publish", "close"):
        for at in range(1, _MAX_AWAITS):
            attempt = bench.attempt()
            transport = attempt.transport
            if step != "connect":
                await transport.connect()
            if step == "close":
                await transport.publish(attempt.media.tracks)
                attempt.send()
            doing = {
                "connect": transport.connect,
                "publish": lambda: transport.publish(attempt.media.tracks),  # noqa: B023
                "close": transport.close,
            }[step]()
            ended = await cut(doing, at)
            await attempt.close()
            if ended.reached and not ended.heard:
                return f"{step}() went on for a second after it was cancelled at its await {at}"
            if ended.reached and not ended.cancelled:
                what = f"raised {ended.error!r}" if ended.error else "went on as if nothing had been"
                return f"{step}() {what} when cancelled at its await {at}: expected CancelledError"
            if not ended.reached:
                break
    return ""


async def _cancelled(bench: TransportBench) -> tuple[str, str]:
    """What is wrong with how cancellation was heard, and what was left open; "" = nothing."""
    if "cancelled" not in bench.memo:
        await bench.warm()
        before = Before()
        with strays() as found:
            wrong = await _cut_everywhere(bench)
            left = await before.left()
        bench.memo["cancelled"] = wrong, left or abandoned(found)
    wrong, left = bench.memo["cancelled"]
    return wrong, left


@RULES.add
async def hears_cancellation(bench: TransportBench) -> None:
    """`connect`, `publish` and `close`, cancelled at any await, end at once with `CancelledError`."""
    wrong, _ = await _cancelled(bench)
    expect(not wrong, wrong)


@RULES.add
async def cancelled_leaves_nothing(bench: TransportBench) -> None:
    """Cancelled at any await and then closed, an attempt leaves no task, thread or descriptor."""
    _, left = await _cancelled(bench)
    expect(not left, f"cancelled attempts left open: {left}")


@RULES.add
async def refusal_is_a_transport_error(bench: TransportBench) -> None:
    """A refusing peer ends `connect` or `publish` with a `TransportError`; a later refusal is told by `lost`."""
    with bench.refusing() as url:
        attempt = bench.attempt(url, timeout=bench.bounds.connect)
        try:
            error = await bench.refusal(attempt)
        finally:
            await attempt.close()
        expect(isinstance(error, TransportError), f"told was {type(error).__name__}: expected a TransportError")
        expect(str(error).strip(), "the error has no text: say what was expected, what came and what to do")


@RULES.add_for_peers
async def deadlines_hold(bench: TransportBench) -> None:
    """A silent peer is given up: `connect` and `publish` fail within `connect_timeout` for each step."""
    timeout = bench.bounds.connect
    with bench.silent() as url:
        attempt = bench.attempt(url, timeout=timeout)
        try:
            await _fails_in_time(attempt, 3 * timeout + 1.0, "a silent peer")
        finally:
            await attempt.close()
    with bench.relay() as relay:
        attempt = await connected(bench, relay)
        try:
            relay.stall()
            await _ends_in_time(attempt, 2 * attempt.target.connect_timeout + 1.0)
        finally:
            await attempt.close()


async def connected(bench: TransportBench, relay: Between) -> Attempt:
    """A connected attempt with a short deadline, which on a busy machine may be too short at first."""
    timeout = bench.bounds.connect
    while True:
        attempt = bench.attempt(relay.url, timeout=timeout)
        try:
            await attempt.transport.connect()
        except TransportError:
            await attempt.close()
            timeout *= 2
            if timeout > _PATIENT:
                raise
        else:
            return attempt


async def _fails_in_time(attempt: Attempt, seconds: float, what: str) -> None:
    try:
        async with asyncio.timeout(seconds):
            await attempt.begin()
    except TransportError:
        return
    except TimeoutError:
        broken(f"neither connect() nor publish() gave up {what} within {seconds:.1f} s")
    broken(f"connect() and publish() to {what} went well")


async def _ends_in_time(attempt: Attempt, seconds: float) -> None:
    """Publishing to a peer that has fallen silent may go well where a protocol asks for no answer."""
    try:
        async with asyncio.timeout(seconds):
            await attempt.transport.publish(attempt.media.tracks)
    except TransportError:
        return
    except TimeoutError:
        broken(f"publish() to a peer that fell silent did not end within {seconds:.1f} s")


@RULES.add_for_peers
async def loss_is_told(bench: TransportBench) -> None:
    """A connection that breaks while publishing is told by `events.lost`, or by silence: `acked` stands still."""
    with bench.relay() as relay:
        attempt = bench.attempt(relay.url)
        try:
            await attempt.begin()
            await attempt.feed(20_000)
            relay.drop()
            deadline, since = time.monotonic() + bench.bounds.loss, time.monotonic()
            while not attempt.events.losses and time.monotonic() < deadline:
                attempt.send()
                (_, before), (pending, acked) = attempt.figures[-2:]
                if acked != before or not pending:
                    since = time.monotonic()
                if bench.by_silence and time.monotonic() - since > _STANDSTILL:
                    return
                await asyncio.sleep(0.02)
        finally:
            await attempt.close()
    losses = attempt.events.losses
    expect(losses, f"the connection broke, and events.lost was not called within {bench.bounds.loss:g} s")
    expect(all(isinstance(error, TransportError) for error in losses), f"lost was told {losses[:1]!r}")


@RULES.add_for_peers
async def tells_on_the_loop(bench: TransportBench) -> None:
    """Events are told on the event loop only; other threads hand over."""
    with bench.relay() as relay:
        attempt = bench.attempt(relay.url)
        try:
            await attempt.begin()
            await attempt.feed(20_000)
            relay.drop()
            await until(lambda: attempt.events.losses, min(bench.bounds.loss, 1.0))
        finally:
            await attempt.close()
    strangers = attempt.events.strangers
    expect(not strangers, f"an event was told on thread {strangers[0]}" if strangers else "")


@RULES.add_for_peers
async def stays_quiet_after_close(bench: TransportBench) -> None:
    """What a peer does after `close` raises nothing anywhere, nor does anything before."""
    with strays() as found:
        with bench.relay() as relay:
            attempt = bench.attempt(relay.url)
            await attempt.begin()
            await attempt.feed(20_000)
            await attempt.close()
            relay.drop()
            await asyncio.sleep(0.1)
        with bench.relay() as relay:
            attempt = bench.attempt(relay.url)
            await attempt.begin()
            relay.drop()
            await asyncio.sleep(0.05)
            await attempt.close()
            await asyncio.sleep(0.05)
        del attempt
        await Before().left()
    expect(not found, f"nobody caught: {found[0]}" if found else "")


@RULES.add
async def hides_secrets(bench: TransportBench) -> None:
    """Neither repr, errors, notes, findings, figures nor logs hold the target's key or password."""
    texts: list[str] = []
    with logged() as lines:
        attempt = bench.attempt()
        try:
            await attempt.begin()
            await attempt.feed(20_000)
            texts += _words(attempt)
        finally:
            await attempt.close()
        secrets = set(attempt.target.secrets)
        troubles = [bench.refusing()]
        if bench.wire:
            troubles.append(bench.silent())
        for trouble in troubles:
            with trouble as url:
                attempt = bench.attempt(url, timeout=bench.bounds.connect)
                secrets |= attempt.target.secrets
                try:
                    error = await bench.refusal(attempt)
                    texts += ["".join(traceback.format_exception(error)), *_words(attempt)]
                finally:
                    await attempt.close()
        texts += lines
    shown = [(secret, text) for secret in secrets for text in texts if secret in text]
    # The text itself is not repeated here: test reports are read by others.
    expect(not shown, f"a secret of {len(shown[0][0])} letters shows in: {_masked(*shown[0])}" if shown else "")


def _words(attempt: Attempt) -> list[str]:
    transport = attempt.transport
    errors = [repr(error) for error in attempt.events.losses]
    return [repr(transport), *attempt.events.texts, *errors, *findings(transport), str(transport.stats())]


def _masked(secret: str, text: str) -> str:
    line = next(line for line in text.splitlines() if secret in line)
    return line.replace(secret, "<secret>").strip()[:200]
