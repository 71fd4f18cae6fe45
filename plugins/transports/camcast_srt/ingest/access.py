"""Which place a caller means, by its stream id (SRT access control). Pure.

A stream id is a name, or `#!::r=name,m=publish`: the standard form, in which encoders say what they want of it.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping
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
    said = _said(streamid)
    return said.get("r", ""), said.get("m", "publish") in ("publish", "bidirectional")


def found(places: Collection[PlaceTold], streamid: str) -> PlaceTold | None:
    """The place that is meant: of those of which a caller says all, the one of which that is most. All are looked at,
    so that the time tells nothing."""
    said = _said(streamid)
    anybody = next((place for place in places if not place.streamid), None)
    named = [
        place
        for place in places
        if place.streamid and _same(place.streamid, streamid) | _says(said, _said(place.streamid))
    ]
    return max(named, key=lambda place: len(_said(place.streamid)), default=anybody)


def _said(streamid: str) -> dict[str, str]:
    if not streamid.startswith(_STANDARD):
        return {"r": streamid}
    return dict(pair.partition("=")[::2] for pair in streamid.removeprefix(_STANDARD).split(","))


def _says(said: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether all that is wanted is said, in whatever order; what somebody is to do there is another matter (`m`)."""
    met = [_same(value, said.get(key, "")) and key in said for key, value in wanted.items() if key != "m"]
    return bool(met) and all(met)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))
