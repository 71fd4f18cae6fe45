"""What YouTube says of streams: told once as long as it lasts, against an API of the same answers on loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import attrs
import pytest
from tests.core.session.test_session import chain
from tests.core.world import World, until

import camcast_youtube
from camcast.config import ServiceConfig, loads
from camcast.engine import Engine
from camcast.errors import ConfigError
from camcast.events import ServiceChanged, ServiceNote
from camcast.host import PluginHost
from camcast.testing.conformance import ServiceConformance
from camcast_youtube.health import Health, Watch, read

TOKEN, REFRESH = "ya29.very-secret", "1//very-secret"
SILENT = {"streamStatus": "inactive", "healthStatus": {"status": "noData"}}
GOOD = {"streamStatus": "active", "healthStatus": {"status": "good"}}
GOP = {"type": "gopSizeLong", "severity": "error", "reason": "Check video settings", "description": "Keyframes."}
BAD = {
    "streamStatus": "active",
    "healthStatus": {"status": "bad", "configurationIssues": [GOP, {"type": "later", "severity": "info"}]},
}


class Api:
    """Answers as the API does; `tokens` are those that it lets in."""

    def __init__(self) -> None:
        self.status: dict[str, Any] = SILENT
        self.tokens = {TOKEN}
        self.asked: list[tuple[str, str]] = []
        self.raw: bytes | None = None
        self.raw_token: bytes | None = None
        self.token_status = 200
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Api:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1")
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:-2])}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        path = lines[0].split()[1]
        self.asked.append((path, body.decode()))
        said: dict[str, Any]
        if path == "/token":
            right = self.token_status == 200 and "very-secret" in body.decode()
            status, said = (200, {"access_token": "fresh"}) if right else (max(400, self.token_status), {})
            self.tokens.add("fresh")
            if self.raw_token is not None:
                writer.write(b"HTTP/1.1 200 X\r\nContent-Length: %d\r\n\r\n" % len(self.raw_token) + self.raw_token)
                writer.close()
                return
        elif headers.get("authorization") not in {f"Bearer {one}" for one in self.tokens}:
            status, said = 401, {}
        else:
            status, said = 200, {"items": [{"id": "ID", "status": self.status}]}
        text = self.raw if self.raw is not None else json.dumps(said).encode()
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text)
        writer.close()


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with Api() as one:
        yield one


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    await made.close()


class TestYoutube(ServiceConformance):
    kind = "youtube"
    options: ClassVar = {"url": "http://127.0.0.1:9", "token": "t", "streams": {"cam0_main": "ID"}}


def test_what_is_sent_and_not_shown_is_told_after_a_while_once_and_again_when_it_is_shown() -> None:
    watch, sending = Watch({"cam0_main": "ID"}, 60), frozenset({"cam0_main"})
    silent, good = {"ID": Health("inactive", "noData")}, {"ID": Health("active", "good")}
    looks = ((0, silent), (59, silent), (60, silent), (200, silent), (210, good), (220, good))
    told = [[code for code, _ in watch.look(sending, sending, found, now)] for now, found in looks]
    assert told == [[], [], ["nothing_shown"], [], ["shown_again"], []]
    assert not list(watch.look(sending, frozenset(), silent, 300)), "who sends nothing is shown nowhere"
    assert not list(watch.look(sending, sending, silent, 310)), "the time begins anew"


def test_an_output_that_comes_later_is_no_mistake_and_one_that_does_not_is_told_once() -> None:
    watch, good = Watch({"cam0_main": "ID"}, 60), {"ID": Health("active", "good")}
    none, there = frozenset[str](), frozenset({"cam0_main"})
    looks = ((0, none), (59, none), (60, there), (70, none), (129, none), (130, none), (500, none))
    told = [[code for code, _ in watch.look(outputs, none, good, now)] for now, outputs in looks]
    assert told == [[], [], [], [], [], ["unknown_output"], []]


def test_each_issue_is_told_once_as_long_as_it_lasts() -> None:
    watch, sending = Watch({"cam0_main": "ID"}, 60), frozenset({"cam0_main"})
    bad = {"ID": Health("active", "bad", {"gopSizeLong": "Keyframes.", "bitrateLow": "More."})}
    good = {"ID": Health("active", "good")}
    told = [list(watch.look(sending, sending, found, 0)) for found in (bad, bad, good, bad)]
    assert [len(one) for one in told] == [2, 0, 0, 2]
    assert told[0][1] == ("issue", "cam0_main: YouTube says gopSizeLong: Keyframes.")
    assert [code for code, _ in watch.look(sending, sending, {}, 0)] == ["unknown_stream"]
    assert list(watch.look(sending, sending, {}, 1)) == []


def test_answers_are_read_and_others_refused() -> None:
    body = json.dumps({"items": [{"id": "ID", "status": BAD}]}).encode()
    assert read(body) == {"ID": Health("active", "bad", {"gopSizeLong": "Keyframes."})}
    assert read(b'{"items": []}') == {}
    assert read(b'{"items": [{"id": "ID", "status": {}}]}') == {"ID": Health()}
    for odd in (
        b"",
        b"[]",
        b'{"items": 3}',
        b'{"items": [{"id": 1}]}',
        b'{"items": [{"id": 1, "status": 3}]}',
        b"\xff",
    ):
        with pytest.raises(ValueError, match="expected a list of live streams"):
            read(odd)


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"streams": {"a": "b"}}, "token"),
        ({"streams": {"a": "b"}, "token": "t", "refresh_token": "r"}, "token"),
        ({"streams": {"a": "b"}, "refresh_token": "r"}, "client_id"),
        ({"streams": {}, "token": "t"}, "streams"),
        ({"streams": {"a": "b"}, "token": "t", "url": "youtube"}, "url"),
    ],
)
def test_options_that_cannot_be_are_told_at_their_key(options: dict[str, Any], path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loads(json.dumps({"services": {"youtube": options}}), PluginHost())
    assert f"services.youtube.{path}" in [issue.path for issue in caught.value.issues]


async def start(world: World, api: Api, **options: Any) -> None:
    """An engine that sends one stream to a server, beside which the service asks the API."""
    world.host.register(camcast_youtube, "youtube")
    given = {"url": api.url, "refresh_url": f"{api.url}/token", "streams": {"cam0_main": "ID"}, "after": 0.2}
    service = ServiceConfig(type="youtube", options={**given, "every": 0.05, **options})
    world.engine = Engine(attrs.evolve(world.config(chain("a")), services=(service,)), host=world.host)
    await world.engine.start()
    await until(lambda: (0, 0) in world.sinks)
    world.flow()


def notes(world: World, code: str) -> list[ServiceNote]:
    return [one for one in world.events if isinstance(one, ServiceNote) and one.code == code]


async def test_we_send_and_youtube_shows_nothing(world: World, api: Api) -> None:
    await start(world, api, token=TOKEN)
    await until(lambda: notes(world, "nothing_shown"), 20)
    assert notes(world, "nothing_shown")[0].message == (
        "cam0_main: we send, YouTube shows nothing (stream inactive, health noData): see whether the stream key is "
        "this stream's, and whether the broadcast has begun"
    )
    assert world.engine.stats().services[0].figures == {"shows cam0_main": 0.0}
    api.status = BAD
    await until(lambda: notes(world, "issue"), 20)
    assert notes(world, "issue")[0].message == "cam0_main: YouTube says gopSizeLong: Keyframes."
    assert len(notes(world, "shown_again")) == len(notes(world, "nothing_shown")) == 1
    assert api.asked[0] == ("/liveStreams?part=id,status&maxResults=50&id=ID", "")
    api.raw = b"<html>"
    await until(lambda: notes(world, "not_reached"), 20)
    assert TOKEN not in repr(world.events)


async def test_a_fresh_token_is_got_when_one_has_ended(world: World, api: Api) -> None:
    api.tokens.clear()
    await start(world, api, client_id="me", client_secret="mine", refresh_token=REFRESH)
    await until(lambda: notes(world, "nothing_shown"), 20)
    (grant, *more) = [body for path, body in api.asked if path == "/token"]
    assert grant == "grant_type=refresh_token&client_id=me&client_secret=mine&refresh_token=1%2F%2Fvery-secret"
    assert not more, "it is used as long as it is taken"
    api.tokens.clear()
    api.status = GOOD
    await until(lambda: notes(world, "shown_again"), 20)
    assert REFRESH not in repr(world.events)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_token_endpoint_in_trouble_is_asked_again(world: World, api: Api, status: int) -> None:
    api.token_status = status
    await start(world, api, client_id="me", client_secret="mine", refresh_token=REFRESH)
    await until(lambda: notes(world, "not_reached"), 20)
    assert f"no fresh token: `refresh_url` answers {status}" in notes(world, "not_reached")[0].message
    api.token_status = 200
    await until(lambda: notes(world, "nothing_shown"), 20)
    assert REFRESH not in repr(world.events)


@pytest.mark.parametrize("said", [b"[" * 5_000, b"{}", b"[]", b'{"access_token": "a\\u001b[2J"}', b"\xff"])
async def test_a_token_endpoint_that_talks_nonsense_is_named(world: World, api: Api, said: bytes) -> None:
    api.raw_token = said
    await start(world, api, client_id="me", client_secret="mine", refresh_token=REFRESH)
    await until(lambda: any("see the refresh token" in repr(one) for one in world.of(ServiceChanged)), 20)
    assert "internal error" not in repr(world.events)


async def test_a_name_that_is_no_outputs_is_told(world: World, api: Api) -> None:
    await start(world, api, token=TOKEN, streams={"cam0_mian": "ID"})
    await until(lambda: notes(world, "unknown_output"), 20)
    assert [one.message for one in notes(world, "unknown_output")] == [
        "cam0_mian: `streams` names an output that is not there; is cam0_main meant?"
    ]


async def test_a_token_that_has_ended_fails_the_service_with_the_remedy(world: World, api: Api) -> None:
    api.tokens.clear()
    await start(world, api, token=TOKEN)
    await until(lambda: any("YouTube refuses the question (401)" in repr(one) for one in world.of(ServiceChanged)), 20)
    assert TOKEN not in repr(world.events)
