"""The receiver: FFmpeg publishes to it, it is every kind of bad server, and a process that can be killed."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
from tests.compare import Media, compare
from tests.media import made
from tests.plugins.rtmp_kit import VIDEO, attempt, host, publish_all, tags_of
from tests.servers.certificates import Certificate

from camcast.errors import BusyError, TransportError
from camcast.media import Tag, TagType
from camcast.testing.recording import Recording
from camcast_rtmp.receiver import Receiver

PICTURE = Tag(TagType.VIDEO, 0, b"\x17\x01\0\0\0", bytes(1000))


async def ffmpeg_publishes(source: Path, url: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(source), "-c", "copy", "-f", "flv", url),
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 0, said.decode()


@pytest.mark.parametrize("name", ["h264_b_aac", "hevc_b_aac", "av1_aac"])
async def test_ffmpeg_publishes_to_it(tmp_path: Path, name: str) -> None:
    source = made(name)
    async with Receiver() as receiver:
        await ffmpeg_publishes(source, receiver.url("live", "cam?token=1"))
        recording = await receiver.recording("cam")
        await receiver.until(lambda: not recording.live)
    assert (recording.app, recording.key, recording.clean) == ("live", "cam?token=1", True)
    assert recording.metadata[0]["width"] == 320
    (tmp_path / "received.flv").write_bytes(recording.flv())
    compare(source, tmp_path / "received.flv")


async def test_frames_are_the_files_packets() -> None:
    async with Receiver() as receiver:
        await publish_all(attempt(receiver.url("live", "cam"))[0], tags_of(made("h264_b_aac")))
        frames = list(receiver.of("cam")[0].frames(host().codecs.values()))
    source = Media.read(made("h264_b_aac"))
    video = [frame for frame in frames if frame.type is TagType.VIDEO]
    assert [frame.payload for frame in video] == [unit.data for unit in source.video]
    assert [frame.keyframe for frame in video] == [unit.keyframe for unit in source.video]
    assert [round(unit.pts - unit.dts) for unit in source.video] == [frame.composition for frame in video]
    assert {(frame.codec, frame.form) for frame in frames} == {("h264", "legacy"), ("aac", "legacy")}
    assert [frame.arrival for frame in frames] == sorted(frame.arrival for frame in frames)


async def test_many_names_on_one_port() -> None:
    async with Receiver() as receiver:
        names = [f"cam{number}" for number in range(100)]
        await asyncio.gather(
            *(publish_all(attempt(receiver.url("live", name))[0], [PICTURE] * 5, tracks=()) for name in names)
        )
        assert {r.name: r.counts[TagType.VIDEO] for r in receiver.recordings} == dict.fromkeys(names, 5)
        assert not receiver.live()
        assert receiver.accepted == 100


async def test_a_bound_on_what_is_kept() -> None:
    async with Receiver(keep=2500) as receiver:
        await publish_all(attempt(receiver.url("live", "cam"))[0], [PICTURE] * 5, tracks=())
        (recording,) = receiver.recordings
    assert (len(recording.tags), recording.not_kept, recording.counts[TagType.VIDEO]) == (2, 3, 5)
    assert recording.size == 5 * 1005


async def test_names_in_use_and_ghosts() -> None:
    async with Receiver() as receiver:
        first, _ = attempt(receiver.url("live", "cam"))
        await first.connect()
        await first.publish((VIDEO,))
        with pytest.raises(BusyError):
            await publish_all(attempt(receiver.url("live", "cam"))[0], [])
        receiver.ghost_time = 0.3
        receiver.drop("cam")
        await receiver.until(lambda: not receiver.live())
        with pytest.raises(BusyError):
            await publish_all(attempt(receiver.url("live", "cam"))[0], [])
        await receiver.until(lambda: "cam" not in receiver.held)
        await publish_all(attempt(receiver.url("live", "cam"))[0], [PICTURE], tracks=())
        assert [recording.clean for recording in receiver.of("cam")] == [False, True]
        assert receiver.refused == 2
        await first.close()


async def test_answers_may_be_slow() -> None:
    async with Receiver() as receiver:
        receiver.answer_delay = 0.1
        await publish_all(attempt(receiver.url("live", "cam"))[0], [PICTURE], tracks=())
        assert receiver.of("cam")[0].counts[TagType.VIDEO] == 1
        receiver.answer_delay = 10.0
        with pytest.raises(TransportError, match="no answer to connect"):
            await attempt(receiver.url("live", "cam"), connect_timeout=0.1)[0].connect()


async def test_it_starts_again_on_the_same_port() -> None:
    receiver = Receiver()
    await receiver.start()
    port = receiver.port
    transport, events = attempt(receiver.url("live", "cam"))
    await transport.connect()
    await transport.publish((VIDEO,))
    await receiver.stop()
    with pytest.raises(TransportError, match="Connection refused"):
        await attempt(receiver.url("live", "cam"))[0].connect()
    await receiver.start()
    assert receiver.port == port
    await publish_all(attempt(receiver.url("live", "cam"))[0], [PICTURE], tracks=())
    assert len(events.errors) == 1
    await transport.close()
    await receiver.stop()


async def test_a_client_that_speaks_nonsense_is_dropped() -> None:
    async with Receiver() as receiver:
        reader, writer = await asyncio.open_connection("127.0.0.1", receiver.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await asyncio.wait_for(reader.read(), 5) == b""
        assert "the first bytes are 47 45 54" in receiver.errors[0]
        writer.close()


# --- a process of its own -----------------------------------------------------------------------------------


class Process:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self, event: str) -> dict[str, Any]:
        """The next line of that event."""
        assert self.process.stdout is not None
        async with asyncio.timeout(10):
            while True:
                found: dict[str, Any] = json.loads(await self.process.stdout.readline())
                if found["event"] == event:
                    return found


@asynccontextmanager
async def receiver_process(*arguments: str) -> AsyncIterator[tuple[Process, int]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "camcast_rtmp.receiver", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    found = Process(process)
    try:
        yield found, (await found.line("listening"))["port"]
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 10)


async def test_a_receiver_process_tells_what_comes(tmp_path: Path) -> None:
    source = made("h264_b_aac")
    async with receiver_process("--record", str(tmp_path), "--counts", "0.05") as (process, port):
        await publish_all(attempt(f"rtmp://127.0.0.1:{port}/live/cam")[0], tags_of(source))
        assert (await process.line("publish"))["name"] == "cam"
        ended = await process.line("unpublish")
        assert (ended["clean"], ended["video"], ended["script"]) == (True, 102, 1)
        assert (await process.line("counts"))["live"] == {}
    assert process.process.returncode == 0
    compare(source, tmp_path / "cam-0.flv")


async def test_a_receiver_process_can_be_killed(certificate: Certificate) -> None:
    files = ("--cert", str(certificate.cert_file), "--key", str(certificate.key_file))
    async with receiver_process(*files) as (process, port):
        transport, events = attempt(f"rtmps://127.0.0.1:{port}/live/cam", fingerprint=certificate.fingerprint)
        await transport.connect()
        await transport.publish((VIDEO,))
        await process.line("publish")
        process.process.kill()
        async with asyncio.timeout(5):
            while not events.errors:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await transport.close()


def test_a_recording_without_media_is_an_empty_file() -> None:
    assert Recording("live", "cam", "cam", {}).flv() == b"FLV\x01\x00\x00\x00\x00\x09\x00\x00\x00\x00"
