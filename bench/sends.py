"""Tells of every packet that has been handed to an RTMP transport, whichever way it went there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

from camcast.media import Packet, Tag, Unit
from camcast.stream.fastpath import FastPath
from camcast.stream.feed import Feed
from camcast_rtmp.driver import RtmpTransport


@contextmanager
def told(sent: Callable[[RtmpTransport, Packet], object]) -> Iterator[None]:
    """Call `sent` after each; on the short way, after it has been handed to all outlets of its stream."""
    send, take = RtmpTransport.send, FastPath.take
    told_already: set[RtmpTransport] = set()

    def long(transport: RtmpTransport, unit: Unit, time: int) -> int | None:
        position = send(transport, unit, time)
        if isinstance(unit, Tag) and unit.packet is not None:
            sent(transport, unit.packet)
            told_already.add(transport)
        return position

    def short(path: FastPath, packet: Packet) -> bool:
        steady = path._steady
        branches = steady.branches if steady is not None else ()
        before = [(tap, tap.ledger.end) for branch in branches for tap in branch.taps]
        told_already.clear()
        taken = take(path, packet)
        for tap, end in before:
            transport = tap.sender.transport
            if isinstance(transport, RtmpTransport) and transport not in told_already and tap.ledger.end > end:
                sent(transport, packet)
        return taken

    def packet(feed: Feed, packet: Packet) -> None:
        if not short(feed.fast, packet):
            feed._take(packet)

    with mock.patch.object(RtmpTransport, "send", long), mock.patch.object(Feed, "packet", packet):
        yield
