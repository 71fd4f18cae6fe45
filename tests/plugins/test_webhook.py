"""Alerts to an HTTP server: what is told, once, signed, in either form; and servers that are dead, slow or garbage."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, ClassVar

import attrs
import pytest
from tests.core.session.test_session import KEY, chain
from tests.core.world import World, until
from tests.plugins.test_prometheus import session, stats

import camcast_webhook
from camcast.camera.stats import Stats
from camcast.config import CameraConfig, RetryPolicy, ServiceConfig, loads
from camcast.engine import Engine
from camcast.errors import ConfigError, NetworkError
from camcast.events import ServiceNote, SessionKey, SessionState, SourceState, StateChanged
from camcast.host import PluginHost
from camcast.services import ServiceContext
from camcast.session.health import Health
from camcast.testing.conformance import ServiceConformance
from camcast_webhook import sender, service, troubles
from camcast_webhook.message import Message
from camcast_webhook.options import WebhookOptions
from camcast_webhook.sender import Sender
from camcast_webhook.troubles import Troubles

QUICK = RetryPolicy(initial_delay=0.02, max_delay=0.05, max_attempts=3, jitter=0)
WELL, BAD = session(), session(health=Health.UNHEALTHY, state=SessionState.ERROR, last_error="no route")


@attrs.define(eq=False)
class Request:
    """One that came."""

    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


class Server:
    """An HTTP server that says what it is told to, in turns; the last goes on."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers = [b"HTTP/1.1 204 No Content\r\n\r\n"]
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Server:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1")
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/hooks/very-secret"

    def say(self, *statuses: str) -> None:
        self.answers = [f"HTTP/1.1 {one}\r\nContent-Length: 0\r\n\r\n".encode() for one in statuses]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head)}
        self.requests.append(Request(headers, await reader.readexactly(int(headers["content-length"]))))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not answer:
            await asyncio.sleep(60)
        writer.write(answer)
        writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with Server() as one:
        yield one


class TestWebhook(ServiceConformance):
    kind = "webhook"
    options: ClassVar = {"url": "http://127.0.0.1:9/nobody", "secret": "s", "rules": [{"events": ["down", "Moved"]}]}


# --- what is told ----------------------------------------------------------------------------------------------


def told(troubles: Troubles, *looks: tuple[float, Stats]) -> list[list[str]]:
    return [[change.text for change in troubles.look(now_stats, now)] for now, now_stats in looks]


def test_what_is_down_is_told_after_a_while_and_once_and_again_when_well() -> None:
    bad, well = stats(BAD), stats(WELL)
    looks = (
        (0, bad),
        (10, bad),
        (31, bad),
        (60, bad),
        (75, well),
        (80, well),
        (85, well),
        (90, bad),
        (95, well),
        (120, well),
    )
    assert told(Troubles(30, well=True), *looks) == [
        [],
        [],
        ["Output cam0_main has been down for 31 s: no route"],
        [],
        [],  # it may be gone again at once
        [],
        ["Output cam0_main is well again; it was down for 75 s"],
        [],
        [],
        [],  # what was not told as down is not told as well
    ]


def test_what_comes_for_a_moment_only_is_down_all_the_while() -> None:
    """A server that lets us in and closes again, a camera that is tried every minute."""
    bad, well = stats(BAD), stats(WELL)
    looks = [(second, well if second % 20 > 15 else bad) for second in range(200)]
    assert [text for texts in told(Troubles(30, well=True), *looks) for text in texts] == [
        "Output cam0_main has been down for 30 s: no route"
    ]


def test_a_camera_that_is_tried_again_is_not_well_before_it_brings_something() -> None:
    waits = stats(state=SourceState.WAITING, last_error="no answer")
    tries = stats(state=SourceState.STARTING, last_error="no answer")
    runs = stats(state=SourceState.RUNNING, last_error="no answer")
    looks = ((0, waits), (20, tries), (31, tries), (40, waits), (60, tries), (80, tries), (90, runs), (101, runs))
    assert [text for texts in told(Troubles(30, well=True), *looks) for text in texts] == [
        "Camera cam0_main has been down for 31 s: no answer",
        "Camera cam0_main is well again; it was down for 90 s",
    ]


def test_a_camera_that_never_comes_is_down_and_one_that_is_slow_is_not() -> None:
    starts, runs = stats(state=SourceState.STARTING), stats(state=SourceState.RUNNING)
    assert told(Troubles(0, well=True), (0, starts), (25, starts), (28, runs), (50, runs)) == [[], [], [], []]
    assert told(Troubles(0, well=True), (0, starts), (31, starts))[1] == [
        "Camera cam0_main has been down for 31 s: nothing has come from it yet"
    ]


def test_an_output_that_waits_for_its_camera_is_not_down_but_the_camera_is() -> None:
    waits = session(health=Health.WAITING, state=SessionState.DISCONNECTED)
    now = stats(waits, state=SourceState.WAITING, last_error="no answer")
    assert [one.text for one in Troubles(0, well=True).look(now, 0)] == [
        "Camera cam0_main has been down for 0 s: no answer"
    ]


def test_what_is_removed_or_not_wanted_is_not_told_as_well() -> None:
    for of, after in ((Troubles(0, well=True), stats()), (Troubles(0, well=False), stats(WELL))):
        assert len(list(of.look(stats(BAD), 0))) == 1
        assert [*of.look(after, 5), *of.look(after, 50)] == []


# --- how it is sent ----------------------------------------------------------------------------------------------

MESSAGE = Message("Output cam0_main is down", {"what": "down"}, time=1700000000.25, id="1")


async def send(server: Server, *messages: Message, **options: Any) -> list[tuple[str, str]]:
    """Has them sent until nothing is left; returns the notes."""
    notes: list[tuple[str, str]] = []
    settings = WebhookOptions(**{"url": server.url, "retry_policy": QUICK, "timeout": 0.3, **options})
    one = Sender(settings, lambda code, text: notes.append((code, text)))
    for message in messages:
        one.add(message)
    task = asyncio.create_task(one.run())
    await until(lambda: not one._waiting and not one._wake.is_set(), 20)
    task.cancel()
    return notes


async def test_a_message_is_json_and_signed(server: Server) -> None:
    assert await send(server, MESSAGE, secret="shared") == []
    (request,) = server.requests
    assert request.json == {
        "id": "1",
        "time": "2023-11-14T22:13:20.250+00:00",
        "text": "Output cam0_main is down",
        "what": "down",
    }
    stamp = request.headers["x-camcast-time"].encode()
    digest = hmac.new(b"shared", stamp + b"." + request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-camcast-signature"] == f"sha256={digest}"


async def test_chats_get_a_line_and_without_a_secret_nothing_is_signed(server: Server) -> None:
    await send(server, MESSAGE, form="text")
    (request,) = server.requests
    assert request.json == {"text": MESSAGE.text, "content": MESSAGE.text}
    assert not [name for name in request.headers if name.startswith("x-camcast")]


@pytest.mark.parametrize("status", ["500 No", "503 Busy", "429 Slow down", "408 Late"])
async def test_what_may_be_taken_later_is_sent_again(server: Server, status: str) -> None:
    server.say(status, status, "200 OK")
    assert await send(server, MESSAGE) == []
    assert [request.json["id"] for request in server.requests] == ["1", "1", "1"]


async def test_what_is_refused_is_told_and_not_sent_again(server: Server) -> None:
    server.say("403 Forbidden")
    assert await send(server, MESSAGE) == [("refused", "the server refuses a message: it answers 403")]
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "no answer to POST within 0.3 s"),
        (b"garbage\r\n\r\n", "what answered is no HTTP server"),
        (b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 20_000 + b"\r\n\r\n", "longer than"),
        (b"HTTP/1.1 500 No\r\n\r\n", "it answers 500"),
    ],
)
async def test_a_bad_server_costs_its_message_and_nothing_of_the_next(server: Server, answer: bytes, why: str) -> None:
    server.answers = [*[answer] * 4, b"HTTP/1.1 204 No Content\r\n\r\n"]
    notes = await send(server, MESSAGE, attrs.evolve(MESSAGE, id="2"))
    ((code, text),) = notes
    assert code == "not_delivered"
    assert text.startswith("a message was not taken in 4 tries")
    assert why in text
    assert [request.json["id"] for request in server.requests] == ["1"] * 4 + ["2"]


async def test_retry_after_is_kept_to(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    waited = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        await real(0)

    monkeypatch.setattr("camcast_webhook.sender.asyncio.sleep", sleep)
    server.answers = [b"HTTP/1.1 429 Later\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", *server.answers]
    assert await send(server, MESSAGE) == []
    assert 7 in waited


async def test_what_waits_is_bounded_and_what_is_left_out_is_counted(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "WAITING", 3)
    notes = await send(server, *[attrs.evolve(MESSAGE, id=str(number)) for number in range(5)])
    assert [request.json["id"] for request in server.requests] == ["2", "3", "4"]
    assert notes == [("messages_lost", "2 messages were left out: their server did not take them in time")]


# --- beside an engine ----------------------------------------------------------------------------------------------


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(service, "LOOK", 0.02)
    world = World()
    yield world
    await world.close()


async def start(world: World, url: str, **options: Any) -> Engine:
    world.host.register(camcast_webhook)
    kind = ServiceConfig(type="webhook", options={"url": url, **options})
    config = world.config(chain("a", retry_policy=attrs.evolve(QUICK, max_attempts=None)))
    camera = attrs.evolve(config.cameras[0], name="gate")
    world.engine = Engine(attrs.evolve(config, cameras=(camera,), services=(kind,)), host=world.host)
    await world.engine.start()
    await until(lambda: (0, 0) in world.sinks)
    world.flow()
    return world.engine


def whats(server: Server) -> Callable[[], list[str]]:
    return lambda: [str(request.json["what"]) for request in server.requests]


async def test_an_output_that_goes_and_comes_is_told_with_its_camera(
    world: World, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.servers.down["connect", "a"] = NetworkError("no route")
    monkeypatch.setattr(troubles, "SURE", 0.05)
    await start(world, server.url, rules=[{"after": 0.05}])
    await until(lambda: whats(server)() == ["down"], 10)
    world.servers.down.clear()
    await until(lambda: whats(server)() == ["down", "well"], 10)
    down = server.requests[0].json
    expected = {"camera_name": "gate", "camera_id": 0, "stream_id": 0, "output": "rtmp", "label": "cam0_main"}
    assert {key: down[key] for key in expected} == expected
    assert down["text"].startswith("[gate] Output cam0_main has been down for ")
    assert "no route" in down["reason"]


class Calm:
    """An engine of which all is well; says how old each look at it might be, and tells what it is given."""

    def __init__(self) -> None:
        self.ages: list[float] = []
        self.happened: asyncio.Queue[StateChanged] = asyncio.Queue()

    async def stats(self, age: float = 0.0) -> Stats:
        self.ages.append(age)
        return stats(WELL)

    async def cameras(self) -> tuple[CameraConfig, ...]:
        return (CameraConfig(camera_id=0, name="gate"),)

    async def events(self) -> AsyncIterator[StateChanged]:
        while True:
            yield await self.happened.get()


@pytest.mark.parametrize(("rest", "others"), [(0.03, {service.OLD}), (3600.0, set[float]())])
async def test_while_all_is_well_it_looks_seldom_and_at_what_others_have_seen(
    rest: float, others: set[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "LOOK", 0.01)
    monkeypatch.setattr(service, "REST", rest)
    engine: Any = Calm()
    options = WebhookOptions(url="http://127.0.0.1:9/nobody")
    context = ServiceContext(name="webhook", options=options, engine=engine, log=logging.getLogger("test"))
    running = asyncio.create_task(service.Webhook(context).run())
    await until(lambda: len(engine.ages) > 2 * len(others), 10)
    engine.happened.put_nowait(
        StateChanged(key=KEY, label="cam0_main", old=SessionState.CONNECTED, new=SessionState.ERROR)
    )
    await until(lambda: engine.ages.count(0.0) == 2, 10)
    running.cancel()
    await asyncio.wait({running})
    assert engine.ages[0] == 0.0
    assert set(engine.ages) == {0.0, *others}


async def test_events_are_told_by_name_and_camera(world: World, server: Server) -> None:
    world.servers.down["connect", "a"] = NetworkError("no route")
    rules = [{"events": ["AttemptFailed"]}, {"events": ["RetryScheduled"], "cameras": [7]}]
    await start(world, server.url, rules=rules)
    await until(lambda: len(server.requests) > 2, 10)
    assert {request.json["event"] for request in server.requests} == {"AttemptFailed"}
    assert server.requests[0].json["label"] == "cam0_main"


async def test_an_address_is_secret_in_what_is_told_of_it(world: World, server: Server) -> None:
    server.say("403 No")
    world.servers.down["connect", "a"] = NetworkError("no route")
    engine = await start(world, server.url, rules=[{"events": ["AttemptFailed"]}])
    await until(lambda: any(isinstance(event, ServiceNote) for event in world.events), 10)
    assert not [event for event in world.events if "very-secret" in event.text]
    assert "very-secret" not in repr(engine.config.services)


async def test_a_server_that_is_away_is_no_streams_matter(world: World) -> None:
    engine = await start(world, "http://127.0.0.1:9/x", rules=[{"events": ["Connected", "StateChanged"]}])
    one = engine.sessions.get(KEY)
    assert one is not None
    assert one.key == SessionKey(0, 0, "rtmp")
    # The server has it a moment before the session knows.
    await until(lambda: world.servers.live("a") and one.state is SessionState.CONNECTED)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({}, "url is missing"),
        ({"url": "ftp://x/y"}, "url: expected an address such as https://host/path"),
        ({"url": "https://x", "form": "xml"}, 'form: expected "json" or "text"'),
        (
            {"url": "https://x", "rules": [{"events": ["GiveUp"]}]},
            'rules[0].events[0]: there is no such event; did you mean "GaveUp"?',
        ),
        ({"url": "https://x", "rules": [{"afterwards": 3}]}, 'rules[0].afterwards: unknown key; did you mean "after"?'),
        ({"url": "https://x", "rules": [{"after": "soon"}]}, "rules[0].after: expected seconds"),
        ({"url": "https://x", "retry_policy": {"max_attempts": -1}}, "retry_policy.max_attempts: expected 0 to"),
    ],
)
def test_what_is_wrong_is_told_before_anything_runs(options: dict[str, Any], fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loads(json.dumps({"services": {"webhook": options}, "cameras": []}), PluginHost())
    assert fault in str(caught.value)
    assert str(caught.value).startswith("services.webhook")


def test_an_address_may_be_a_reference() -> None:
    loads(json.dumps({"services": {"webhook": {"url": "env:HOOK", "secret": "env:S"}}, "cameras": []}), PluginHost())
