"""What cannot run on this machine is an error of `camcast check`, each with its place and what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.cli.test_check import run
from tests.core.config.kinds import MadeUp, made_up_host

import camcast.hooks
from camcast.cli.check import report_lines
from camcast.config import SourceConfig, from_mapping, load
from camcast.config.check import check as config_check
from camcast.config.here import Here
from camcast.config.place import Report
from camcast.contracts import Encoder, EncoderSettings
from camcast.errors import ConfigError, EncoderError, MissingDependency
from camcast.host import PluginHost
from camcast.kinds import EncoderKind, ServiceKind, TransportKind
from camcast.target import Target

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


class Broken(MadeUp):
    """The same kinds with transports that are not as they should be."""

    def __init__(self, change: Callable[[TransportKind], TransportKind]) -> None:
        self._change = change

    @camcast.hooks.hookimpl
    def camcast_transports(self) -> Sequence[TransportKind]:
        return [self._change(kind) for kind in super().camcast_transports()]


class BrokenService:
    """A plugin with a service whose check is wrong."""

    @camcast.hooks.hookimpl
    def camcast_services(self) -> Sequence[ServiceKind]:
        return [ServiceKind(name="odd", title="", build=crashes, check=crashes)]


def broken(change: Callable[[TransportKind], TransportKind]) -> PluginHost:
    host = PluginHost(entry_points=False)
    host.register(Broken(change), "made-up")
    return host


KIND = EncoderKind(name="made-up", codec="h264", title="", open=never)
TEST = {"type": "testsrc"}
CAMERA: dict[str, Any] = {"type": "rtsp", "url": "rtsp://10.0.0.5/main"}
OUT = "cameras[0].streams[0].outputs.o0"
RTMP = "rtmp://server.example/live"
IMPATIENT = """
from camcast.cli import main
from camcast.config import asked

asked.DEADLINE, asked.WASTED = 1.0, 1.5
main()
"""
"""The command line, which waits for nothing long."""


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


def test_a_secret_that_is_the_key_in_a_url_whichever_stands_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCTOR_A", KEY)
    outputs = [{"url": RTMP, "stream_key": "env:DOCTOR_A"}, {"url": f"{RTMP}/{KEY}"}]
    text = "cam0_main/o1 would publish what cam0_main/o0 does, once the secrets are known; give it a key of its own"
    for order in (outputs, outputs[::-1]):
        assert check(tmp_path, TEST, *order) == [f"{OUT.replace('o0', 'o1')}.url: {text}"]


def test_a_secret_that_is_not_there_is_asked_for_once_and_told_wherever_it_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def vault(host: object, reference: str) -> str:
        asked.append(reference)
        raise ConfigError("the vault is sealed")

    monkeypatch.setattr("camcast.config.here.secret", vault)
    outputs = [{"url": f"{RTMP}{number}", "stream_key": "env:DOCTOR_A"} for number in range(3)]
    said = check(tmp_path, TEST, *outputs)
    assert said == [f"{OUT[:-1]}{number}.stream_key: the vault is sealed" for number in range(3)]
    assert asked == ["env:DOCTOR_A"]


def test_a_secret_that_never_comes_keeps_no_check_from_ending(tmp_path: Path) -> None:
    """A named pipe into which nobody writes hangs whoever opens it, as a dead mount or a vault's plugin does."""
    for name in "ab":
        os.mkfifo(tmp_path / name)
    streams = [
        {"name": name, "source": TEST, "rtmp": {"url": f"{RTMP}{number}", "stream_key": f"file:{tmp_path}/{name[0]}"}}
        for number, name in enumerate(("a", "a again", "b"))
    ]
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"cameras": [{"camera_id": 0, "streams": streams}]}))
    command = [sys.executable, "-c", IMPATIENT, "check", str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    advice = "; see to the plugin or the disk that keeps this secret"
    late = f"file:{tmp_path}/a: no answer within 1 s{advice}"
    later = f"file:{tmp_path}/b: no answer within 0.5 s, after 1.5 s in which others gave none{advice}"
    assert ended.returncode == 2
    assert [line for line in ended.stderr.splitlines() if "stream_key" in line] == [
        f"error: cameras[0].streams[{number}].rtmp.stream_key: {text}"
        for number, text in enumerate((late, late, later))
    ]


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("file:~no-such-user/key", "file:~no-such-user/key: Could not determine home directory"),
        ("file:a\0b", "file:a\\x00b: embedded null byte"),
        ("file:\ud800", "file:\\ud800: 'utf-8' codec can't encode character"),
    ],
)
def test_a_secrets_file_that_can_be_none(tmp_path: Path, reference: str, text: str) -> None:
    (said,) = check(tmp_path, TEST, {"url": "srt://server.example:9000", "options": {"passphrase": reference}})
    assert said.startswith(f"{OUT}.options.passphrase: cannot read the secret in {text}")


def test_what_stands_around_a_secret_is_dropped_as_the_run_drops_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCTOR_CLIP", f"\ufeff{__file__}\u200b")
    assert check(tmp_path, {"type": "file", "url": "env:DOCTOR_CLIP"}, {"url": f"{RTMP}/k"}) == []


def test_a_path_is_shown_unless_it_is_kept_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    none = tmp_path / "the yard.mp4"
    (said,) = check(tmp_path, {"type": "file", "url": none.as_uri()}, {"url": f"{RTMP}/k"})
    assert said.startswith(f"cameras[0].streams[0].source.url: there is no file {none}; ")
    for kept in (KEY, f"file:///data/{KEY}"):  # `check` looks whether it is shown
        monkeypatch.setenv("DOCTOR_CLIP", kept)
        (said,) = check(tmp_path, {"type": "file", "url": "env:DOCTOR_CLIP"}, {"url": f"{RTMP}/k"})
        assert said.startswith("cameras[0].streams[0].source.url: there is no ")


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
        (
            {"type": "file", "url": "~no-such-user/clip.mp4"},
            "~no-such-user/clip.mp4 is no path on this machine: Could not determine home directory",
        ),
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

    monkeypatch.setattr("camcast_srt.library.find", missing)
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


def test_nothing_is_published_where_something_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    stream = {"source": TEST, "rtmp": {"url": f"{RTMP}/k", "proxy": "env:DOCTOR_NONE"}}
    path.write_text(json.dumps({"cameras": [{"camera_id": 0, "streams": [stream]}]}))
    status, out, err = run("check", str(path), "--sources", "--seconds", "0.5", "--publish-test", "1")
    assert (status, out.splitlines()[-1]) == (2, "not published: see the errors above")
    assert "environment variable DOCTOR_NONE is not set" in err


def test_two_streams_with_one_name(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    streams = [{"name": "main", "source": TEST}, {"name": "main", "source": TEST}]
    path.write_text(json.dumps({"cameras": [{"camera_id": 0, "streams": streams}]}))
    status, _, err = run("check", str(path))
    text = '"main" is the name of cameras[0].streams[0] already; give each its own'
    assert (status, err.splitlines()[-1]) == (2, f"error: cameras[0].streams[1].name: {text}")


def test_a_stream_that_is_off_may_have_the_name_of_one_that_is_on(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    streams = [
        {"name": "main", "source": TEST, "enabled": False},
        {"name": "main", "source": TEST, "rtmp": {"url": f"{RTMP}/k"}},
    ]
    path.write_text(json.dumps({"cameras": [{"camera_id": 0, "streams": streams}]}))
    assert run("check", str(path))[0] == 0
    host = made_up_host()
    assert config_check(load(path, host), host).cameras[0].streams[0].name == "main"


def crashes(*_: object) -> Any:
    raise KeyError(KEY)


@pytest.mark.parametrize(
    ("hook", "url", "text"),
    [
        ("check", f"{RTMP}/{KEY}", "transport rtmp failed in check, by a bug of its own: KeyError"),
        ("check", "env:DOCTOR_URL", "transport rtmp failed in check, by a bug of its own: KeyError"),
        ("accepts", f"{RTMP}/{KEY}", "transport rtmp failed in accepts, by a bug of its own: KeyError"),
        ("publish_name", "env:DOCTOR_URL", "transport rtmp cannot say what is published there"),
    ],
)
def test_a_transports_bug_is_told_at_its_place(
    hook: str, url: str, text: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DOCTOR_URL", f"{RTMP}/{KEY}")
    broken_hook: dict[str, Any] = {hook: crashes}
    host = broken(lambda kind: attrs.evolve(kind, **broken_hook))
    stream = {"source": CAMERA, "rtmp": {"url": url}}
    with pytest.raises(ConfigError) as caught:
        from_mapping({"cameras": [{"camera_id": 0, "streams": [stream]}]}, host, here=True)
    assert [str(issue) for issue in caught.value.issues] == [f"cameras[0].streams[0].rtmp.url: {text}"]
    assert f"Transport rtmp failed in {hook}" in caplog.text
    assert KEY not in caplog.text


def test_a_transports_check_that_hangs_is_left_at_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a network file system whose server is gone."""
    monkeypatch.setattr("camcast.config.asked.DEADLINE", 0.2)
    hung = threading.Event()

    def check(target: Target) -> None:
        hung.wait()

    host = broken(lambda kind: attrs.evolve(kind, check=check))
    camera = {"camera_id": 0, "streams": [{"source": CAMERA, "rtmp": {"url": f"{RTMP}/{KEY}"}}]}
    try:
        with pytest.raises(ConfigError) as caught:
            from_mapping({"cameras": [camera]}, host)
    finally:
        hung.set()
    (issue,) = caught.value.issues
    assert str(issue) == "cameras[0].streams[0].rtmp.url: transport rtmp: no answer within 0.2 s"


def test_a_bug_in_remarks_keeps_nothing_from_being_published(caplog: pytest.LogCaptureFixture) -> None:
    host = broken(lambda kind: attrs.evolve(kind, remarks=crashes))
    stream = {"source": CAMERA, "rtmp": {"url": f"{RTMP}/{KEY}"}}
    assert from_mapping({"cameras": [{"camera_id": 0, "streams": [stream]}]}, host, here=True).cameras
    assert "Transport rtmp failed in remarks" in caplog.text
    assert KEY not in caplog.text


def test_a_sources_and_a_services_bug_are_told_at_their_places() -> None:
    camera = {"camera_id": 0, "streams": [{"source": CAMERA, "rtmp": {"url": f"{RTMP}/k"}}]}
    host = broken(lambda kind: kind)
    host.register(BrokenService(), "broken-service")
    with pytest.raises(ConfigError) as caught:
        from_mapping({"cameras": [camera], "services": {"odd": {}}}, host)
    (issue,) = caught.value.issues
    assert str(issue) == "services.odd: service odd failed in check, by a bug of its own: KeyError"
    monkey = attrs.evolve(host.source("rtsp"), present=crashes)
    report = Report()
    Here(host).source(SourceConfig(**CAMERA), monkey, report.root().at("source"))
    (issue,) = report.issues
    assert str(issue) == "source.url: source rtsp failed in present, by a bug of its own: KeyError"


def test_the_plan_of_a_target_that_nobody_can_tell_of() -> None:
    well = made_up_host()
    stream = {"source": CAMERA, "rtmp": {"url": f"{RTMP}/k"}}
    config = from_mapping({"cameras": [{"camera_id": 0, "streams": [stream]}]}, well)
    host = broken(lambda kind: attrs.evolve(kind, accepts=crashes))
    assert (
        "      nobody can say what it takes: transport rtmp failed in accepts, by a bug of its own: KeyError"
        in list(report_lines(config, host))
    )
