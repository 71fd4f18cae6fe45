"""The rules of a source that listens on UDP for those who publish to it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from urllib.parse import urlsplit

from camcast.testing.conformance.rule import Rules, expect
from camcast.testing.conformance.running import ENOUGH, SourceBench
from camcast.testing.conformance.source_rules import RULES as SOURCE_RULES
from camcast.testing.conformance.watch import until

RULES: Rules[SourceBench] = Rules(SOURCE_RULES)

_STRANGERS = 200
_GARBAGE = (b"", b"\0", b"GET / HTTP/1.1\r\n\r\n", b"\x80" + bytes(63), b"\xff" * 1400, bytes(range(256)) * 5)
_LOOPBACK = ("0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F")
"""127.0.0.1, ::1 and the first as an IPv6 address, as `/proc/net/udp` writes them on machines of little endian."""
_UNCONNECTED = "07"


def _port(bench: SourceBench) -> int:
    port = urlsplit(bench.url).port
    expect(port is not None, "the URL that the kit was given names no port")
    assert port is not None
    return port


def _bound(port: int) -> list[str]:
    """Local addresses at which anybody takes datagrams to that port: the source may listen in another process."""
    found = []
    for name in ("udp", "udp6"):
        with contextlib.suppress(FileNotFoundError), open(f"/proc/self/net/{name}", encoding="ascii") as table:
            for line in table.readlines()[1:]:
                address, _, number = line.split()[1].partition(":")
                if int(number, 16) == port and line.split()[3] == _UNCONNECTED:
                    found.append(address)
    return found


@RULES.add
async def listens_where_the_url_says(bench: SourceBench) -> None:
    """With a URL of the loopback nobody else can send, and when the source has ended the port is free."""
    port = _port(bench)
    async with bench.running() as run:
        await run.media()
        found = _bound(port)
        expect(found, f"nobody listens on UDP at port {port} while the source runs")
        expect(
            all(address in _LOOPBACK for address in found),
            f"it listens at {found[0]} (as /proc/net/udp has it), and its URL names the loopback alone",
        )
    free = await until(lambda: not _bound(port), 2.0)
    expect(free, f"somebody still listens at port {port} after the source has ended")


@RULES.add
async def strangers_cost_nothing(bench: SourceBench) -> None:
    """Datagrams of whoever has not been let in end nothing and hold no descriptors, whatever is in them."""
    port = _port(bench)
    async with bench.running() as run:
        await run.media()
        before = len(os.listdir("/proc/self/fd"))
        with contextlib.ExitStack() as stack:
            for _ in range(_STRANGERS):
                one = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
                one.setblocking(False)
                for said in _GARBAGE:
                    with contextlib.suppress(OSError):
                        one.sendto(said, ("127.0.0.1", port))
                await asyncio.sleep(0)
        count = len(run.sink.media)
        await run.media(count + ENOUGH)
        held = len(os.listdir("/proc/self/fd")) - before
        expect(held < _STRANGERS // 2, f"{_STRANGERS} strangers hold {held} descriptors: bound them")
        lost = [call for call in run.sink.calls if call[0] == "discontinuity"]
        expect(not lost, "a stranger's datagram interrupted the one who publishes")
