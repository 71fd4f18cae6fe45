"""Watching through the HTTP interface: who may, and what is answered where nobody can watch."""

from __future__ import annotations

import time
from collections.abc import Iterator

import attrs
import pytest
from tests.plugins.served import CHANGE, READ, Client, camera, served
from tests.plugins.whep_kit import OFFER
from tests.servers.process import free_port

from camcast import CameraConfig, Config, EngineThread, SessionConfig
from camcast.config import TargetConfig

SECRET = "who-watches-4711"


def watched(number: int, **options: object) -> CameraConfig:
    one = camera(number, f"rtmp://127.0.0.1:9/live/s3cret-{number}")
    target = TargetConfig(url=f"whep://127.0.0.1:{free_port()}/gate", options=options)
    session = SessionConfig(camera_id=number, output="browser", targets=(target,))
    return attrs.evolve(one, streams=(attrs.evolve(one.streams[0], sessions=(*one.streams[0].sessions, session)),))


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """Camera 0's output wants the token that the service has, camera 1's another one."""
    config = Config(cameras=(watched(0, token=SECRET), watched(1, token="another-4711")))
    with served(config, token=READ, change_token=CHANGE, watch_token=SECRET) as (engine, found):
        on_air(engine)
        yield found.with_token(READ)


def on_air(engine: EngineThread) -> None:
    deadline = time.monotonic() + 30
    while sum(one.state.value == "connected" for one in engine.stats().sessions) < 2:
        assert time.monotonic() < deadline, engine.stats().sessions
        time.sleep(0.05)


def test_whoever_may_read_may_watch(client: Client) -> None:
    opened = client.api("/sessions/0/0/browser/watch", "POST", {"offer": OFFER})
    assert opened.status == 201
    assert opened.json["answer"].startswith("v=0\r\n")
    one = f"/sessions/0/0/browser/watch/{opened.json['viewer']}"
    assert client.with_token("").api(one, "DELETE").status == 401
    assert client.api(one, "DELETE").json == {"done": True}
    assert client.api(one, "DELETE").json == {"done": False}
    assert client.with_token("").api("/sessions/0/0/browser/watch", "POST", {"offer": OFFER}).status == 401
    # Nothing else that is a POST is open to readers.
    assert client.api("/sessions/0/0/browser/pause", "POST").status == 403


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/sessions/0/0/rtmp/watch", {"offer": OFFER}, 409, "expected one with a whep:// URL that is on the air"),
        ("/sessions/0/0/other/watch", {"offer": OFFER}, 404, "there is no session"),
        ("/sessions/0/0/browser/watch", {"offer": ""}, 422, "expected an SDP offer"),
        ("/sessions/0/0/browser/watch", {"offer": 7}, 422, "expected an SDP offer"),
        ("/sessions/0/0/browser/watch", {}, 422, "offer: missing"),
        ("/sessions/0/0/browser/watch", {"offer": "v=0"}, 409, "does not let anybody watch: the offer cannot be used"),
        ("/sessions/1/0/browser/watch", {"offer": OFFER}, 409, "give its token to the http service as watch_token"),
    ],
)
def test_what_cannot_be_watched_is_told(
    client: Client, path: str, body: dict[str, object], status: int, words: str
) -> None:
    answer = client.api(path, "POST", body)
    assert (answer.status, words in answer.json["detail"]) == (status, True), answer.json
    assert SECRET not in answer.body.decode()


def test_viewers_have_names_that_nobody_guesses(client: Client) -> None:
    for name in ("1", "..", "x" * 32):
        assert client.api(f"/sessions/0/0/browser/watch/{name}", "DELETE").status == 404


def test_the_overview_says_what_can_be_watched(client: Client) -> None:
    streams = [one for camera in client.api("/overview").json["cameras"] for one in camera["streams"]]
    assert {output["output"]: output["watchable"] for output in streams[0]["outputs"]} == {
        "rtmp": False,
        "browser": True,
    }
