"""A stream watched in a browser, without a server between: WHEP in Debian's chromium."""

from __future__ import annotations

import asyncio

from camcast import SessionConfig
from camcast.config import TargetConfig
from tests.integration.kit import connected, drawn, engine, until
from tests.integration.test_round_trips import SIZES, changed
from tests.integration.test_watching_changes import Camera, pushed
from tests.page.test_steering import running
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


async def test_the_page_shows_a_stream_live_and_pictures_where_it_cannot(page: Page) -> None:
    camera = drawn(0, watched(free_port(), token=TOKEN), tone=440)
    async with running(camera, watch_token=TOKEN) as (engine, address):
        await connected(engine)
        await page.go(f"{address}#0/0/browser")
        await page.until("(window.video = document.querySelector('#details video')) && !video.hidden")
        first, _ = await shot(page)
        await page.until("video.getVideoPlaybackQuality().totalVideoFrames > 25")
        later, _ = await shot(page)
        assert later.number > first.number
        assert await page.value("[video.muted, document.querySelector('#details img').hidden]") == [True, True]
        (session,) = engine.sessions
        assert session.metrics.transport["viewers"] == 1
        # Whoever closes the sheet watches no more, and is not waited for.
        await page.click(".close")
        await until(lambda: session.metrics.transport["viewers"] == 0)
        # What is off the air cannot be watched: there are single pictures.
        session.pause()
        await page.until("document.querySelector('.output .badge').textContent === 'Paused'")
        await page.go(f"{address}#0/0/browser")
        await page.until("(window.image = document.querySelector('#details img')) && !image.hidden && image.src")
        assert await page.value("document.querySelector('#details video').hidden")
        assert page.complaints == []


async def test_a_stream_that_becomes_larger_is_shown_on_without_being_watched_anew(page: Page) -> None:
    port = free_port()
    before, after = [await asyncio.to_thread(changed, "h264", index) for index in range(2)]
    async with blank() as site, engine(pushed(watched(port, origins=[site]))) as running:
        camera = Camera(running)
        on_air = asyncio.create_task(connected(running))
        await camera.show("h264", before, on_air.done)
        await page.go(site)
        watching = asyncio.create_task(sees(page, f"http://127.0.0.1:{port}/gate", SIZES[0]))
        await camera.show("h264", before, watching.done)
        await watching
        sees_more = asyncio.create_task(page.until(SEES % SIZES[1]))
        await camera.show("h264", after, sees_more.done)
        await sees_more
        assert await page.value("[peer.connectionState, troubles.filter((one) => one !== 'connected')]") == [
            "connected",
            [],
        ]
        (session,) = running.sessions
        assert session.metrics.transport["viewers_seen"] == 1
        assert page.complaints == []


SEES = """
(() => {
  const pictures = video.getVideoPlaybackQuality().totalVideoFrames;
  if (video.videoWidth !== %d || video.videoHeight !== %d) { window.since = pictures; return false; }
  return pictures > (window.since ?? 0) + 20;
})()
"""
"""Whether more than 20 pictures of a size have been shown."""


async def sees(page: Page, url: str, size: tuple[int, int]) -> None:
    """Watch, and wait for pictures of this size."""
    assert await watch(page, url) == 201
    await page.value(
        "(window.troubles = [], peer.onconnectionstatechange = () => troubles.push(peer.connectionState), 0)"
    )
    await page.until(SEES % size)
