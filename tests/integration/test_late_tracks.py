"""One track that pauses for eight seconds, by every kind of source: the picture goes on meanwhile, and afterwards."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from pathlib import Path

import attrs

from camcast import CameraConfig, Engine, SourceConfig, StreamConfig
from camcast.media import MediaKind, TagType
from camcast.testing.recording import Recording
from camcast_rtmp.receiver import Receiver
from tests.cameras import clips, rtp
from tests.cameras.files import run
from tests.cameras.script import NEVER, Script
from tests.cameras.server import Camera
from tests.cameras.test_harmless_oddities import adts
from tests.integration.air import chain, on_air

BEFORE, PAUSE, AFTER = 2, 8, 2
"""Seconds. The sound is late: what comes after its pause has the times of when it comes."""
SECONDS = BEFORE + PAUSE + AFTER
STILL = 4.0
"""Seconds without a picture that a busy machine may cause; it stood for eight."""


def paused(track: rtp.Track) -> rtp.Track:
    kept = [one for one in track.payloads if not BEFORE <= one.at < BEFORE + PAUSE]
    return attrs.evolve(track, payloads=kept)


def pictures() -> clips.Clip:
    return clips.video("h264", frames=SECONDS * clips.FPS, gop=clips.FPS)


def tone() -> clips.Clip:
    return clips.sound("aac", seconds=float(SECONDS))


def file(folder: Path, ending: str) -> Path:
    """Two seconds of sound, and two more behind the pause."""
    path = folder / f"paused.{ending}"
    silent = f"between(t,{BEFORE},{BEFORE + PAUSE})"
    media = ("-f", "lavfi", "-i", f"testsrc=s=160x96:r={clips.FPS}:d={SECONDS}", "-f", "lavfi")
    sound = ("-i", f"sine=d={SECONDS}:r=48000", "-af", f"aselect='not({silent})'")
    run(*media, *sound, "-c:v", "libx264", "-g", str(clips.FPS), "-bf", "0", "-pix_fmt", "yuv420p", "-c:a", "aac", path)
    return path


async def push(running: Engine, number: int) -> None:
    feed = running.push(number, 0)
    await feed.ready()
    units = [(unit.dts, "video", unit.data) for unit in pictures().units]
    units += [
        (unit.dts, "audio", adts(unit.data))
        for unit in tone().units
        if not BEFORE * 1000 <= unit.dts < (BEFORE + PAUSE) * 1000
    ]
    began = time.monotonic()
    for at, kind, data in sorted(units, key=lambda unit: unit[0]):
        await asyncio.sleep(max(0.0, began + at / 1000 - time.monotonic()))
        if kind == "video":
            feed.packet(data, pts=at * 1_000_000)
        else:
            feed.packet(data, kind=MediaKind.AUDIO, pts=at * 1_000_000)


def stood(recording: Recording) -> float:
    """The longest time without a picture, in seconds."""
    came = [at for tag, at in zip(recording.tags, recording.arrivals, strict=True) if tag.type is TagType.VIDEO]
    # The last one only says that there are no more, when the engine ends.
    return max(after - before for before, after in pairwise(came[:-1])) / 1e9


async def test_the_picture_goes_on_while_and_after_the_sound_pauses(tmp_path: Path) -> None:
    files = [await asyncio.to_thread(file, tmp_path, ending) for ending in ("mp4", "ts", "mkv")]
    script = Script([rtp.video_track(pictures()), paused(rtp.aac_track(tone()))], beginning=NEVER)
    async with Camera(script) as source, Receiver() as receiver:
        sources = [SourceConfig(type="file", url=str(path)) for path in files]
        sources.append(SourceConfig(type="rtsp", url=source.url))
        sources.append(SourceConfig(type="push", options={"audio": "aac"}))
        cameras = [
            CameraConfig(
                camera_id=number,
                streams=(
                    StreamConfig(source=one, sessions=(chain(receiver.url("live", f"cam{number}"), camera=number),)),
                ),
            )
            for number, one in enumerate(sources)
        ]
        async with on_air(*cameras) as (running, _):
            pushing = asyncio.create_task(push(running, len(sources) - 1))
            await asyncio.sleep(SECONDS + 2)
            await pushing
        for number, one in enumerate(sources):
            (recording,) = receiver.of(f"cam{number}")
            name = f"{one.type} {Path(one.url).suffix}"
            assert recording.counts[TagType.VIDEO] > (SECONDS - 2) * clips.FPS, name
            assert stood(recording) < STILL, name
            # Two seconds in front of the pause, two behind it.
            assert recording.counts[TagType.AUDIO] > (BEFORE + AFTER - 1.5) * 48_000 / 1024, name
