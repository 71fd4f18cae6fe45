"""librtmp against nginx-rtmp: every frame arrives, deadlines hold, one wedged session harms no other."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.compare import compare
from tests.media import made
from tests.plugins.transport_harness import DirectHandover, Events, context, feed, load, reached
from tests.servers.certificates import Certificate
from tests.servers.nginx import Nginx
from tests.servers.process import free_port

from camcast.errors import (
    BusyError,
    MisconfiguredError,
    NetworkError,
    TransportError,
    UnexplainedRefusal,
)
from camcast.flv.tag import FlvReader
from camcast.kinds import TransportKind
from camcast.media import Tag
from camcast.target import Target
from camcast_librtmp import camcast_transports
from camcast_librtmp.options import LibrtmpOptions


@pytest.fixture
def kind() -> TransportKind:
    (found,) = camcast_transports()
    return found


@pytest.fixture(autouse=True)
def no_leaks() -> Iterator[None]:
    def held() -> tuple[int, int]:
        gc.collect()
        return len(lanes()), len(os.listdir("/proc/self/fd"))

    before = held()
    yield
    deadline = time.monotonic() + 2
    while any(now > then for now, then in zip(held(), before, strict=True)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert all(now <= then for now, then in zip(held(), before, strict=True))


def lanes() -> list[str]:
    return [thread.name for thread in threading.enumerate() if "librtmp" in thread.name]


def build(kind: TransportKind, url: str, **more: Any) -> tuple[Any, Events]:
    made_context, events = context(kind, url, **more)
    return kind.build(made_context), events


async def start(transport: Any, clip: Path) -> list[Tag]:
    """Connect and publish; returns the media tags that are to follow the headers."""
    media = load(clip)
    headers, tags = media.tags()
    await transport.connect()
    await transport.publish(media.tracks)
    for tag in headers:
        transport.send(tag, tag.time)
    return tags


@pytest.mark.parametrize("name", ["h264_aac", "h264_b_aac", "h264_aac_mono_16k"])
async def test_every_frame_arrives(kind: TransportKind, name: str, nginx: Nginx) -> None:
    transport, events = build(kind, nginx.url("cam0_main"))
    tags = await start(transport, made(name))
    await feed(transport, tags, speed=8)
    await reached(lambda: transport.pending == 0)
    sent = sum(len(tag.head) + len(tag.body) for tag in tags)
    assert sent < transport.acked < 1.2 * sent + 5000
    await transport.close()
    assert not events.losses
    compare(made(name), nginx.recording("cam0_main"))


async def test_small_chunks_and_a_key_with_a_query(kind: TransportKind, nginx: Nginx) -> None:
    url = nginx.url("cam0?token=a/b&c=d e")
    transport, _ = build(kind, url, options=LibrtmpOptions(chunk_size=128))
    tags = await start(transport, made("h264_only"))
    await feed(transport, tags, speed=8)
    await reached(lambda: transport.pending == 0)
    await transport.close()
    compare(made("h264_only"), nginx.recording("cam0"))


async def test_rtmps_only_when_insecure(
    kind: TransportKind, start_nginx: Callable[..., Nginx], certificate: Certificate
) -> None:
    nginx = start_nginx(certificate=certificate)
    with pytest.raises(MisconfiguredError, match="verifies no certificate"):
        build(kind, nginx.tls_url("cam0"))
    transport, _ = build(kind, nginx.tls_url("cam0", host="127.0.0.1"), insecure=True)
    tags = await start(transport, made("h264_aac"))
    await feed(transport, tags, speed=8)
    await reached(lambda: transport.pending == 0)
    await transport.close()
    compare(made("h264_aac"), nginx.recording("cam0"))


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ({"url": "rtmps://h/app/key"}, "verifies no certificate"),
        ({"url": "rtmps://h/app/key", "insecure": True, "fingerprint": "0" * 64}, "would do nothing"),
        ({"url": "rtmps://h/app/key", "insecure": True, "client_certificate": "me.pem"}, "would do nothing"),
        ({"url": "rtmp://h/app/key", "proxy": "http://p:1"}, "neither proxy nor bind"),
        ({"url": "rtmp://h/app/key", "bind": "10.0.0.1"}, "neither proxy nor bind"),
        ({"url": "rtmp://[::1]/app/key"}, "IPv4 only"),
        ({"url": "rtmp://h/app/key", "ip_family": "ipv6"}, "IPv4 only"),
        ({"url": "rtmp://me:pw@h/app/key"}, "not supported through librtmp"),
        ({"url": "rtmp://h/app/"}, "no stream key"),
    ],
)
def test_what_librtmp_cannot_do(kind: TransportKind, target: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        kind.check(Target(**target))


def test_the_kind(kind: TransportKind) -> None:
    assert kind.by_name_only
    accepted = kind.accepts(Target(url="rtmp://h/app/key"))
    assert accepted.take("h264").form == "legacy"
    assert accepted.take("h265").confidence.value == "no"


async def test_a_busy_name(kind: TransportKind, nginx: Nginx) -> None:
    first, _ = build(kind, nginx.url("secret-name"))
    tags = await start(first, made("h264_aac"))
    await feed(first, tags[:20], speed=8)
    second, events = build(kind, nginx.url("secret-name"))
    await second.connect()
    with pytest.raises(BusyError, match=r"BadName") as caught:
        await second.publish(load(made("h264_aac")).tracks)
    assert "secret-name" not in str(caught.value) + repr(second)
    await second.close()
    await first.close()
    assert not events.losses


async def test_refusals_without_words(kind: TransportKind, nginx: Nginx) -> None:
    unknown, _ = build(kind, nginx.url("cam0", app="nosuchapp"))
    with pytest.raises(UnexplainedRefusal, match="usually an unknown application"):
        await unknown.connect()
    await unknown.close()
    hooked, _ = build(kind, nginx.url("cam0", app="hooked"))
    await hooked.connect()
    with pytest.raises(UnexplainedRefusal, match="usually a wrong or unknown stream key"):
        await hooked.publish(load(made("h264_aac")).tracks)
    await hooked.close()


async def test_accepted_and_then_closed(kind: TransportKind, nginx: Nginx) -> None:
    """nginx says Publish.Start to whom it denies publishing, and closes."""
    denied, events = build(kind, nginx.url("cam0", app="denied"))
    await denied.connect()
    await denied.publish(load(made("h264_aac")).tracks)
    await asyncio.wait_for(events.loss.wait(), 3)
    assert isinstance(events.losses[0], UnexplainedRefusal)
    assert "accepted the stream and closed" in str(events.losses[0])
    await denied.close()


async def test_nobody_there(kind: TransportKind) -> None:
    transport, _ = build(kind, f"rtmp://127.0.0.1:{free_port()}/live/cam0")
    with pytest.raises(NetworkError, match="refused, unreachable, or no RTMP server"):
        await transport.connect()
    await transport.close()


class Silent:
    """Accepts TCP (or with `deaf` not even that) and says nothing, or only what it is told to."""

    def __init__(self, *, deaf: bool = False, says: bytes = b"") -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=0 if deaf else 10)
        self.port = self.listener.getsockname()[1]
        self.url = f"rtmp://127.0.0.1:{self.port}/live/cam0"
        self.held: list[socket.socket] = []
        if deaf:
            # A full backlog: further SYNs are dropped.
            for _ in range(4):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", self.port))
                self.held.append(filler)
        self.says = says
        self.thread = threading.Thread(target=self._answer, daemon=True)
        if says:
            self.thread.start()

    def _answer(self) -> None:
        try:
            connection, _ = self.listener.accept()
            self.held.append(connection)
            connection.sendall(self.says)
        except OSError:
            return

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *exc: object) -> None:
        self.listener.close()
        for held in self.held:
            held.close()


@pytest.mark.parametrize("how", [{}, {"deaf": True}, {"says": b"\x03" + bytes(1536)}])
async def test_deadlines_hold_against_silence(kind: TransportKind, how: dict[str, Any]) -> None:
    with Silent(**how) as server:
        transport, events = build(kind, server.url, connect_timeout=0.5)
        began = time.monotonic()
        with pytest.raises(NetworkError, match=r"within 0\.5 s"):
            await transport.connect()
        assert time.monotonic() - began < 1.5
        await reached(lambda: not transport._lane._thread.is_alive() or transport._lane._jobs.empty())
        began = time.monotonic()
        await transport.close()
        assert time.monotonic() - began < 2
        assert not events.losses


@pytest.mark.parametrize("how", [{}, {"deaf": True}])
async def test_cancelled_and_closed_while_connecting(kind: TransportKind, how: dict[str, Any]) -> None:
    with Silent(**how) as server:
        transport, _ = build(kind, server.url)
        connecting = asyncio.create_task(transport.connect())
        await reached(lambda: transport._sessions and transport._sessions[0]._librtmp is not None)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        began = time.monotonic()
        await transport.close()
        assert time.monotonic() - began < 2


async def test_a_server_that_stands_still(kind: TransportKind, nginx: Nginx) -> None:
    transport, events = build(kind, nginx.url("cam0"), connect_timeout=1.5)
    tags = await start(transport, made("h264_b_aac"))
    await feed(transport, tags[:50], speed=8)
    await reached(lambda: transport.pending == 0)
    nginx.freeze()
    acked = transport.acked
    pending: list[int] = []
    grown = 0
    began = time.monotonic()
    while not events.losses and time.monotonic() - began < 15:
        # The kernel of a frozen server goes on to acknowledge until its buffer is full.
        grown += await feed(transport, tags, speed=200, start=10_000 + grown, until=events.loss.is_set)
        pending.append(transport.pending)
        await asyncio.sleep(0)
    assert "took nothing for 1.5 s" in str(events.losses[0])
    # The last look may come after the stuck write was ended, and what waited behind it was let go.
    assert max(pending) > 100_000
    stood = transport.acked
    assert stood >= acked
    began = time.monotonic()
    await transport.close()
    assert time.monotonic() - began < 2
    assert transport.acked == stood
    nginx.thaw()


async def test_closing_while_a_write_is_stuck(kind: TransportKind, nginx: Nginx) -> None:
    transport, events = build(kind, nginx.url("cam0"), connect_timeout=30)
    tags = await start(transport, made("h264_b_aac"))
    nginx.freeze()
    for number in range(100):
        await feed(transport, tags, speed=10_000, start=5000 * number)
    await reached(lambda: (since := transport._lane._since) and time.monotonic() - since > 0.3, why="a stuck write")
    began = time.monotonic()
    await transport.close()
    assert 0.9 < time.monotonic() - began < 2
    assert not events.losses
    nginx.thaw()


async def test_a_full_lane_goes_on_with_a_keyframe(kind: TransportKind, nginx: Nginx) -> None:
    transport, events = build(kind, nginx.url("cam0"), connect_timeout=30)
    tags = await start(transport, made("h264_only"))
    nginx.freeze()
    for number in range(300):
        await feed(transport, tags, speed=10_000, start=5000 * number)
        if transport.stats()["left_out_tags"]:
            break
    assert transport.stats()["left_out_tags"] > 0
    assert transport.pending < 10 << 20
    nginx.thaw()
    await reached(lambda: transport.pending == 0, timeout=20)
    await feed(transport, tags, speed=100, start=5_000_000)
    await reached(lambda: transport.pending == 0)
    assert not events.losses
    await transport.close()


async def test_killed_and_back(kind: TransportKind, nginx: Nginx) -> None:
    transport, events = build(kind, nginx.url("cam0"))
    tags = await start(transport, made("h264_aac"))
    await feed(transport, tags[:50], speed=8)
    await asyncio.to_thread(nginx.kill)
    await feed(transport, tags[50:], speed=1, until=events.loss.is_set)
    await asyncio.wait_for(events.loss.wait(), 3)
    assert isinstance(events.losses[0], TransportError)
    await transport.close()
    assert len(events.losses) == 1
    await asyncio.to_thread(nginx.start)
    again, _ = build(kind, nginx.url("cam1"))
    tags = await start(again, made("h264_aac"))
    await feed(again, tags, speed=8)
    await reached(lambda: again.pending == 0)
    await again.close()
    compare(made("h264_aac"), nginx.recording("cam1"))


async def test_a_server_that_drops_a_silent_publisher_is_noticed(kind: TransportKind, nginx: Nginx) -> None:
    transport, events = build(kind, nginx.url("cam0", app="live"))
    tags = await start(transport, made("h264_aac"))
    await feed(transport, tags[:50], speed=8)
    await asyncio.to_thread(nginx.wait_publishing, "cam0")
    await asyncio.to_thread(nginx.drop, "cam0")
    await asyncio.wait_for(events.loss.wait(), 3)
    await transport.close()


async def test_one_wedged_session_delays_no_other(kind: TransportKind, nginx: Nginx) -> None:
    handover = DirectHandover()
    with Silent() as silent:
        wedged = [build(kind, silent.url, handover=handover)[0] for _ in range(4)]
        stuck = [asyncio.create_task(transport.connect()) for transport in wedged]
        transport, events = build(kind, nginx.url("cam0"), handover=handover)
        tags = await start(transport, made("h264_aac"))
        await feed(transport, tags, speed=8)
        await reached(lambda: transport.pending == 0)
        await transport.close()
        assert not events.losses
        assert not any(task.done() for task in stuck)
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)
        began = time.monotonic()
        await asyncio.gather(*(transport.close() for transport in wedged))
        assert time.monotonic() - began < 2
    compare(made("h264_aac"), nginx.recording("cam0"))


async def test_double_use_and_early_close(kind: TransportKind, nginx: Nginx) -> None:
    transport, _ = build(kind, nginx.url("cam0"))
    with pytest.raises(NetworkError):
        await transport.publish(load(made("h264_aac")).tracks)
    transport.send(load(made("h264_aac")).tags()[1][0], 0)
    await transport.close()
    await transport.close()
    with pytest.raises(NetworkError):
        await transport.connect()
    assert (transport.pending, transport.acked) == (0, 0)


async def test_time_may_stand_still_or_go_back(kind: TransportKind, nginx: Nginx) -> None:
    """Alike messages at one time are where librtmp would begin with a type 3 chunk."""
    transport, _ = build(kind, nginx.url("cam0"))
    media = load(made("h264_aac"))
    tags = await start(transport, made("h264_aac"))
    sound = [tag for tag in tags if tag.packet is not None and tag.packet.track is media.tracks[1]]
    payload = sound[0].body
    times = [0, 40, 40, 40, 80, 60, 60, 100, 0x1000000, 0x1000020]
    for tag, time_ in zip([sound[0]] * len(times), times, strict=True):
        transport.send(tag, time_)
    await reached(lambda: transport.pending == 0)
    await transport.close()
    found = [tag for tag in FlvReader().feed(nginx.recording("cam0").read_bytes()) if tag.body == b"\xaf\x01" + payload]
    assert [tag.time - found[0].time for tag in found] == times


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_listing_imports_nothing_heavy() -> None:
    assert (
        run(
            """
import sys, camcast_librtmp
(kind,) = camcast_librtmp.camcast_transports()
from camcast.target import Target
kind.check(Target(url="rtmp://h/app/key")); kind.accepts(Target(url="rtmp://h/app/key"))
print(*[name for name in ("av", "librtmp", "cffi", "_cffi_backend", "numpy") if name in sys.modules])
"""
        )
        == ""
    )


def test_a_missing_library_names_the_line_that_installs_it() -> None:
    said = run(
        """
import sys
sys.modules["librtmp.logging"] = None
import camcast_librtmp
(kind,) = camcast_librtmp.camcast_transports()
try:
    kind.available()
except Exception as error:
    print(type(error).__name__, error)
"""
    )
    assert said.startswith("MissingDependency")
    assert said.endswith("apt-get install librtmp-dev gcc && pip install 'camcast[librtmp]'")


def test_importing_leaves_signals_alone_and_needs_no_main_thread(kind: TransportKind) -> None:
    handler = signal.getsignal(signal.SIGINT)
    kind.load()
    assert signal.getsignal(signal.SIGINT) is handler
    said = run(
        """
import signal, threading, camcast_librtmp
before = signal.getsignal(signal.SIGINT)
(kind,) = camcast_librtmp.camcast_transports()
def attempt():
    kind.load()
    print("loaded")
thread = threading.Thread(target=attempt); thread.start(); thread.join()
kind.available()
import librtmp, librtmp.stream, librtmp.logging
print(librtmp.RTMP.__name__, signal.getsignal(signal.SIGINT) is before)
"""
    )
    assert said.split("\n") == ["loaded", "RTMP True"]
