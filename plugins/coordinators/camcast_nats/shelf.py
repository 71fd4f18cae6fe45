"""What is desired, in the bucket: too long for one message, so it lies in parts, and one record, its head, names them.

The head is "VERSION NAME COUNT". Parts are never replaced: who reads while another version is put finds the old ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets

from camcast.coordinators import Desired
from camcast.errors import CoordinatorError, NotFound
from camcast_nats import keys
from camcast_nats.link import Link

KEPT = 10
"""Versions that can be had again."""


class Unread(CoordinatorError):
    """What is desired is there, and could not be read this time."""


async def lay(link: Link, desired: Desired) -> bytes:
    """Write the parts; returns their head. Raises `CoordinatorError`."""
    parts, name = await asyncio.to_thread(keys.parts_of, desired), secrets.token_hex(6)
    for index, part in enumerate(parts):
        await link.write(f"d.{name}.{index}", part, 0)
    return f"{desired.version} {name} {len(parts)}".encode()


async def read(link: Link, head: bytes) -> Desired:
    """What a head names. Raises `Unread`, and `CoordinatorError` where it is not there."""
    try:
        _, name, count = head.decode().split()
        indexes = range(int(count))
    except ValueError:
        raise CoordinatorError("the record of what is desired cannot be read") from None
    try:
        parts = await asyncio.gather(*(link.read(f"d.{name}.{index}") for index in indexes))
    except CoordinatorError as error:
        raise Unread(str(error)) from None
    if not all(parts):
        raise CoordinatorError("the store has lost a part of what is desired")
    return await asyncio.to_thread(keys.desired_of, [part for part in parts if part])


async def version(link: Link, number: int) -> Desired:
    """One that was desired earlier. Raises `NotFound`, `CoordinatorError`."""
    head = await link.read(f"v.{number}")
    if not head:
        raise NotFound(f"there is no version {number}; the last {KEPT} are kept")
    return await read(link, head)


async def keep(link: Link, desired: Desired, head: bytes) -> None:
    """Have this version to be had again, and the oldest no more. Raises `CoordinatorError`."""
    async with link.asking.told():
        await link.bucket.put(f"v.{desired.version}", head)
    old = f"v.{desired.version - KEPT}"
    if (past := await link.read(old)) is not None:
        await _drop(link, past)
        await link.drop(old)


async def take_back(link: Link, head: bytes) -> None:
    """Parts that nobody will ever ask for, as far as the store lets us."""
    with contextlib.suppress(CoordinatorError):
        await _drop(link, head)


async def _drop(link: Link, head: bytes) -> None:
    await link.drop(f"d.{head.decode().split()[1]}.>")
