"""RTMP servers that others wrote in Python: what they recorded, and what is said where that is nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.compare import Media, compare
from tests.integration.test_odd_servers import ended, running
from tests.media import made
from tests.servers.python import PyRtmp, RtmpLite


@pytest.mark.parametrize("clip", ["h264_aac", "h264_b_aac"])
async def test_pyrtmp_records_every_packet(clip: str, tmp_path: Path) -> None:
    with PyRtmp(tmp_path / "server") as server:
        async with running(tmp_path, server.url("cam"), loop=False, clip=clip) as process:
            status, log = await ended(process)
        assert status == 0, log
        found = compare(made(clip), await asyncio.to_thread(server.recording, "cam"), from_keyframe=1)
    assert found.frames > 70


async def test_pyrtmp_is_not_taken_for_nginx_whose_words_it_uses(tmp_path: Path) -> None:
    with PyRtmp(tmp_path / "server") as server:
        async with running(tmp_path, server.url("cam"), loop=False, clip="hevc_aac") as process:
            _, log = await ended(process)
        recorded = Media.read(await asyncio.to_thread(server.recording, "cam"))
    assert "nobody can tell whether this server takes h265" in log
    assert {unit.codec for unit in recorded.video} == {"hevc"}


async def test_rtmplite_refuses_in_its_own_words_and_is_asked_once_without(tmp_path: Path) -> None:
    with RtmpLite(tmp_path / "server") as server:
        async with running(tmp_path, server.url("cam"), loop=True, connect_timeout=2) as process:
            assert process.stderr is not None
            log = ""
            while "next try in" not in log:
                log += (await asyncio.wait_for(process.stderr.readline(), 30)).decode()
    assert log.count("trying once without") == 1
    # Its refusal says more than its silence at the second question.
    assert "refused: the server refused the application (NetConnection.Connect.Rejected: Missing app path)" in log
