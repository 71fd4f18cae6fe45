"""Hosts of our own on this machine: network namespaces joined by a virtual cable that can be cut. Needs root.

A cut cable is what no proxy can imitate: packets vanish, no FIN, no RST, no acknowledgement.
"""

from __future__ import annotations

import atexit
import itertools
import os
import subprocess
from collections.abc import Sequence
from typing import Self

_numbers = itertools.count()
_existing: set[Namespace] = set()


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}"


class Namespace:
    """One host, `address`, behind a cable whose near end, `near_address`, is in the machine's own namespace.

    Run a server in it by giving its fixture `prefix=namespace.prefix, host=namespace.address`.
    """

    def __init__(self) -> None:
        number = next(_numbers)
        # Per process a /24 of its own, per namespace a /30 of that.
        block = os.getpid() % 256
        self.name = f"cc{os.getpid()}n{number}"
        self._near = f"cc{os.getpid() % 100_000}a{number}"
        self._far = f"cc{os.getpid() % 100_000}b{number}"
        low = (number % 64) * 4
        self.near_address, self.address = f"10.77.{block}.{low + 1}", f"10.77.{block}.{low + 2}"

    @property
    def prefix(self) -> Sequence[str]:
        """Put in front of a command to run it there."""
        return ("ip", "netns", "exec", self.name)

    def create(self) -> Self:
        _existing.add(self)
        try:
            _ip("netns", "add", self.name)
            _ip("link", "add", self._near, "type", "veth", "peer", "name", self._far, "netns", self.name)
            _ip("address", "add", f"{self.near_address}/30", "dev", self._near)
            _ip("link", "set", self._near, "up")
            _ip("-n", self.name, "address", "add", f"{self.address}/30", "dev", self._far)
            _ip("-n", self.name, "link", "set", "lo", "up")
            _ip("-n", self.name, "link", "set", self._far, "up")
        except BaseException:
            self.remove()
            raise
        return self

    def remove(self) -> None:
        """Ends the cable too. Processes started there must have ended."""
        subprocess.run(["ip", "link", "del", self._near], capture_output=True, timeout=10, check=False)
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, timeout=10, check=False)
        _existing.discard(self)

    def cut(self) -> None:
        """The far end goes down: all packets vanish in both directions, and neither side is told."""
        _ip("-n", self.name, "link", "set", self._far, "down")

    def mend(self) -> None:
        _ip("-n", self.name, "link", "set", self._far, "up")

    def __enter__(self) -> Self:
        return self.create()

    def __exit__(self, *exc: object) -> None:
        self.remove()


@atexit.register
def _remove_all() -> None:
    for namespace in list(_existing):
        namespace.remove()
