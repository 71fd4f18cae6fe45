"""The rules of a coordinator: it tells everything in order, and no write replaces what its writer has not seen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Sequence

from camcast.coordinators import (
    ClaimNews,
    Desired,
    DesiredNews,
    Holder,
    Line,
    LineNews,
    MemberNews,
    Order,
    OrderNews,
    Synced,
)
from camcast.errors import Conflict, NotFound
from camcast.testing.conformance import base
from camcast.testing.conformance.coordinator_bench import END, CoordinatorBench, card
from camcast.testing.conformance.rule import Rules, broken, expect
from camcast.testing.conformance.watch import Before, until

RULES: Rules[CoordinatorBench] = Rules()

_CAMERAS = 24
_ADA, _BOB = Holder("ada", "one"), Holder("bob", "one")
_LARGE = 3_000_000
"""Characters of a desired state that no single message may be long enough for."""


async def _refused(doing: Awaitable[object], what: str) -> None:
    try:
        await doing
    except Conflict:
        return
    broken(f"{what}: expected Conflict")


async def _winners(*doing: Awaitable[object]) -> int:
    """How many of several that contend are done; the others must say `Conflict`."""
    results = await asyncio.gather(*doing, return_exceptions=True)
    odd = [one for one in results if isinstance(one, BaseException) and not isinstance(one, Conflict)]
    expect(not odd, f"whoever comes too late is to be told Conflict, not {odd[:1]!r}")
    return sum(not isinstance(one, BaseException) for one in results)


def _desired(version: int, cameras: Sequence[object] = ()) -> Desired:
    return Desired(version=version, mapping={"cameras": list(cameras), "note": "Größe"}, by="kit", at=1.5)


@RULES.add
def lists_without_loading(bench: CoordinatorBench) -> None:
    """Listing the kind imports nothing heavy."""
    base.lists_without_loading(bench.host, bench.kind)


@RULES.add
def refuses_unknown_options(bench: CoordinatorBench) -> None:
    """An option that is misspelt is an error, and those given to the kit are none."""
    base.refuses_unknown_options(bench)


@RULES.add
def hides_secret_options(bench: CoordinatorBench) -> None:
    """Options that are named like a secret are hidden from the repr of their class."""
    base.hides_secret_options(bench.kind)


@RULES.add
async def ends_when_cancelled(bench: CoordinatorBench) -> None:
    """It ends within 2 s of being cancelled, and leaves no thread and no descriptor behind."""
    async with bench.way():
        pass  # what is made once in a process is made now
    before = Before()
    async with bench.way():
        began = time.monotonic()
    took = time.monotonic() - began
    expect(took <= END, f"run had not ended {END:g} s after it was cancelled")
    left = await before.left()
    expect(not left, f"left behind: {left}")


@RULES.add
async def tells_what_there_was_before_it_says_synced(bench: CoordinatorBench) -> None:
    """Whoever comes later hears every kind of record, and then `Synced`."""
    line = Line(at=2.5, member="ada", code="tried", text="a line", camera_id=7)
    async with bench.way() as ada:
        revision = await ada.store.renew(card(running=3, troubled=(7,)), 0)
        fence = await ada.store.claim(7, _ADA, 0)
        await ada.store.put(_desired(1))
        await ada.store.order("ada", Order.CORDON)
        await ada.store.tell(line)
        wanted = [
            MemberNews("ada", revision, card(running=3, troubled=(7,))),
            ClaimNews(7, fence, _ADA),
            DesiredNews(_desired(1)),
            OrderNews("ada", Order.CORDON),
            LineNews(line),
        ]
        async with bench.way("bob") as bob:
            before = bob.heard[: bob.heard.index(bob.of(Synced)[0])]
            missing = [one for one in wanted if one not in before]
            expect(not missing, f"not told before Synced: {missing!r}; told: {before!r}")
            expect(bob.of(Synced) == ada.of(Synced), "two that look at one store hear different epochs")


@RULES.add
async def tells_what_changes(bench: CoordinatorBench) -> None:
    """Every kind of record is told to others as it changes."""
    async with bench.way() as ada, bench.way("bob") as bob:
        revision = await ada.store.renew(card(), 0)
        await bob.hears(MemberNews("ada", revision, card()))
        fence = await ada.store.claim(1, _ADA, 0)
        await bob.hears(ClaimNews(1, fence, _ADA))
        await ada.store.release(1, fence)
        await bob.hears(ClaimNews(1, fence, None))
        fence = await ada.store.claim(1, _BOB, fence, _ADA)
        await bob.hears(ClaimNews(1, fence, _BOB, _ADA))
        fence = await bob.store.claim(1, _BOB, fence)
        await ada.hears(ClaimNews(1, fence, _BOB))
        await bob.store.order("ada", Order.DRAIN)
        await ada.hears(OrderNews("ada", Order.DRAIN))
        await bob.store.order("ada", Order.NONE)
        await ada.hears(OrderNews("ada", Order.NONE))
        line = Line(at=1.0, member="bob", code="said", text="…")
        await bob.store.tell(line)
        await ada.hears(LineNews(line))


@RULES.add
async def a_lease_is_renewed_by_who_knows_it(bench: CoordinatorBench) -> None:
    """A renewal names the revision that it replaces; a wrong one is a `Conflict`, and changes nothing."""
    async with bench.way() as ada:
        first = await ada.store.renew(card(), 0)
        await _refused(ada.store.renew(card(running=1), 0), "a second first renewal")
        second = await ada.store.renew(card(running=2), first)
        expect(second != first, "a renewal has a revision of its own, so that others see it")
        await _refused(ada.store.renew(card(running=3), first), "a renewal of a revision that is not there any more")
        await ada.hears(MemberNews("ada", second, card(running=2)))
        expect(all(one.card != card(running=3) for one in ada.of(MemberNews)), "what was refused is told all the same")


@RULES.add
async def a_lease_is_not_buried_once_renewed(bench: CoordinatorBench) -> None:
    """Who buries a member names the revision that has stood for too long: a renewal in between wins."""
    async with bench.way() as ada, bench.way("bob") as bob:
        first = await ada.store.renew(card(), 0)
        second = await ada.store.renew(card(), first)
        await _refused(bob.store.bury("ada", first), "burying a member that has renewed")
        await bob.store.bury("ada", second)
        await _refused(ada.store.renew(card(), second), "a renewal after the burial")
        expect(await until(lambda: any(one.card is None for one in ada.of(MemberNews)), END * 5), "no burial is told")
        grave = next(one for one in ada.of(MemberNews) if one.card is None)
        await ada.store.renew(card(incarnation="two"), grave.revision)


@RULES.add
async def one_of_those_who_contend_wins(bench: CoordinatorBench) -> None:
    """Of several that claim one camera, renew or bury one lease, exactly one does."""
    async with bench.way() as ada, bench.way("bob") as bob:
        for camera in range(_CAMERAS):
            done = await _winners(ada.store.claim(camera, _ADA, 0), bob.store.claim(camera, _BOB, 0))
            expect(done == 1, f"{done} of two that claimed camera {camera} have it")
        revision = await ada.store.renew(card(), 0)
        done = await _winners(ada.store.renew(card(), revision), bob.store.bury("ada", revision))
        expect(done == 1, f"{done} of a renewal and a burial of one revision were done")


@RULES.add
async def fencing_numbers_rise(bench: CoordinatorBench) -> None:
    """Each claim of a camera has a higher number than the one before, also after a release."""
    async with bench.way() as ada:
        seen = [await ada.store.claim(3, _ADA, 0)]
        for holder in (_BOB, _ADA):
            await ada.store.release(3, seen[-1])
            seen.append(await ada.store.claim(3, holder, seen[-1]))
        seen.append(await ada.store.claim(3, _BOB, seen[-1]))
        expect(seen == sorted(set(seen)) and seen[0] > 0, f"the numbers were {seen}")
        await _refused(ada.store.release(3, seen[0]), "a release under an old number")
        await _refused(ada.store.claim(3, _ADA, seen[0]), "a claim after an old number")


@RULES.add
async def a_lost_record_does_not_take_numbers_back(bench: CoordinatorBench) -> None:
    """Of a camera of which the store has no record, a claim gets a number above the one that the claimant knows."""
    async with bench.way() as ada:
        expect(await ada.store.claim(9, _ADA, 41) > 41, "the number is not above the one that was known")


@RULES.add
async def many_claims_at_once(bench: CoordinatorBench) -> None:
    """Claims side by side are all done, and told."""
    async with bench.way() as ada, bench.way("bob") as bob:
        fences = await asyncio.gather(*(ada.store.claim(camera, _ADA, 0) for camera in range(10 * _CAMERAS)))
        for camera, fence in enumerate(fences):
            await bob.hears(ClaimNews(camera, fence, _ADA))


@RULES.add
async def versions_only_rise_and_are_kept(bench: CoordinatorBench) -> None:
    """What is desired is replaced by higher versions only; the last ten can be read."""
    async with bench.way() as ada, bench.way("bob") as bob:
        for version in range(1, 13):
            await ada.store.put(_desired(version))
        await _refused(bob.store.put(_desired(12)), "a second version 12")
        await bob.hears(DesiredNews(_desired(12)))
        expect(await bob.store.version(3) == _desired(3), "version 3 of 12 is not what was put")
        try:
            await bob.store.version(99)
        except NotFound:
            return
    broken("a version that was never there: expected NotFound")


@RULES.add
async def a_large_fleet_fits(bench: CoordinatorBench) -> None:
    """A desired state of thousands of cameras arrives whole, although it hardly compresses."""
    noise = [f"{number * 0x9E3779B97F4A7C15 % (1 << 64):016x}" for number in range(_LARGE // 16)]
    async with bench.way() as ada, bench.way("bob") as bob:
        await ada.store.put(_desired(1, noise))
        await bob.hears(DesiredNews(_desired(1, noise)))


@RULES.add
async def fleets_do_not_see_each_other(bench: CoordinatorBench) -> None:
    """Two fleets in one store have nothing in common."""
    async with bench.way() as ada, bench.way("ada", "kit-another") as other:
        await ada.store.put(_desired(1))
        await ada.store.claim(1, _ADA, 0)
        await ada.hears(DesiredNews(_desired(1)))
        expect(not other.of(DesiredNews) and not other.of(ClaimNews), "another fleet's records are told")
