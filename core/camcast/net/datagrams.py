"""Datagrams that the kernel throws away before they cost anything: all but a peer's, or all there are. How many wait.

A UDP socket takes what anybody sends. Reading a datagram only to find that it is a stranger's costs the loop as much as
one that is wanted; a socket filter (socket(7), SO_ATTACH_FILTER; its language is classic BPF) drops it where it comes
in, and wakes nobody. Other systems than Linux, and sandboxes that forbid it, go on as without: so whoever reads looks
at the sender all the same.
"""

from __future__ import annotations

import contextlib
import ctypes
import ipaddress
import socket
import struct
import sys
from collections.abc import Sequence
from typing import Protocol

_LINUX = sys.platform == "linux"
_ATTACH, _DETACH = 26, 27
_MEMORY_INFO = 55
_MEMORY = struct.Struct("=II")
"""SK_MEMINFO_RMEM_ALLOC and SK_MEMINFO_RCVBUF (linux/sock_diag.h), the first of many."""
_INSTRUCTION = struct.Struct("=HBBI")
_LOAD_WORD, _LOAD_HALF, _LOAD_BYTE, _AND, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x28, 0x30, 0x54, 0x15, 0x06
_ALL, _NOTHING = 0xFFFFFFFF, 0
_IP = 0x100000000 - 0x100000
"""Where the IP header begins, for loads (SKF_NET_OFF); plain offsets begin at the UDP header."""
_IPV4_SOURCE, _IPV6_SOURCE = 12, 8
"""Of the sender's address in the IP header (RFC 791 §3.1, RFC 8200 §3)."""

Sender = tuple[str, int | None]
"""An address as text, and a port; None = whichever."""
_Program = list[tuple[int, int, int, int]]


class HasOptions(Protocol):
    """A socket, or asyncio's `TransportSocket`."""

    def setsockopt(self, level: int, optname: int, value: bytes | int, /) -> object: ...

    def getsockopt(self, level: int, optname: int, buflen: int, /) -> bytes: ...


def only_from(sock: HasOptions, senders: Sequence[Sender]) -> bool:
    """From now on `sock` receives what comes from these and nothing else; of them, some hundred at most.

    What it has received already stays. Whether the kernel does so; False = it cannot, or none of them is an address.
    """
    program: _Program = []
    for host, port in senders:
        with contextlib.suppress(ValueError):  # a name: nothing comes from there
            program += _accepted(ipaddress.ip_address(host.partition("%")[0]), port)
    return bool(program) and _attach(sock, [*program, (_RETURN, 0, 0, _NOTHING)])


def _accepted(address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int | None) -> _Program:
    """What comes from there is taken whole; everything else goes on behind the last instruction."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    start = _IPV4_SOURCE if address.version == 4 else _IPV6_SOURCE
    packed = address.packed
    looks: list[tuple[_Program, int]] = [([(_LOAD_BYTE, 0, 0, _IP), (_AND, 0, 0, 0xF0)], address.version << 4)]
    words = range(0, len(packed), 4)
    looks += [([(_LOAD_WORD, 0, 0, _IP + start + at)], int.from_bytes(packed[at : at + 4])) for at in words]
    if port is not None:
        looks.append(([(_LOAD_HALF, 0, 0, 0)], port))
    made: _Program = [(_RETURN, 0, 0, _ALL)]
    for load, value in reversed(looks):
        # A jump counts the instructions that it passes over.
        made = [*load, (_JUMP_IF_EQUAL, 0, len(made), value), *made]
    return made


def nothing(sock: HasOptions) -> bool:
    """From now on `sock` receives nothing. Whether the kernel does so."""
    return _attach(sock, [(_RETURN, 0, 0, _NOTHING)])


def anything(sock: HasOptions) -> None:
    """Take back what `only_from` or `nothing` said."""
    if _LINUX:
        with contextlib.suppress(OSError):  # there was none
            sock.setsockopt(socket.SOL_SOCKET, _DETACH, 0)


def filled(sock: HasOptions) -> float:
    """Which share of the room for what `sock` received, and nobody has read yet, is taken; 0.0 where that is unknown.

    Linux 4.12 and later (SO_MEMINFO). The kernel may tell up to a quarter too much while something waits.
    """
    if not _LINUX:
        return 0.0
    try:
        taken, room = _MEMORY.unpack(sock.getsockopt(socket.SOL_SOCKET, _MEMORY_INFO, _MEMORY.size))
    except (OSError, struct.error):
        return 0.0
    return float(taken / room) if room else 0.0


def _attach(sock: HasOptions, program: Sequence[tuple[int, int, int, int]]) -> bool:
    if not _LINUX:
        return False
    code = ctypes.create_string_buffer(b"".join(_INSTRUCTION.pack(*instruction) for instruction in program))
    # struct sock_fprog: how many, and where they are.
    described = struct.pack("@HP", len(program), ctypes.addressof(code))
    try:
        sock.setsockopt(socket.SOL_SOCKET, _ATTACH, described)
    except OSError:
        return False
    return True
