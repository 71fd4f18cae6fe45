"""SRT over a long way, with a long latency, and at the end: what counts as behind, and that the tail arrives."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import attrs
import pytest
from tests.compare import compare
from tests.far.path import Path as FarPath
from tests.media import made
from tests.plugins.srt_processes import sockets
from tests.plugins.transport_harness import context, feed, load, longer, publishing, reached
from tests.servers.srt import LiveTransmit

from camcast.contracts import unsent
from camcast.kinds import TransportKind
from camcast.media import NS_PER_MS
from camcast_srt import afterlife, camcast_transports
from camcast_srt.afterlife import Afterlives
from camcast_srt.lease import Lease
from camcast_srt.link import Link
from camcast_srt.process import SrtProcess

LITTLE = 16_000
"""Bytes: more than any frame of these clips has, on its way to libsrt's process."""


@pytest.fixture
def kind() -> TransportKind:
    (found,) = camcast_transports()
    return found


# --- the end --------------------------------------------------------------------------------------------------


async def test_a_long_latency_loses_no_tail(kind: TransportKind, tmp_path: Path) -> None:
    """The receiver holds everything back for 2.5 s, which is longer than an attempt may take to end."""
    clip = load(made("h264_aac"))
    with LiveTransmit(tmp_path, query="latency=2500") as server:
        async with publishing(kind, server.url("latency=2500"), clip, connect_timeout=8.0) as (transport, _):
            await feed(transport, clip.packets)
        assert sockets(), "it lives on"
        received = await asyncio.to_thread(server.received)
    compare(made("h264_aac"), received)
    await reached(lambda: not sockets(), why="it ends by itself")


async def test_who_comes_next_under_the_name_has_it(kind: TransportKind, tmp_path: Path) -> None:
    clip = load(made("h264_only"))
    with LiveTransmit(tmp_path, query="latency=5000", again=True) as server:
        url = server.url("latency=5000")
        async with publishing(kind, url, clip, connect_timeout=8.0) as (transport, _):
            await feed(transport, clip.packets, speed=8)
            lives = transport._lease.afterlives
        assert len(lives) == 1
        other = kind.build(context(kind, server.url("latency=5000&streamid=other"), connect_timeout=0.1)[0])
        await asyncio.gather(other.connect(), return_exceptions=True)
        assert len(lives) == 1, "another name is no reason"
        await other.close()
        async with publishing(kind, url, clip, connect_timeout=8.0):
            assert len(lives) == 0
        assert len(lives) == 0, "nothing was sent, so nothing is to be shown"
    await reached(lambda: not sockets())


PROGRAM = """
import asyncio, sys
sys.path.insert(0, ".")
from tests.media import made
from tests.plugins.transport_harness import context, feed, load
from camcast_srt import camcast_transports

async def main():
    (kind,) = camcast_transports()
    clip = load(made("h264_aac"))
    transport = kind.build(context(kind, sys.argv[1], connect_timeout=8.0)[0])
    await transport.connect()
    await transport.publish(clip.tracks)
    await feed(transport, clip.packets)
    await transport.close()

asyncio.run(main())
print("main is through", flush=True)
"""


def test_a_program_that_ends_waits_for_the_tail(tmp_path: Path) -> None:
    with LiveTransmit(tmp_path, query="latency=2500") as server:
        program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, server.url("latency=2500")],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert program.stdout is not None
        assert program.stdout.readline() == "main is through\n"
        began = time.monotonic()
        assert program.wait(10) == 0
        assert 0.5 < time.monotonic() - began < 4.0
        received = server.received()
    compare(made("h264_aac"), received)


def pair() -> tuple[SrtProcess, socket.socket]:
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return SrtProcess(ours), its


def test_what_outlives_is_ended_once_and_waited_for() -> None:
    lives = Afterlives()
    (ours, its), (next_ours, next_its) = pair(), pair()
    lives.begin("a", 60.0, ours)
    assert len(lives) == 1
    assert lives.take("b") is None
    lives.begin("a", 60.0, next_ours)
    assert (len(lives), its.recv(1)) == (1, b""), "the one before is asked to end"
    its.close()
    threading.Timer(0.05, next_its.close).start()
    lives._wait()
    assert len(lives) == 0, "waited until it was over"
    assert next_ours.channel.fileno() == -1
    assert ours.channel.fileno() == -1


def test_what_comes_next_under_the_name_gets_it_to_end() -> None:
    lives = Afterlives()
    ours, its = pair()
    lives.begin("a", 60.0, ours)
    assert lives.take("a") is ours
    assert len(lives) == 0
    ours.close()
    its.close()


def test_a_program_ends_when_the_time_is_up() -> None:
    lives = Afterlives()
    ours, its = pair()
    lives.begin("c", -0.45, ours)
    lives._wait()
    assert len(lives) == 0
    assert its.recv(1) == b"", "and what has not ended by then is made to"
    its.close()


@pytest.fixture
def hangs() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does not listen to its channel."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def channel_of(hangs: subprocess.Popen[bytes]) -> tuple[SrtProcess, socket.socket]:
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return SrtProcess(ours, os.pidfd_open(hangs.pid)), its


def test_what_does_not_end_in_time_is_ended_by_force_while_the_program_goes_on(hangs: subprocess.Popen[bytes]) -> None:
    lives = Afterlives()
    process, its = channel_of(hangs)
    assert lives.begin("d", -1.6, process) < 0, "its limit and a grace of a second are over"
    lives.end_late()
    assert hangs.wait(10) == -signal.SIGKILL
    assert len(lives) == 0
    its.close()


async def test_an_attempts_end_sees_to_the_limit_of_what_outlives_it(
    hangs: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(afterlife, "_SLACK", 0.0)
    monkeypatch.setattr(afterlife, "_GRACE", 0.0)
    process, its = channel_of(hangs)
    link = cast("Link", SimpleNamespace(live_on=lambda seconds: process))
    Lease(Afterlives(), "e").give_back((), link, 0.05)
    await reached(lambda: hangs.poll() is not None, why="nobody asks for it")
    assert hangs.returncode == -signal.SIGKILL
    its.close()


# --- the way -------------------------------------------------------------------------------------------------------


@pytest.fixture
def far() -> Iterator[FarPath]:
    with FarPath(round_trip=0.3) as path:
        yield path


async def test_a_hiccup_that_the_latency_covers_is_no_congestion(
    kind: TransportKind, far: FarPath, tmp_path: Path
) -> None:
    """300 ms of round trip, and 1.5 s without any link: nothing counts as behind, and every frame arrives."""
    clip = load(made("h264_aac"))
    packets = longer(clip, 6.0)
    most: list[int] = []
    with LiveTransmit(tmp_path, host=far.address, query="latency=3000", prefix=far.prefix) as server:
        async with publishing(kind, server.url("latency=3000"), clip, connect_timeout=8.0) as (transport, events):

            async def watch() -> None:
                while True:
                    most.append(unsent(transport) or 0)
                    await asyncio.sleep(0.02)

            watching = asyncio.create_task(watch())
            asyncio.get_running_loop().call_later(2.0, far.cut, 1.5)
            await feed(transport, packets)
            watching.cancel()
            assert not events.losses
            await reached(lambda: transport.pending == 0)
            assert max(most) < LITTLE, "what is on its way to libsrt, and no more"
        received = await asyncio.to_thread(server.received)
    assert compare(made("h264_aac"), received, loop=True).frames == len(
        [packet for packet in packets if packet.track.codec == "h264"]
    )


async def test_a_link_that_is_gone_for_longer_is_behind(kind: TransportKind, far: FarPath, tmp_path: Path) -> None:
    """With the latency of libsrt's default the same hiccup is too long, and says so, in media that nobody can use."""
    clip = load(made("h264_only"))
    packets = longer(clip, 5.0)
    most: list[int] = []
    with LiveTransmit(tmp_path, host=far.address, prefix=far.prefix) as server:
        async with publishing(kind, server.url(), clip, connect_timeout=8.0) as (transport, _):
            asyncio.get_running_loop().call_later(1.5, far.cut, 1.5)

            def behind() -> bool:
                most.append(unsent(transport) or 0)
                return False

            await feed(transport, packets, until=behind)
            await reached(lambda: (unsent(transport) or 0) == 0)
    steady = most[: len(most) // 5]
    assert max(steady) < LITTLE, "the round trip alone is longer than the latency, and no reason to drop anything"
    assert max(most) > LITTLE


async def test_a_position_is_reached_when_the_peer_has_everything_up_to_it(kind: TransportKind, tmp_path: Path) -> None:
    clip = load(made("h264_aac"))
    with LiveTransmit(tmp_path) as server:
        async with publishing(kind, server.url(), clip, connect_timeout=8.0) as (transport, _):
            last = 0
            for packet in clip.packets[:40]:
                position = transport.send(packet, packet.dts // NS_PER_MS)
                assert position is not None
                assert position >= last + len(packet.payload)
                last = position
                await asyncio.sleep(0.005)
            await reached(lambda: transport.acked >= last)
            position = transport.send(attrs.evolve(clip.packets[40], payload=b""), 5000)
            assert position is not None
            assert last <= position < last + 3000, "the stream's clock, and nothing else"
            await reached(lambda: transport.acked >= position)
