"""The promises of a discoverer and of a resolver, at a virtual camera."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any, ClassVar

import pytest

import camcast_onvif
from camcast.testing.conformance import DiscovererConformance, ResolverConformance
from camcast.testing.conformance.hook_bench import HookBench
from camcast_onvif.wsd import Match
from tests.onvif.camera import PASSWORD, USER, UUID, OnvifCamera


@pytest.fixture(scope="module")
def place() -> Iterator[str]:
    """Of a camera on a thread of its own, as what asks it may block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    camera = OnvifCamera()
    asyncio.run_coroutine_threadsafe(camera.__aenter__(), loop).result(10)
    yield f"127.0.0.1:{camera.port}"
    asyncio.run_coroutine_threadsafe(camera.__aexit__(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


class TestOnvif(DiscovererConformance):
    kind = "onvif"

    @pytest.fixture
    def camera(self, place: str) -> str:
        return place


class TestFoundAgain(ResolverConformance):
    plugin: ClassVar = camcast_onvif
    source = f"onvif://{UUID}/main"
    options: ClassVar = {"username": USER, "password": PASSWORD}

    @pytest.fixture
    def bench(self, place: str, monkeypatch: pytest.MonkeyPatch) -> HookBench:
        async def nobody(*arguments: Any, **settings: Any) -> AsyncIterator[Match]:
            """Everybody is asked in namespaces only."""
            matches: list[Match] = []
            for match in matches:
                yield match

        monkeypatch.setattr("camcast_onvif.resolve.answers", nobody)
        return self.hook_bench(source=f"{self.source}?at={place}", options=self.options)
