"""Sources through a whole engine to a receiver: what comes out is what went in."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import threading
from typing import Any

import av
import numpy as np
import pytest
from tests.media import made
from tests.plugins.source_kit import demuxed

from camcast.config.load import loads
from camcast.engine import Engine, EngineThread
from camcast.host import PluginHost
from camcast.media import MediaKind, TagType
from camcast.testing import strip
from camcast.testing.recording import Recording
from camcast_rtmp.receiver import Receiver


def config(host: PluginHost, receiver: Receiver, *sources: dict[str, Any], **encoder: Any) -> Any:
    cameras = [
        {
            "camera_id": number,
            "name": f"camera {number}",
            "streams": [
                {
                    "stream_id": 0,
                    "name": "main",
                    "source": source,
                    **({"encoder": encoder} if encoder else {}),
                    "outputs": {"rtmp": {"url": receiver.url("live", f"cam{number}")}},
                }
            ],
        }
        for number, source in enumerate(sources)
    ]
    return loads(json.dumps({"cameras": cameras}), host)


def pictures(recording: Recording) -> list[av.VideoFrame]:
    with av.open(io.BytesIO(recording.flv()), "r") as container:
        return list(container.decode(video=0))


ENCODER = {"type": "H264_CBR", "width": 320, "height": 240, "framerate": 25, "bitrate": 300}


async def test_a_test_picture_arrives_with_every_number_and_in_time() -> None:
    host = PluginHost()
    async with Receiver() as receiver:
        source = {"type": "testsrc", "options": {"pattern": "moving", "tone": 440}}
        async with Engine(config(host, receiver, source, **ENCODER), host=host):
            recording = await receiver.recording("cam0")
            await receiver.until(lambda: recording.counts[TagType.VIDEO] >= 80, timeout=20)
        marks = [strip.read(picture) for picture in pictures(recording)]
    assert all(marks)
    numbers = [mark.number for mark in marks if mark]
    assert len(numbers) >= 75
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert recording.counts[TagType.AUDIO] > 100


async def test_pushed_pictures_arrive() -> None:
    host = PluginHost()
    async with Receiver() as receiver:
        source = {"type": "push", "options": {"video": "raw", "format": "bgr24"}}
        async with Engine(config(host, receiver, source, **ENCODER), host=host) as engine:
            feed = engine.push(0, 0)
            await feed.ready()
            recording_soon = asyncio.create_task(receiver.recording("cam0"))
            number = 0
            while number < 400 and not (recording_soon.done() and recording_soon.result().counts[TagType.VIDEO] >= 50):
                array = np.zeros((240, 320, 3), np.uint8)
                luma = np.zeros((240, 320), np.uint8)
                strip.write(luma, number, 1000 + number)
                array[:] = luma[:, :, None]
                assert feed.frame(array, pts=number * 40_000_000)
                number += 1
                await asyncio.sleep(0.02)
            recording = await recording_soon
        marks = [strip.read(picture) for picture in pictures(recording)]
    numbers = [mark.number for mark in marks if mark]
    assert len(numbers) == len(marks) >= 48
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def test_packets_pushed_from_a_thread_of_a_program_without_asyncio_arrive_bit_for_bit() -> None:
    host = PluginHost()
    path = made("h264_only")
    with av.open(str(path)) as container:
        annexb = av.BitStreamFilterContext("h264_mp4toannexb", container.streams.video[0])
        packets = [
            (bytes(out), round(out.dts * out.time_base * 10**9), round(out.pts * out.time_base * 10**9))  # type: ignore[operator]
            for packet in container.demux(video=0)
            for out in annexb.filter(packet if packet.size else None)
        ]
    async with Receiver() as receiver:
        engine = EngineThread(config(host, receiver, {"type": "push"}), host=host)

        def push() -> bool:
            with engine:
                feed = engine.push(0, 0)
                assert feed.wait_ready(10)
                for data, dts, pts in packets:
                    assert feed.packet(data, dts=dts, pts=pts, timeout=5)
                    paced.wait(0.01)
                feed.end()
                with pytest.raises(LookupError, match="there is no camera 7 with a stream 0"):
                    engine.push(7, 0)
                return sent.wait(20)

        paced, sent = threading.Event(), threading.Event()
        pushing = asyncio.create_task(asyncio.to_thread(push))
        recording = await receiver.recording("cam0")
        await receiver.until(lambda: recording.counts[TagType.VIDEO] >= 101, timeout=20)
        sent.set()
        assert await pushing
        frames = [frame for frame in recording.frames([host.codec("h264")]) if frame.type is TagType.VIDEO]
    expected = demuxed(path)["video"]
    assert len(frames) == len(expected)
    # Parameter sets may be in front of keyframes; all other bytes are the same.
    assert all(frame.payload.endswith(payload[-1000:]) for frame, (payload, _, _) in zip(frames, expected, strict=True))
    # What was pushed before the session was connected comes close together; the rest as it was pushed.
    last = frames[-1].time
    assert all(abs(frame.time - (last - 40 * n)) <= 1 for n, frame in enumerate(reversed(frames[-30:])))


async def test_a_looped_file_goes_on_over_its_end_without_a_step() -> None:
    host = PluginHost()
    path = made("h264_aac")
    async with Receiver() as receiver:
        source = {"type": "file", "url": str(path), "options": {"loop": True, "speed": 2}}
        async with Engine(config(host, receiver, source), host=host) as engine:
            recording = await receiver.recording("cam0")
            await receiver.until(lambda: recording.counts[TagType.VIDEO] >= 170, timeout=20)
            assert not engine.stats().streams[0].dropped
        frames = list(recording.frames([host.codec("h264"), host.codec("aac")]))
    video = [frame for frame in frames if frame.type is TagType.VIDEO]
    steps = {b.time - a.time for a, b in itertools.pairwise(video[10:])}
    assert all(39 <= step <= 90 for step in steps)
    assert video[-1].time > 6000
    sound = [frame for frame in frames if frame.type is TagType.AUDIO]
    assert abs(sound[-1].time - video[-1].time) < 150
    assert MediaKind.AUDIO.value in demuxed(path)
