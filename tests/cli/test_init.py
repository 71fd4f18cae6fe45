"""`camcast init`: the file it writes, what keeps it from writing, and secrets that stay out of it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cameras import clips
from tests.cameras.rtp import video_track
from tests.cameras.script import Script
from tests.cameras.server import Camera
from tests.dialogues import Answer, dialogue
from tests.media import made
from typer.testing import CliRunner

from camcast.cli.app import app
from camcast.config import ConfigFile
from camcast.config.commented import commented
from camcast.config.json_text import parse_json
from camcast.host import PluginHost

KEY = "abcd-s3cret-key-1234"
CAMERA = "rtsp://10.0.0.5/stream1"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*words: str, typed: str | None = None) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["init", *words], input=typed)
    assert not result.exception or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def wrong(*words: str) -> str:
    status, out, err = init("--no-probe", *words)
    assert (status, out, os.listdir()) == (2, "", [])
    (line,) = err.splitlines()
    return line


def test_a_file_for_a_platform_says_what_that_wants_and_holds_no_key(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YT_KEY", KEY)
    words = ["--source", str(made("h264_aac")), "--to", "youtube", "--key", "env:YT_KEY", "--name", "gate"]
    status, out, err = init(*words, "--seconds", "1")
    assert status == 0, err
    assert out.startswith("wrote system_config.json\nnext: camcast check system_config.json --targets\n")
    text = Path("system_config.json").read_text()
    assert KEY not in text
    assert "// YouTube Live wants: picture h264, h265, av1; sound" in text
    assert "media comes" in text
    assert "// h264 " in text
    config = ConfigFile.read(Path("system_config.json"), {}).resolve(PluginHost())
    (session,) = config.sessions()
    assert (session.label, session.targets[0].stream_key) == ("cam0_main/youtube", "env:YT_KEY")
    assert session.targets[0].url == "rtmps://a.rtmps.youtube.com/live2"
    assert CliRunner().invoke(app, ["check", "system_config.json"]).exit_code == 0
    # Once more, it is left alone.
    status, _, err = init(*words)
    assert (status, err) == (2, "error: FILE: system_config.json is there already; --force overwrites it\n")
    assert Path("system_config.json").read_text() == text
    assert init(*words, "--no-probe", "--force")[0] == 0
    assert "It was not looked at" in Path("system_config.json").read_text()


def test_a_key_that_is_piped_in_is_kept_where_only_its_owner_reads_it(here: Path) -> None:
    status, out, err = init(
        "--no-probe", "--source", CAMERA, "--to", "rtmp://h/live", "--key", "-", "live.json", typed=f"{KEY}\n"
    )
    assert status == 0, err
    file = here / "live.stream.key"
    assert file.read_text() == f"{KEY}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert f"wrote {file}, which only you can read" in out
    text = Path("live.json").read_text()
    assert KEY not in text
    assert parse_json(text)["cameras"][0]["streams"][0]["outputs"]["out"] == {
        "url": "rtmp://h/live", "stream_key": f"file:{file}",
    }  # fmt: skip


def test_a_key_within_an_address_is_for_its_owner_only() -> None:
    address = f"rtmps://a.rtmps.youtube.com/live2/{KEY}"
    status, _, err = init("--no-probe", "--source", CAMERA, "--to", address)
    assert (status, stat.S_IMODE(Path("system_config.json").stat().st_mode)) == (0, 0o600)
    assert (
        err
        == "note: an address in it may hold a key or a password, so only you can read it; --key keeps it elsewhere\n"
    )
    assert KEY not in err


def test_a_password_in_a_path_is_for_its_owner_only() -> None:
    source = "rtsp://10.0.0.5/user=admin_password=s3cret_channel=1_stream=0.sdp"
    status, _, err = init("--no-probe", "--source", source, "--to", "rtmp://h/live", "--key", "env:YT_KEY")
    assert (status, "s3cret" in err) == (0, False)
    assert stat.S_IMODE(os.stat("system_config.json").st_mode) == 0o600
    assert "only you can read it" in err


def test_comments_that_would_change_the_file_leave_none(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def changed(values: Mapping[str, Any], said: Mapping[str, Any]) -> str:
        return commented(values, said).replace("/stream1", "/stream2")

    monkeypatch.setattr("camcast.cli.init.commented", changed)
    status, _, err = init("--no-probe", "--source", CAMERA, "--to", "rtmp://h/live", "--key", "-", typed=KEY)
    assert (status, os.listdir(here)) == (2, [])
    assert err.startswith("error: the comments for system_config.json would change what it means")


def test_the_help_names_no_platform() -> None:
    """What there is, plugins say."""
    shown = CliRunner().invoke(app, ["init", "--help"]).stdout.lower()
    words = set(re.findall(r"\w+", shown))
    assert "platforms" in words
    assert not words & {name for name in PluginHost().platforms.by_name if len(name) > 1}


def test_what_fails_leaves_an_older_key_as_it_was(here: Path) -> None:
    words = ("--source", CAMERA, "--to", "rtmp://h/live", "--key", "-", "--no-probe", "--force")
    assert init(*words, typed="first\n")[0] == 0
    assert init(*words, "--to", "nowhere", typed="second\n")[0] == 2
    assert (here / "system_config.stream.key").read_text() == "first\n"
    Path("film.mp4").write_text("no film")
    status, _, _ = init("--source", "film.mp4", "--to", "rtmp://h/live", "--key", "-", "--force", typed="third\n")
    assert (status, (here / "system_config.stream.key").read_text()) == (1, "first\n")


def test_an_onvif_camera_is_written_so_that_it_is_found_again() -> None:
    words = [
        "--user",
        "operator",
        "--password",
        "env:CAM",
        "--to",
        "rtmp://h/live/k",
        "--source",
        "onvif://00408c123456/main",
    ]
    assert init("--no-probe", *words)[0] == 0
    (stream,) = parse_json(Path("system_config.json").read_text())["cameras"][0]["streams"]
    assert stream["source"] == {
        "type": "rtsp",
        "url": "onvif://00408c123456/main",
        "options": {"username": "operator", "password": "env:CAM", "login": "digest"},
    }


TO = ("--to", "rtmp://h/live/k")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--source: is missing; at a terminal it would be asked for"),
        (("--source", CAMERA), "--to: is missing; at a terminal it would be asked for"),
        (("--source", "nofile.mp4", *TO), '--source: there is no file "nofile.mp4", and no source is called so'),
        (
            ("--source", "rtsp://admin:s3cret@10.0.0.5/", *TO),
            "--source: holds a password, which would stand in the file: give --user NAME and --password env:NAME",
        ),
        (("--source", CAMERA, "--password", "s3cret", "--user", "a", *TO), "--password: expected env:NAME"),
        (("--source", CAMERA, "--user", "a", *TO), "--password: is missing: --user is given"),
        (("--source", "testsrc", "--user", "a", "--password", "env:P", *TO), "--user: a source of the kind"),
        (("--source", CAMERA, "--to", "yuotube"), '--to: "yuotube" is neither an address nor a platform'),
        (("--source", CAMERA, "--to", "youtube"), "--key: is missing: env:NAME or file:PATH, where the"),
        (("--source", CAMERA, "--to", "tiktok"), "--to: TikTok LIVE has no address that is the same"),
        (("--source", CAMERA, "--to", "rtpm://h/live/k"), "--to: no transport for rtpm:// URLs; known: "),
        (("--source", CAMERA, *TO, "--key", "s3cret"), "--key: expected env:NAME or file:PATH, where it is"),
        (("--source", CAMERA, *TO, "--key", "env:A", "--key", "env:B"), "--key: 2 given for 1 of --to"),
        (("--source", CAMERA, *TO, "--key", "-"), '--key: "-" reads it from what is piped in, and'),
        (("--source", CAMERA, *TO, "c.toml"), "FILE: c.toml: init writes JSON with comments; give a"),
        (("--source", "onvif://10.0.0.5/main", *TO), "--source: expected the UUID or the MAC of a camera behind the"),
    ],
)  # fmt: skip
def test_mistakes_are_told_by_the_options_and_leave_nothing(words: tuple[str, ...], said: str) -> None:
    line = wrong(*words)
    assert line.startswith(f"error: {said}")
    assert "s3cret" not in line


def test_a_source_that_brings_nothing_is_told_and_nothing_is_left() -> None:
    Path("film.mp4").write_text("no film")
    status, out, err = init("--source", "film.mp4", "--to", "rtmp://h/live", "--key", "-", typed="k3y\n")
    assert (status, out, os.listdir()) == (1, "", ["film.mp4"])
    assert "cam0_main: no media: " in err
    assert err.endswith("nothing was written; --no-probe writes a file all the same\n")


async def test_what_a_platform_does_not_take_is_encoded_anew(here: Path) -> None:
    track = video_track(clips.video("h265", frames=200))
    async with Camera(Script([track])) as camera:
        command = [sys.executable, "-m", "camcast", "init", "--source", camera.url, "--to", "twitch", "--key", "env:K"]
        program = await asyncio.create_subprocess_exec(
            *command, "--seconds", "2", stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        _, err = await asyncio.wait_for(program.communicate(), 60)
    assert program.returncode == 0, err.decode()
    text = (here / "system_config.json").read_text()
    (stream,) = parse_json(text)["cameras"][0]["streams"]
    assert stream["encoder"] == {"type": "H264_CBR", "transcode": True}
    assert "takes no H265, so the picture is encoded anew" in text


def test_at_a_terminal_it_asks_and_keeps_what_is_typed(here: Path) -> None:
    answers = (
        Answer("Camera:", "rtsp://admin:pa%40ss@10.0.0.5/stream1"),
        Answer("Where to:", "youtube"),
        Answer("Stream key", KEY, hidden=True),
    )
    status, seen = dialogue([sys.executable, "-m", "camcast", "init", "--no-probe"], answers)
    assert status == 0, seen
    text = Path("system_config.json").read_text()
    assert KEY not in text + seen
    assert "pa@ss" not in text
    (stream,) = parse_json(text)["cameras"][0]["streams"]
    assert stream["source"]["url"] == CAMERA
    assert stream["source"]["options"]["username"] == "admin"
    for name, secret in (("system_config.camera.password", "pa@ss"), ("system_config.stream.key", KEY)):
        assert (here / name).read_text() == f"{secret}\n"
        assert stat.S_IMODE((here / name).stat().st_mode) == 0o600


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=5), PLAIN, max_size=3), st.text(max_size=30))
def test_comments_change_no_value(values: dict[str, object], comment: str) -> None:
    paths = ["", *values, *(f"{key}[0]" for key in values), *(f"{key}.a" for key in values)]
    text = commented(values, {path: [comment] for path in paths})
    assert parse_json(text) == values
    assert json.loads(commented(values, {})) == values
