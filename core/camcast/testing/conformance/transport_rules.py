"""The rules of a transport while all goes well: what is sent, what the figures say, in which order things may come."""

from __future__ import annotations

import asyncio
import itertools
import math
import re
from functools import partial
from typing import Any

import attrs

from camcast.contracts import findings, impaired, unsent
from camcast.errors import ConfigError
from camcast.kinds import Acceptance
from camcast.target import Target
from camcast.testing.conformance import base
from camcast.testing.conformance.attempt import Attempt, TransportBench
from camcast.testing.conformance.rule import Rules, broken, expect
from camcast.testing.conformance.watch import Before, Ticker, abandoned, shortest, strays, until

RULES: Rules[TransportBench] = Rules()

_ENOUGH = 100_000
"""Bytes of media that show how a transport behaves."""


@RULES.add
def lists_without_loading(bench: TransportBench) -> None:
    """Listing the kind imports nothing heavy."""
    base.lists_without_loading(bench.host, bench.kind)


@RULES.add
def describes_itself(bench: TransportBench) -> None:
    """The kind has a name, schemes in lower case and an options class; `accepts` is pure and gives an `Acceptance`."""
    kind, target = bench.kind, bench.target()
    expect(kind.name and kind.title and kind.schemes, "name, title and schemes must not be empty")
    expect(all(scheme == scheme.lower() for scheme in kind.schemes), f"schemes {kind.schemes}: expected lower case")
    expect(attrs.has(kind.options), f"options is {kind.options}: expected an attrs class")
    first, second = kind.accepts(target), kind.accepts(target)
    expect(isinstance(first, Acceptance), f"accepts() gave {type(first).__name__}, not an Acceptance")
    expect(first == second, "accepts() says something else when it is asked again")
    kind.available()


@RULES.add
def checks_with_value_errors(bench: TransportBench) -> None:
    """`check` raises `ValueError` or `ConfigError` or nothing for any target; the other two raise nothing."""
    kind, good = bench.kind, bench.target()
    scheme = good.scheme
    ends = ("", "/", "host", "host:99999/a/b", "host:x/a", "[::1/a", "user:pw@host", "host/a?b#c", "\0", "host/%zz")
    for end in ends:
        target = attrs.evolve(good, url=f"{scheme}://{end}")
        _only_value_error(kind.check, target)
        for function in (kind.accepts, kind.publish_name):
            try:
                function(target)
            except Exception as error:  # noqa: BLE001
                broken(f"{function} raised {type(error).__name__} for {scheme}://{end!r}")
    try:
        kind.check(good)
    except (ValueError, ConfigError) as error:
        broken(f"check() refuses the target that works: {error}")


def _only_value_error(check: object, target: Target) -> None:
    assert callable(check)
    try:
        check(target)
    except (ValueError, ConfigError):
        return
    except Exception as error:  # noqa: BLE001
        broken(f"check() raised {type(error).__name__} for {target.url!r}: expected ValueError or ConfigError")


@RULES.add
async def delivers(bench: TransportBench) -> None:
    """To a willing peer, all that was sent is acknowledged soon, nothing stays pending and nothing is lost."""
    async with bench.live() as attempt:
        await attempt.feed(_ENOUGH)
        drained = await attempt.drained()
        drained &= await until(lambda: attempt.transport.acked >= 0.98 * attempt.sent, bench.bounds.drain)
        expect(not attempt.events.losses, f"the attempt was lost: {attempt.events.losses}")
        pending, acked = attempt.look()
        expect(drained, f"seconds after {attempt.sent} bytes of media, pending is {pending} and acked {acked}")
        expect(acked <= 2 * attempt.sent, f"acked is {acked} after only {attempt.sent} bytes of media")


@RULES.add
async def acked_never_falls(bench: TransportBench) -> None:
    """`acked` only grows, from near 0 on."""
    attempt = bench.attempt()
    try:
        await attempt.begin()
        attempt.look()
        first = attempt.transport.acked
        expect(first <= 4096, f"acked is {first} before any media was sent")
        await attempt.feed(_ENOUGH)
        await attempt.drained()
    finally:
        await attempt.close()
    attempt.look()
    falls = [(a, b) for (_, a), (_, b) in itertools.pairwise(attempt.figures) if b < a]
    expect(not falls, f"acked fell from {falls[0][0]} to {falls[0][1]}" if falls else "")


@RULES.add
async def positions_are_reached(bench: TransportBench) -> None:
    """`send` returns where each unit ends in the stream of bytes that `acked` counts, never falling; or None always."""
    async with bench.live() as attempt:
        await attempt.feed(_ENOUGH)
        told = [position for position in attempt.positions if position is not None]
        if not told:
            return
        expect(len(told) == len(attempt.positions), "send() returned None now and then: expected always or never")
        expect(
            all(type(position) is int for position in told), f"send() returned {told[-1]!r}: expected an int or None"
        )
        falls = [(a, b) for a, b in itertools.pairwise(told) if b < a]
        expect(not falls, f"send() returned {falls[0][1]} after {falls[0][0]}" if falls else "")
        reached = await until(lambda: attempt.look()[1] >= told[-1], bench.bounds.drain)
        expect(
            reached or attempt.events.losses,
            f"the last unit ends at {told[-1]}, and acked stays at {attempt.look()[1]}",
        )
        grew = told[-1] - told[0]
        expect(grew >= attempt.sent // 2, f"positions grew by {grew} over {attempt.sent} bytes of media")


@RULES.add
async def figures_are_numbers(bench: TransportBench) -> None:
    """In every state `pending` and `acked` are ints from 0 on, `stats()` maps snake_case names to numbers, and
    `findings`, where it is there, holds lines of text."""
    attempt = bench.attempt()
    _figures(attempt, "before connect")
    try:
        await attempt.transport.connect()
        _figures(attempt, "when connected")
        await attempt.transport.publish(attempt.media.tracks)
        _figures(attempt, "when publishing")
        await attempt.feed(20_000)
        _figures(attempt, "while sending")
    finally:
        await attempt.close()
    _figures(attempt, "after close")


def _figures(attempt: Attempt, when: str) -> None:
    transport = attempt.transport
    for name in ("pending", "acked"):
        value = getattr(transport, name)
        expect(type(value) is int and value >= 0, f"{name} is {value!r} {when}: expected an int from 0 on")
    there = unsent(transport)
    if there is not None:
        expect(type(there) is int and there >= 0, f"unsent is {there!r} {when}: expected an int from 0 on, or None")
    damaged = impaired(transport)
    expect(type(damaged) is bool, f"impaired is {damaged!r} {when}: expected True or False")
    for line in findings(transport):
        expect(type(line) is str and line.isprintable(), f"findings has {line!r} {when}: expected lines of text")
    for name, value in transport.stats().items():
        expect(re.fullmatch(r"[a-z][a-z0-9_]*", name), f"stats() names {name!r}: expected snake_case")
        good = isinstance(value, int | float) and math.isfinite(value)
        expect(good, f"stats() has {name} = {value!r} {when}: expected a number")


@RULES.add
async def send_never_raises(bench: TransportBench) -> None:
    """`send` is harmless before `publish` and after `close`."""
    attempt = bench.attempt()
    for when in ("before connect", "before publish", "after close"):
        if when == "before publish":
            await attempt.transport.connect()
        if when == "after close":
            await attempt.close()
        for _ in range(8):
            try:
                attempt.send()
            except Exception as error:  # noqa: BLE001
                await attempt.close()
                broken(f"send() {when} raised {type(error).__name__}: {error}")


@RULES.add
async def closes_twice(bench: TransportBench) -> None:
    """`close` may come at any time and again: unused, connected, publishing, and both at once."""
    for state in ("new", "connected", "publishing"):
        attempt = bench.attempt()
        if state != "new":
            await attempt.transport.connect()
        if state == "publishing":
            await attempt.transport.publish(attempt.media.tracks)
        close = attempt.transport.close
        results = list(await asyncio.gather(close(), close(), return_exceptions=True))
        results += await asyncio.gather(close(), return_exceptions=True)
        errors = [result for result in results if isinstance(result, BaseException)]
        expect(not errors, f"close() of a {state} transport raised {errors[0]!r} when called again" if errors else "")


@RULES.add
async def closes_in_time(bench: TransportBench) -> None:
    """`close` returns within 2 s: unused, connected, publishing, with media under way, and during the steps."""
    limit, slack = bench.bounds.close, bench.bounds.slack
    for state in ("new", "connected", "publishing", "sending", "connecting", "beginning"):
        took = await shortest(partial(_closing, bench, state), limit + slack, 2)
        expect(took <= limit + slack, f"close() took {took:.1f} s when {state}: expected {limit:g} s")


async def _closing(bench: TransportBench, state: str) -> float:
    """How long it takes to close in that state."""
    attempt = bench.attempt()
    doing: asyncio.Future[Any] | None = None
    match state:
        case "connected":
            await attempt.transport.connect()
        case "publishing" | "sending":
            await attempt.begin()
        case "connecting":
            doing = asyncio.ensure_future(attempt.transport.connect())
        case "beginning":
            await attempt.transport.connect()
            doing = asyncio.ensure_future(attempt.transport.publish(attempt.media.tracks))
    if state == "sending":
        await attempt.feed(_ENOUGH)
    await asyncio.sleep(0)
    took = await attempt.close()
    if doing is not None:
        doing.cancel()
        await asyncio.wait([doing], timeout=1)
        await attempt.close()
        if not doing.cancelled():
            doing.exception()
    return took


@RULES.add
async def closed_stays_closed(bench: TransportBench) -> None:
    """`connect` and `publish` after `close` raise and open nothing: a transport is one attempt."""
    await bench.warm()
    before = Before()
    attempt = bench.attempt()
    await attempt.close()
    for step in (attempt.transport.connect, lambda: attempt.transport.publish(attempt.media.tracks)):
        try:
            async with asyncio.timeout(5):
                await step()
        except Exception:  # noqa: BLE001, S110
            pass
        else:
            broken("connect() or publish() went well after close(): expected an error")
    left = await before.left()
    expect(not left, f"connect() or publish() after close() left open: {left}")


@RULES.add
async def leaves_nothing(bench: TransportBench) -> None:
    """After `close` no task, thread or descriptor is left of a whole attempt, nor of a refused one."""
    await bench.warm()
    before = Before()
    with strays() as found:
        for _ in range(2):
            async with bench.live() as attempt:
                await attempt.feed(20_000)
        del attempt
        left = await before.left() or abandoned(found)
    expect(not left, f"a whole attempt left open: {left}")
    with bench.refusing() as url:
        refused = bench.attempt(url, timeout=bench.bounds.connect)
        await bench.refusal(refused)
        await refused.close()
        del refused
    left = await before.left()
    expect(not left, f"a refused attempt left open: {left}")


@RULES.add
async def keeps_the_loop_free(bench: TransportBench) -> None:
    """No step holds up the event loop: others run on it."""
    await bench.warm()
    await asyncio.sleep(0.02)

    async def measure() -> float:
        async with Ticker() as ticker, bench.live() as attempt:
            await attempt.feed(20_000)
            attempt.transport.stats()
        return ticker.longest

    longest = await shortest(measure, bench.bounds.blocked)
    expect(
        longest <= bench.bounds.blocked,
        f"the loop stood still for {longest:.2f} s; put what blocks on a thread (camcast.lane)",
    )
