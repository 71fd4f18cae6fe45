"""Which record has which key in the bucket, and how it is written.

| key | value |
|---|---|
| `r.epoch` | this store's life: random, written once |
| `r.member.NAME` | a member's card; empty where its life is over |
| `r.claim.NUMBER` | lines: the fencing number; the holder, none where it is released; who gave it and may run it |
| `r.order.NAME` | `none`, `cordon`, `drain` |
| `r.line.NAME.00` to `99` | what happened last |
| `r.desired` | the version and the name of its parts: `VERSION NAME COUNT` |
| `v.VERSION` | the same, of the last ten |
| `d.NAME.INDEX` | parts of what is desired: JSON, compressed, cut to what a message may hold |

All under `r.` is watched.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from camcast.coordinators import Card, ClaimNews, Desired, Holder, Line, LineNews, MemberNews, News, Order, OrderNews
from camcast.errors import CoordinatorError
from camcast.fleet_records import decode, encode

EPOCH = "r.epoch"
DESIRED = "r.desired"
LINES = "r.line."
WATCHED = "r.>"
NOTHING = b"0"
"""A number that is lower than any."""
PART = 256 * 1024
"""Bytes; NATS takes messages of a megabyte unless it is told otherwise."""
MOST = 64 * 1024 * 1024
"""Bytes of what is desired, uncompressed."""


def member(name: str) -> str:
    return f"r.member.{name}"


def claim(camera_id: int) -> str:
    return f"r.claim.{camera_id}"


def order(name: str) -> str:
    return f"r.order.{name}"


def line(name: str, index: int) -> str:
    return f"{LINES}{name}.{index:02}"


def written_claim(fence: int, holder: Holder | None, giver: Holder | None = None) -> bytes:
    lines = [b"%d" % fence, encode(holder) if holder else b"", *([encode(giver)] if giver else ())]
    return b"\n".join(lines)


def news_of(key: str, value: bytes, revision: int) -> News | None:
    """What a record tells; None for one that is told otherwise. Raises `CoordinatorError` for what is none."""
    _, kind, *rest = key.split(".")
    try:
        match kind, rest:
            case "member", [name]:
                return MemberNews(name, revision, decode(Card, value) if value else None)
            case "claim", [number]:
                fence, holder, giver, *_ = *value.split(b"\n"), b"", b""
                return ClaimNews(int(number), int(fence), _holder(holder), _holder(giver))
            case "order", [name]:
                return OrderNews(name, Order(value.decode()))
            case "line", [_, _]:
                return LineNews(decode(Line, value))
    except ValueError:
        raise CoordinatorError(f"the record {key} cannot be read") from None
    return None


def _holder(text: bytes) -> Holder | None:
    return decode(Holder, text) if text else None


def parts_of(desired: Desired) -> Sequence[bytes]:
    """What is desired, in parts that fit into messages."""
    data = zlib.compress(encode(desired), 6)
    return [data[at : at + PART] for at in range(0, len(data), PART)]


def desired_of(parts: Sequence[bytes]) -> Desired:
    """The same again. Raises `CoordinatorError`."""
    unpacking = zlib.decompressobj()
    try:
        data = unpacking.decompress(b"".join(parts), MOST)
    except zlib.error:
        raise CoordinatorError("what is desired cannot be unpacked") from None
    if not unpacking.eof:
        raise CoordinatorError("what is desired is incomplete, or too long")
    return decode(Desired, data)
