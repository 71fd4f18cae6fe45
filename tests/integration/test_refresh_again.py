"""Streams without one IDR: pictures come back after every server was lost, by files, over RTMP, SRT and WHIP.

One `camcast run`. H.264 and H.265 that refresh their pictures bit by bit (recovery points), and H.265 that begins anew
by CRA pictures, which are keyframes though pictures behind them reach back. WHIP's server shows no pictures: there the
first access unit has to hold the parameter sets.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs
import av
import pytest
from av.codec.context import Flags

from camcast import CameraConfig, SourceConfig, StreamConfig
from camcast.config import TargetConfig
from camcast.testing import strip
from camcast_rtmp.receiver import Receiver
from tests.cameras import clips
from tests.integration.air import Camera, chain, on_air
from tests.integration.test_odd_servers import RETRY
from tests.integration.test_picture_again import CYCLE, JOINED, REFRESH, SOON
from tests.servers.srt import LiveTransmit
from tests.servers.whip import WhipServer

X265 = f"keyint={CYCLE}:min-keyint={CYCLE}:scenecut=0:log-level=none:pools=none:frame-threads=1"
FRAMES = 750
LATENCY = 120


def joined(clip: clips.Clip, at: int = JOINED) -> clips.Clip:
    """What somebody gets who comes later: never an IDR."""
    return attrs.evolve(clip, units=clip.units[at:])


def streams() -> dict[str, clips.Clip]:
    plain = {"x265-params": f"intra-refresh=1:bframes=0:{X265}"}
    return {
        "h264": joined(clips.video("h264", frames=FRAMES, gop=CYCLE, options=REFRESH)),
        "h265": joined(clips.video("h265", frames=FRAMES, gop=CYCLE, options=plain)),
        "cra": joined(
            clips.video("h265", frames=FRAMES, gop=CYCLE, options={"x265-params": f"open-gop=1:bframes=2:{X265}"})
        ),
    }


def file(folder: Path, name: str, clip: clips.Clip) -> Path:
    """The clip as a transport stream, as it is: FFmpeg would wait for a keyframe."""
    path = folder / f"{name}.ts"
    with av.open(str(path), "w", format="mpegts") as out:
        stream = out.add_mux_stream({"h264": "h264", "h265": "hevc"}[clip.codec], rate=clips.FPS)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = clips.SIZE
        for unit in clip.units:
            packet = av.Packet(unit.data)
            packet.stream, packet.time_base = stream, Fraction(1, 1000)
            packet.dts, packet.pts = unit.dts + 1000, unit.pts + 1000
            out.mux(packet)
    return path


def numbers(media: bytes) -> list[int]:
    """Of the pictures that a decoder shows right, in their order; for H.265 FFmpeg has to be told to show them."""
    marks: list[strip.Mark | None] = []
    try:
        with av.open(io.BytesIO(media), "r") as container:
            container.streams.video[0].codec_context.flags |= Flags.output_corrupt
            marks += map(strip.read, container.decode(video=0))
    except (av.error.EOFError, av.error.InvalidDataError):
        return []  # hardly anything has come yet
    # The last one may be there in part only.
    return [mark.number for mark in marks[:-1] if mark is not None]


def stream(path: Path, outputs: dict[str, Any]) -> dict[str, Any]:
    source = {"type": "file", "url": str(path), "options": {"loop": True}}
    return {
        "name": path.stem,
        "source": source,
        "outputs": {name: {"retry_policy": RETRY, "stall_timeout": 2.0, **one} for name, one in outputs.items()},
    }


class Shown:
    """What came to each kind's RTMP and SRT receivers since they were lost `rounds` times."""

    def __init__(self, folder: Path, rtmp: Receiver) -> None:
        self.rtmp = rtmp
        self.rounds = 0
        self.servers: dict[str, LiveTransmit] = {}
        self._folder = folder

    def serve(self, name: str) -> LiveTransmit:
        """An SRT receiver for a kind, in the place of that which was there."""
        before = self.servers.get(name)
        if before is not None:
            before.stop()
        folder = self._folder / f"srt-{name}-{self.rounds}"
        self.servers[name] = LiveTransmit(folder, port=before.port if before is not None else 0).start()
        return self.servers[name]

    def right(self) -> dict[str, int]:
        """How many pictures each receiver shows right."""
        found = {}
        for name, server in self.servers.items():
            of = self.rtmp.of(name)
            found[f"{name} over RTMP"] = of[self.rounds].flv() if len(of) > self.rounds else b""
            found[f"{name} over SRT"] = server.output.read_bytes() if server.output.exists() else b""
        return {name: len(checked(name, numbers(data))) if data else 0 for name, data in found.items()}


def checked(name: str, right: list[int]) -> list[int]:
    assert right == sorted(set(right)), f"{name}: {right}"
    return right


async def reached(count: Callable[[], dict[str, int]], least: int, within: float) -> None:
    """Until everything counted is so much."""
    began = time.monotonic()
    while min((found := await asyncio.to_thread(count)).values()) < least:
        assert time.monotonic() - began < within, found
        await asyncio.sleep(0.5)


async def test_pictures_come_again_without_a_keyframe(tmp_path: Path) -> None:
    kinds = streams()
    async with Receiver() as rtmp:
        shown = Shown(tmp_path, rtmp)
        outputs: dict[str, dict[str, Any]] = {
            name: {
                f"{name}-rtmp": {"url": rtmp.url("live", name), "server": "camcast"},
                f"{name}-srt": {"url": (await asyncio.to_thread(shown.serve, name)).url(f"latency={LATENCY}")},
            }
            for name in kinds
        }
        with WhipServer(tmp_path / "whip") as whip:
            outputs["h264"]["h264-whip"] = {"url": whip.url()}
            written = [stream(file(tmp_path, name, clip), outputs[name]) for name, clip in kinds.items()]
            config = tmp_path / "camcast.json"
            config.write_text(json.dumps({"cameras": [{"camera_id": 0, "streams": written}]}))
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "camcast", "run", str(config), "--json",
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip

            def pictures() -> dict[str, int]:
                session = shown.rounds
                units = [unit for unit in whip.received() if unit.session == session and unit.kind == "video"]
                return {**shown.right(), "h264 over WHIP": len(units)}

            try:
                await reached(pictures, CYCLE // 2, 40)
                shown.rounds = 1
                rtmp.drop(reset=True)
                await asyncio.to_thread(whip.ask, "hangup")
                for name in kinds:
                    await asyncio.to_thread(shown.serve, name)
                await reached(pictures, CYCLE // 2, 2 * SOON)
                process.terminate()
                await asyncio.wait_for(process.communicate(), 20)
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
                for server in shown.servers.values():
                    server.stop()
            first = next(unit for unit in whip.received() if (unit.session, unit.kind) == (1, "video"))
            sets = next(filter(None, (parameter_sets(unit.data) for unit in kinds["h264"].units)))
            assert sets <= set(first.hashes)


@pytest.mark.parametrize("name", ["h264", "h265"])
async def test_pushed_pictures_come_again_without_a_keyframe(name: str, tmp_path: Path) -> None:
    """As the files', by a program of its own."""
    path = await asyncio.to_thread(lambda: file(tmp_path, name, streams()[name]))
    source = SourceConfig(type="push", options={"video": name})
    async with Receiver() as receiver:
        target = TargetConfig(url=receiver.url("live", "cam"), server="camcast", connect_timeout=2.0)
        stream = StreamConfig(source=source, sessions=(chain(target),))
        async with on_air(CameraConfig(camera_id=0, streams=(stream,))) as (running, _):
            camera = Camera(running, path)
            shown = Shown(tmp_path, receiver)

            def right() -> dict[str, int]:
                of = receiver.of("cam")
                return {"": len(numbers(of[shown.rounds].flv())) if len(of) > shown.rounds else 0}

            await reached(right, CYCLE // 2, 30)
            shown.rounds = 1
            receiver.drop(reset=True)
            await reached(right, CYCLE // 2, 2 * SOON)
            await camera.close()


def parameter_sets(unit: bytes) -> set[str]:
    """Hashes of an access unit's SPS and PPS, as the WHIP server writes them down."""
    parts = [part.rstrip(b"\0") for part in unit.split(b"\0\0\1")[1:]]
    return {hashlib.sha256(part).hexdigest()[:16] for part in parts if part[0] & 0x1F in (7, 8)}
