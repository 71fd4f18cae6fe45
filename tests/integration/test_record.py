"""Recordings beside live outputs: a disk harms none of them, and what an uplink loses is in the recording."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import pytest

import camcast
from camcast import SessionConfig
from camcast.events import Note, SegmentFinished, SessionState
from camcast.media import TagType
from camcast.session.session import Session
from camcast_record.durable import DurableFile
from camcast_rtmp.receiver import Receiver
from tests.faults.proxy import FaultProxy
from tests.integration.air import CODECS, chain, of, on_air
from tests.integration.kit import drawn, until


def record(output: str, url: str, **options: object) -> SessionConfig:
    return chain(url, output=output).evolve(
        targets=[camcast.TargetConfig(url=url, options={"fragment": 0.5, **options})], output=output
    )


def pictures(folder: Path) -> list[bytes]:
    """Of all files in a folder, in the order in which they were begun."""
    found = []
    for path in sorted(folder.glob("*.mp4"), key=lambda path: path.stat().st_ctime_ns):
        with av.open(str(path)) as container:
            found += [bytes(packet) for packet in container.demux(video=0) if packet.size]
    return found


def received(receiver: Receiver) -> list[bytes]:
    return [
        frame.payload
        for recording in receiver.recordings
        for frame in recording.frames(CODECS)
        if frame.type is TagType.VIDEO
    ]


AWAY = float(os.environ.get("CAMCAST_AWAY", "1.5"))
"""Seconds for which the uplink is away; `make record-proof` has it be away for a minute."""


@pytest.mark.timeout(120 + 4 * AWAY)
@pytest.mark.parametrize("fault", ["reset", "freeze"])
async def test_the_recording_holds_every_picture_that_the_receiver_misses(tmp_path: Path, fault: str) -> None:
    """Both against a third output, which records all; each picture is another."""
    every, lost = tmp_path / "every", tmp_path / "lost"
    for folder in (every, lost):
        folder.mkdir()
    async with Receiver() as receiver:
        with FaultProxy((receiver.host, receiver.port)) as proxy:
            live = chain(f"rtmp://{proxy.address}/live/cam0", stall_timeout=1.0)
            outputs = (
                live,
                record("every", f"record://{every}/a.mp4"),
                record("lost", f"record://{lost}/%H%M%S.mp4", while_down="rtmp", before=12.0, after=0.5),
            )
            async with on_air(drawn(0, *outputs)) as (running, events):
                _, archive, cloud = running.sessions
                assert isinstance(archive, Session)

                def state() -> float:
                    return archive.metrics.transport.get("recording", -1.0)

                await until(lambda: cloud.healthy and state() == 0.0)
                before = len(of(events, SegmentFinished))
                proxy.refuse()
                proxy.freeze() if fault == "freeze" else proxy.reset()
                await until(lambda: state() == 1.0)
                await asyncio.sleep(AWAY)
                if fault == "freeze":
                    proxy.reset()
                proxy.listen()
                await until(lambda: cloud.healthy and state() == 0.0)
                await until(lambda: len(of(events, SegmentFinished)) > before)
                sent = cloud.metrics.video_sent
                await until(lambda: cloud.metrics.video_sent > sent + 30)
            await receiver.until(lambda: not receiver.live())
        all_of_them, arrived, kept = pictures(every), {*received(receiver)}, {*pictures(lost)}
    assert len({*all_of_them}) == len(all_of_them) > 100
    # What came before the first picture that the receiver was sent had no receiver yet.
    missed = [picture for picture in all_of_them if picture not in arrived]
    # The last group is replayed, a second of it; the machine may be busy.
    assert len(missed) > 10 + 15 * (AWAY - 1)
    assert [picture for picture in missed if picture not in kept] == []
    assert len(kept) < len(all_of_them) - 20, "what arrived is not recorded"
    lines = [json.loads(line) for line in (lost / "cam0_main%2Flost.index.jsonl").read_text().splitlines()]
    assert not [line for line in lines if "gap" in line]


async def test_a_stream_without_that_output_is_recorded_whole_and_says_so(tmp_path: Path) -> None:
    output = record("rtmp", f"record://{tmp_path}/a.mp4", while_down="clowd")
    async with on_air(drawn(0, output)) as (running, events):
        await until(lambda: next(iter(running.sessions)).metrics.video_sent > 30)
        assert [note.code for note in of(events, Note)] == ["while_down_unknown"]
    assert len(pictures(tmp_path)) > 30


@pytest.fixture
def hangs(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """While this is not set, writes hang."""
    goes = threading.Event()
    goes.set()
    plain = DurableFile.write_pieces

    def write(file: DurableFile, pieces: Sequence[bytes]) -> None:
        goes.wait(30)
        plain(file, pieces)

    monkeypatch.setattr(DurableFile, "write_pieces", write)
    yield goes
    goes.set()


async def test_a_disk_that_hangs_harms_no_live_output_and_loses_no_picture(
    tmp_path: Path, hangs: threading.Event
) -> None:
    async with Receiver() as receiver:
        outputs = (
            chain(f"rtmp://{receiver.host}:{receiver.port}/live/cam0"),
            record("archive", f"record://{tmp_path}/a.mp4"),
        )
        async with on_air(drawn(0, *outputs)) as (running, events):
            archive, cloud = running.sessions
            await until(lambda: cloud.healthy and archive.metrics.video_sent > 20)
            hangs.clear()
            sent = cloud.metrics.video_sent
            await until(lambda: cloud.metrics.video_sent > sent + 50)
            hangs.set()
            assert cloud.metrics.frames_dropped == archive.metrics.frames_dropped == 0
            assert {cloud.state, archive.state} == {SessionState.CONNECTED}
            sent = archive.metrics.video_sent
            await until(lambda: archive.metrics.video_sent > sent + 10)
        await receiver.until(lambda: not receiver.live())
        arrived, kept = received(receiver), pictures(tmp_path)
    assert len({*arrived} & {*kept}) > 60
    first = kept.index(next(picture for picture in arrived if picture in {*kept}))
    both = kept[first:]
    assert both == arrived[-len(both) :]
    assert not of(events, Note)


async def test_plugins_are_told_of_complete_files_on_a_thread(tmp_path: Path) -> None:
    told: list[tuple[SegmentFinished, bool]] = []

    class Copies:
        @camcast.hookimpl
        def camcast_segment(self, segment: SegmentFinished) -> None:
            told.append((segment, threading.current_thread() is threading.main_thread()))

    host = camcast.PluginHost()
    host.register(Copies(), "copies")
    output = record("rtmp", f"record://{tmp_path}/%H%M%S.mp4", segment=1.0)
    async with on_air(drawn(0, output), host=host) as (running, events):
        await until(lambda: len(told) >= 2)
        assert len(running.sessions) == 1
    finished = of(events, SegmentFinished)
    assert [segment for segment, _ in told] == finished
    assert len(finished) >= 3, "the last one too, which the end of the engine completed"
    assert not any(on_the_loop for _, on_the_loop in told)
    for segment in finished:
        with av.open(segment.path) as container:
            frames = sum(bool(packet.size) for packet in container.demux())
        assert (segment.frames, segment.size) == (frames, os.stat(segment.path).st_size)
        assert 0.9 < segment.end - segment.begin < 2.1 or segment is finished[-1]
        assert segment.text.startswith(f"Session cam0_main: {segment.path} is complete")


async def test_a_file_s_name_that_may_be_a_key_is_in_no_text(tmp_path: Path) -> None:
    output = record("rtmp", f"record://{tmp_path}/live_k3y.mp4")
    async with on_air(drawn(0, output)) as (running, events):
        await until(lambda: next(iter(running.sessions)).metrics.video_sent > 10)
    (segment,) = of(events, SegmentFinished)
    assert segment.path == str(tmp_path / "live_k3y.mp4")
    assert segment.text.startswith(f"Session cam0_main: {tmp_path}/*** is complete")
    assert "live_k3y" not in repr(segment)
