"""WHIP through the engine: a test picture as it is, sound transcoded, B-frames transcoded, a server that dies."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from camcast import SessionConfig
from camcast.config import TargetConfig
from camcast.errors import ErrorClass
from camcast.events import Note, SessionState
from camcast.media import MediaKind
from tests.command_run import command_run
from tests.integration.air import only
from tests.integration.kit import balance, camera, connected, drawn, engine, sent, until
from tests.media import made
from tests.servers.process import free_port
from tests.servers.whip import Received, WhipServer

TOKEN = "correct-horse-battery"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[WhipServer]:
    with WhipServer(tmp_path / "whip", token=TOKEN) as running:
        yield running


def to(server: WhipServer, path: str = "whip/camera-7", camera_id: int = 0, **more: Any) -> SessionConfig:
    target = TargetConfig(url=server.url(path), options={"token": TOKEN}, **more)
    return SessionConfig(camera_id=camera_id, output="whip", targets=[target])


async def test_a_test_picture_and_a_tone(server: WhipServer) -> None:
    async with engine(drawn(0, to(server), tone=440)) as running:
        await sent(running, 125)
        one = only(running)
        assert one.metrics.frames_dropped == 0
        video, audio = one.recorder.flow.sent[MediaKind.VIDEO], one.recorder.flow.sent[MediaKind.AUDIO]
        assert audio > 200
        assert one.metrics.transport["receiver_reports"] > 0
        # While the stream goes on: the last frames stay in the receiver's jitter buffer.
        await until(lambda: len(of(server, "video")) >= video and len(of(server, "audio")) >= audio)
    balance(running)
    # The encoder's first frame begins before the picture does, and is moved up to it.
    steps = {after.time - before.time for before, after in itertools.pairwise(of(server, "audio")[1:])}
    assert steps <= {912, 960, 1008}, "20 ms each, rounded to a millisecond"
    state = await asyncio.to_thread(server.state)
    assert state["deleted"] == [0]


def of(server: WhipServer, kind: str) -> list[Received]:
    return [unit for unit in server.received() if unit.kind == kind]


async def test_b_frames_and_aac_are_transcoded(server: WhipServer) -> None:
    async with engine(camera(0, made("h264_b_aac"), to(server))) as running:
        notes: list[Note] = []

        async def collect() -> None:
            async for event in running.events():
                notes.extend([event] if isinstance(event, Note) else [])

        reader = asyncio.create_task(collect())
        await sent(running, 60)
        reader.cancel()
        assert "B-frames" in " ".join(note.message for note in notes if note.code == "transcoding")
    balance(running)
    received = server.received()
    times = [unit.time for unit in received if unit.kind == "video"]
    assert len(times) >= 58
    assert times == sorted(times), "no picture before its time"
    assert [unit for unit in received if unit.kind == "audio"]


async def test_the_keyframe_that_a_receiver_asks_for_is_made(server: WhipServer) -> None:
    async with engine(drawn(0, to(server), gop=60.0)) as running:
        one = only(running)
        # The first is written down late: the jitter buffer gives a picture out when the next one begins.
        await until(lambda: keyframes(server) == 1)
        await sent(running, 30)
        assert one.metrics.transport["keyframe_requests"] == 0
        assert keyframes(server) == 1
        state = await asyncio.to_thread(server.ask, "pli")
        assert state["asked"] == 1
        await until(lambda: keyframes(server) == 2)
        assert one.metrics.transport["keyframe_requests"] == 1
        await sent(running, one.metrics.video_sent + 30)
        assert keyframes(server) == 2


def keyframes(server: WhipServer) -> int:
    """Pictures that come with parameter sets."""
    return sum(unit.kind == "video" and len(unit.hashes) >= 3 for unit in server.received())


async def test_a_dead_server_is_noticed_and_found_again(server: WhipServer) -> None:
    async with engine(camera(0, made("h264_opus"), to(server))) as running:
        one = only(running)
        await until(lambda: one.metrics.transport.get("receiver_reports", 0) >= 8)
        server.kill()
        await until(lambda: one.metrics.last_error, timeout=14)
        assert one.recorder.errors.keys() == {ErrorClass.NETWORK}
        assert "whip://" not in one.metrics.last_error
        await asyncio.to_thread(server.start)
        before = len(server.received())
        await connected(running, 30)
        await until(lambda: len(server.received()) > before + 20)
        assert one.state is SessionState.CONNECTED
        assert TOKEN not in one.metrics.last_error + repr(running.stats())
    balance(running)


async def test_a_redirect_to_another_port_is_followed_without_the_token(server: WhipServer, tmp_path: Path) -> None:
    with WhipServer(tmp_path / "other") as other:
        config = to(server, f"to?http://{other.address}/whip/moved")
        async with engine(camera(0, made("h264_opus"), config)) as running:
            await sent(running, 30)
        balance(running)
        state = await asyncio.to_thread(other.state)
    assert {one["path"] for one in state["requests"]} == {"/whip/moved", "/session/0"}
    assert {one["authorization"] for one in state["requests"]} == {""}


async def test_failover_across_protocols(server: WhipServer, tmp_path: Path) -> None:
    """The chain goes on with WHIP when RTMP is not there."""
    targets = [
        TargetConfig(url=f"rtmp://127.0.0.1:{free_port()}/live/cam0"),
        TargetConfig(url=server.url(), options={"token": TOKEN}),
    ]
    config = SessionConfig(camera_id=0, output="chain", targets=targets)
    async with engine(camera(0, made("h264_opus"), config)) as running:
        await sent(running, 30)
        one = only(running)
        assert "whip" in one.target_shown
    assert len(server.received()) > 30


async def test_two_tokens_at_one_endpoint_are_two_outputs(tmp_path: Path) -> None:
    """By a process: a server that knows its streams by their tokens gets both, each with its own, frame by frame."""
    source = {"type": "file", "url": str(made("h264_opus")), "options": {"loop": True}}
    with WhipServer(tmp_path / "whip") as server:
        outputs = {name: {"url": server.url(), "options": {"token": f"{name}-very-secret"}} for name in ("one", "two")}
        config = {"cameras": [{"camera_id": 0, "streams": [{"name": "main", "source": source, "outputs": outputs}]}]}
        with command_run(tmp_path, config, "--log-level", "DEBUG") as run:
            await until(lambda: {0, 1} <= {unit.session for unit in server.received()[200:]}, timeout=30)
            figures = await asyncio.to_thread(run.end)
        state = await asyncio.to_thread(server.state)
    tokens = {one["authorization"] for one in state["requests"] if one["method"] == "POST"}
    assert tokens == {"Bearer one-very-secret", "Bearer two-very-secret"}
    assert [one["last_error"] for one in figures["sessions"]] == ["", ""]
    pictures = [{one.hashes for one in server.received() if (one.session, one.kind) == (n, "video")} for n in (0, 1)]
    assert len(pictures[0] & pictures[1]) > 20, "both get the same stream"
    assert "very-secret" not in run.log


async def test_one_token_at_one_endpoint_is_one_output(tmp_path: Path) -> None:
    """So a second one is refused, when the file is read."""
    output = {"url": "whip://127.0.0.1:9/whip/camera-7", "options": {"token": "very-secret"}}
    source = {"type": "testsrc"}
    stream = {"name": "main", "source": source, "outputs": {"one": output, "two": output}}
    file = tmp_path / "c.json"
    file.write_text(json.dumps({"cameras": [{"camera_id": 0, "streams": [stream]}]}))
    check = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "camcast", "check", str(file)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await check.communicate()
    assert check.returncode == 2, said.decode()
    assert "very-secret" not in said.decode()
    assert "cam0_main/one" in said.decode()
