"""A network of its own on this machine: two hosts, `home` and `camera`, and a cable between them. Needs root.

Whatever is asked of everybody there is heard by nobody else.
"""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

MAC = "00:40:8c:12:34:56"
HOME, CAMERA, MOVED = "192.0.2.1", "192.0.2.21", "192.0.2.77"
"""Addresses (RFC 5737). Nobody else sees them, so all networks may have the same."""
_ETC = Path("/etc/netns")
_numbers = itertools.count()
_existing: set[Lan] = set()


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}"


class Lan:
    """There while entered. Run a program in it by `home` or `camera` in front of its command line."""

    def __init__(self) -> None:
        self._names = tuple(f"cc{os.getpid()}{side}{next(_numbers)}" for side in "hc")

    @property
    def home(self) -> Sequence[str]:
        return ("ip", "netns", "exec", self._names[0])

    @property
    def camera(self) -> Sequence[str]:
        return ("ip", "netns", "exec", self._names[1])

    def connections(self, address: str) -> int:
        """TCP connections that `home` has with an address (proc_net_tcp: hex in our order, 01 = established)."""
        table = subprocess.run(
            [*self.home, "cat", "/proc/net/tcp"], capture_output=True, text=True, timeout=10, check=True
        )
        there = socket.inet_aton(address)[:: -1 if sys.byteorder == "little" else 1].hex().upper()
        rows = [row.split() for row in table.stdout.splitlines()[1:]]
        return sum(row[2].partition(":")[0] == there and row[3] == "01" for row in rows)

    def move(self, address: str) -> None:
        """The camera gets another address, as from a DHCP server that has forgotten it."""
        _ip("-n", self._names[1], "address", "flush", "dev", "eth0")
        _ip("-n", self._names[1], "address", "add", f"{address}/24", "dev", "eth0")

    def give(self, address: str, *names: str) -> None:
        """The camera's side has this address too; at `home` these names lead there."""
        home, camera = self._names
        _ip("-n", camera, "address", "add", f"{address}/32", "dev", "eth0")
        _ip("-n", home, "route", "add", f"{address}/32", "dev", "eth0")
        if names:
            # What is in this folder lies over /etc for programs that `ip netns exec` starts.
            folder = _ETC / home
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / "hosts").open("a") as hosts:
                hosts.write(f"{address} {' '.join(names)}\n")

    def __enter__(self) -> Self:
        _existing.add(self)
        home, camera = self._names
        try:
            for name in self._names:
                _ip("netns", "add", name)
                _ip("-n", name, "link", "set", "lo", "up")
            peer = ("peer", "name", "eth0", "address", MAC, "netns", camera)
            _ip("-n", home, "link", "add", "eth0", "type", "veth", *peer)
            for name, address in ((home, HOME), (camera, CAMERA)):
                _ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
                _ip("-n", name, "link", "set", "eth0", "up")
        except BaseException:
            self.remove()
            raise
        return self

    def remove(self) -> None:
        for name in self._names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, timeout=10, check=False)
            shutil.rmtree(_ETC / name, ignore_errors=True)
        _existing.discard(self)

    def __exit__(self, *exc: object) -> None:
        self.remove()


@atexit.register
def _remove_all() -> None:
    for lan in list(_existing):
        lan.remove()
