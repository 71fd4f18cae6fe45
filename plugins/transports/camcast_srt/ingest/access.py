"""Which place a caller means, by its stream id (SRT access control). Pure.

A stream id is a name, or `#!::r=name,m=publish`: the standard form, in which encoders say what they want of it.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import NamedTuple

from camcast_kit_ingest.purse import Purse

_STANDARD = "#!::"
MAX_CALLERS = 64
"""Connections to one address, and so places."""
TOO_MANY, UNKNOWN, BUSY, NOT_PUBLISHING, TOO_OLD = range(5)
"""Why a caller is turned away; what it is told stands in `CODES`."""
CODES = (1402, 1404, 1409, 1405, 1401)
"""SRT_REJX_OVERLOAD, _NOTFOUND, _CONFLICT, _BAD_MODE, _UNAUTHORIZED (access_control.h)."""


class PlaceTold(NamedTuple):
    """A place as the engine tells its process of it."""

    number: int
    streamid: str
    """"" = whoever means no other place."""
    passphrase: str
    takeover: bool
    max_rate: int
    """bytes/s; 0 = as fast as it comes."""

    def __repr__(self) -> str:
        return f"<PlaceTold {self.number}>"

    def purse(self, now: float) -> Purse | None:
        return Purse(float(self.max_rate), now) if self.max_rate else None


def asked(streamid: str) -> tuple[str, bool]:
    """The name that a caller's stream id means, and whether it wants to send."""
    if not streamid.startswith(_STANDARD):
        return streamid, True
    said = dict(pair.partition("=")[::2] for pair in streamid.removeprefix(_STANDARD).split(","))
    return said.get("r", ""), said.get("m", "publish") in ("publish", "bidirectional")


def found(places: Iterable[PlaceTold], streamid: str) -> PlaceTold | None:
    """The place that is meant. All are looked at, so that the time tells nothing."""
    name, _ = asked(streamid)
    named = anybody = None
    for place in places:
        if not place.streamid:
            anybody = place
        elif _same(place.streamid, streamid) | _same(place.streamid, name):
            named = place
    return named or anybody


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))
