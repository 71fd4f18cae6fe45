"""Cameras for what asks them from a thread of its own, as the hook does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from camcast_onvif.wsd import Match
from tests.onvif.camera import Behaviour, OnvifCamera

Start = Callable[[Behaviour], str]


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
    """Starts cameras; gives the host and the port of each."""
    cameras: list[OnvifCamera] = []

    def begin(behaviour: Behaviour) -> str:
        camera = OnvifCamera(behaviour)
        asyncio.run_coroutine_threadsafe(camera.__aenter__(), beside).result(10)
        cameras.append(camera)
        return f"127.0.0.1:{camera.port}"

    yield begin
    for camera in cameras:
        asyncio.run_coroutine_threadsafe(camera.__aexit__(), beside).result(10)


@pytest.fixture
def nobody_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody is asked in namespaces only."""

    async def nobody(*arguments: Any, **settings: Any) -> AsyncIterator[Match]:
        matches: list[Match] = []
        for match in matches:
            yield match

    monkeypatch.setattr("camcast_onvif.resolve.answers", nobody)
