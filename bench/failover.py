"""How long a stream is off the air when its server goes: kill to first decodable picture at the backup.

camcast with cold, warm and hot standby for keyframes each 1, 2 and 10 s, beside FFmpeg's fifo muxer with
attempt_recovery (its one URL is led to the backup) and a shell loop around ffmpeg, which is fed live over UDP.
The server is killed when 70 % of a group have been sent. With a round trip, proxies add it. "present" is when the
first picture came that was sent to nobody before, "missing" counts pictures that neither server got.
A blackhole is a cable cut in a network namespace. Reach, while the group fits `replay_max`: cold 300 ms (500 with
50 ms of round trip), warm 100 (200), hot none missing; blackhole: stall_timeout + 300 ms.

    python -m bench.failover [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import subprocess
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import imageio_ffmpeg
from tests.faults.netns import Namespace
from tests.faults.proxy import FaultProxy
from tests.media import RECIPES, encode, made
from tests.servers.process import free_port

from bench.peers import Peer
from bench.report import Row, keep, show
from camcast import CameraConfig, Config, Engine, RetryPolicy, SessionConfig, SourceConfig, StreamConfig

RATES = {"1M": 1_000_000, "4M": 4_000_000}
LOW_DELAY = {"preset": "ultrafast", "tune": "zerolatency"}
REACH = {("cold", 0): 300, ("cold", 50): 500, ("warm", 0): 100, ("warm", 50): 200, ("hot", 0): 100, ("hot", 50): 200}
STALL = 5.0
SINCE_KEY = 0.7
"""The server goes when this part of a group has been sent."""


def clip(gop: int, rate: str = "1M") -> Path:
    """20 s, 25 pictures a second, no two the same."""
    name = f"failover_{rate}_{gop}s"

    def recipe(path: Path) -> None:
        options = {**LOW_DELAY, "nal_hrd": "cbr", "maxrate": rate, "bufsize": rate}
        size = (640, 360) if rate == "1M" else (1280, 720)
        encode(path, seconds=20, size=size, gop=gop, bitrate=RATES[rate], noise=8, video_options=options)

    RECIPES.setdefault(name, (".mp4", recipe))
    return made(name)


def config(path: Path, *urls: str, **settings: Any) -> Config:
    session = SessionConfig(
        camera_id=0, urls=urls, failback_after=None, retry_policy=RetryPolicy(stable_after=1.0), **settings
    )
    source = SourceConfig(type="file", url=str(path), options={"loop": True})
    return Config(cameras=(CameraConfig(camera_id=0, streams=(StreamConfig(source=source, sessions=(session,)),)),))


async def _killed(standby: str, gop: int, round_trip: int) -> Row:
    path = clip(gop)
    with ExitStack() as stack:
        primary, backup = (stack.enter_context(Peer()) for _ in range(2))
        urls = [primary.url("cam"), backup.url("cam")]
        proxies = []
        if round_trip:
            proxies = [
                stack.enter_context(FaultProxy((peer.host, peer.port), delay=round_trip / 2000))
                for peer in (primary, backup)
            ]
            urls = [f"rtmp://{proxy.address}/live/cam" for proxy in proxies]
        async with Engine(config(path, *urls, standby=standby)) as engine:
            before = await _until_late_in_group(primary, gop)
            kill = time.monotonic_ns()
            primary.kill()
            for proxy in proxies[:1]:
                proxy.reset()
            if standby == "hot":
                await asyncio.sleep(1.5)
            gap = await _first_key(backup, "cam", 0 if standby == "hot" else kill)
            await asyncio.sleep(1.0)
            after = await asyncio.to_thread(backup.ask, "frames", "cam")
            (session,) = engine.sessions
            replayed = session.metrics.replayed
    seen = {digest for *_, digest in before}
    present = min((at for at, _, _, digest in after if at >= kill and digest not in seen), default=None)
    return {
        "way": f"camcast {standby}",
        "keyframes_s": gop,
        "round_trip_ms": round_trip,
        "gap_ms": None if standby == "hot" else (gap - kill) / 1e6,
        "present_ms": None if present is None else (present - kill) / 1e6,
        "missing": _missing(path, before, after),
        "replayed": replayed,
    }


async def _until_late_in_group(peer: Peer, gop: int) -> list[Any]:
    """Until `SINCE_KEY` of a group have come (and the session is stable); what has come."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        frames = await asyncio.to_thread(peer.ask, "frames", "cam")
        since = next((place for place, frame in enumerate(reversed(frames)) if frame[2]), 0)
        if frames and (frames[-1][0] - frames[0][0]) / 1e9 > 2.0 and since >= gop * 25 * SINCE_KEY:
            return list(frames)
        await asyncio.sleep(0.02)
    raise TimeoutError("the stream did not come")


async def _first_key(peer: Peer, name: str, since: int, timeout: float = 40.0) -> int:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found = await asyncio.to_thread(peer.ask, "first", name, since)
        if found is not None:
            return int(found)
        await asyncio.sleep(0.02)
    raise TimeoutError("nothing decodable came to the backup")


def _missing(path: Path, before: list[Any], after: list[Any]) -> int:
    """Pictures of the clip that neither got, between the first and the last that came."""
    numbers: dict[int, int] = {}
    for number, digest in enumerate(_digests(path)):
        numbers.setdefault(digest, number)
    got = {numbers[digest] for *_, digest in [*before, *after] if digest in numbers}
    return max(got) + 1 - min(got) - len(got)


def _digests(path: Path) -> Iterator[int]:
    from camcast.host import PluginHost
    from camcast_file.shared import load

    for packet in load(path, PluginHost().codec).packets:
        if packet.track.width:
            yield zlib.crc32(packet.payload)


# --- the others -------------------------------------------------------------------------------------------


def _ffmpeg(*arguments: str) -> list[str]:
    return [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-nostdin", *arguments]


async def _other(way: str, gop: int, round_trip: int) -> Row:
    path, port = clip(gop), free_port()
    live = f"udp://127.0.0.1:{port}?overrun_nonfatal=1&fifo_size=50000"
    # It looks at the stream until it has seen a keyframe, and no longer.
    patience = ["-analyzeduration", str((gop + 3) * 1_000_000), "-probesize", "10M"]
    joining = ["-fflags", "nobuffer", *patience, "-i", live, "-c", "copy"]
    playing = ["-re", "-stream_loop", "-1", "-i", str(path), "-c", "copy"]
    with ExitStack() as stack:
        primary, backup = (stack.enter_context(Peer()) for _ in range(2))
        proxies = [
            stack.enter_context(FaultProxy((peer.host, peer.port), delay=round_trip / 2000))
            for peer in (primary, backup)
        ]
        urls = [f"rtmp://{proxy.address}/live/cam" for proxy in proxies]
        if way == "ffmpeg fifo":
            recovery = ["-attempt_recovery", "1", "-recover_any_error", "1", "-recovery_wait_time", "0.05"]
            tags = ["-map", "0", "-tag:v", "7", "-tag:a", "10", "-flags", "+global_header"]
            fifo = [*tags, "-f", "fifo", "-fifo_format", "flv", *recovery, "-drop_pkts_on_overflow", "1"]
            command = _ffmpeg(*playing, *fifo, "-restart_with_keyframe", "1", urls[0])
        else:
            once = " ".join(f"'{word}'" for word in _ffmpeg(*joining, "-f", "flv"))
            command = ["sh", "-c", f"while :; do {once} '{urls[0]}'; {once} '{urls[1]}'; done"]
        sender = _started(stack, command)
        _started(stack, _ffmpeg(*playing, "-f", "mpegts", live.partition("?")[0]))
        before = await _until_late_in_group(primary, gop)
        kill = time.monotonic_ns()
        primary.kill()
        if way == "ffmpeg fifo":
            proxies[0].backend = (backup.host, backup.port)
        proxies[0].reset()
        gap = await _first_key(backup, "cam", kill)
        await asyncio.sleep(0.5)
        after = await asyncio.to_thread(backup.ask, "frames", "cam")
        assert sender.poll() is None
    seen = {digest for *_, digest in before}
    present = min((at for at, _, _, digest in after if digest not in seen), default=None)
    return {
        "way": way,
        "keyframes_s": gop,
        "round_trip_ms": round_trip,
        "gap_ms": (gap - kill) / 1e6,
        "present_ms": None if present is None else (present - kill) / 1e6,
        "missing": round((min(at for at, *_ in after) - kill) / 1e9 * 25),
        "replayed": 0,
    }


def _started(stack: ExitStack, command: list[str]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )

    def end() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)

    stack.callback(end)
    return process


# --- blackhole --------------------------------------------------------------------------------------------


async def _blackhole(rate: str, standby: str, round_trip: int) -> Row:
    path = clip(2, rate)
    with ExitStack() as stack:
        host = stack.enter_context(Namespace())
        primary = stack.enter_context(Peer(host=host.address, prefix=tuple(host.prefix)))
        backup = stack.enter_context(Peer())
        url = backup.url("cam")
        if round_trip:
            proxy = stack.enter_context(FaultProxy((backup.host, backup.port), delay=round_trip / 2000))
            url = f"rtmp://{proxy.address}/live/cam"
        async with Engine(config(path, primary.url("cam"), url, standby=standby, stall_timeout=STALL)) as engine:
            await _until_late_in_group(primary, 2)
            cut = time.monotonic_ns()
            host.cut()
            gap = await _first_key(backup, "cam", cut)
            (session,) = engine.sessions
            assert "none acknowledged" in session.metrics.last_error
    return {
        "way": f"camcast {standby}, blackhole, {rate}bit/s",
        "keyframes_s": 2,
        "round_trip_ms": round_trip,
        "gap_ms": (gap - cut) / 1e6,
    }


def _judge(row: Row) -> Row:
    way, gap, limit = row["way"], row["gap_ms"], None
    if "blackhole" in way:
        limit = STALL * 1000 + 300
    elif way.startswith("camcast"):
        limit = REACH[way.split()[1], row["round_trip_ms"]]
    if "hot" in way:
        return {**row, "reach": "0 missing", "reached": row["missing"] == 0}
    return {**row, "reach": limit or "", **({"reached": gap <= limit} if limit else {})}


def run(quick: bool = False) -> list[Row]:
    """All rows; `quick`: keyframes each 2 s only, without added round trip."""
    gops = [2] if quick else [1, 2, 10]
    trips = [0] if quick else [0, 50]
    rows: list[Row] = []
    for round_trip in trips:
        for gop in gops:
            for standby in ("cold", "warm", "hot"):
                rows += [_middle([asyncio.run(_killed(standby, gop, round_trip)) for _ in range(1 if quick else 3)])]
            rows += [asyncio.run(_other(way, gop, round_trip)) for way in ("ffmpeg fifo", "shell loop")]
    for rate in ("1M",) if quick else RATES:
        ways = [("cold", 0)] if quick else [("cold", 0), ("cold", 50), ("warm", 50)]
        rows += [asyncio.run(_blackhole(rate, standby, round_trip)) for standby, round_trip in ways]
    return [_judge(row) for row in rows]


def _middle(rows: list[Row]) -> Row:
    """The run in the middle by its gap; missing pictures are those of the worst."""
    by_gap = sorted(rows, key=lambda row: row["gap_ms"] or row["present_ms"])
    return {**by_gap[len(by_gap) // 2], "missing": max(row["missing"] for row in rows)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    rows = run(quick)
    show("Off the air after the server is lost", rows)
    print(keep("failover-quick" if quick else "failover", rows))


if __name__ == "__main__":
    main()
