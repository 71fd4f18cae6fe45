"""The rules of a transport whose peer takes nothing any more: what `send` does, what the figures say, how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import attrs

from camcast.contracts import unsent
from camcast.errors import TransportError
from camcast.testing.conformance.attempt import Bounds, TransportBench
from camcast.testing.conformance.peers import Between
from camcast.testing.conformance.rule import Rules, expect
from camcast.testing.conformance.transport_faults import connected
from camcast.testing.conformance.watch import OURS

RULES: Rules[TransportBench] = Rules()

_STALLED = 5 << 20
"""Bytes sent to a peer that takes nothing: more than a kernel swallows unasked, less than any last bound."""
_KEPT = 3 << 19
"""Bytes that must be pending then, where a last bound is low."""
_MODEST = 512 << 10
"""Bytes sent to such a peer first: 40 s of a slow link, which a kernel swallows whole."""
_SETTLING = 0.15
"""Seconds that acknowledgements take which are under way when a peer stalls."""


@attrs.frozen
class _Stall:
    """What an attempt did whose peer takes nothing any more."""

    slowest: float
    held: int
    """Pending after the first `_MODEST` bytes."""
    swallowed: int
    """Of them, acknowledged."""
    pending: int
    acked: int
    unsent: int | None
    sent: int
    lost: bool
    closing: float

    def slow(self, bounds: Bounds) -> bool:
        """Perhaps only because the machine is busy."""
        return self.slowest > bounds.blocked or self.closing > bounds.close + bounds.slack


async def _stalled(bench: TransportBench) -> _Stall:
    if "stall" not in bench.memo:
        for _ in range(2):
            with bench.relay() as relay:
                bench.memo["stall"] = await _stall(bench, relay)
            if not bench.memo["stall"].slow(bench.bounds):
                break
    found: _Stall = bench.memo["stall"]
    return found


async def _stall(bench: TransportBench, relay: Between) -> _Stall:
    attempt = bench.attempt(relay.url)
    await attempt.begin()
    await attempt.feed(20_000)
    relay.stall()
    # Whoever blocks is let go after a while.
    rescue = threading.Timer(4.0, relay.resume)
    rescue.name = f"{OURS}rescue"
    rescue.start()
    _, before = attempt.look()
    try:
        await attempt.feed(_MODEST, seconds=1.0)
        await asyncio.sleep(_SETTLING)
        held, swallowed = attempt.look()
        await attempt.feed(_STALLED - _MODEST, seconds=3.0)
    finally:
        rescue.cancel()
    await asyncio.sleep(_SETTLING)
    there = unsent(attempt.transport)
    pending, acked = attempt.look()
    lost = bool(attempt.events.losses)
    closing = await attempt.close()
    return _Stall(attempt.slowest, held, swallowed - before, pending, acked, there, attempt.sent, lost, closing)


@RULES.add_for_peers
async def send_never_blocks(bench: TransportBench) -> None:
    """`send` to a peer that takes nothing returns at once; what the socket does not take is kept."""
    slowest = (await _stalled(bench)).slowest
    expect(slowest <= bench.bounds.blocked, f"send() took {slowest:.1f} s: the peer takes nothing")


@RULES.add_for_peers
async def pending_is_truthful(bench: TransportBench) -> None:
    """With a peer that takes nothing, `pending` grows to what was sent and not acknowledged, the kernel's included.

    Little as much as a lot: by this a session notices a server that has frozen, on a slow link too.
    """
    seen = await _stalled(bench)
    advice = (
        "what the kernel or the library has taken and the peer has not acknowledged counts as pending, not as acked"
    )
    # Where only silence shows that nothing is taken, it takes longer than this.
    shows = seen.held >= _MODEST // 2 or bench.by_silence
    expect(
        seen.lost or (shows and seen.swallowed <= _MODEST // 2),
        f"{_MODEST} bytes of media were sent to a peer that takes nothing; {seen.held} of them are pending, "
        f"{seen.swallowed} acked: {advice}",
    )
    # A bound of the transport's own may be lower than what was sent.
    expect(
        seen.lost or seen.pending >= _KEPT,
        f"{seen.sent} bytes of media were sent to a peer that takes nothing; "
        f"pending is {seen.pending}, acked {seen.acked}",
    )


@RULES.add_for_peers
async def unsent_is_truthful(bench: TransportBench) -> None:
    """Where a transport tells what of `pending` has not left this machine: most of it, to a peer that takes nothing."""
    seen = await _stalled(bench)
    if seen.unsent is None or seen.lost or bench.by_silence:
        return
    text = f"a peer takes nothing; unsent is {seen.unsent}, pending {seen.pending}"
    expect(seen.unsent <= seen.pending, f"{text}: expected a part of it")
    expect(seen.unsent >= seen.pending // 2, f"{text}: what waits here counts, the kernel's and the library's too")


@RULES.add_for_peers
async def closes_in_time_when_stalled(bench: TransportBench) -> None:
    """`close` returns within 2 s also when the peer takes nothing, says nothing or has gone."""
    times = {"stalled": (await _stalled(bench)).closing}
    for trouble in ("silent since connect", "gone"):
        with bench.relay() as relay:
            attempt = await connected(bench, relay)
            relay.stall() if trouble != "gone" else relay.drop()
            with contextlib.suppress(TransportError, TimeoutError):
                async with asyncio.timeout(3 * attempt.target.connect_timeout):
                    await attempt.transport.publish(attempt.media.tracks)
            times[trouble] = await attempt.close()
    limit = bench.bounds.close
    for trouble, took in times.items():
        expect(
            took <= limit + bench.bounds.slack, f"close() took {took:.1f} s, the peer {trouble}; expected {limit:g} s"
        )
