"""The page when what is asked hangs or breaks off: it says so, and goes on by itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from camcast import Config, Engine
from camcast.host import PluginHost
from camcast_http.app import Interface
from camcast_kit_http.listening import listen
from camcast_kit_http.server import Server
from tests.page.test_steering import KEY
from tests.plugins.served import camera
from tests.servers.chromium import Page

PATIENT, HASTY = b"const SILENCE = 40000;", b"const SILENCE = 2e+03;"
LATE, AT_ONCE = b"animation: late 8s;", b"animation: late 1s;"


class Between:
    """In front of the interface: holds up looks, and events."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.looks = self.streams = 0
        self.looking = asyncio.Event()
        """Set: looks are answered."""
        self.mute = asyncio.Event()
        """Set: what is happening is swallowed."""
        self.missing = ""
        """Path of a file that is not there."""
        self.cut = asyncio.Event()
        """Set: connections on which it would be told break off."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, accept = scope["path"], dict(scope["headers"]).get(b"accept", b"")
        if path == "/api/v1/overview":
            self.looks += 1
            await self.looking.wait()
        if path == self.missing:
            scope = {**scope, "path": "/nothing"}
        if accept == b"text/event-stream":
            self.streams += 1
            await self._stream(scope, receive, send)
        else:
            await self._app(scope, receive, self._hasty(send))

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def through(message: Message) -> None:
            if message["type"] == "http.response.start" or not self.mute.is_set():
                await send(message)

        inner, cut = asyncio.ensure_future(self._app(scope, receive, through)), asyncio.ensure_future(self.cut.wait())
        await asyncio.wait({inner, cut}, return_when=asyncio.FIRST_COMPLETED)
        for one in (inner, cut):
            one.cancel()

    def _hasty(self, send: Send) -> Send:
        async def through(message: Message) -> None:
            body = message.get("body", b"")
            await send({**message, "body": body.replace(PATIENT, HASTY).replace(LATE, AT_ONCE)} if body else message)

        return through


@contextlib.asynccontextmanager
async def between() -> AsyncIterator[tuple[Engine, Between, str]]:
    async with Engine(Config(cameras=(camera(),)), host=PluginHost()) as engine:
        interface = Interface(engine.view())
        app = Between(interface.app)
        sock = listen("127.0.0.1", 0)
        tasks = [
            asyncio.create_task(interface.follow()),
            asyncio.create_task(Server(app, connections=50).run_on(sock)),
        ]
        try:
            yield engine, app, f"http://127.0.0.1:{sock.getsockname()[1]}/"
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


async def test_a_first_look_that_hangs_is_told_and_the_next_one_shows_everything(page: Page) -> None:
    async with between() as (_engine, app, address):
        await page.go(address)
        await page.until("document.querySelector('#link').textContent === 'no answer'")
        assert await page.text("#overall") == "Nothing seen yet"
        app.looking.set()
        await page.until("document.querySelectorAll('.card').length === 1")
        await page.until("document.querySelector('#link').textContent === 'live'")
        assert app.looks >= 2


async def test_events_go_on_after_a_connection_that_broke_off_and_one_that_fell_silent(page: Page) -> None:
    async with between() as (engine, app, address):
        app.looking.set()
        await page.go(address)
        await page.until("document.querySelectorAll('#log-list li').length > 0")
        await page.asked(lambda: app.streams >= 1)
        app.cut.set()
        await page.asked(lambda: app.streams >= 2)
        app.cut.clear()
        # One that is there and brings nothing is given up after a while; nothing that happened meanwhile is missing.
        app.mute.set()
        streams = app.streams
        session = engine.sessions.get(KEY)
        assert session is not None
        session.pause()
        await page.asked(lambda: app.streams > streams)
        app.mute.clear()
        await page.until("document.querySelector('#log-list').innerText.toLowerCase().includes('disconnected')")


SHOWN = "getComputedStyle(document.querySelector('#late')).visibility === 'visible'"


async def test_a_script_that_does_not_come_is_told(page: Page) -> None:
    async with between() as (_engine, app, address):
        app.looking.set()
        app.missing = "/page/curve.js"
        await page.go(address)
        await page.until(SHOWN)
        assert (await page.text("#late")).startswith("Not all of this page has come yet.")
        app.missing = ""
        await page.go(address)
        await page.until("document.querySelectorAll('.card').length === 1")
        assert await page.value("document.querySelector('#late')") is None
