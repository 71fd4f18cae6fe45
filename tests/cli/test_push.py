"""`camcast push`: its words as a configuration, what is wrong with them, and pictures that arrive."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.media import made
from typer.testing import CliRunner

from camcast.cli.app import app
from camcast.config import loads
from camcast.host import PluginHost
from camcast_rtmp.receiver import Receiver

YOUTUBE = "rtmps://a.rtmps.youtube.com/live2"


def push(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["push", *words])
    return result.exit_code, result.stdout, result.stderr


def wrong(*words: str) -> list[str]:
    """The errors of words that are wrong."""
    status, out, err = push(*words)
    assert (status, out) == (2, "")
    return err.splitlines()


def test_it_prints_the_file_that_does_the_same() -> None:
    status, out, _ = push(
        "rtsp://cam/main", YOUTUBE, "srt://b.example:9000", "--key", "env:YT_KEY", "--key", "-", "--print-config"
    )
    assert status == 0
    (camera,) = json.loads(out)["cameras"]
    (stream,) = camera["streams"]
    assert stream["source"] == {"type": "rtsp", "url": "rtsp://cam/main"}
    assert stream["outputs"] == {
        "push": {"url": YOUTUBE, "stream_key": "env:YT_KEY"},
        "push2": {"url": "srt://b.example:9000"},
    }
    config = loads(out, PluginHost())
    assert [session.label for session in config.sessions()] == ["cam0_main/push", "cam0_main/push2"]


@pytest.mark.parametrize(
    ("source", "kind", "url"),
    [
        ("rtsps://user:pw@cam/1", "rtsp", "rtsps://user:pw@cam/1"),
        ("/dev/video0", "v4l2", "/dev/video0"),
        ("testsrc", "testsrc", ""),
        ("CLIP", "file", "CLIP"),
    ],
)
def test_a_word_says_what_kind_of_source_it_is(source: str, kind: str, url: str) -> None:
    clip = str(made("h264_aac"))
    status, out, _ = push(source.replace("CLIP", clip), "rtmp://h/live/a", "--print-config")
    assert status == 0
    (session,) = loads(out, PluginHost()).streams()
    assert (session[1].source.type, session[1].source.url) == (kind, url.replace("CLIP", clip))


def test_what_is_wrong_is_told_by_the_words_of_the_line() -> None:
    known = "known: file, rtmp, rtsp, srt, testsrc, v4l2 (see camcast sources)"
    assert wrong("nofile.mp4", "rtmp://h/live/a") == [
        f'error: SOURCE: there is no file "nofile.mp4", and no source is called so; {known}'
    ]
    long = "x" * 5000
    assert wrong(long, "rtmp://h/live/a")[0].startswith("error: SOURCE: there is no file")
    assert wrong("htp://user:pw@cam/1", "rtmp://h/live/a") == [
        f"error: SOURCE: no source takes htp://***@cam/***; {known}; --source-type names one"
    ]
    assert wrong("testsrc", "rtmp://h") == [
        (
            "error: DESTINATION: the URL has no stream key: expected one behind the application, or "
            '"stream_key" beside the URL'
        )
    ]
    (line,) = wrong("testsrc", "rtmp://h/live/a", "rtpm://h/live/a")
    assert line.startswith("error: DESTINATION 2: no transport for rtpm:// URLs; known: ")
    (line,) = wrong("testsrc", "rtpm://h/live/a", "rtmp://h/live/a")
    assert line.startswith("error: DESTINATION 1: no transport for rtpm:// URLs; known: ")
    (line,) = wrong("rtsp://cam/1", "rtmp://h/live/a", "--source-type", "rstp")
    assert line.startswith("error: --source-type: ")
    assert '"rtsp"' in line
    (line,) = wrong("testsrc", "rtmp://h/live", "--key", "s3cret-key")
    assert line.startswith("error: --key: expected env:NAME or file:PATH")
    assert "s3cret" not in line
    assert wrong("testsrc", "rtmp://h/live", "rtmp://i/live", "--key", "env:KEY") == [
        'error: --key: 1 given for 2 destinations: give one for each, in their order; "-" for a destination without'
    ]


def test_the_file_does_the_same_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(made("h264_aac"), "clip.mp4")
    Path("one.key").write_text("k3y")
    words = ["clip.mp4", "rtmp://h/live", "--key", "file:one.key", "--log-level", "WARNING", "--http", "--print-config"]
    status, out, _ = push(*words)
    assert status == 0
    monkeypatch.chdir("/")
    config = loads(out, PluginHost(), base=Path("/"))
    (session,) = config.sessions()
    assert session.targets[0].stream_key == f"file:{tmp_path}/one.key"
    ((_, stream),) = config.streams()
    assert stream.source.url == f"{tmp_path}/clip.mp4"
    assert config.system.log_level == "WARNING"
    assert [one.type for one in config.services] == ["http"]


def test_a_key_that_is_not_where_it_is_said_to_be_is_told_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PUSH_KEY", raising=False)
    unset = "environment variable PUSH_KEY is not set or empty; it is named by env:PUSH_KEY"
    assert wrong("testsrc", "rtmp://h/live", "--key", "env:PUSH_KEY") == [f"error: --key of DESTINATION: {unset}"]
    missing = f"file:{tmp_path}/none.key"
    keys = ["--key", "env:PUSH_KEY", "--key", missing]
    assert wrong("testsrc", "rtmp://h/live", "rtmp://i/live", *keys) == [
        f"error: --key of DESTINATION 1: {unset}",
        f"error: --key of DESTINATION 2: cannot read the secret in {missing}: No such file or directory",
    ]


async def test_what_it_pushes_arrives_at_every_destination_by_the_key(tmp_path: Path) -> None:
    async with Receiver() as first, Receiver() as second:
        words = ["push", str(made("h264_aac")), first.url("live").rstrip("/"), second.url("live", "plain")]
        words += ["--key", "env:PUSH_KEY", "--key", "-", "--name", "p", "--plain", "--json"]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "camcast", *words),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PUSH_KEY": "k3y-of-env", "XDG_RUNTIME_DIR": str(tmp_path)},
        )
        out, err = await asyncio.wait_for(process.communicate(), 120)
        assert process.returncode == 0, err.decode()
        assert b"k3y-of-env" not in out + err
        assert len(first.of("k3y-of-env")) == 1
        assert len(second.of("plain")) == 1
        for one in json.loads(out)["sessions"]:
            assert one["video_sent"] > 0
            assert one["audio_sent"] > 0
            # Sound of before the first picture is left out, and counted.
            offered = one["video_offered"] + one["audio_offered"]
            assert one["video_sent"] + one["audio_sent"] + sum(one["dropped"].values()) == offered
