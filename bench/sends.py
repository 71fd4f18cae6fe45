"""Tells of every packet that has been handed to an RTMP transport, whichever way it went there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

from camcast.media import Packet, Tag, TagType, Unit
from camcast.stream.fastpath import Tap
from camcast_rtmp.driver import RtmpTransport


@contextmanager
def told(sent: Callable[[RtmpTransport, Packet], object]) -> Iterator[None]:
    """Call `sent` after each."""
    send, offer = RtmpTransport.send, Tap.offer

    def long(transport: RtmpTransport, unit: Unit, time: int) -> int | None:
        position = send(transport, unit, time)
        if isinstance(unit, Tag) and unit.packet is not None:
            sent(transport, unit.packet)
        return position

    def short(tap: Tap, type: TagType, time: int, head: bytes, packet: Packet) -> bool:
        taken = offer(tap, type, time, head, packet)
        transport = tap.sender.transport
        if taken and isinstance(transport, RtmpTransport):
            sent(transport, packet)
        return taken

    with mock.patch.object(RtmpTransport, "send", long), mock.patch.object(Tap, "offer", short):
        yield
