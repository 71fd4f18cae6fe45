"""What WHIP costs: CPU and memory per 1080p30 stream of 4 Mbit/s with Opus, and what the engine's loop feels of it.

Senders, each in processes of its own, to the same receivers (aiortc, in one more process, counting packets only):

    camcast  the engine: file sources, one thread for all WHIP sessions
    aiortc   aiortc's own peer connections and senders on one loop, packets passed through
    ffmpeg   `ffmpeg -re -c copy -f whip`, a process a stream

"late" is how late a 5 ms timer on the sender's main loop is (ms: median, p99, worst), measured after the CPU; beside it
the same timer in an idle process at the same time, which is what a worker process would leave of the thread's effect.
A row counts only when no packet was lost.

    python -m bench.whip [--ways camcast aiortc ffmpeg] [--streams 1 4 16] [--seconds 10]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
from tests.integration.kit import camera, engine
from tests.media import RECIPES, encode, made
from tests.plugins.transport_harness import load
from tests.servers.whip import WhipServer

from bench import meter
from camcast import SessionConfig
from camcast.bitstream.nal import to_annexb
from camcast.media import MediaKind

CLIP = "camera_1080p_opus"
RECIPES[CLIP] = (
    ".mkv",
    lambda path: encode(
        path,
        size=(1920, 1080),
        fps=30,
        seconds=10,
        bitrate=4_000_000,
        gop=2,
        noise=6,
        audio="libopus",
        video_options={
            "preset": "ultrafast",
            "tune": "zerolatency",
            "nal_hrd": "cbr",
            "maxrate": "4M",
            "bufsize": "4M",
        },
    ),
)
WARM_UP = 3.0
READY_DEADLINE = 60.0
TICK = 0.005


class Ticker:
    """How late a timer on this loop is, in ms."""

    def __init__(self) -> None:
        self.late: list[float] = []

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + TICK
            await asyncio.sleep(TICK)
            self.late.append((loop.time() - due) * 1000)


# --- senders, in processes of their own -------------------------------------------------------------------------


async def send_by_camcast(streams: int, server: str) -> None:
    path = made(CLIP)
    sessions = [
        SessionConfig(camera_id=n, output="whip", url=f"whip://{server}/any-profile/{n}") for n in range(streams)
    ]
    async with engine(*(camera(n, path, session) for n, session in enumerate(sessions))) as running:
        await talk(lambda: sum(one.metrics.frames_dropped for one in running.sessions))


async def send_by_aiortc(streams: int, server: str) -> None:
    import aiohttp
    from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription

    class Passed(MediaStreamTrack):
        """The clip's packets of one kind, each at its time, over and over."""

        def __init__(self, kind: str, packets: list[tuple[bytes, float]], length: float) -> None:
            super().__init__()
            self.kind = kind
            self._packets, self._length = packets, length
            self._next, self._began = 0, time.monotonic()

        async def recv(self) -> av.Packet[Any]:
            turn, at = divmod(self._next, len(self._packets))
            data, moment = self._packets[at]
            self._next += 1
            await asyncio.sleep(max(0.0, self._began + turn * self._length + moment - time.monotonic()))
            packet = av.Packet(data)
            packet.time_base = Fraction(1, 90_000)
            packet.pts = packet.dts = round((turn * self._length + moment) * 90_000)
            return packet

    clip = load(made(CLIP))
    length = max(packet.dts for packet in clip.packets) / 1e9 + 0.02
    units: dict[str, list[tuple[bytes, float]]] = {"video": [], "audio": []}
    for packet in clip.packets:
        video = packet.track.kind is MediaKind.VIDEO
        data = to_annexb(packet.payload) if video else packet.payload
        units["video" if video else "audio"].append((data, packet.dts / 1e9))
    peers = []
    async with aiohttp.ClientSession() as http:
        for number in range(streams):
            peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
            for kind, mime in (("video", "video/H264"), ("audio", "audio/opus")):
                transceiver = peer.addTransceiver(Passed(kind, units[kind], length), "sendonly")
                codecs = transceiver.sender.getCapabilities(kind).codecs
                transceiver.setCodecPreferences([codec for codec in codecs if codec.mimeType == mime])
            await peer.setLocalDescription(await peer.createOffer())
            offer, headers = peer.localDescription.sdp, {"Content-Type": "application/sdp"}
            async with http.post(f"http://{server}/whip/{number}", data=offer, headers=headers) as answer:
                await peer.setRemoteDescription(RTCSessionDescription(await answer.text(), "answer"))
            peers.append(peer)
        await talk(lambda: 0)


async def tick(streams: int, server: str) -> None:
    await talk(lambda: 0)


async def talk(dropped: Any) -> None:
    """Measure between two lines from the parent, then report."""
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.readline)
    ticker = Ticker()
    task = asyncio.create_task(ticker.run())
    await loop.run_in_executor(None, sys.stdin.readline)
    task.cancel()
    print(json.dumps({"late": ticker.late, "dropped": dropped()}), flush=True)


CHILDREN = {"camcast": send_by_camcast, "aiortc": send_by_aiortc, "tick": tick}


def start(way: str, streams: int, server: str) -> list[subprocess.Popen[str]]:
    if way == "ffmpeg":
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-re", "-stream_loop", "-1"]
        command += ["-i", str(made(CLIP)), "-c", "copy", "-f", "whip"]
        urls = [f"http://{server}/any-profile/{number}" for number in range(streams)]
        return [subprocess.Popen([*command, url], text=True, stderr=subprocess.DEVNULL) for url in urls]
    told = [sys.executable, "-m", "bench.whip", "--child", way, "--streams", str(streams), "--server", server]
    return [subprocess.Popen(told, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)]


def tell(child: subprocess.Popen[str], answer: bool = False) -> dict[str, Any]:
    if child.stdin is None or child.stdout is None:
        return {}
    child.stdin.write("go\n")
    child.stdin.flush()
    return json.loads(child.stdout.readline()) if answer else {}


# --- the measurement ----------------------------------------------------------------------------------------------


def measure(way: str, streams: int, seconds: float) -> str:
    with tempfile.TemporaryDirectory() as place, WhipServer(Path(place), light=True) as server:
        children = start(way, streams, server.address)
        (idle,) = start("tick", 0, server.address)
        try:
            deadline = time.monotonic() + READY_DEADLINE
            while len([one for one in server.ask("state")["packets"].values() if one[0] > 100]) < streams:
                if time.monotonic() > deadline or any(child.poll() is not None for child in children):
                    return f"{way:8} {streams:3}  not on the air"
                time.sleep(0.2)
            time.sleep(WARM_UP)
            pids = [child.pid for child in children]
            before, arrived, begun = meter.cpu(pids), counts(server), time.monotonic()
            time.sleep(seconds)
            wall, used = time.monotonic() - begun, meter.cpu(pids) - before
            received, lost = (now - then for now, then in zip(counts(server), arrived, strict=True))
            memory = meter.pss(pids)
            for child in (*children, idle):
                tell(child)
            time.sleep(seconds)
            told = tell(children[0], answer=True)
            beside = tell(idle, answer=True)
        finally:
            for child in (*children, idle):
                child.kill()
                child.wait()
    lost += told.get("dropped", 0)
    cpu, rate = 100 * used / wall / streams, received / wall / streams
    figures = f"{way:8} {streams:3} {cpu:7.2f} {memory / streams:8.1f} {rate:8.0f} {lost:5}"
    return f"{figures}   {late(told):22} {late(beside):22}"


def counts(server: WhipServer) -> tuple[int, int]:
    found = server.ask("state")["packets"].values()
    return sum(one[0] for one in found), sum(one[1] for one in found)


def late(told: dict[str, Any]) -> str:
    values = sorted(told.get("late", ()))
    if not values:
        return "-"
    return f"{statistics.median(values):.2f} {values[int(len(values) * 0.99)]:.2f} {values[-1]:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ways", nargs="+", default=["camcast", "aiortc", "ffmpeg"])
    parser.add_argument("--streams", nargs="+", type=int, default=[1, 4, 16])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--server", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        asyncio.run(CHILDREN[given.child](given.streams[0], given.server))
        return
    made(CLIP)
    heads = f"{'sender':8} {'n':>3} {'% core':>7} {'MB':>8} {'pkt/s':>8} {'lost':>5}"
    print(f"{heads}   {'late here':22} {'late elsewhere':22}")
    for streams in given.streams:
        for way in given.ways:
            print(measure(way, streams, given.seconds), flush=True)
    print("CPU, memory and packets are per stream")


if __name__ == "__main__":
    main()
