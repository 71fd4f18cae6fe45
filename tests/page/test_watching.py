"""A stream watched in a browser, without a server between: WHEP in Debian's chromium."""

from __future__ import annotations

from camcast import SessionConfig
from camcast.config import TargetConfig
from tests.integration.kit import connected, drawn, engine
from tests.page.watching import blank, hear, shot, watch
from tests.servers.chromium import Page
from tests.servers.process import free_port

TOKEN = "who-watches-4711"


def watched(port: int, **options: object) -> SessionConfig:
    url = f"whep://127.0.0.1:{port}/gate"
    return SessionConfig(camera_id=0, output="browser", targets=(TargetConfig(url=url, options=options),))


async def test_a_browser_shows_pictures_that_move_and_has_the_sound(page: Page) -> None:
    port = free_port()
    async with blank() as site:
        camera = drawn(0, watched(port, token=TOKEN, origins=[site]), tone=440, gop=10.0)
        async with engine(camera) as running:
            await connected(running)
            await page.go(site)
            url = f"http://127.0.0.1:{port}/gate"
            assert await watch(page, url, TOKEN) == 201
            first, _ = await shot(page)
            await page.until("video.getVideoPlaybackQuality().totalVideoFrames > 25")
            later, age = await shot(page)
            assert later.number > first.number
            assert 0 < age < 3000
            kinds = await page.value("video.srcObject.getTracks().map((one) => `${one.kind} ${one.readyState}`).sort()")
            assert kinds == ["audio live", "video live"]
            await hear(page, 0.1)
            (session,) = running.sessions
            assert session.metrics.transport["viewers"] == 1
            left = "fetch(place, {method: 'DELETE', headers: {Authorization: 'Bearer %s'}}).then((one) => one.status)"
            assert await page.value(left % TOKEN) == 200
            await page.until("peer.connectionState !== 'connected'")
            assert page.complaints == []
