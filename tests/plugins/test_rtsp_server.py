"""The RTSP source against GStreamer's RTSP server: what is received is what the server's file holds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.compare import Media, compare
from tests.media import encode, made
from tests.plugins.rtsp_kit import Run, running
from tests.servers.gst_rtsp import GstRtsp, loop, play
from tests.servers.process import free_port

from camcast.media import MediaKind

PASSWORD = "p@ss/word:%"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("rtsp")
    x265 = {"preset": "ultrafast", "x265-params": "log-level=1"}
    encode(folder / "hevc_pcma.mov", video="libx265", video_options=x265, audio="pcm_alaw", rate=8000, layout="mono")
    encode(folder / "pcmu.mov", audio="pcm_mulaw", rate=8000, layout="mono", b_frames=2, size=(640, 360))
    return {
        "h264_aac": made("h264_aac"),
        "h264_b_aac": made("h264_b_aac"),
        "h264_only": made("h264_only"),
        "h264_opus": made("h264_opus"),
        "hevc_pcma": folder / "hevc_pcma.mov",
        "b_pcmu": folder / "pcmu.mov",
    }


def mounts(files: dict[str, Path], folder: Path) -> dict[str, dict[str, object]]:
    return {
        "/h264_aac": play(files["h264_aac"], "h264", "aac"),
        "/h264_latm": play(files["h264_aac"], "h264", "latm"),
        "/h264_b_aac": play(files["h264_b_aac"], "h264", "aac"),
        "/h264_only": play(files["h264_only"], "h264"),
        "/h264_opus": play(files["h264_opus"], "h264", "opus"),
        "/hevc_pcma": play(files["hevc_pcma"], "h265", "pcma"),
        "/b_pcmu": play(files["b_pcmu"], "h264", "pcmu"),
        "/live": loop(files["h264_only"], "h264", 25, folder / "live.units"),
    }


@pytest.fixture(scope="module")
def camera(files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[GstRtsp]:
    folder = tmp_path_factory.mktemp("camera")
    with GstRtsp(folder, mounts(files, folder)) as server:
        yield server


async def received(camera: GstRtsp, name: str, **options: Any) -> Run:
    """Everything that a mount plays, up to its end."""
    async with running(camera.url(f"/{name}"), **options) as run:
        error = await run.failure(timeout=20)
        assert "RTCP BYE" in str(error)
        assert not error.fatal
        assert not run.sink.drops, run.sink.drops
        return run


async def test_all_formats_arrive_bit_for_bit_over_tcp_and_udp(camera: GstRtsp, files: dict[str, Path]) -> None:
    plans = [
        (name, source, transport)
        for transport in ("tcp", "udp")
        for name, source in (
            ("h264_aac", "h264_aac"),
            ("h264_latm", "h264_aac"),
            ("h264_b_aac", "h264_b_aac"),
            ("h264_only", "h264_only"),
            ("h264_opus", "h264_opus"),
            ("hevc_pcma", "hevc_pcma"),
            ("b_pcmu", "b_pcmu"),
        )
    ]
    runs = await asyncio.gather(*(received(camera, name, transport=transport) for name, _, transport in plans))
    for (name, source, transport), run in zip(plans, runs, strict=True):
        sent, got = Media.read(files[source]), run.media
        where = f"{name} over {transport}"
        if "pcm" in name:
            # The server cuts the samples anew.
            whole = b"".join(unit.data for unit in sent.audio)
            assert b"".join(unit.data for unit in got.audio) in whole, where
            assert sum(len(unit.data) for unit in got.audio) > len(whole) * 0.95, where
            sent.audio.clear()
            got.audio.clear()
        result = compare(sent, got, times=False, whole=False)
        assert not result.missing_head.get("video"), where
        assert not result.missing_tail.get("video"), where
        assert result.samples >= len(sent.audio) - 2, where
        # Display times are exact up to the 90 kHz clock's resolution. The server begins with sound below time 0.
        offsets = {}
        for kind in ("video", "audio"):
            head = result.missing_head.get(kind, 0)
            pairs = list(zip(sent.kinds()[kind][head:], got.kinds()[kind], strict=False))[2:]
            offsets[kind] = [have.pts - want.pts for want, have in pairs]
            assert not pairs or max(offsets[kind]) - min(offsets[kind]) < 1.5, where
        if offsets["audio"]:
            assert abs(offsets["audio"][-1] - offsets["video"][-1]) < 40, where
        dts = [unit.dts for unit in got.video]
        assert all(later > earlier for earlier, later in pairwise(dts)), where
        assert all(unit.pts >= unit.dts for unit in got.video), where


async def test_a_live_camera_is_watched_until_stop(camera: GstRtsp, files: dict[str, Path]) -> None:
    async with running(camera.url("/live")) as run:
        await run.until(lambda: len(run.video) > 60, why="60 pictures")
        assert await run.stop() < 2
    received = run.media
    # The server leaves out the SEI of the very first picture it plays.
    del received.video[0]
    compare(files["h264_only"], received, loop=True, times=False, whole=False)
    assert not run.sink.drops
    assert [[track.codec for track in tracks] for tracks in run.sink.announced] == [["h264"]]


async def test_sound_can_be_left_out(camera: GstRtsp) -> None:
    async with running(camera.url("/h264_aac"), audio=False) as run:
        await run.until(lambda: len(run.video) > 10)
        assert [track.kind for track in run.sink.announced[0]] == [MediaKind.VIDEO]
        assert not run.sink.of(MediaKind.AUDIO)


async def test_times_by_arrival_rise_and_keep_pace(camera: GstRtsp) -> None:
    async with running(camera.url("/h264_b_aac"), timestamps="arrival") as run:
        await run.until(lambda: len(run.video) > 50)
        times = [packet.dts for packet in run.video]
        assert all(later > earlier for earlier, later in pairwise(times))
        assert all(packet.pts >= packet.dts for packet in run.video)
        assert any(packet.pts > packet.dts for packet in run.video)
        assert 1.5e9 < (times[-1] - times[0]) * 50 / len(times) < 2.5e9


async def test_a_keyframe_is_asked_for_where_the_camera_listens(camera: GstRtsp) -> None:
    async with running(camera.url("/live")) as run:
        await run.until(lambda: run.video)
        # GStreamer's server offers "nack pli" for AVPF only, which the mount does not.
        assert run.source.request_keyframe() is False


@pytest.mark.parametrize("scheme", ["basic", "digest"])
async def test_password(scheme: str, files: dict[str, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    mount = {"/cam": loop(files["h264_only"], "h264", 25, tmp_path / "units")}
    with GstRtsp(tmp_path / "camera", mount, user="admin", password=PASSWORD, auth=scheme) as camera:
        async with running(camera.url("/cam", f"admin:{quote(PASSWORD, safe='')}")) as run:
            await run.until(lambda: len(run.video) > 3)
        async with running(camera.url("/cam"), username="admin", password=PASSWORD) as run:
            await run.until(lambda: len(run.video) > 3)
        async with running(camera.url("/cam", "admin:secret-guess")) as run:
            wrong = await run.failure()
        async with running(camera.url("/cam")) as run:
            missing = await run.failure()
    assert "refuses the user name or password" in str(wrong)
    assert not wrong.fatal
    assert f"asks for a user name and a password ({scheme.capitalize()})" in str(missing)
    shown = f"{wrong!r} {missing!r} {run.source!r} {caplog.text}"
    assert "secret-guess" not in shown
    assert PASSWORD not in shown


async def test_wrong_path_wrong_port_and_nothing_usable_are_told(camera: GstRtsp) -> None:
    async with running(camera.url("/nothing")) as run:
        assert "check the path" in str(await run.failure())
    async with running(f"rtsp://127.0.0.1:{free_port()}/cam") as run:
        assert "nothing listens" in str(await run.failure())


async def test_killed_frozen_restarted_and_swapped(files: dict[str, Path], tmp_path: Path) -> None:
    mounts = {"/cam": loop(files["h264_only"], "h264", 25, tmp_path / "one")}
    camera = GstRtsp(tmp_path / "camera", mounts)
    with camera:
        url = camera.url("/cam")
        async with running(url, no_data_timeout=1.0) as run:
            await run.until(lambda: len(run.video) > 3)
            camera.freeze()
            error = await run.failure()
            assert "keeps the session open, but sent no video for 1 s" in str(error)
        async with running(url, connect_timeout=1.0) as run:
            assert "did not answer all requests up to PLAY within 1 s" in str(await run.failure())
        camera.thaw()
        async with running(url) as run:
            await run.until(lambda: len(run.video) > 3)
            camera.kill()
            assert "closed the connection" in str(await run.failure())
        # The same camera, set to another codec and size meanwhile.
        camera.mounts = {"/cam": play(files["hevc_pcma"], "h265", "pcma")}
        camera.start()
        async with running(url) as run:
            await run.until(lambda: len(run.video) > 3)
            assert [track.codec for track in run.sink.announced[0]] == ["h265", "g711a"]
        async with running(url) as run:
            await run.until(lambda: run.video)
            camera.freeze()
            assert await run.stop() < 2
            camera.thaw()
