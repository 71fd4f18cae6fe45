"""camcast as the sender: files played by itself, packets pushed by a program, or one stream to many outputs.

file      a looped file for each stream, all the same: kept in memory once
read      a large file for each stream, read as it plays
push      packets of a clip handed in on the loop, length-prefixed as a demuxer or encoder gives them
annexb    the same with start codes, as cameras' own libraries give them
sei       as push, each picture with a delimiter and an SEI message in front, as many cameras send them
threads   as push, from 8 threads
fan-out   one pushed stream to all outputs
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.media import made

from bench import sends
from bench.clips import loaded, long
from bench.senders.child import AUDIO, Sent, commands, quantiles, ready, told
from bench.senders.schedule import TICK, Schedule
from camcast import Engine, ours
from camcast.contracts import PushHandle
from camcast.events import SessionState
from camcast.media import Packet, Tag, TagType
from camcast_aac.codec import with_adts
from camcast_rtmp.driver import RtmpTransport

THREADS = 8
CONNECT_DEADLINE = 60.0


def config(case: dict[str, Any]) -> dict[str, Any]:
    """A configuration with `case["streams"]` sessions."""
    way, count, prefix = case["way"], case["streams"], case["prefix"]
    security = {"ca_file": case["ca_file"]} if case.get("ca_file") else {}
    if way == "fan-out":
        cameras = [_camera(0, {"type": "push", "options": {"audio": "aac"}})]
        cameras[0]["streams"][0]["outputs"] = {
            f"o{number}": {"url": f"{prefix}{number}", **security} for number in range(count)
        }
        return {"system": _system(1, case), "cameras": cameras}
    source: dict[str, Any] = {"type": "push", "options": {"audio": "aac"}}
    if way in ("file", "read"):
        path = made(case["clip"]) if way == "file" else long(case["clip"])
        source = {"type": "file", "url": str(path), "options": {"loop": True}}
    return {
        "system": _system(count, case),
        "services": case.get("services", {}),
        "rtmp": {"url_template": prefix + "{camera_id}", **security},
        "cameras": [_camera(number, source) for number in range(count)],
    }


def _system(cameras: int, case: dict[str, Any]) -> dict[str, Any]:
    return {
        "max_cameras": cameras,
        "log_level": "ERROR",
        "max_connects_per_second": case.get("connects", 400),
        "workers": case.get("workers", 1),
    }


def _camera(number: int, source: dict[str, Any]) -> dict[str, Any]:
    stream = {"stream_id": 0, "name": "main", "source": source}
    return {"camera_id": number, "name": f"c{number}", "streams": [stream]}


class Driver:
    """Pushes a clip into many streams by the common schedule."""

    def __init__(
        self, clip: str, handles: Sequence[PushHandle], *, start_codes: bool = False, sei: bool = False
    ) -> None:
        _, packets, self.length = loaded(clip)
        self._packets = [(framed(packet, start_codes=start_codes, sei=sei), packet) for packet in packets]
        self._schedule = Schedule(packets, self.length, len(handles))
        self._handles = handles
        self.stopped = threading.Event()
        self.offered = self.refused = 0

    def push(self, tick: int) -> None:
        handles, packets = self._handles, self._packets
        for turn, index, streams in self._schedule.due(tick):
            data, packet = packets[index]
            start = turn * self.length
            dts, pts, kind = packet.dts + start, packet.pts + start, packet.track.kind
            self.offered += len(streams)
            for stream in streams:
                if not handles[stream].packet(data, kind=kind, dts=dts, pts=pts):
                    self.refused += 1

    async def on_loop(self) -> None:
        for handle in self._handles:
            await handle.ready()
        loop = asyncio.get_running_loop()
        begun, tick = loop.time(), 0
        ended: asyncio.Future[None] = loop.create_future()

        def turn() -> None:
            # A task that sleeps costs half as much again as a timer.
            nonlocal tick
            if self.stopped.is_set():
                ended.set_result(None)
                return
            try:
                self.push(tick)
            except Exception as error:  # noqa: BLE001  raised where it is waited for
                ended.set_exception(error)
                return
            tick = self._schedule.next(tick)
            loop.call_at(begun + tick * TICK, turn)

        turn()
        await ended

    def in_thread(self) -> None:
        for handle in self._handles:
            handle.wait_ready(10)
        begun, tick = time.monotonic(), 0
        while not self.stopped.is_set():
            self.push(tick)
            tick = self._schedule.next(tick)
            time.sleep(max(0.0, begun + tick * TICK - time.monotonic()))


IN_FRONT = bytes.fromhex("00000002 09f0" + "0000000a 06010700000300000480")
"""A delimiter, and an SEI message with a picture's timing."""


def framed(packet: Packet, *, start_codes: bool, sei: bool = False) -> bytes:
    """What a program would hand in: sound with ADTS headers, pictures length-prefixed or with start codes."""
    if packet.track.kind is AUDIO:
        return with_adts(packet)
    if sei:
        return IN_FRONT + packet.payload
    data, at, out = packet.payload, 0, bytearray()
    if not start_codes:
        return data
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        out += b"\0\0\0\1" + data[at + 4 : at + 4 + size]
        at += 4 + size
    return bytes(out)


class Probe:
    """Notes the time from a packet's arrival to the end of its send. Only in runs that measure nothing else."""

    def __init__(self) -> None:
        self.delays: list[int] = []
        self.waited = 0
        self._told = sends.told(self._note)  # which ends with its last reference
        self._told.__enter__()  # until the process ends

    def _note(self, _: RtmpTransport, packet: Packet) -> None:
        if packet.arrival:
            self.delays.append(time.monotonic_ns() - packet.arrival)

    def result(self) -> list[float]:
        return quantiles(self.delays)


async def run(case: dict[str, Any]) -> None:
    if case.get("services"):
        ours.settle()  # as `camcast run` does
    probe = Probe() if case.get("probe") else None
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(config(case), file)
        file.flush()
        engine = Engine.from_file(Path(file.name))
    loop = asyncio.get_running_loop()
    async with engine:
        driver, stop_feeding = _feed(engine, case)
        await _all_connected(engine, case["streams"])
        if probe is not None:
            await asyncio.sleep(1.0)
            probe.delays.clear()
        held = loop.create_future()
        commands(lambda: loop.call_soon_threadsafe(held.set_result, None))
        ready()
        await held
        delays = probe.result() if probe is not None else []
        await stop_feeding()
        await asyncio.sleep(0.2)
        sent = count(engine, case)
        sent.delays = delays
        if case.get("workers", 1) > 1:
            sent.bytes = 0  # what other workers hold back cannot be known here: the server's window decides
        if driver is not None:
            sent.dropped += driver.refused
        told(sent)
        await asyncio.sleep(6)


def _feed(engine: Engine, case: dict[str, Any]) -> tuple[Driver | None, Callable[[], Any]]:
    """Begin to bring media; returns what ends it."""
    way = case["way"]
    if way in ("file", "read"):

        async def end_sources() -> None:
            for camera in engine.cameras:
                for stream in camera.streams.values():
                    task = getattr(stream, "_task", None)  # streams of other workers have none here
                    if task is not None:
                        task.cancel()

        return None, end_sources
    handles = [engine.push(camera.camera_id, 0) for camera in engine.config.cameras]
    if way == "threads":
        parts = [handles[number::THREADS] for number in range(min(THREADS, len(handles)))]
        drivers = [Driver(case["clip"], part) for part in parts]
        for each in drivers:
            threading.Thread(target=each.in_thread, daemon=True).start()

        async def end_threads() -> None:
            for each in drivers:
                each.stopped.set()

        return None, end_threads
    driver = Driver(case["clip"], handles, start_codes=way == "annexb", sei=way == "sei")
    task = asyncio.get_running_loop().create_task(driver.on_loop())

    async def end_driver() -> None:
        driver.stopped.set()
        await task

    return driver, end_driver


async def _all_connected(engine: Engine, count: int) -> None:
    deadline = time.monotonic() + CONNECT_DEADLINE
    while sum(session.state is SessionState.CONNECTED for session in engine.sessions) < count:
        if time.monotonic() > deadline:
            raise SystemExit(f"only {engine.stats().totals.active} of {count} sessions connected")
        await asyncio.sleep(0.1)


def count(engine: Engine, case: dict[str, Any]) -> Sent:
    """What all sessions have handed to their sockets, without metadata, which the server does not count."""
    sent = Sent()
    hubs = set()
    for session in engine.sessions:
        metrics = session.metrics
        sent.frames += metrics.video_sent + metrics.audio_sent + metrics.replayed
        sent.bytes += metrics.bytes_sent
        sent.dropped += metrics.frames_dropped
        attempt = getattr(session, "active", None)
        outlet = attempt.outlet if attempt is not None else None
        hub = getattr(outlet, "_hub", None)
        if hub is not None:
            scripts = [tag for tag in hub.packer.headers(0) if isinstance(tag, Tag) and tag.type is TagType.SCRIPT]
            sent.bytes -= metrics.attempts * sum(len(tag.head) + len(tag.body) for tag in scripts)
            hubs.add(hub)
    sent.group_bytes = len(hubs) * _group_bytes(case)
    return sent


def _group_bytes(case: dict[str, Any]) -> int:
    """What one hub's largest group of pictures takes; its payload only where no other stream has the same bytes."""
    _, packets, _ = loaded(case["clip"])
    own = case["way"] in ("read", "annexb", "sei")
    largest = size = 0
    for packet in packets:
        if packet.track.kind is AUDIO:
            continue
        each = sys.getsizeof(packet) + sys.getsizeof(packet.dts) + sys.getsizeof(packet.pts)
        each += len(packet.payload) if own else 0
        size = each if packet.keyframe else size + each
        largest = max(largest, size)
    return largest


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(run(json.loads(sys.argv[1])))
