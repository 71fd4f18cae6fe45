"""Cameras for what asks them from a thread of its own, as the hook does."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from camcast_onvif.wsd import Match
from tests.onvif.camera import Behaviour, OnvifCamera


class Start:
    """Starts cameras; gives the host and the port of each."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.cameras: list[OnvifCamera] = []

    def __call__(self, behaviour: Behaviour, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> str:
        camera = OnvifCamera(behaviour, host=host, tls=tls)
        asyncio.run_coroutine_threadsafe(camera.__aenter__(), self._loop).result(10)
        self.cameras.append(camera)
        return f"{host}:{camera.port}"

    def end(self) -> None:
        for camera in self.cameras:
            asyncio.run_coroutine_threadsafe(camera.__aexit__(), self._loop).result(10)


@pytest.fixture(scope="session")
def beside() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop on a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


@pytest.fixture(scope="session")
def place(beside: asyncio.AbstractEventLoop) -> Iterator[str]:
    """Host and port of a good camera."""
    camera = OnvifCamera()
    asyncio.run_coroutine_threadsafe(camera.__aenter__(), beside).result(10)
    yield f"127.0.0.1:{camera.port}"
    asyncio.run_coroutine_threadsafe(camera.__aexit__(), beside).result(10)


@pytest.fixture
def start(beside: asyncio.AbstractEventLoop) -> Iterator[Start]:
    starting = Start(beside)
    yield starting
    starting.end()


@pytest.fixture
def claims(monkeypatch: pytest.MonkeyPatch) -> list[Match]:
    """Who answers when everybody is asked, which is done in namespaces only."""
    matches: list[Match] = []

    async def told(*arguments: Any, **settings: Any) -> AsyncIterator[Match]:
        for match in matches:
            yield match

    monkeypatch.setattr("camcast_onvif.search.answers", told)
    return matches


@pytest.fixture
def nobody_asked(claims: list[Match]) -> None:
    """Nobody does."""
