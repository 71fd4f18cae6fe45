"""The HTTP interface: what it shows and does, and whom it refuses."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import io
import json
import os
import socket
import ssl
import stat
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import Mock

import attrs
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.routing import Mount
from tests.plugins.served import CHANGE, NOWHERE, READ, Answer, Client, camera, served, short_path, wait
from tests.servers.certificates import Authority

from camcast import Config, Engine, EngineThread, PluginHost, SystemConfig
from camcast.config import ServiceConfig
from camcast.errors import ConfigError, ServiceError
from camcast.events import ServiceChanged, ServiceState, SessionKey
from camcast.testing.conformance import ServiceConformance
from camcast_http import access
from camcast_http import service as http_service
from camcast_http.app import Interface
from camcast_http.socket_service import listen_at
from camcast_kit_http import body as request_body
from camcast_kit_http.listening import listen
from camcast_rtmp.receiver import Receiver

pytestmark = pytest.mark.slow

KEY = SessionKey(0, 0, "rtmp")


@pytest.fixture(scope="module")
def open_engine() -> Iterator[tuple[EngineThread, Client]]:
    """Whoever connects may look, and whoever knows the token may change."""
    with served(change_token=CHANGE) as both:
        yield both


@pytest.fixture
def engine(open_engine: tuple[EngineThread, Client]) -> EngineThread:
    return open_engine[0]


@pytest.fixture
def client(open_engine: tuple[EngineThread, Client]) -> Client:
    return open_engine[1]


class TestHttpConforms(ServiceConformance):
    kind = "http"
    options: ClassVar[Mapping[str, Any]] = {"port": 0}


class TestSocketConforms(ServiceConformance):
    kind = "socket"
    options: ClassVar[Mapping[str, Any]] = {"path": f"/tmp/camcast-test-{os.getpid()}.sock"}


# --- looking ----------------------------------------------------------------------------------------------


def test_it_shows_everything_and_no_secret(client: Client) -> None:
    paths = ["/status", "/sessions", "/sessions/0/0/rtmp", "/cameras", "/cameras/0", "/streams/0/0", "/configuration"]
    paths += ["/events", "/openapi.json"]
    for path in paths:
        answer = client.api(path)
        assert answer.status == 200, path
        assert b"s3cret" not in answer.body
        assert CHANGE.encode() not in answer.body
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "set-cookie" not in answer.headers
    session = client.api("/sessions/0/0/rtmp").json
    assert (session["key"], session["label"], session["camera_name"]) == ("0/0/rtmp", "cam0_main", "gate 0")
    assert session["targets"] == ["rtmp://127.0.0.1:9/live/***"]
    assert client.ask("/healthz").json == {"status": "ok"}
    wait(lambda: client.ask("/readyz").status == 503)
    assert client.ask("/readyz").json["detail"] == "1 of 1 sessions are not healthy"


NOTHING = "there is nothing at this path; /api/v1/openapi.json has all that there are"
NO_PICTURE = "there is no picture yet: a stream has one once its first keyframe has come"


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/nothing", 404, NOTHING),
        ("/status/", 404, NOTHING),
        ("/sessions/0/0/rtmp/", 404, NOTHING),
        ("/sessions/0/0/other", 404, "there is no session 0/0/other"),
        ("/sessions/0/x/rtmp", 404, "expected a number as stream, got other text"),
        ("/cameras/7", 404, "there is no camera 7"),
        ("/streams/0/9", 404, "camera 0 has no stream 9"),
        (
            "/streams/0/0/snapshot.jpg",
            409,
            NO_PICTURE,
        ),
        ("/events?limit=x", 422, "limit: expected a whole number from 0 to 1000"),
        ("/../../etc/passwd", 404, NOTHING),
        ("/%2e%2e/%2e%2e/etc/passwd", 404, NOTHING),
    ],
)
def test_what_is_not_there_is_a_problem_in_one_form(client: Client, path: str, status: int, detail: str) -> None:
    answer = client.api(path)
    assert (answer.status, answer.json["detail"]) == (status, detail)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_snapshot_is_what_is_sent_whichever_process_sends_it() -> None:
    async with Receiver() as receiver:
        answers = await asyncio.to_thread(taken, receiver.url("live", "a"), receiver.url("live", "b"))
    for answer in answers:
        assert answer.headers["content-type"] == "image/jpeg"
        assert Image.open(io.BytesIO(answer.body)).size == (320, 240)


def taken(*urls: str) -> list[Answer]:
    """A snapshot of each camera, of which one runs in another process."""
    cameras = tuple(camera(number, url) for number, url in enumerate(urls))
    pictures = [f"/streams/{number}/0/snapshot.jpg" for number in range(len(urls))]
    paths = [f"{path}{size}" for path in pictures for size in ("", "?small=true")]
    with served(Config(system=SystemConfig(workers=2), cameras=cameras)) as (_engine, client):
        wait(lambda: client.ask("/readyz").status == 200, 60)
        wait(lambda: all(client.api(path).status == 200 for path in paths), 60)
        return [client.api(path) for path in paths]


def test_no_part_of_an_answer_waits_for_an_earlier_ones_acknowledgement() -> None:
    with listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        taken, _ = listening.accept()
        with taken:
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_answers_have_the_date_of_now() -> None:
    with served(Config()) as (_engine, client):
        first = client.ask("/healthz").headers["date"]
        wait(lambda: client.ask("/healthz").headers["date"] != first, 30)


# --- who may --------------------------------------------------------------------------------------------------

NOTHING_CHANGES = "nothing can be changed here: that needs `change_token` in the configuration"


@pytest.mark.parametrize(
    ("options", "given", "reads", "changes"),
    [
        ({}, "", 200, 403),
        ({"token": READ}, "", 401, 403),
        ({"token": READ}, READ, 200, 403),
        ({"token": READ}, "guess", 401, 403),
        ({"change_token": CHANGE}, "", 200, 401),
        ({"change_token": CHANGE}, CHANGE, 200, 200),
        ({"token": READ, "change_token": CHANGE}, READ, 200, 403),
        ({"token": READ, "change_token": CHANGE}, CHANGE, 200, 200),
        ({"token": READ, "change_token": CHANGE}, CHANGE[:-1], 401, 401),
    ],
)
def test_who_may_look_and_who_may_change(options: dict[str, str], given: str, reads: int, changes: int) -> None:
    with served(Config(cameras=(camera(),)), **options) as (_engine, client):
        client = client.with_token(given)
        assert client.api("/status").status == reads
        answer = client.api("/sessions/0/0/rtmp/pause", "POST")
        assert answer.status == changes
        if "change_token" not in options:
            assert answer.json["detail"] == NOTHING_CHANGES
        assert client.ask("/healthz").status == 200


@pytest.fixture(scope="module")
def named() -> Iterator[Client]:
    with served(Config(), token=READ, hosts=["camera.example"]) as (_engine, client):
        yield client.with_token(READ)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "localhost.evil.example:8080"}, 421),
        ({"host": "localhost"}, 200),
        ({"host": "camera.example"}, 200),
        ({"host": "[::1]:80"}, 200),
        ({"host": "LOCALHOST.:8080"}, 200),
        ({"host": "Camera.Example:443"}, 200),
        ({"host": "[fe80::1%25eth0]:8080"}, 200),
        ({"host": "evil.example."}, 421),
        ({"host": "2130706433"}, 421),
        ({"host": "[:"}, 400),
        ({"host": "::1"}, 400),
        ({"host": "user@localhost"}, 400),
        ({"host": "localhost/x"}, 400),
        ({"host": "127.0.0.1:http"}, 400),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"authorization": "Basic YTpi"}, 401),
    ],
)
def test_names_and_pages_of_others_are_refused(named: Client, headers: dict[str, str], status: int) -> None:
    assert named.api("/status", **headers).status == status


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"host": "0.0.0.0"}, "lets other machines in, so it needs a token"),
        ({"host": "::"}, "lets other machines in, so it needs a token"),
        ({"host": "camera.example", "change_token": CHANGE}, "lets other machines in, so it needs a token"),
        ({"certificate": "a.pem"}, "belong together"),
        ({"token": READ, "change_token": READ}, "are the same"),
        ({"port": 70000}, "must be <= 65535"),
    ],
)
def test_what_would_be_open_to_others_is_a_configuration_error(options: dict[str, object], fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        EngineThread(Config(services=(ServiceConfig(type="http", options=options),)), host=PluginHost())
    fine = ServiceConfig(type="http", options={"host": "0.0.0.0", "token": "env:CAMCAST_TOKEN"})
    EngineThread(Config(services=(fine,)), host=PluginHost())


# --- what may be sent -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"[" * 200_000, {}, 400),
        (b"NaN", {}, 400),
        (b"\xff", {}, 400),
        (b"3", {}, 422),
        (b'{"target": true}', {}, 422),
        (b'{"target": 0, "more": 1}', {}, 422),
        (b'{"target": 5}', {}, 422),
        (b"{}", {"content_type": "text/plain"}, 415),
        (b" " * (access.MAX_BODY + 1), {}, 413),
        (b'{"target": 0}', {}, 200),
    ],
)
def test_bodies(client: Client, body: bytes, headers: dict[str, str], status: int) -> None:
    answer = client.with_token(CHANGE).api("/sessions/0/0/rtmp/switch", "POST", body, **headers)
    assert answer.status == status, answer.body


def head(method: str, path: str, **headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {CHANGE}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def test_a_body_of_a_gigabyte_is_refused_before_it_comes(client: Client) -> None:
    for size in ("1073741824", "9" * 400):
        with client.raw() as sock:
            sock.sendall(head("PUT", "/api/v1/configuration", content_length=size, content_type="application/json"))
            answer = sock.recv(4096)
            assert b" 413 " in answer or b" 400 " in answer


def test_one_in_pieces_is_refused_once_it_is_too_long(client: Client) -> None:
    with client.raw() as sock, contextlib.suppress(BrokenPipeError, ConnectionResetError):
        sock.sendall(head("PUT", "/api/v1/configuration", transfer_encoding="chunked", content_type="application/json"))
        for _ in range(40):
            sock.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        assert b" 413 " in sock.recv(4096)


def test_one_that_does_not_come_is_given_up(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_body, "BODY_DEADLINE", 0.1)
    with client.raw() as sock:
        sock.sendall(head("POST", "/api/v1/reload", content_length="10", content_type="application/json"))
        assert b" 408 " in sock.recv(4096)


def test_only_known_methods(client: Client) -> None:
    answer = client.with_token(CHANGE).api("/status", "PATCH")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert client.api("/status", "HEAD").body == b""


# --- steering and changing ------------------------------------------------------------------------------------


def test_commands_do_what_they_say(client: Client, engine: EngineThread) -> None:
    changer = client.with_token(CHANGE)
    assert changer.api("/sessions/0/0/rtmp/pause", "POST").json == {"done": True}
    wait(lambda: client.api("/sessions/0/0/rtmp").json["health"] == "paused")
    assert changer.api("/sessions/0/0/rtmp/resume", "POST").status == 200
    wait(lambda: client.api("/sessions/0/0/rtmp").json["health"] != "paused")
    assert changer.api("/sessions/0/0/rtmp/retry", "POST").status == 200
    assert changer.api("/streams/0/0/retry", "POST").status == 200
    assert changer.api("/streams/0/0/keyframe", "POST").json["done"] in (True, False)
    assert changer.api("/streams/0/0/bitrate", "POST", {"bitrate": "200 kbit/s"}).status == 200
    for wrong in ({"bitrate": 0}, {"bitrate": True}, {"bitrate": "fast"}, {}):
        assert changer.api("/streams/0/0/bitrate", "POST", wrong).status == 422
    assert changer.api("/reload", "POST").status == 409
    assert changer.api("/stop", "POST").status == 409


def test_outputs_and_cameras_come_and_go(client: Client, engine: EngineThread) -> None:
    changer = client.with_token(CHANGE)
    output = {"name": "second", "url": "rtmp://127.0.0.1:9/live/{camera_id}-other"}
    assert changer.api("/streams/0/0/outputs", "POST", output).json == {"key": "0/0/second"}
    assert changer.api("/streams/0/0/outputs", "POST", output).status == 422
    assert changer.api("/sessions/0/0/second", "DELETE").status == 200
    assert changer.api("/sessions/0/0/second", "DELETE").status == 404
    new = {
        "name": "yard",
        "streams": [{"source": {"type": "testsrc"}, "rtmp": {"url": "rtmp://127.0.0.1:9/l/{camera_id}"}}],
    }
    added = changer.api("/cameras", "POST", new)
    assert (added.status, added.json) == (201, {"camera_id": 1})
    assert client.api("/cameras/1").json["name"] == "yard"
    assert changer.api("/cameras/1", "DELETE").status == 200
    assert [one.camera_id for one in engine.cameras] == [0]


def test_a_configuration_is_tried_dry_then_taken() -> None:
    with served(change_token=CHANGE) as (engine, client):
        changer = client.with_token(CHANGE)
        wanted = {
            "cameras": [
                {
                    "camera_id": 4,
                    "streams": [{"source": {"type": "testsrc"}, "rtmp": {"url": "rtmp://127.0.0.1:9/l/b"}}],
                }
            ]
        }
        expected = {"changes": ["camera 0 removed", "camera 4 added"]}
        assert changer.api("/configuration?dry_run=true", "PUT", wanted).json == expected
        assert [one.camera_id for one in engine.cameras] == [0]
        assert changer.api("/configuration", "PUT", wanted).json == expected
        assert [one.camera_id for one in engine.cameras] == [4]
        assert [service.name for service in engine.stats().services] == ["http"]
        wrong = changer.api("/configuration", "PUT", {"cameras": [{"camera_id": "x"}], "kameras": 1})
        assert wrong.status == 422
        assert [issue["path"] for issue in wrong.json["issues"]] == ["kameras", "cameras[0].camera_id"]


ROOT = "/srv/videos"
RECORDING = f"record://{ROOT}/a-%Y%m%d-%H%M%S.mp4"


@pytest.fixture(scope="module")
def rooted() -> Iterator[Client]:
    with served(change_token=CHANGE, media_roots=[ROOT]) as (_engine, client):
        yield client.with_token(CHANGE)


@pytest.mark.parametrize(
    ("source", "output", "path"),
    [
        ({"type": "file", "url": "/etc/passwd"}, {"url": NOWHERE}, "source.url"),
        ({"type": "file", "url": "file:///etc/passwd"}, {"url": NOWHERE}, "source.url"),
        ({"type": "v4l2", "url": "/dev/video0"}, {"url": NOWHERE}, "source.url"),
        ({"type": "testsrc"}, {"url": "env:HOME"}, "rtmp.url"),
        ({"type": "testsrc"}, {"url": "rtmp://a.example/live", "stream_key": "file:/etc/shadow"}, "rtmp.stream_key"),
        ({"type": "testsrc"}, {"url": "vault:camera/7"}, "rtmp.url"),
        ({"type": "testsrc"}, {"url": "rtmps://a.example/live/x", "ca_file": "/etc/shadow"}, "rtmp.ca_file"),
        ({"type": "testsrc"}, {"url": "rtmp://a.example/live/***"}, "rtmp.url"),
        ({"type": "file", "url": f"file://{ROOT}/%2e%2e/%2e%2e/etc/passwd"}, {"url": NOWHERE}, "source.url"),
        (
            {"type": "rtmp", "url": "rtmps://127.0.0.1:9/a", "options": {"private_key": "/etc/shadow"}},
            {"url": NOWHERE},
            "source.options.private_key",
        ),
        ({"type": "testsrc"}, {"url": "record:///etc/cron.d/a-%H.mp4"}, "rtmp.url"),
        ({"type": "testsrc"}, {"url_template": "record:///etc/{camera_id}-%H.mp4"}, "rtmp.url_template"),
        (
            {"type": "testsrc"},
            {"url_template": "{s}:///etc/a-%H.mp4", "variables": {"s": "record"}},
            "rtmp.url_template",
        ),
        ({"type": "testsrc"}, {"url": RECORDING, "options": {"archive": "/var"}}, "rtmp.options.archive"),
        ({"type": "testsrc"}, {"url": RECORDING, "options": {"upload": "file:///home"}}, "rtmp.options.upload"),
    ],
    ids=str,
)
def test_what_comes_over_the_network_touches_no_files_and_no_secrets(
    rooted: Client, source: dict[str, str], output: dict[str, str], path: str
) -> None:
    """What is read, written, copied and cleared away: all are below `media_roots`, however they are spelled."""
    mapping = {"cameras": [{"streams": [{"source": source, "rtmp": output}]}]}
    answer = rooted.api("/configuration?dry_run=true", "PUT", mapping)
    assert answer.status == 422
    assert [issue["path"] for issue in answer.json["issues"]] == [f"cameras[0].streams[0].{path}"]


def test_a_path_that_a_template_makes_is_one_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written looks like something below this folder; what comes of it is not."""
    monkeypatch.chdir(tmp_path)
    with served(change_token=CHANGE, media_roots=["."]) as (_engine, client):
        output = {"url_template": "{s}///etc/{camera_id}-%H.mp4", "variables": {"s": "record:"}}
        mapping = {"cameras": [{"streams": [{"source": {"type": "testsrc"}, "rtmp": output}]}]}
        answer = client.with_token(CHANGE).api("/configuration?dry_run=true", "PUT", mapping)
    assert answer.status == 422, answer.json


def test_recordings_below_the_roots_may_be_added(rooted: Client) -> None:
    options = {"archive": ROOT, "upload": "s3://bucket/folder"}
    mapping = {
        "cameras": [{"streams": [{"source": {"type": "testsrc"}, "rtmp": {"url": RECORDING, "options": options}}]}]
    }
    answer = rooted.api("/configuration?dry_run=true", "PUT", mapping)
    assert answer.status == 200, answer.json


@pytest.mark.parametrize("part", ["services", "plugins", "include"])
def test_only_the_file_decides_who_comes_in_and_whose_code_runs(client: Client, part: str) -> None:
    mapping = {"cameras": [], part: ["x"] if part == "include" else {}}
    answer = client.with_token(CHANGE).api("/configuration?dry_run=true", "PUT", mapping)
    assert (answer.status, answer.json["issues"][0]["path"]) == (422, part)


def test_what_the_options_allow_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"")
    options: dict[str, Any] = {
        "allow_references": {"env": ["GATE_KEY"]},
        "media_roots": [str(tmp_path)],
    }
    with served(change_token=CHANGE, **options) as (_engine, client):

        def issues(clip: str, key: str) -> list[str]:
            output = {"url": "rtmp://127.0.0.1:9/live", "stream_key": key}
            mapping = {"cameras": [{"streams": [{"source": {"type": "file", "url": clip}, "rtmp": output}]}]}
            answer = client.with_token(CHANGE).api("/configuration?dry_run=true", "PUT", mapping)
            return [issue["path"].rpartition(".")[2] for issue in answer.json.get("issues", ())]

        assert issues(str(tmp_path / "clip.mp4"), "env:GATE_KEY") == []
        assert issues(str(tmp_path / ".." / "clip.mp4"), "env:GATE_KEY2") == ["url", "stream_key"]


# --- events -----------------------------------------------------------------------------------------------


def hear(client: Client, count: int, **headers: str) -> list[dict[str, object]]:
    """So many events as they come."""
    found: list[dict[str, object]] = []
    with client.raw() as sock:
        sock.sendall(head("GET", "/api/v1/events", accept="text/event-stream", **headers))
        with sock.makefile("rb") as file:
            while len(found) < count:
                line = file.readline()
                assert line, "the stream of events ended"
                if line.startswith(b"data: "):
                    found.append(json.loads(line.removeprefix(b"data: ")))
    return found


def test_the_head_of_a_stream_of_events_ends_and_the_connection_goes_on(client: Client) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=20)
    with contextlib.closing(connection):
        for method, path in (("HEAD", "/api/v1/events"), ("GET", "/api/v1/status")):
            connection.request(method, path, headers={"accept": "text/event-stream, application/json"})
            answer = connection.getresponse()
            assert answer.status == 200
            if method == "HEAD":
                assert answer.headers["content-type"].startswith("text/event-stream")
                assert answer.headers["x-accel-buffering"] == "no", "a proxy would keep events back"
            answer.read()


def test_events_are_heard_and_replayed_from_a_number(client: Client) -> None:
    changer = client.with_token(CHANGE)
    heard: list[dict[str, object]] = []
    thread = threading.Thread(target=lambda: heard.extend(hear(client, 2)))
    thread.start()
    while thread.is_alive():
        changer.api("/sessions/0/0/rtmp/pause", "POST")
        changer.api("/sessions/0/0/rtmp/resume", "POST")
        thread.join(0.1)
    first, second = heard
    assert second["id"] == int(str(first["id"])) + 1
    assert hear(client, 1, last_event_id=str(first["id"])) == [second]
    listed = client.api(f"/events?since={first['id']}").json
    assert listed[0] == second
    assert b"s3cret" not in json.dumps(listed).encode()


def test_listeners_that_never_read_cost_the_others_nothing() -> None:
    with served(change_token=CHANGE, connections=60) as (_engine, client), contextlib.ExitStack() as stack:
        for _ in range(25):
            sock = stack.enter_context(client.raw())
            sock.sendall(head("GET", "/api/v1/events", accept="text/event-stream"))
        changer = client.with_token(CHANGE)
        heard: list[object] = []
        thread = threading.Thread(target=lambda: heard.extend(hear(client, 20)))
        thread.start()
        while thread.is_alive():
            assert changer.api("/sessions/0/0/rtmp/pause", "POST").status == 200
            assert changer.api("/sessions/0/0/rtmp/resume", "POST").status == 200
            thread.join(0.02)
        assert len(heard) == 20


def _refused(client: Client) -> bool:
    try:
        return client.ask("/healthz").status == 503
    except OSError:
        return True


def test_who_says_nothing_makes_room_for_the_next() -> None:
    with served(Config(), connections=8) as (_engine, client), contextlib.ExitStack() as stack:
        for _ in range(20):
            sock = stack.enter_context(client.raw())
            with contextlib.suppress(OSError):
                sock.sendall(b"GET /api/v1/status HTTP/1.1\r\n")
        assert not _refused(client)


def test_those_that_are_being_answered_stay_and_the_next_is_refused() -> None:
    lines = ["POST /api/v1/sessions/0/0/rtmp/watch HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    begun = "\r\n".join([*lines, "Content-Length: 100", "", "{"]).encode()
    with served(Config(), connections=8) as (_engine, client), contextlib.ExitStack() as stack:

        def one_more() -> bool:
            sock = stack.enter_context(client.raw())
            with contextlib.suppress(OSError):
                sock.sendall(begun)
            return _refused(client)

        wait(one_more)
        stack.close()
        wait(lambda: not _refused(client))


# --- places -----------------------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_told_and_tried_again_and_cameras_run() -> None:
    told: list[ServiceChanged] = []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = Config(cameras=(camera(),), services=(ServiceConfig(type="http", options={"port": port}),))
        note = lambda event: told.append(event) if isinstance(event, ServiceChanged) else None  # noqa: E731
        engine = EngineThread(config, host=PluginHost(), on_event=note)
        engine.start()
        try:
            wait(lambda: any(one.new is ServiceState.WAITING for one in told))
            waiting = next(one for one in told if one.new is ServiceState.WAITING)
            assert waiting.reason == f"port {port} of 127.0.0.1 is taken by another program"
            assert engine.sessions.get(KEY) is not None
            taken.close()
            wait(lambda: told[-1].new is ServiceState.RUNNING)
            wait(lambda: _answers(port))
        finally:
            engine.stop()


def _answers(port: int) -> bool:
    try:
        return Client(port).ask("/healthz").status == 200
    except OSError:
        return False


def test_a_socket_is_its_owners_alone_and_a_live_one_is_left(tmp_path: Path) -> None:
    path = short_path(tmp_path)
    sock, _inode = listen_at(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(ServiceError, match=r"somebody listens at .* already"):
        listen_at(path)
    sock.close()  # as after a kill: the file stays, nobody listens
    listen_at(path)[0].close()
    plain = tmp_path / "plain"
    plain.write_text("precious")
    with pytest.raises(ServiceError, match="is no socket; it is left alone"):
        listen_at(plain)
    assert plain.read_text() == "precious"


def test_a_certificate_that_ends_soon_is_told(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    own = authority.issue("localhost", "127.0.0.1")
    options = {"certificate": str(own.cert_file), "certificate_key": str(own.key_file)}
    trust = ssl.create_default_context(cafile=authority.ca_file)
    with served(Config(), **options) as (engine, client):

        def told() -> list[str]:
            connection = http.client.HTTPSConnection("127.0.0.1", client.port, timeout=20, context=trust)
            connection.request("GET", "/api/v1/events")
            found = json.loads(connection.getresponse().read())
            connection.close()
            return [one["text"] for one in found if one["fields"].get("code") == "certificate_expires"]

        wait(told)
        (text,) = told()
        (service,) = engine.stats().services
        assert 9 * 86400 < service.figures["certificate_expires"] - time.time() < 11 * 86400
    assert f"the certificate {own.cert_file} ends in 10 days" in text


async def test_a_certificate_that_was_renewed_is_not_in_use_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_service, "DAY", 0.01)
    told: asyncio.Queue[str] = asyncio.Queue()
    ends = [time.time() + 60]
    monkeypatch.setattr(http_service, "expires", lambda path: ends[0])
    note, figures = (lambda code, text: told.put_nowait(text)), dict[str, float]()
    context = Mock(note=note, figure=figures.__setitem__)
    watching = asyncio.create_task(http_service.watch_certificate("own.pem", context))
    try:
        async with asyncio.timeout(5):
            await told.get()
            ends[0] += 365 * 86400
            for _ in range(told.qsize() + 3):
                text = await told.get()
    finally:
        watching.cancel()
    assert text.endswith("renew it, and start the service again")
    assert figures == {"certificate_expires": ends[0] - 365 * 86400}


def test_a_signal_goes_to_the_program_and_not_to_the_server() -> None:
    import signal

    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with served(Config()):
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


async def test_the_description_is_made_of_what_the_code_uses() -> None:
    from camcast.session.metrics import SessionMetrics
    from camcast_http.openapi import describe
    from camcast_http.operations import OPERATIONS

    paths = describe(OPERATIONS)["paths"]
    answer = paths["/api/v1/sessions"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert {field.name for field in attrs.fields(SessionMetrics)} <= set(answer["items"]["properties"])
    assert await asyncio.sleep(0, True)


async def test_an_application_of_ones_own_mounts_it() -> None:
    async with Engine(Config(cameras=(camera(),)), host=PluginHost()) as engine:
        interface = Interface(engine.view())
        following = asyncio.create_task(interface.follow())
        whole = Starlette(routes=[Mount("/camcast", interface.app)])
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "GET",
            "path": "/camcast/api/v1/sessions",
            "root_path": "",
            "query_string": b"",
            "headers": [(b"host", b"localhost")],
        }
        await whole(scope, receive, send)
        following.cancel()
    assert sent[0]["status"] == 200
    assert json.loads(sent[1]["body"])[0]["label"] == "cam0_main"
