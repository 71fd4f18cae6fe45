"""The rules of a source that listens for those who publish to it: what anybody who can reach the port may cost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator

from camcast.testing.conformance.rule import Rules, expect
from camcast.testing.conformance.running import ENOUGH, SourceBench
from camcast.testing.conformance.source_rules import RULES as SOURCE_RULES
from camcast.testing.conformance.watch import until

RULES: Rules[SourceBench] = Rules(SOURCE_RULES)

_STRANGERS = 200
_MOST = 100
"""Descriptors that strangers may hold, of however many there are."""
_GARBAGE = (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01" + bytes(600), bytes(range(256)) * 2000)
_SECONDS = 20.0
"""Within which a stranger that says nothing sensible is got rid of."""
_LOOPBACK = ("0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F")
"""127.0.0.1, ::1 and the first as an IPv6 address, as `/proc/net/tcp` writes them on machines of little endian."""
_LISTEN = "0A"


def _listening() -> dict[str, tuple[str, int]]:
    """This process's sockets that listen on TCP: address and port by inode. Linux only."""
    inodes = set()
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            inodes.add(os.readlink(f"/proc/self/fd/{descriptor}").removeprefix("socket:[").removesuffix("]"))
    found = {}
    for name in ("tcp", "tcp6"):
        with open(f"/proc/self/net/{name}", encoding="ascii") as table:
            for line in table.readlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTEN and fields[9] in inodes:
                    address, _, port = fields[1].partition(":")
                    found[fields[9]] = (address, int(port, 16))
    return found


@contextlib.asynccontextmanager
async def _there(bench: SourceBench) -> AsyncIterator[tuple[int, SourceBench]]:
    """A source that runs and is published to, and the port at which it listens."""
    before = _listening()
    async with bench.running() as run:
        await run.media()
        own = {inode: place for inode, place in _listening().items() if inode not in before}
        expect(own, "no socket of this process listens on TCP while the source runs")
        address, port = next(iter(own.values()))
        expect(
            all(place[0] in _LOOPBACK for place in own.values()),
            f"it listens at {address} (as /proc/net/tcp has it), and its URL names the loopback alone",
        )
        yield port, bench
        count = len(run.sink.media)
        await run.media(count + ENOUGH)


@RULES.add
async def listens_where_the_url_says(bench: SourceBench) -> None:
    """With a URL of the loopback nobody else can connect, and when the source has ended the port is free."""
    async with _there(bench) as (port, _):
        pass
    refused = await until(lambda: _refuses(port), 1.0)
    expect(refused, f"somebody still listens at port {port} after the source has ended")


def _refuses(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@RULES.add
async def strangers_hold_little(bench: SourceBench) -> None:
    """However many connect and say nothing, few descriptors are held, and media goes on."""
    async with _there(bench) as (port, _):
        before = len(os.listdir("/proc/self/fd"))
        callers = [socket.socket() for _ in range(_STRANGERS)]
        try:
            for caller in callers:
                caller.setblocking(False)
                caller.connect_ex(("127.0.0.1", port))
            # Many may be taken at once, if most are let go at once.
            await asyncio.sleep(0.2)
            held = _STRANGERS
            for _ in range(100):
                await asyncio.sleep(0.01)
                held = min(held, len(os.listdir("/proc/self/fd")) - before - _STRANGERS)
                if held <= _MOST:
                    break
        finally:
            for caller in callers:
                caller.close()
        expect(held <= _MOST, f"{_STRANGERS} connections that say nothing hold {held} descriptors: bound them")


@RULES.add
async def garbage_ends_its_own_connection(bench: SourceBench) -> None:
    """Who connects and sends what is not the protocol is cut off within 20 s; the source runs on, and so does media."""
    async with _there(bench) as (port, _):
        results = await asyncio.gather(*(_cut_off(port, said) for said in _GARBAGE))
        kept = [number for number, cut in enumerate(results) if not cut]
        expect(not kept, f"{len(kept)} of {len(_GARBAGE)} connections with garbage are still open after {_SECONDS:g} s")


async def _cut_off(port: int, said: bytes) -> bool:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(_SECONDS):
            with contextlib.suppress(ConnectionError):
                writer.write(said)
                while await reader.read(65536):
                    pass
            return True
    except TimeoutError:
        return False
    finally:
        writer.transport.abort()
