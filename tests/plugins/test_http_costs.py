"""What answers cost, counted: many who ask in one moment share one look and one text, and many who listen one event."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message
from tests.calls import counted

from camcast import CameraConfig, Config, Engine, SessionConfig, SourceConfig, StreamConfig, SystemConfig
from camcast.engine.service_events import ServiceEvents
from camcast.events import Event
from camcast.host import PluginHost
from camcast_http.access import Policy
from camcast_http.app import Interface
from camcast_http.changes import Limits
from camcast_http.forms import event_form
from camcast_http.happenings import KEPT, Happenings
from camcast_http.looks import FRESH, Looks
from camcast_http.operation import Shared
from camcast_http.operations import OPERATIONS
from camcast_http.texts import written
from camcast_prometheus.pages import Pages

SESSIONS = 64
FIRST = 110
"""Calls for each session when the engine is looked at and that is written."""
AGAIN = 160
"""Calls for whoever asks next, however many sessions there are; what the server itself does is not in it."""
ONE_SESSION, ONE_STREAM = "/sessions/{camera}/{stream}/{output}", "/streams/{camera}/{stream}"
PARTS = {"camera": "5", "stream": "0", "output": "rtmp"}


@asynccontextmanager
async def running(sessions: int) -> AsyncIterator[Engine]:
    """An engine whose cameras bring nothing, so that nothing else is going on."""
    cameras = []
    for number in range(sessions):
        session = SessionConfig(camera_id=number, url=f"rtmp://127.0.0.1:9/live/k{number}")
        stream = StreamConfig(source=SourceConfig(type="push"), sessions=(session,))
        cameras.append(CameraConfig(camera_id=number, name=f"gate {number}", streams=(stream,)))
    config = Config(system=SystemConfig(max_cameras=sessions), cameras=tuple(cameras))
    async with Engine(config, host=PluginHost()) as engine:
        yield engine


async def ask(shared: Shared, path: str) -> bytes:
    """A request without a server around it."""
    operation = next(one for one in OPERATIONS if one.path == path and one.method == "GET")
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
    response = await operation(shared, Request({**scope, "path_params": PARTS}))
    return bytes(response.body)


async def test_whoever_asks_in_the_same_moment_costs_next_to_nothing() -> None:
    async with running(SESSIONS) as engine:
        view = engine.view()
        looks = Looks(view, now=lambda: 0.0)
        shared = Shared(engine=view, looks=looks, happenings=Happenings(1), limits=Limits())
        for path in ("/status", "/overview", "/sessions", ONE_SESSION, ONE_STREAM):
            await looks.look()
            first: Counter[str] = Counter()
            again: Counter[str] = Counter()
            with counted(first):
                before = await ask(shared, path)
            with counted(again):
                after = await ask(shared, path)
            assert before == after
            assert again.total() <= AGAIN, path
            assert first.total() <= FIRST * SESSIONS, path


async def test_a_path_without_parts_is_not_sought_among_all_the_others() -> None:
    """The first of the routes and the last one cost alike."""
    async with running(1) as engine:
        app = Interface(engine.view(), Policy(everything=True)).app

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b""}

        async def cost(path: str) -> int:
            answers: list[Message] = []

            async def send(message: Message) -> None:
                answers.append(message)

            scope = {"type": "http", "method": "GET", "path": path, "root_path": "", "query_string": b"", "headers": []}
            await app(dict(scope), receive, send)
            calls: Counter[str] = Counter()
            with counted(calls):
                await app(dict(scope), receive, send)
            assert answers[-2]["status"] == 200, path
            return calls.total()

        costs = {path: await cost(path) for path in ("/api/v1/status", "/api/v1/cameras", "/healthz", "/readyz")}
        assert max(costs.values()) <= min(costs.values()) + 20, costs


async def test_a_look_costs_little_for_each_session() -> None:
    async with running(SESSIONS) as engine:
        calls: Counter[str] = Counter()
        with counted(calls):
            stats = engine.stats()
        assert len(stats.sessions) == SESSIONS
        assert calls.total() <= FIRST * SESSIONS


async def test_a_thousand_requests_look_twice_a_second_at_the_most() -> None:
    async with running(2) as engine:
        view, asked, now = engine.view(), 0, 100.0
        stats = view.stats

        async def noted(age: float = 0.0) -> Any:
            nonlocal asked
            asked += 1
            return await stats(age)

        view.stats = noted  # type: ignore[method-assign]
        looks = Looks(view, now=lambda: now)
        for _ in range(1000):
            now += 0.001
            await looks.look()
        assert asked == 1 / FRESH


async def test_what_has_been_done_is_seen_though_a_look_was_under_way() -> None:
    async with running(1) as engine:
        view, let = engine.view(), asyncio.Event()
        cameras = view.cameras

        async def slow() -> Any:
            seen = await cameras()
            await let.wait()
            return seen

        view.cameras = slow  # type: ignore[method-assign]
        looks = Looks(view)
        before = asyncio.create_task(looks.look())
        await asyncio.sleep(0.01)
        await engine.remove_camera(0)
        looks.forget()
        after = asyncio.create_task(looks.look())
        await asyncio.sleep(0.01)
        let.set()
        assert len((await before).cameras) == 1
        assert (await after).cameras == ()
        assert await looks.look() is await after, "the earlier one is nobody's any more"


@pytest.mark.parametrize(("path", "body"), [("/keyframe", b""), ("/bitrate", b'{"bitrate": 500}')])
async def test_whatever_steers_makes_the_next_look_a_new_one(path: str, body: bytes) -> None:
    async with running(1) as engine:
        view = engine.view()
        looks = Looks(view, now=lambda: 0.0)
        shared = Shared(engine=view, looks=looks, happenings=Happenings(1), limits=Limits())
        operation = next(one for one in OPERATIONS if one.path == ONE_STREAM + path)

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        headers = [(b"content-type", b"application/json")] if body else []
        scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}
        look = await looks.look()
        parts = {"camera": "0", "stream": "0"}
        answer = await operation(shared, Request({**scope, "path_params": parts}, receive))
        assert json.loads(bytes(answer.body))["done"] in (True, False)
        assert await looks.look() is not look


async def follow(happenings: Happenings, *labels: str) -> None:
    queue = ServiceEvents(len(labels))
    for label in labels:
        queue.take(Event(label=label))
    queue.close()
    await happenings.follow(queue)


async def test_kept_events_are_written_once_for_all_who_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    forms: Counter[int] = Counter()

    def noted(number: int, event: Event) -> dict[str, Any]:
        forms[number] += 1
        return event_form(number, event)

    monkeypatch.setattr("camcast_http.happenings.event_form", noted)
    happenings = Happenings(200)
    await follow(happenings, *map(str, range(100)))
    assert not forms, "nobody has read one"
    for _ in range(50):
        listening = happenings.listen(0)
        heard = b"".join([await anext(listening) for _ in range(2)]).split(b"\n\n")[:-1]
        assert [one["id"] for one in json.loads(happenings.since(0, 1000))] == list(range(1, 101))
    assert [one.split(b"\n")[0] for one in heard[1:]] == [
        f"id: {happenings.run}-{number}".encode() for number in range(1, 101)
    ]
    assert forms == dict.fromkeys(range(1, 101), 1)


async def test_who_goes_while_much_is_sent_to_him_is_noticed_before_asyncio_logs_it() -> None:
    """It is known a turn of the loop later; each write until then was a line in the log, up to a thousand."""
    happenings = Happenings(1)
    await follow(happenings, *map(str, range(KEPT)))
    listening, turned = happenings.listen(0), asyncio.Event()
    pieces = [await anext(listening), await anext(listening)]
    while pieces[-1].find(b"id: %s-%d\n" % (happenings.run.encode(), KEPT)) < 0:
        turned.clear()
        asyncio.get_running_loop().call_soon(turned.set)
        pieces.append(await anext(listening))
        assert turned.is_set(), "others had their turn"
    assert b"".join(pieces).count(b"\nid: ") == KEPT
    assert len(pieces) <= KEPT / 50


@pytest.mark.parametrize("after", [None, 1, 0])
async def test_what_happens_while_a_listener_begins_is_heard_once(after: int | None) -> None:
    happenings = Happenings(1)
    await follow(happenings, "before")
    listening = happenings.listen(after)
    await anext(listening)
    await follow(happenings, "meanwhile", "last")
    pieces = b"".join([one async for one in listening]).split(b"\n\n")[:-1]
    heard = [json.loads(one.partition(b"data: ")[2])["label"] for one in pieces]
    assert heard == (["before"] if after == 0 else []) + ["meanwhile", "last"]


async def test_every_listener_is_handed_the_same_bytes() -> None:
    happenings = Happenings(200)
    listening = [happenings.listen(None) for _ in range(200)]
    for one in listening:
        await anext(one)
    await follow(happenings, "x")
    heard = [await anext(one) for one in listening]
    assert len({id(one) for one in heard}) == 1
    assert json.loads(heard[0].partition(b"data: ")[2])["label"] == "x"


@pytest.mark.parametrize(
    ("value", "expected"),
    [({"a": float("nan")}, b'{"a":null}'), ({1: "ü"}, '{"1":"ü"}'.encode()), ((), b"[]")],
)
def test_what_is_no_json_of_itself_is_made_plain(value: object, expected: bytes) -> None:
    assert written(value) == expected


async def test_a_scrape_is_made_once_for_all_who_scrape_at_once() -> None:
    async with running(4) as engine:
        pages = Pages(engine.view())
        (_, one), (_, other) = await asyncio.gather(pages.get(), pages.get())
        assert one is other
