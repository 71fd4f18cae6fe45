"""The process between two hosts: it carries packets from one TUN device to the other, and back.

    python -m tests.far.link NAME_A NAMESPACE_A NAME_B NAMESPACE_B

An empty namespace is the machine's own. It makes the devices, moves each to its namespace, and prints "ready". From
then on a line of JSON on its standard input is a command, answered by one of all counts:

    {"set": {"delay": 0.075, "rate": 2500000, …}, "ways": ["up", "down"]}
    {"cut": 1.5}   {"hold": 1.5}   {}

"up" is from A to B. It ends with its standard input.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import struct
import subprocess
import sys
import time
from typing import Any

import attrs

from tests.far.way import Way

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
LARGEST = 65_536
ROUND = 64
"""Packets read from one device before the other one is looked at."""
QUEUE_PACKETS = 20_000
"""Of a device, before we read from it: large, because what is lost is ours to decide and to count."""
NICE = -15
"""Before what it measures: a link that waits for a processor would add its own delay to the one that was asked for."""
GROUP = "/proc/self/autogroup"
"""Where a kernel shares processors among sessions first (`sched_autogroup_enabled`, sched(7)), how nice this one is."""


def tun(name: str, namespace: str) -> int:
    """A new TUN device's descriptor: whole IP packets, read and written one at a time."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    _ip("link", "set", name, "txqueuelen", str(QUEUE_PACKETS))
    if namespace:
        _ip("link", "set", name, "netns", namespace)
    return device


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, timeout=10)


class Link:
    """Both directions and what drives them."""

    def __init__(self, near: int, far: int) -> None:
        self.ways = {"up": Way(1), "down": Way(2)}
        self._from = {near: self.ways["up"], far: self.ways["down"]}
        self._to = {id(self.ways["up"]): far, id(self.ways["down"]): near}
        self._commands = b""

    def run(self) -> None:
        """Until the standard input ends."""
        poll = select.epoll()
        for descriptor in (0, *self._from):
            poll.register(descriptor, select.EPOLLIN)
        while True:
            times = [at for way in self.ways.values() if (at := way.next()) is not None]
            # Rounded up to whole ms by epoll.
            wait = max(0.0, min(times) - time.monotonic()) if times else -1
            for descriptor, _ in poll.poll(wait):
                if descriptor:
                    self._read(descriptor)
                elif not self._listen():
                    return
            for way in self.ways.values():
                for packet in way.due(time.monotonic()):
                    # A device that is down, or whose host has gone: the packet is lost there.
                    with contextlib.suppress(OSError):
                        os.write(self._to[id(way)], packet)

    def _read(self, device: int) -> None:
        way = self._from[device]
        for _ in range(ROUND):
            try:
                packet = os.read(device, LARGEST)
            except OSError:
                return
            way.take(packet, time.monotonic())

    def _listen(self) -> bool:
        data = os.read(0, LARGEST)
        *lines, self._commands = (self._commands + data).split(b"\n")
        for line in lines:
            self._obey(json.loads(line))
            counts = {name: attrs.asdict(way.counts) for name, way in self.ways.items()}
            os.write(1, json.dumps(counts).encode() + b"\n")
        return bool(data)

    def _obey(self, command: dict[str, Any]) -> None:
        now = time.monotonic()
        for name in command.get("ways", self.ways):
            way = self.ways[name]
            way.settings = attrs.evolve(way.settings, **command.get("set", {}))
            if "cut" in command:
                way.cut(now, command["cut"])
            if "hold" in command:
                way.hold(now, command["hold"])


def main() -> None:
    near_name, near_space, far_name, far_space = sys.argv[1:]
    os.nice(NICE)
    with contextlib.suppress(OSError), open(GROUP, "w") as group:
        group.write(str(NICE))
    link = Link(tun(near_name, near_space), tun(far_name, far_space))
    os.write(1, b"ready\n")
    link.run()


if __name__ == "__main__":
    main()
