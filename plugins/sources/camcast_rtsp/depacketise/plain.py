"""Payloads that are one unit each: G.711 (RFC 3551 §4.5.14) and Opus (RFC 7587 §4.2)."""

from __future__ import annotations

from .common import LOSS, Bytes, UnitSink


class PlainDepacketiser:
    def __init__(self, sink: UnitSink) -> None:
        self._sink = sink

    def feed(self, payload: Bytes, timestamp: int, marker: bool) -> None:
        self._sink.unit(bytes(payload), timestamp)

    def lost(self, count: int) -> None:
        for _ in range(min(count, 1000)):
            self._sink.missing(LOSS)
