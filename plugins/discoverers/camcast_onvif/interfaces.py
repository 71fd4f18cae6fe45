"""This machine's networks, as Linux tells them (netdevice(7)): where everybody can be asked, and who has which MAC."""

from __future__ import annotations

import fcntl
import socket
import struct
from collections.abc import Sequence
from pathlib import Path

_SIOCGIFFLAGS, _SIOCGIFADDR = 0x8913, 0x8915
_UP, _LOOPBACK, _MULTICAST = 0x1, 0x8, 0x1000
_NEIGHBOURS = Path("/proc/net/arp")


def multicast_interfaces(wanted: Sequence[str] = ()) -> dict[str, str]:
    """IPv4 addresses by the names of interfaces that are up and know multicast, the loopback left out.

    `wanted`: those only; raises `OSError` for one that is not there or cannot.
    """
    found: dict[str, str] = {}
    why: dict[str, str] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            (flags,) = struct.unpack_from("h", _ask(asking, _SIOCGIFFLAGS, name), 16)
            if not flags & _UP:
                why[name] = "it is down"
            elif flags & _LOOPBACK or not flags & _MULTICAST:
                why[name] = "it knows no multicast"
            else:
                try:
                    found[name] = socket.inet_ntoa(_ask(asking, _SIOCGIFADDR, name)[20:24])
                except OSError:
                    why[name] = "it has no IPv4 address"
    for name in wanted:
        if name not in found:
            reason, usable = why.get(name, "there is no such interface"), ", ".join(found) or "none"
            raise OSError(f"cameras cannot be looked for on {name}: {reason}; usable: {usable}")
    return {name: found[name] for name in wanted} if wanted else found


def _ask(sock: socket.socket, what: int, name: str) -> bytes:
    return fcntl.ioctl(sock, what, struct.pack("256s", name.encode()[:15]))


def neighbour(host: str) -> str:
    """The MAC from which an address of a network at hand answers, as twelve digits; "" = not known."""
    try:
        lines = _NEIGHBOURS.read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return ""
    for line in lines:
        fields = line.split()
        if len(fields) >= 4 and fields[0] == host:
            return fields[3].replace(":", "").lower()
    return ""
