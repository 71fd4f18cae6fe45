"""When a picture was taken, from a camera whose clock is years off to whoever reads it: that is told by our clock.

Decision 49: a camera's sender reports put its sound beside its picture, and go no further; the absolute time is that of
the arrival here. Both are looked at where they come out: in a recording, and at another implementation's WHEP viewer.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import time
from pathlib import Path
from typing import Any

import attrs
import av
import pytest

import camcast
from camcast import CameraConfig, SessionConfig, SourceConfig, StreamConfig
from camcast.media import MediaKind
from tests.cameras import clips, rtp
from tests.cameras.script import Script
from tests.cameras.server import Camera
from tests.integration.kit import connected, engine, until
from tests.plugins.test_record_times import reference_times
from tests.plugins.whep_kit import Viewers, watching
from tests.servers.process import free_port

SECONDS = 8.0
FRAMES = round(SECONDS * clips.FPS)
REPORTS = (0.05, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)
LATE = 0.3
"""Seconds that the camera's sound is sent behind its picture, which its reports tell."""
HELD_UP = 1.5
"""Seconds for which a busy machine may hold up what is sent, until it is stamped. The camera's clock is years off."""
BESIDE = 0.1
"""Seconds that sound may be off the picture, once reports have told: less than `LATE`."""


class Dated(Camera):
    """Remembers when it sent what: `time.time()` by the RTP time of a picture."""

    def __init__(self, script: Script) -> None:
        super().__init__(script)
        self.sent: dict[int, float] = {}

    def _send(self, talk: Any, writer: Any, sockets: Any, which: int, packet: bytes) -> None:
        if which == 0:
            self.sent.setdefault(int.from_bytes(packet[4:8], "big"), time.time())
        super()._send(talk, writer, sockets, which, packet)


def script() -> Script:
    picture = rtp.video_track(clips.video("h264", frames=FRAMES))
    sound = rtp.aac_track(clips.sound("aac", seconds=SECONDS))
    picture.reports = sound.reports = REPORTS  # by a clock of November 2023
    sound.payloads = [attrs.evolve(payload, at=payload.at + LATE) for payload in sound.payloads]
    return Script([picture, sound])


def hashed(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def taken(camera: Dated) -> dict[str, float]:
    """When the camera sent each picture, by the hash of its last NAL unit."""
    units = clips.video("h264", frames=FRAMES).units
    times = {hashed(rtp.nals(unit.data)[-1]): camera.script.tracks[0].base + unit.pts * 90 for unit in units}
    return {name: camera.sent[at] for name, at in times.items() if at in camera.sent}


def last_nal(data: bytes) -> bytes:
    """Of a picture whose NAL units have their sizes in front."""
    found = b""
    while data:
        size = int.from_bytes(data[:4], "big")
        found, data = data[4 : 4 + size], data[4 + size :]
    return found


def read(path: Path) -> tuple[dict[int, str], dict[str, float]]:
    """Of a recording: the hash of the picture at each time in ticks, and by hash when each unit is shown, seconds."""
    ticks, shown = dict[int, str](), dict[str, float]()
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.size and packet.pts is not None and packet.time_base is not None:
                picture = packet.stream.type == "video"
                name = hashed(last_nal(bytes(packet)) if picture else bytes(packet))
                shown[name] = float(packet.pts * packet.time_base)
                if picture:
                    ticks[packet.pts] = name
    return ticks, shown


def begun(folder: Path) -> float:
    """When the one recording in a folder began, as its index says."""
    (index,) = folder.glob("*.jsonl")
    return float(next(line["begin"] for line in map(json.loads, index.read_text().splitlines()) if "end" in line))


def streams(url: str, session: SessionConfig) -> CameraConfig:
    source = SourceConfig(type="rtsp", url=url)
    return CameraConfig(camera_id=0, name="gate", streams=(StreamConfig(source=source, sessions=(session,)),))


async def test_a_recording_tells_this_machine_s_time_and_has_sound_where_the_camera_s_reports_put_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.mp4"
    target = camcast.TargetConfig(url=f"record://{path}", options={"fragment": 0.5})
    async with Dated(script()) as camera:
        output = SessionConfig(camera_id=0, output="archive", targets=[target])
        async with engine(streams(camera.url, output)) as running:
            (one,) = running.sessions
            await until(lambda: one.metrics.video_sent >= (SECONDS - 0.5) * clips.FPS, 60)
    known, (ticks, shown) = taken(camera), read(path)
    said = list(reference_times(path.read_bytes()))
    assert len(said) > 8
    for each in said:
        was = known[ticks[each.media]]
        assert was - 0.1 <= each.wall <= was + HELD_UP
    assert begun(tmp_path) == pytest.approx(said[0].wall, abs=0.1)
    pictures = {hashed(rtp.nals(unit.data)[-1]): unit.pts / 1000 for unit in clips.video("h264", frames=FRAMES).units}
    sounds = {hashed(unit.data): unit.pts / 1000 for unit in clips.sound("aac", seconds=SECONDS).units}
    off = [
        [shown[name] - at for name, at in one.items() if name in shown and at > SECONDS / 2]
        for one in (pictures, sounds)
    ]
    assert min(map(len, off)) > SECONDS
    assert statistics.median(off[1]) == pytest.approx(statistics.median(off[0]), abs=BESIDE)


async def test_a_viewer_is_told_this_machine_s_time() -> None:
    """By sender reports of ours (RFC 3550 §6.4.1), as another implementation reads them."""
    port = free_port()
    async with Dated(script()) as camera:
        output = SessionConfig(camera_id=0, output="browser", url=f"whep://127.0.0.1:{port}/gate")
        async with engine(streams(camera.url, output)) as running:
            await connected(running)
            async with watching(f"http://127.0.0.1:{port}/gate", kinds=("video",)) as viewers:
                await viewers.until(lambda v: len(reports(v)) >= 2 and len(v.units(0, MediaKind.VIDEO)) >= 30)
                await viewers.leave()
    known, told = taken(camera), reports(viewers)
    found = [unit for unit in viewers.units(0, MediaKind.VIDEO) if unit["hashes"][-1] in known]
    assert len(found) >= 25
    for unit in found:
        for report in told:
            ticks = (unit["time"] - report["time"] + (1 << 31)) % (1 << 32) - (1 << 31)
            was = known[unit["hashes"][-1]]
            assert was - HELD_UP <= report["wall"] + ticks / 90_000 <= was + HELD_UP


def reports(viewers: Viewers) -> list[dict[str, Any]]:
    return [one for one in viewers.said if one.get("report") == "video"]
