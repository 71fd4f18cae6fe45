"""What cannot run on this machine is an error of `camcast check`, each with its place and what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.cli.test_check import run

from camcast.contracts import Encoder, EncoderSettings
from camcast.errors import EncoderError, MissingDependency
from camcast.kinds import EncoderKind

KEY = "S3cretKey-of-this-test"


def check(tmp_path: Path, source: dict[str, Any], *outputs: dict[str, Any], **root: Any) -> list[str]:
    """The errors of a file with one camera, without the words before them; none where it would run."""
    path = tmp_path / "config.json"
    stream = {"name": "main", "source": source, "outputs": {f"o{n}": output for n, output in enumerate(outputs)}}
    path.write_text(json.dumps({"cameras": [{"camera_id": 0, "streams": [stream]}], **root}))
    status, _, err = run("check", str(path))
    found = [line.removeprefix("error: ") for line in err.splitlines() if line.startswith("error: ")]
    assert status == (2 if found else 0)
    assert KEY not in err
    return found


def never(settings: EncoderSettings) -> Encoder:
    raise AssertionError("only probed")


KIND = EncoderKind(name="made-up", codec="h264", title="", open=never)
TEST = {"type": "testsrc"}
OUT = "cameras[0].streams[0].outputs.o0"


@pytest.mark.parametrize(
    ("output", "where"),
    [
        ({"url": "rtmp://server.example/live", "stream_key": "env:DOCTOR_NONE"}, "stream_key"),
        ({"url": "env:DOCTOR_NONE"}, "url"),
        ({"url": "rtmp://server.example/live/k", "proxy": "env:DOCTOR_NONE"}, "proxy"),
        ({"url": "srt://server.example:9000", "options": {"passphrase": "env:DOCTOR_NONE"}}, "options.passphrase"),
    ],
)
def test_a_variable_that_is_not_set(tmp_path: Path, output: dict[str, Any], where: str) -> None:
    text = "environment variable DOCTOR_NONE is not set or empty; it is named by env:DOCTOR_NONE"
    assert check(tmp_path, TEST, output) == [f"{OUT}.{where}: {text}"]


def test_a_secrets_file_that_is_not_there(tmp_path: Path) -> None:
    output = {"url": "rtmp://server.example/live", "stream_key": f"file:{tmp_path}/none"}
    text = f"cannot read the secret in file:{tmp_path}/none: No such file or directory"
    assert check(tmp_path, TEST, output) == [f"{OUT}.stream_key: {text}"]


def test_what_the_secret_makes_of_it_is_looked_at_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCTOR_URL", f"srt://server.example:0?passphrase={KEY}")
    text = "the secret in env:DOCTOR_URL is not a valid URL: its port is not a number from 1 to 65535"
    assert check(tmp_path, TEST, {"url": "env:DOCTOR_URL"}) == [f"{OUT}.url: {text}"]
    monkeypatch.setenv("DOCTOR_URL", f"rtmq://server.example/live/{KEY}")
    (said,) = check(tmp_path, TEST, {"url": "env:DOCTOR_URL"})
    assert said.startswith(f"{OUT}.url: no transport for rtmq:// URLs; known: ")


def test_two_secrets_that_are_one_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCTOR_A", KEY)
    monkeypatch.setenv("DOCTOR_B", KEY)
    outputs = [{"url": "rtmp://server.example/live", "stream_key": f"env:DOCTOR_{which}"} for which in "AB"]
    text = "cam0_main/o1 would publish what cam0_main/o0 does, once the secrets are known; give it a key of its own"
    assert check(tmp_path, TEST, *outputs) == [f"{OUT.replace('o0', 'o1')}.url: {text}"]
    monkeypatch.setenv("DOCTOR_B", KEY + "2")
    assert check(tmp_path, TEST, *outputs) == []


@pytest.mark.parametrize("where", ["rtmp://a.rtmp.youtube.com/live2", "rtmps://live-api-s.facebook.com:443/rtmp/"])
def test_a_platforms_key_that_is_missing(tmp_path: Path, where: str) -> None:
    (said,) = check(tmp_path, TEST, {"url": where})
    assert said.startswith(f"{OUT}.url: ")
    assert "stream key" in said
    assert '"stream_key": "env:NAME"' in said or '"stream_key" beside the URL' in said


def test_a_name_without_an_application_is_no_platforms_missing_key(tmp_path: Path) -> None:
    assert check(tmp_path, TEST, {"url": "rtmp://server.example/live2"}) == []


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ({"type": "file", "url": "none.mp4"}, "there is no file none.mp4; relative paths are looked for beside "),
        ({"type": "v4l2", "url": "/dev/video-none"}, "there is no device /dev/video-none; camcast sources --probe "),
        ({"type": "rtsp", "url": "env:DOCTOR_NONE"}, "environment variable DOCTOR_NONE is not set or empty"),
    ],
)
def test_a_source_that_is_not_there(tmp_path: Path, source: dict[str, Any], text: str) -> None:
    (said,) = check(tmp_path, source, {"url": "rtmp://server.example/live/k"})
    assert said.startswith(f"cameras[0].streams[0].source.url: {text}")


def test_a_transport_whose_library_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise MissingDependency("SRT needs the Python package cffi: pip install 'camcast[srt]'")

    monkeypatch.setattr("camcast_srt.library.load", missing)
    (said,) = check(tmp_path, TEST, {"url": "srt://server.example:9000"})
    assert said == f"{OUT}.url: SRT needs the Python package cffi: pip install 'camcast[srt]'"


def test_an_encoder_that_does_not_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise EncoderError("it did not open")

    monkeypatch.setattr("camcast.config.here.offered_encoders", lambda host, codec: [attrs.evolve(KIND, probe=refuses)])
    (said,) = check(tmp_path, TEST, {"url": "rtmp://server.example/live/k"})
    reasons = "(made-up: it did not open); camcast encoders lists what works"
    assert said == f"cameras[0].streams[0].encoder.type: no encoder for h264 works on this machine {reasons}"


def test_no_session_at_all(tmp_path: Path) -> None:
    (said,) = check(tmp_path, TEST)
    assert said.startswith('cameras: nothing would be published: give a stream an output, such as "rtmp": {"url": ')
    off = {"url": "rtmp://server.example/live/k", "enabled": False}
    assert check(tmp_path, TEST, off) == [said]


def test_what_is_off_need_not_be_there(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    off = {"enabled": False, "streams": [{"source": {"type": "file", "url": "none"}, "rtmp": {"url": "env:NONE"}}]}
    on = {"streams": [{"source": TEST, "rtmp": {"url": "rtmp://server.example/live/k"}}]}
    path.write_text(json.dumps({"cameras": [{"camera_id": 0, **off}, {"camera_id": 1, **on}]}))
    assert run("check", str(path))[0] == 0


def test_two_streams_with_one_name(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    streams = [{"name": "main", "source": TEST}, {"name": "main", "source": TEST}]
    path.write_text(json.dumps({"cameras": [{"camera_id": 0, "streams": streams}]}))
    status, _, err = run("check", str(path))
    text = '"main" is the name of cameras[0].streams[0] already; give each its own'
    assert (status, err.splitlines()[-1]) == (2, f"error: cameras[0].streams[1].name: {text}")
