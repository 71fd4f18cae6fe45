"""An engine with the HTTP interface beside it, and a client that says whatever a test wants it to."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from camcast import CameraConfig, Config, EncoderConfig, EngineThread, SessionConfig, SourceConfig, StreamConfig
from camcast.config import RetryPolicy, ServiceConfig
from camcast.events import Event, ServiceNote
from camcast.host import PluginHost

READ, CHANGE = "may-read-2741", "may-change-9152"
NOWHERE = "rtmp://127.0.0.1:9/live/s3cret-key"


@attrs.frozen
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@attrs.define
class Client:
    """One connection for each request, to `port` or to a Unix socket."""

    port: int
    token: str = ""

    def ask(self, path: str, method: str = "GET", body: object = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
            sent = {"authorization": f"Bearer {self.token}"} if self.token else {}
            if data is not None:
                sent["content-type"] = "application/json"
            sent |= {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def api(self, path: str, method: str = "GET", body: object = None, **headers: str) -> Answer:
        return self.ask(f"/api/v1{path}", method, body, **headers)

    def with_token(self, token: str) -> Client:
        return attrs.evolve(self, token=token)

    def raw(self) -> socket.socket:
        """A connection that has said nothing yet."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)


def camera(number: int = 0, url: str = NOWHERE) -> CameraConfig:
    session = SessionConfig(camera_id=number, url=url, retry_policy=RetryPolicy(max_attempts=None))
    stream = StreamConfig(
        source=SourceConfig(type="testsrc"),
        encoder=EncoderConfig(width=320, height=240, framerate=25, bitrate_kbps=300),
        sessions=(session,),
    )
    return CameraConfig(camera_id=number, name=f"gate {number}", streams=(stream,))


@contextlib.contextmanager
def served(config: Config | None = None, **options: Any) -> Iterator[tuple[EngineThread, Client]]:
    """An engine that serves its interface on any free port."""
    told: list[Event] = []
    service = ServiceConfig(type="http", options={"port": 0, **options})
    config = attrs.evolve(config or Config(cameras=(camera(),)), services=(service,))
    with EngineThread(config, host=PluginHost(), on_event=told.append) as engine:
        wait(lambda: listening(told))
        yield engine, Client(listening(told) or 0)


def listening(events: list[Event]) -> int | None:
    """The port that the service has told."""
    for event in events:
        if isinstance(event, ServiceNote) and event.code == "listening":
            return int(event.message.rstrip("/").rpartition(":")[2])
    return None


def wait(condition: Callable[[], object], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.02)


def short_path(folder: Path) -> Path:
    """A path that fits into a socket's address, 107 bytes."""
    path = folder / "s"
    assert len(str(path)) < 100
    return path
