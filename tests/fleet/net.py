"""Hosts for a fleet: network namespaces around a router, any two of which can be cut off from each other.

This process is beside them: the receivers are here.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_numbers = itertools.count()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=20)


class Net:
    """`hosts` namespaces, with the addresses `address(0)`, `address(1)`, …; `here` is this process's."""

    def __init__(self, hosts: int) -> None:
        number, pid = next(_numbers), os.getpid()
        self._tag = f"cf{pid % 100_000}n{number}"
        self._subnet = f"10.{80 + number % 16}.{pid % 256}"
        self.here = f"{self._subnet}.1"
        self._names = [f"{self._tag}h{index}" for index in range(hosts)]
        self._cuts: set[tuple[int, str]] = set()

    def address(self, host: int) -> str:
        return f"{self._subnet}.{host + 2}"

    def prefix(self, host: int) -> Sequence[str]:
        """Put in front of a command to run it there."""
        return ("ip", "netns", "exec", self._names[host])

    def cut(self, host: int, *addresses: str) -> None:
        """What `host` sends to these addresses is lost from now on, so nothing gets through either way."""
        for address in addresses:
            if (host, address) not in self._cuts:
                _ip("-n", self._names[host], "route", "add", "blackhole", address)
                self._cuts.add((host, address))

    def heal(self, *hosts: int) -> None:
        """What these send reaches all again; what all send, where none is named."""
        for host, address in list(self._cuts):
            if not hosts or host in hosts:
                _ip("-n", self._names[host], "route", "del", "blackhole", address)
                self._cuts.discard((host, address))

    def create(self) -> None:
        """Raises `CalledProcessError` where this user may make no namespaces."""
        router, middle = f"{self._tag}r", f"{self._subnet}.254"
        _ip("netns", "add", router)
        # Its own namespace's setting; the machine's is left alone.
        _ip("netns", "exec", router, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        for index, name in enumerate([*self._names, ""]):
            near, far = f"{self._tag}a{index}", f"{self._tag}b{index}"
            address = self.address(index) if name else self.here
            _ip("link", "add", near, "type", "veth", "peer", "name", far)
            _ip("link", "set", far, "netns", router)
            _ip("-n", router, "address", "add", middle, "peer", address, "dev", far)
            _ip("-n", router, "link", "set", far, "up")
            there: Sequence[str] = ()
            if name:
                _ip("netns", "add", name)
                _ip("link", "set", near, "netns", name)
                _ip("-n", name, "link", "set", "lo", "up")
                there = ("-n", name)
            _ip(*there, "address", "add", address, "peer", middle, "dev", near)
            _ip(*there, "link", "set", near, "up")
            _ip(*there, "route", "add", f"{self._subnet}.0/24", "via", middle)

    def remove(self) -> None:
        """Processes there must have ended."""
        for name in (*self._names, f"{self._tag}r"):
            with contextlib.suppress(subprocess.CalledProcessError):
                _ip("netns", "del", name)


@contextmanager
def net(hosts: int) -> Iterator[Net]:
    made = Net(hosts)
    try:
        made.create()
        yield made
    finally:
        made.remove()
