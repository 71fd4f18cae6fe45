"""A stream watched in a browser on another machine: WHEP in Debian's chromium, behind a cable of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Self

import pytest

from camcast import SessionConfig
from camcast.config import TargetConfig
from tests.faults.netns import Namespace
from tests.integration.kit import connected, drawn, engine
from tests.page.watching import blank, hear, shot, watch
from tests.servers.chromium import Chromium, Page
from tests.servers.forward import Forward
from tests.servers.process import free_port

TOKEN = "correct-horse-battery"


class FarChromium(Chromium):
    """In a namespace; it is spoken to through a door."""

    def __init__(self, directory: Path, namespace: Namespace) -> None:
        super().__init__(directory, prefix=namespace.prefix)
        self._door = Forward(directory / "door", namespace, self.port)

    @property
    def address(self) -> str:
        return self._door.address

    def start(self, *, timeout: float = 20.0) -> Self:
        super().start(timeout=timeout)
        self._door.start()
        return self

    def kill(self) -> None:
        self._door.kill()
        super().kill()


@pytest.fixture
def elsewhere() -> Iterator[Namespace]:
    with Namespace() as found:
        yield found


@pytest.fixture
async def far_page(elsewhere: Namespace, tmp_path: Path) -> AsyncIterator[Page]:
    with FarChromium(tmp_path / "chromium", elsewhere) as browser:
        async with browser.page() as one:
            yield one


async def test_a_browser_on_another_machine_shows_pictures_that_move_and_has_the_sound(
    elsewhere: Namespace, far_page: Page
) -> None:
    port = free_port(elsewhere.near_address)
    place = f"{elsewhere.near_address}:{port}/gate"
    async with blank(elsewhere.near_address) as site:
        target = TargetConfig(url=f"whep://{place}", options={"token": TOKEN, "origins": [site]})
        session = SessionConfig(camera_id=0, output="browser", targets=(target,))
        async with engine(drawn(0, session, tone=440)) as running:
            await connected(running)
            await far_page.go(site)
            assert await watch(far_page, f"http://{place}", TOKEN) == 201
            first, _ = await shot(far_page)
            await far_page.until("video.getVideoPlaybackQuality().totalVideoFrames > 25")
            later, _ = await shot(far_page)
            assert later.number > first.number
            await hear(far_page, 0.1)
            (one,) = running.sessions
            assert one.metrics.transport["viewers"] == 1
            assert far_page.complaints == []
