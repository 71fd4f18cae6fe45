"""libsrt runs in a process for each of its sockets: what becomes of one is one attempt's affair."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import attrs
import psutil
import pytest
from tests.compare import compare
from tests.media import made
from tests.plugins.srt_processes import end_fork_servers, ended, fork_servers, signals, sockets
from tests.plugins.transport_harness import END, Clip, Events, context, feed, load, reached
from tests.servers.process import free_port
from tests.servers.srt import LiveTransmit

from camcast.errors import ErrorClass, NetworkError
from camcast.media import MediaKind
from camcast_srt import camcast_transports, keeper
from camcast_srt.backlog import LIMIT

SECRET = "correct-horse-battery"


@pytest.fixture(autouse=True)
def no_idling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "IDLE", 0.0)


@attrs.define(eq=False)
class Sending:
    """Transports of one engine, each on the air at a receiver of its own."""

    clip: Clip
    servers: list[LiveTransmit] = attrs.field(factory=list)
    transports: list[Any] = attrs.field(factory=list)
    events: list[Events] = attrs.field(factory=list)

    async def feed(self, first: int, last: int, start: int) -> None:
        packets = self.clip.packets[first:last]
        await asyncio.gather(*(feed(one, packets, speed=4, start=start) for one in self.transports))


@pytest.fixture
def key_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that lies in the engine's environment, as `env:STREAM_KEY` finds it."""
    monkeypatch.setenv("STREAM_KEY", SECRET)


@pytest.fixture
async def three(tmp_path: Path) -> AsyncIterator[Sending]:
    (kind,) = camcast_transports()
    sending = Sending(load(made("h264_aac")))
    end_fork_servers()  # of hosts that earlier tests have made
    async with AsyncExitStack() as stack:
        for number in range(3):
            receiver = LiveTransmit(tmp_path / str(number), query=f"passphrase={SECRET}")
            server = stack.enter_context(receiver)
            made_context, events = context(kind, server.url(f"passphrase={SECRET}&streamid={SECRET}"))
            transport = kind.build(made_context)
            stack.push_async_callback(transport.close)
            await transport.connect()
            await transport.publish(sending.clip.tracks)
            sending.servers.append(server)
            sending.transports.append(transport)
            sending.events.append(events)
        yield sending
    await reached(lambda: not fork_servers(), why="none is left")


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
async def test_one_that_crashes_is_one_attempts_end(three: Sending, number: signal.Signals) -> None:
    assert (len(fork_servers()), len(sockets())) == (1, 3)
    assert all(one.nice() > psutil.Process().nice() for one in sockets()), "one that is flooded is busy, and gives way"
    await three.feed(0, 40, 0)
    sockets()[1].send_signal(number)
    await asyncio.wait_for(three.events[1].loss.wait(), 5)
    (lost,) = three.events[1].losses
    assert lost.error_class is ErrorClass.NETWORK, "it is tried again"
    assert lost.stage == "streaming"
    assert number.name in str(lost)
    assert ("by what the other side sent" in str(lost)) == (number != signal.SIGKILL)
    await three.feed(40, len(three.clip.packets), 0)
    assert not three.events[0].losses + three.events[2].losses
    for one in (0, 2):
        await three.transports[one].close()
        compare(made("h264_aac"), await asyncio.to_thread(three.servers[one].received))


async def test_one_that_hangs_is_ended_by_force(three: Sending) -> None:
    hung = sockets()[0]
    hung.suspend()
    await three.feed(0, 40, 0)
    assert three.transports[0].pending > 0
    assert three.transports[1].acked > three.transports[0].acked
    began = time.monotonic()
    await three.transports[0].close()
    assert time.monotonic() - began < 2 * END, "bounded, also on a busy machine"
    await reached(lambda: ended(hung))
    assert len(sockets()) == 2


async def test_one_that_hangs_ends_also_where_nobody_is_left_to_see_to_it(three: Sending) -> None:
    (server,) = fork_servers()
    hung = sockets()[0]
    hung.suspend()
    server.kill()
    await reached(lambda: ended(server))
    await three.transports[0].close()
    await reached(lambda: ended(hung), why="the engine has a handle of its own")


async def test_what_one_that_hangs_is_handed_has_a_bound(three: Sending) -> None:
    one = three.transports[0]
    sockets()[0].suspend()
    picture = next(packet for packet in three.clip.packets if packet.track.kind is MediaKind.VIDEO)
    most = 2 * (LIMIT // len(picture.payload))
    for number in range(most):
        one.send(picture, number * 40)
    assert one.stats()["overflow_packets"] > most // 3
    assert LIMIT < one.unsent < LIMIT + 1_000_000


async def test_sessions_go_on_without_the_process_that_they_were_copied_from(three: Sending, tmp_path: Path) -> None:
    (server,) = fork_servers()
    orphans = sockets()
    server.kill()
    await three.feed(0, len(three.clip.packets), 0)
    assert not [loss for events in three.events for loss in events.losses]
    # The next one begins another.
    (kind,) = camcast_transports()
    with LiveTransmit(tmp_path / "other") as another:
        other = kind.build(context(kind, another.url())[0])
        await other.connect()
        assert len(sockets()) == 1
        await other.close()
    for transport in three.transports:
        await transport.close()
    await reached(lambda: all(map(ended, orphans)), why="they end by being let go")


async def test_nobody_reads_a_secret_off_a_process(key_of_another: None, three: Sending) -> None:
    assert len(sockets()) == 3
    for one in (*fork_servers(), *sockets()):
        assert SECRET not in " ".join(one.cmdline())
        assert SECRET not in str(one.environ())
        assert one.rlimit(psutil.RLIMIT_CORE) == (0, 0), "nor out of the image of one that crashed"


async def test_one_that_cannot_be_begun_is_a_failed_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "_MODULE", "camcast_srt.nothing_of_that_name")
    (kind,) = camcast_transports()
    transport = kind.build(context(kind, f"srt://127.0.0.1:{free_port(kind=socket.SOCK_DGRAM)}")[0])
    with pytest.raises(NetworkError, match="libsrt's process"):
        await transport.connect()
    await transport.close()


PROGRAM = """
import asyncio, sys
from tests.plugins.transport_harness import context
from camcast_srt import camcast_transports
async def main():
    (kind,) = camcast_transports()
    transport = kind.build(context(kind, sys.argv[1])[0])
    await transport.connect()
    print("connected", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def librarys_threads(process: int) -> list[str]:
    names = [path.read_text().strip() for path in Path(f"/proc/{process}/task").glob("*/comm")]
    return [name for name in names if name.startswith("SRT:")]


@pytest.fixture
def connected(tmp_path: Path) -> Any:
    with (
        LiveTransmit(tmp_path) as server,
        subprocess.Popen([sys.executable, "-c", PROGRAM, server.url()], stdout=subprocess.PIPE, text=True) as program,
    ):
        assert program.stdout is not None
        yield program, program.stdout.readline()
        program.kill()


async def test_nothing_of_it_is_in_the_engines_process_and_none_outlives_it(connected: Any) -> None:
    program, said = connected
    assert said == "connected\n"
    family = [*fork_servers(program.pid), *sockets(program.pid)]
    assert len(family) == 2
    assert librarys_threads(program.pid) == librarys_threads(family[0].pid) == []
    assert librarys_threads(family[1].pid), "libsrt gives its threads names"
    for one in family:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            one.send_signal(number)
    sent = sum(1 << (number - 1) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
    for one in family:
        assert signals(one, "SigBlk") & signals(one, "ShdPnd") & sent == sent, "they are the engine's business"
    os.kill(program.pid, signal.SIGKILL)
    await reached(lambda: all(map(ended, family)), why="they end when it has")
