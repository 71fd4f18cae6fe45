"""The page in a browser, with a real engine behind it: what happens is seen, and buttons do what they say."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import attrs

from camcast import CameraConfig, Config, Engine, SessionConfig
from camcast.config import ServiceConfig
from camcast.events import Event, SessionKey
from camcast.host import PluginHost
from camcast.session.health import Health
from camcast_rtmp.receiver import Receiver
from tests.plugins.served import CHANGE, READ, camera, listening
from tests.servers.chromium import Page

KEY = SessionKey(0, 0, "rtmp")


@contextlib.asynccontextmanager
async def running(*cameras: CameraConfig, **options: Any) -> AsyncIterator[tuple[Engine, str]]:
    """An engine with its page, and the page's address."""
    service = ServiceConfig(type="http", options={"port": 0, **options})
    async with Engine(Config(cameras=cameras, services=(service,)), host=PluginHost()) as engine:
        told: list[Event] = []
        async for event in engine.events():
            told.append(event)
            if port := listening(told):
                break
        yield engine, f"http://127.0.0.1:{port}/"


def chained(*urls: str) -> CameraConfig:
    """A camera whose output has a chain of targets, and goes back to the first after a second."""
    one = camera(0, urls[0])
    session = SessionConfig(camera_id=0, url=urls[0], fallback_urls=urls[1:], failback_after=1.0)
    return attrs.evolve(one, streams=(attrs.evolve(one.streams[0], sessions=(session,)),))


async def test_a_failover_is_seen_and_the_way_back(page: Page) -> None:
    async with Receiver() as first, Receiver() as second:
        chain = chained(first.url("live", "a"), second.url("live", "a"))
        async with running(chain) as (_engine, address):
            await page.go(address)
            await page.until("document.querySelector('.output .badge')?.textContent === 'On air'")
            assert await page.text("#overall") == "The output is on the air"
            await first.stop()
            await page.until("document.querySelector('.output .badge').textContent === 'On fallback 1'")
            assert f":{second.port}/" in await page.text(".output .target")
            await page.until("document.querySelector('#log-list').innerText.includes('failover')")
            assert await page.value("document.title") == "1 of 1 output needs a look – camcast"
            await page.click(".output-name")
            await page.until("document.querySelectorAll('.chain li').length === 2")
            assert "on the air here" in await page.text(".chain li:nth-child(2)")
            await first.start()
            await page.until("document.querySelector('.chain li').innerText.includes('on the air here')")
            await page.until("document.querySelector('#log-list').textContent.includes('failback')")
            await page.until("document.querySelector('.plot .line-other').getAttribute('d')")
            assert await page.value("document.querySelectorAll('.plot').length") == 4
            # What the camera sends is there as a picture, with the size that it has.
            await page.until("document.querySelector('.card img').naturalWidth === 320")
            assert page.complaints == []


async def test_buttons_ask_for_the_token_once_and_do_what_they_say(page: Page) -> None:
    async with Receiver() as receiver, running(camera(0, receiver.url("live", "a")), change_token=CHANGE) as both:
        engine, address = both
        await page.go(f"{address}#{KEY}")
        await page.click("#details button", "Pause")
        await page.until("document.querySelector('#ask').open")
        assert "change_token" in await page.text("#ask-why")
        await page.type("not-it")
        await page.press("Enter")
        await page.until("document.querySelector('#ask-why').textContent.includes('does not do')")
        await page.type(CHANGE)
        await page.click("#ask button", "Use it")
        await until(lambda: health(engine) is Health.PAUSED)
        await page.until("document.querySelector('#details .badge').textContent === 'Paused'")
        await page.click("#details button", "Resume")
        await until(lambda: health(engine) is Health.HEALTHY)
        # It is kept in the tab and nowhere else, and serves after the page has been loaded anew.
        assert await page.value("Object.values(sessionStorage)") == [CHANGE]
        assert await page.value("[localStorage.length, document.cookie]") == [0, ""]
        await page.send("Page.reload")
        await page.click("#details button", "Ask for a keyframe")
        await page.until("document.querySelector('#toasts').textContent.includes('keyframe')")
        await page.value("document.querySelector('#bitrate').focus()")
        await page.type("150 kbit/s")
        await page.press("Enter")
        await page.until("document.querySelector('#toasts').textContent.includes('aims at 150 kbit/s')")
        await page.value("document.querySelector('#bitrate').value = 'much'")
        await page.click("#details button", "Set bitrate")
        await page.until("document.querySelector('.toast[data-tone=bad]')?.textContent.includes('bitrate: ')")
        refused = [one for one in page.complaints if " 401 " not in one and " 403 " not in one and " 422 " not in one]
        assert refused == []


async def test_switching_is_a_button_of_the_chain(page: Page) -> None:
    async with Receiver() as first, Receiver() as second:
        chain = chained(first.url("live", "a"), second.url("live", "a"))
        async with running(chain, change_token=CHANGE) as (engine, address):
            await page.go(address)
            await page.value(f"sessionStorage.setItem('camcast-token', '{CHANGE}')")
            await page.go("about:blank#")
            await page.go(f"{address}#{KEY}")
            await page.click(".chain button", "Switch here")
            await until(lambda: metrics(engine).target_index == 1)
            await page.until("document.querySelectorAll('.chain li')[1].innerText.includes('on the air here')")
            assert page.complaints == []


async def test_where_nothing_can_be_changed_that_is_said_and_no_token_asked_for(page: Page) -> None:
    async with running(camera()) as (_engine, address):
        await page.go(f"{address}#{KEY}")
        await page.click("#details button", "Pause")
        await page.until("document.querySelector('#toasts').textContent.includes('needs `change_token`')")
        assert not await page.value("document.querySelector('#ask').open")


async def test_reading_may_need_a_token_too(page: Page) -> None:
    async with running(camera(), token=READ) as (_engine, address):
        await page.go(address)
        await page.until("document.querySelector('#ask').open")
        await page.press("Escape")
        await page.until("document.querySelector('#link').textContent === 'token needed'")
        looks = page.requests.count("GET /api/v1/overview")
        await page.asked(lambda: page.requests.count("GET /api/v1/overview") >= looks + 2)
        assert not await page.value("document.querySelector('#ask').open")
        assert await page.value("document.querySelectorAll('.card').length") == 0
        await page.click("#key")
        await page.type(READ)
        await page.press("Enter")
        await page.until("document.querySelectorAll('.card').length === 1")
        # Events come by the same token.
        await page.until("document.querySelectorAll('#log-list li').length > 0")


async def test_a_token_that_does_not_do_takes_nothing_away(page: Page) -> None:
    """One that is good for looking goes on being used for that."""
    pauses, looks = f"POST /api/v1/sessions/{KEY}/pause", "GET /api/v1/overview"
    async with running(camera(), token=READ, change_token=CHANGE) as (_engine, address):
        await page.go(address)
        await page.until("document.querySelector('#ask').open")
        await page.type(READ)
        await page.press("Enter")
        await page.until("document.querySelectorAll('.card').length === 1")
        await page.click(".output-name")
        await page.click("#details button", "Pause")
        await page.until("document.querySelector('#ask').open")
        await page.type("not-it")
        await page.press("Enter")
        await page.asked(lambda: page.requests.count(pauses) == 2)
        await page.until("document.querySelector('#ask').open")
        await page.press("Escape")
        await page.until("document.querySelector('#toasts').textContent.includes('needs the change_token')")
        before = page.requests.count(looks)
        await page.asked(lambda: page.requests.count(looks) >= before + 2)
        assert await page.text("#link") == "live"
        assert await page.value("Object.values(sessionStorage)") == [READ]


async def test_what_cannot_be_reached_has_a_reason_and_a_countdown_and_can_be_tried_at_once(page: Page) -> None:
    async with running(camera(), change_token=CHANGE) as (engine, address):
        await page.go(address)
        await page.until("document.querySelector('.output .badge')?.textContent === 'Off air'")
        assert await page.text(".output .target") == "rtmp://127.0.0.1:9/live/***"
        assert "127.0.0.1:9" in await page.text(".output .why")
        await page.until("/^Next try in [1-9]/.test(document.querySelector('.output .due').textContent)")
        first = await page.text(".output .due")
        await page.until(f"document.querySelector('.output .due').textContent !== '{first}'")
        await page.value(f"sessionStorage.setItem('camcast-token', '{CHANGE}')")
        await page.send("Page.reload")
        # By now its waits are long.
        await until(lambda: metrics(engine).retries >= 4)
        tries = metrics(engine).attempts
        await page.click(".output button", "Retry now")
        await until(lambda: metrics(engine).attempts > tries)
        await page.until("document.querySelector('#toasts').textContent.includes('trying at once')")
        assert page.complaints == []


async def test_when_camcast_ends_that_is_seen_and_its_return_too(page: Page) -> None:
    async with running(camera()) as (_engine, address):
        await page.go(address)
        await page.until("document.querySelector('#link').textContent === 'live'")
    await page.until("document.querySelector('#link').textContent === 'no answer'")
    port = int(address.rstrip("/").rpartition(":")[2])
    async with running(camera(0), camera(1, "rtmp://127.0.0.1:9/live/b"), port=port):
        await page.until("document.querySelector('#link').textContent === 'live'")
        await page.until("document.querySelectorAll('.card').length === 2")
        # Events of the new run are heard, though their numbers begin anew.
        await page.until("document.querySelector('#log-list').textContent.includes('cam1')")


def metrics(engine: Engine) -> Any:
    session = engine.sessions.get(KEY)
    assert session is not None
    return session.metrics


def health(engine: Engine) -> Health:
    return metrics(engine).health  # type: ignore[no-any-return]


async def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        await asyncio.sleep(0.05)
