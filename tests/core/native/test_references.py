"""What C holds of Python's objects it lets go of: after a million packets there are as many references as before."""

from __future__ import annotations

import gc
import sys

import pytest
from tests.core.stream.simulated import run
from tests.core.stream.test_fastpath import STEP, Link, PartsLink, Rig
from tests.core.world import AUDIO, VIDEO

from camcast.kinds import Payload
from camcast.media import NS_PER_S, MediaKind, Packet, TagType
from camcast.stream.fastpath import FastPath

pytestmark = pytest.mark.native

PACKETS = 1_000_000
GROUP = 500
"""Packets between two keyframes: 20 s."""


class Taking(PartsLink):
    """Takes all and keeps nothing."""

    def _send(self, type: TagType | MediaKind, time: int, head: bytes, body: bytes) -> int | None:
        self.acked += len(head) + len(body)
        return self.acked if self.positions else None


class Refusing(Link):
    """Raises each time, so that nothing is ever kept."""

    def send(self, unit: object, time: int) -> int | None:
        raise ZeroDivisionError


def counted(rig: Rig) -> dict[str, int]:
    """References to what each packet has to do with, and all blocks of memory."""
    for owner in rig.owners:
        # Errors hold the frames that they passed, and these their packet.
        owner.errors.clear()
        owner.drops.clear()
    gc.collect()
    steady = rig.feed.fast._steady
    assert steady is not None
    branch = steady.branches[0]
    assert branch.video_heads is not None
    things: dict[str, object] = {
        "track": VIDEO,
        "sound": AUDIO,
        "kind": MediaKind.VIDEO,
        "type": TagType.VIDEO,
        "head": branch.video_heads[0],
        "steady": steady,
        "branch": branch,
        "taps": branch.taps,
        "tap": branch.taps[0],
        "sender": branch.taps[0].sender,
        "counters": rig.outlets[0].counters,
        "sent": rig.outlets[0].counters.sent,
        "send_tag": branch.taps[0].send_tag,
    }
    found = {name: sys.getrefcount(thing) for name, thing in things.items()}
    return {**found, "blocks": sys.getallocatedblocks()}


def push(rig: Rig, count: int) -> None:
    """Whole groups, begun by a keyframe, with one sound for each picture."""
    take, long = FastPath.take, rig.feed._take
    fast, payload, sound = rig.feed.fast, bytes(1000), bytes(10)
    dts = rig.dts[MediaKind.VIDEO]
    for number in range(count // 2):
        dts += STEP
        for packet in (
            Packet(VIDEO, dts, dts, number % (GROUP // 2) == 0, payload, arrival=NS_PER_S),
            Packet(AUDIO, dts, dts, True, sound, arrival=NS_PER_S),
        ):
            if not take(fast, packet):
                long(packet)
    rig.dts = {MediaKind.VIDEO: dts, MediaKind.AUDIO: dts}


def flat(rig: Rig, packets: int) -> None:
    push(rig, 10 * GROUP + 2)
    before = counted(rig)
    push(rig, packets // GROUP * GROUP + 2)
    after = counted(rig)
    for what in before:
        # The last group's packets are references to their tracks, and marks to kinds: as many of them, or a few.
        # What tests before left behind may go meanwhile, so blocks may be fewer; references must not.
        gone = before[what] - after[what]
        assert gone >= -100, what
        assert gone <= 100 or what == "blocks", what


@pytest.mark.timeout(600)
def test_a_million_packets_leave_nothing_behind() -> None:
    async def act() -> None:
        rig = Rig(FastPath.take)
        rig.begin()
        rig.join(Taking(rig, positions=True))
        flat(rig, PACKETS)
        assert rig.links[0].acked > PACKETS // 2 * 1000

    run(act())


@pytest.mark.timeout(600)
def test_nor_do_they_where_several_are_fed_and_one_raises() -> None:
    async def act() -> None:
        rig = Rig(FastPath.take)
        rig.begin()
        for link in (Taking(rig, positions=True), Refusing(rig, positions=True), Taking(rig, positions=False)):
            rig.join(link)
        flat(rig, PACKETS // 20)
        push(rig, 10)
        assert rig.owners[1].errors

    run(act())


@pytest.mark.timeout(600)
def test_nor_do_they_where_another_rendition_is_fed_too() -> None:
    async def act() -> None:
        rig = Rig(FastPath.take, beside=Payload.PACKETS)
        rig.begin()
        for hub in rig.hubs:
            rig.join(Taking(rig, positions=True), hub=hub)
        flat(rig, PACKETS // 10)
        assert rig.outlets[0].counters.sent == rig.outlets[1].counters.sent

    run(act())
