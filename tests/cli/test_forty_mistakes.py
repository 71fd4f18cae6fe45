"""Mistakes that newcomers make, each with the whole of what is said: the place, what was expected, what to do."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from typer.testing import CliRunner

from camcast import EngineThread
from camcast.cli.app import app
from camcast.config import Config
from camcast.errors import OutOfRange

TEST = {"type": "testsrc"}
GOOD = {"url": "rtmp://server.example/live/gate"}
STREAM = "cameras[0].streams[0]"
OUT = f"{STREAM}.outputs.o"
PIN = "ab" * 32


@attrs.frozen
class Mistake:
    """What somebody wrote, and every line that is said of it. `"…"` at a line's end: more follows that may grow."""

    content: str
    said: tuple[str, ...]
    name: str = "c.json"


def file(text: str, *said: str, name: str = "c.json") -> Mistake:
    return Mistake(text, said, name)


def stream(*said: str, **keys: Any) -> Mistake:
    """One stream, which would run but for `keys`."""
    one = {"name": "main", "source": TEST, "outputs": {"o": GOOD}, **keys}
    return Mistake(json.dumps({"cameras": [{"camera_id": 0, "streams": [one]}]}), said)


def output(said: str, url: str = GOOD["url"], **keys: Any) -> Mistake:
    """One output; `said` begins with the key behind its place, "" = the output's own."""
    path = OUT if said.startswith(": ") else f"{OUT}."
    return stream(path + said, outputs={"o": {"url": url, **keys}})


def root(said: str, **keys: Any) -> Mistake:
    one = {"streams": [{"source": TEST, "rtmp": {"url": "rtmp://server.example/live/{camera_id}"}}]}
    return Mistake(json.dumps({"cameras": [{"camera_id": 0, **one}], **keys}), (said,))


def cameras(said: str, *given: dict[str, Any], **keys: Any) -> Mistake:
    return Mistake(json.dumps({"cameras": list(given), **keys}), (said,))


WITHOUT = (
    "is missing: every stream says where its pictures come from, such as "
    '"source": {"type": "rtsp", "url": "rtsp://CAMERA/PATH"} for a camera, or "source": {"type": "testsrc"} for a '
    "test picture"
)
NOTHING = (
    'cameras: nothing would be published: give a stream an output, such as "rtmp": {"url": "rtmp://SERVER/APP/KEY"}, '
    "and see that it, its stream and its camera are enabled"
)
MISTAKES: dict[str, Mistake] = {
    # --- the file itself
    "a comma is missing": file(
        '{"cameras": [{"camera_id": 0 "name": "gate"}]}',
        'c.json: line 1, column 30: expected "," or the end of the object or list, got text; a comma is missing '
        "before it",
    ),
    "a quote is missing": file('{"cameras": [], "a": "b}', "c.json: line 1, column 22: this text has no closing quote"),
    "single quotes": file(
        "{'cameras': []}",
        "c.json: line 1, column 2: expected a key in double quotes, got a single quote; text stands in double quotes",
    ),
    "a bracket is missing": file(
        '{"cameras": [',
        "c.json: line 1, column 14: expected a value, got the end of the file; a bracket or brace is not closed",
    ),
    "YAML": file(
        "cameras:\n  - camera_id: 0\n",
        "c.yaml: line 1, column 1: expected a value, got a word or number; YAML is not read: write JSON, or TOML in a "
        "file whose name ends in .toml",
        name="c.yaml",
    ),
    "YAML that is called JSON": file(
        "# mine\ncameras:\n  - camera_id: 0\n",
        'c.json: line 1, column 1: expected a value, got "#"; YAML is not read: write JSON, or TOML in a file whose '
        "name ends in .toml",
    ),
    "TOML that is called JSON": file(
        '[system]\nlog_level = "INFO"\n',
        "c.json: line 1, column 2: expected a value, got a word or number; it looks like TOML: give it a name that "
        "ends in .toml",
    ),
    "JSON that is called TOML": file(
        '{"cameras": []}',
        "c.toml: line 1, column 1: Invalid statement; it looks like JSON: give it a name that ends in .json",
        name="c.toml",
    ),
    "a list": file("[]", "c.json: expected an object at the top of the file, got a list"),
    "a key twice": file(
        '{"cameras": [], "cameras": []}',
        'c.json: line 1, column 17: the key "cameras" is given twice in one object; keep one of them',
    ),
    "the first key misspelt": file(
        '{"camera": []}',
        'c.json is of no form of configuration that is known here; besides camcast\'s own these are: "legacy", a file '
        'of the original system; did you mean "cameras" where it says "camera"?',
    ),
    # --- cameras and streams
    "a key misspelt": stream(f'{STREAM}.output: unknown key; did you mean "outputs"?', output={"o": GOOD}),
    "nothing to publish": stream(NOTHING, outputs={}),
    "two streams with one name": cameras(
        'cameras[0].streams[1].name: "main" is the name of cameras[0].streams[0] already; give each its own',
        {"camera_id": 0, "streams": [{"name": "main", "source": TEST}, {"name": "main", "source": TEST}]},
    ),
    "two cameras with one number": cameras(
        "cameras[1].camera_id: 0 is taken by cameras[0].camera_id; ids are unique",
        {"camera_id": 0, "streams": []},
        {"camera_id": 0, "streams": []},
    ),
    "two cameras with one key": cameras(
        "rtmp.url: cam1_main would publish rtmp://server.example/live/*** as cam0_main does; put {camera_id} and "
        "{stream_name} into the template, or give it a URL of its own",
        {"camera_id": 0, "streams": [{"source": TEST}]},
        {"camera_id": 1, "streams": [{"source": TEST}]},
        rtmp=GOOD,
    ),
    "yes for true": cameras(
        "cameras[0].enabled: expected true or false, got text", {"camera_id": 0, "enabled": "yes", "streams": []}
    ),
    "no source": cameras(f"{STREAM}.source: {WITHOUT}", {"camera_id": 0, "streams": [{"rtmp": GOOD}]}),
    "a source's type misspelt": stream(
        f'{STREAM}.source.type: unknown source type "rstp"; did you mean "rtsp"?',
        source={"type": "rstp", "url": "rtsp://camera.example/main"},
    ),
    "a source's option misspelt": stream(
        f'{STREAM}.source.options.transport: expected one of "auto", "tcp", "udp", "multicast", "http", '
        'got other text; did you mean "udp"?',
        source={"type": "rtsp", "url": "rtsp://camera.example/main", "options": {"transport": "upd"}},
    ),
    "a source's option beside its type": stream(
        f"{STREAM}.source.fps: unknown key; known: options, restart_after, retry_policy, type, url; "
        'keys of the chosen kind itself go into "options"',
        source={**TEST, "fps": 30},
    ),
    "a source without its URL": stream(
        f'{STREAM}.source.url: is missing; a source of type "rtsp" needs it', source={"type": "rtsp"}
    ),
    "an HTTP address for a camera": stream(
        f"{STREAM}.source.url: the camera's URL (***) cannot be used: it must begin with rtsp:// or rtsps://",
        source={"type": "rtsp", "url": "http://camera.example/main"},
    ),
    "a file that is not there": stream(
        f"{STREAM}.source.url: there is no file none.mp4; relative paths are looked for beside the configuration first",
        source={"type": "file", "url": "none.mp4"},
    ),
    "an image that is not there": stream(
        f"{STREAM}.slate.image: the slate's image none.png cannot be read: [Errno 2] No such file or directory: "
        "'none.png'",
        slate={"picture": "image", "image": "none.png"},
    ),
    # --- encoders
    "bit/s for kbit/s": stream(
        f"{STREAM}.encoder.bitrate: expected 64 to 200000 kbit/s, got 4000000",
        encoder={"type": "H264_CBR", "bitrate": 4_000_000},
    ),
    "FFmpeg's way to write a rate": stream(
        f'{STREAM}.encoder.bitrate: expected kbit/s or a rate such as "800 kbit/s" or "4 Mbit/s", got other text',
        encoder={"type": "H264_CBR", "bitrate": "4000k"},
    ),
    "an odd width": stream(
        f"{STREAM}.encoder.width: expected an even number of pixels, got 641",
        encoder={"type": "H264_CBR", "width": 641, "height": 480},
    ),
    "half a size": stream(
        f"{STREAM}.encoder: width and height go together; give both or neither",
        encoder={"type": "H264_CBR", "width": 640},
    ),
    "nothing to copy": stream(
        f'{STREAM}.encoder.type: a source of type "testsrc" gives unencoded frames: there is nothing to copy; name an '
        'encoder such as "H264_CBR"',
        encoder={"type": "copy"},
    ),
    # --- where to
    "an unknown server": output('server: unknown server "nginx"; did you mean "nginx-rtmp"?', server="nginx"),
    "a scheme misspelt": output(
        "url: no transport for rtpm:// URLs; known: http://, https://, record://, rtmp://, rtmps://, srt://, "
        "whep://, wheps://, whip://, whips://; did you mean rtmp://?",
        "rtpm://server.example/live/k",
    ),
    "slashes are missing": output(
        "url: expected rtmp://host/…, got rtmp: and no // behind it", "rtmp:server.example/k"
    ),
    "a port that is none": output(
        "url: URL template rtmp://server.example:99999/live/***: does not give a valid URL: its port is not a number "
        "from 1 to 65535",
        "rtmp://server.example:99999/live/k",
    ),
    "a variable misspelt": output(
        "url: URL template rtmp://server.example/live/{camera}: unknown variable {camera} at character 28; known: "
        "camera_id, camera_name, stream_id, stream_name; did you mean {camera_id}?",
        "rtmp://server.example/live/{camera}",
    ),
    "no stream key": output(
        'url: the URL ends with a slash, so it has no stream key: expected one behind the application, or "stream_key" '
        "beside the URL",
        "rtmp://server.example/live/",
    ),
    "YouTube without a key": output(
        "url: the stream key is missing: YouTube Live wants one; write it after the URL's last slash, or beside the "
        'URL as "stream_key": "env:NAME"',
        "rtmps://a.rtmps.youtube.com/live2",
    ),
    "Twitch without a key": output(
        "url: the stream key is missing: Twitch wants one; write it after the URL's last slash, or beside the "
        'URL as "stream_key": "env:NAME"',
        "rtmp://sfo.contribute.live-video.net/app",
    ),
    "Facebook without a key": output(
        "url: the stream key is missing: Facebook Live wants one; write it after the URL's last slash, or beside the "
        'URL as "stream_key": "env:NAME"',
        "rtmps://live-api-s.facebook.com:443/rtmp",
    ),
    "a key's name within the URL": output(
        "url: env:… within a URL is not looked up, it would go out as it stands; put the whole URL there, or the key "
        'beside the URL as "stream_key": "env:…"',
        "rtmps://a.rtmps.youtube.com/live2/env:YT_KEY",
    ),
    "a variable that is not set": output(
        "stream_key: environment variable CAMCAST_NO_SUCH is not set or empty; it is named by env:CAMCAST_NO_SUCH",
        "rtmps://a.rtmps.youtube.com/live2",
        stream_key="env:CAMCAST_NO_SUCH",
    ),
    "a secret's file that is not there": output(
        "stream_key: cannot read the secret in file:none.key: No such file or directory",
        "rtmps://a.rtmps.youtube.com/live2",
        stream_key="file:none.key",
    ),
    "two ways to say where to": output(
        ": urls and url are both given; the chain is given in one way only", urls=["rtmp://other.example/live/k"]
    ),
    "an authority that is not there": output(
        "ca_file: there is no file none.pem", "rtmps://server.example/live/k", ca_file="none.pem"
    ),
    "a fingerprint cut short": output(
        "fingerprint: expected the certificate's SHA-256 as 64 hex digits, with or without colons, got other text",
        "rtmps://server.example/live/k",
        fingerprint="ab:cd",
    ),
    "a fingerprint without TLS": output("fingerprint: only for rtmps://, this URL is not encrypted", fingerprint=PIN),
    "a proxy of a kind that is not known": output(
        "proxy: expected a proxy like http://host:port or socks5://***@host:port", proxy="ftp://proxy.example:21"
    ),
    "a word that is near": output('standby: expected "cold", "warm" or "hot", got "warn"', standby="warn"),
    "a passphrase that is too short": output(
        "options.passphrase: expected 10 to 79 bytes, got 5",
        "srt://server.example:9000",
        options={"passphrase": "12345"},
    ),
    "microseconds for milliseconds": output(
        "options.latency: expected 0 to 30000, got 120000; it is in ms (FFmpeg's URLs count microseconds)",
        "srt://server.example:9000",
        options={"latency": 120_000},
    ),
    # --- the rest
    "an unknown service": root('services.htpp: unknown service "htpp"; did you mean "http"?', services={"htpp": True}),
    "an unknown log level": root(
        'system.log_level: expected "DEBUG", "INFO", "WARNING", "ERROR" or "CRITICAL", got "VERBOSE"',
        system={"log_level": "VERBOSE"},
    ),
}


def test_there_are_forty() -> None:
    assert len(MISTAKES) >= 40


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_the_whole_text(mistake: Mistake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(mistake.name).write_text(mistake.content)
    result = CliRunner().invoke(app, ["check", mistake.name])
    assert result.exit_code == 2
    assert [line.removeprefix("error: ") for line in result.stderr.splitlines()] == list(mistake.said)


def test_the_good_one_runs(tmp_path: Path) -> None:
    """Each mistake is the only one: without it the file would run."""
    (tmp_path / "c.json").write_text(stream().content)
    assert CliRunner().invoke(app, ["check", str(tmp_path / "c.json")]).exit_code == 0


def test_install_lines_are_whole() -> None:
    """Every line that says what to install can be pasted into a shell: its quotes are pairs."""
    root = Path(__file__).parents[2]
    lines = [
        (path, found[0])
        for folder in ("core", "plugins")
        for path in (root / folder).rglob("*.py")
        for found in re.finditer(r"pip install [^\"\n]*", path.read_text(encoding="utf-8"))
    ]
    assert lines
    assert [(os.fspath(path), line) for path, line in lines if line.count("'") % 2] == []


async def _awaits(event: object) -> None:
    raise AssertionError("nobody calls it")


def _nothing() -> None:
    raise AssertionError("nobody calls it")


@pytest.mark.parametrize(
    ("on_event", "said"),
    [
        ("print", "on_event: expected a function that takes one event, got text"),
        (
            _awaits,
            (
                "on_event: expected a plain function, got a coroutine function, which nobody would await; on a loop of "
                "your own use Engine.events()"
            ),
        ),
        (_nothing, "on_event: expected a function that takes one event, got one that takes others"),
    ],
)
def test_on_event_that_cannot_be_called(on_event: Callable[[object], object], said: str) -> None:
    with pytest.raises(OutOfRange) as caught:
        EngineThread(Config(), on_event=on_event)
    assert str(caught.value) == said


def test_on_event_that_can() -> None:
    seen: list[object] = []
    ways: list[Callable[[object], object]] = [print, lambda event: None, seen.append]
    for takes_one in ways:
        assert EngineThread(Config(), on_event=takes_one).engine is not None
