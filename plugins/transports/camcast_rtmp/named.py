"""Which codecs a server's answer to connect names, in whichever way it writes them down.

Enhanced RTMP has an array of FourCCs (`fourCcList`), and maps from FourCCs to bits (`videoFourCcInfoMap`); "*" stands
for all. Servers write an object with numbers for an array, one text, a list for a map, yes and no for bits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

_TAKES_IT = 1 | 4
"""Bits of a map that say that a server can decode or forward it; 2 = it can encode it."""
_BETWEEN = re.compile(r"[\s,;]+")


def named(told: Mapping[str, Any], map_name: str) -> frozenset[str] | None:
    """FourCCs in small letters that are taken by the list or by this map; None = neither says anything."""
    listed, mapped = frozenset(_texts(told.get("fourCcList"))), told.get(map_name)
    if isinstance(mapped, dict):
        return listed | {name.lower() for name, mask in mapped.items() if _takes(mask)}
    return listed | frozenset(_texts(mapped)) or None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from filter(None, _BETWEEN.split(value.lower()))
    elif isinstance(value, list | dict):
        yield from (
            one.lower() for one in (value.values() if isinstance(value, dict) else value) if isinstance(one, str)
        )


def _takes(mask: Any) -> bool:
    if isinstance(mask, bool):
        return mask
    return has(float(mask) if isinstance(mask, str) and mask.isascii() and mask.isdigit() else mask, _TAKES_IT)


def has(mask: Any, bits: int) -> bool:
    """Whether a number of AMF0 has one of these bits."""
    return isinstance(mask, float) and isfinite(mask) and bool(int(mask) & bits)
