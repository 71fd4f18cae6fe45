"""What the page looks like and costs in a browser: many cameras, a phone, odd names, the keyboard."""

from __future__ import annotations

import time

import attrs
import pytest

from camcast.camera.stats import ServiceMetrics
from camcast.engine.service_events import ServiceEvents
from camcast.events import Event, ServiceState, SessionKey, SessionState
from camcast.session.health import Health
from camcast.session.uplinks import UplinkMetrics
from tests.page.many import Many, many
from tests.servers.chromium import Page

LOOK = "GET /api/v1/overview"
MARKUP = "<img src=x onerror=\"document.title='broken'\"><b>bold</b>"
LONG = "rtmp://" + "a-very-long-name-of-a-server-without-a-place-to-break." * 6 + "example/live/" + "x" * 200
COUNT = """
(() => {
  window.changes = {children: 0, all: 0};
  new MutationObserver((records) => {
    for (const record of records) {
      window.changes.all += 1;
      if (record.type === 'childList' && !record.target.closest('#log, #toasts')) window.changes.children += 1;
    }
  }).observe(document.body, {subtree: true, childList: true, attributes: true, characterData: true});
})()
"""


async def looks(page: Page, count: int) -> None:
    """Wait for so many more looks of the page."""
    wanted = page.requests.count(LOOK) + count
    await page.asked(lambda: page.requests.count(LOOK) >= wanted)
    # The last of them is shown once it has been answered.
    await page.value("new Promise((resolve) => setTimeout(resolve, 300))")


@pytest.mark.parametrize("cameras", [100, 400])
async def test_an_update_touches_what_is_in_sight_and_makes_nothing_anew(page: Page, cameras: int) -> None:
    async with many(cameras) as (_engine, address):
        await page.go(address)
        await page.until(f"document.querySelectorAll('.card').length === {cameras}")
        seen = int(
            await page.value("[...document.querySelectorAll('.card .rate')].filter((one) => one.textContent).length")
        )
        assert 0 < seen <= 30
        # The curves of those in sight, and of no others, have been asked for.
        await looks(page, 2)
        assert sum("/history" in request for request in page.requests) == seen
        before = page.requests.count(LOOK)
        await page.value(COUNT)
        await looks(page, 3)
        most = page.requests.count(LOOK) - before + 1
        changes = await page.value("window.changes")
        assert changes["children"] == 0
        # A bitrate and a curve for each in sight, the totals, and the running time.
        assert seen < changes["all"] <= most * (3 * seen + 12)
        assert page.complaints == []


async def test_what_comes_into_sight_is_up_to_date_and_states_are_known_of_all(page: Page) -> None:
    async with many(100) as (engine, address):
        await page.go(address)
        await page.until("document.querySelectorAll('.card').length === 100")
        engine.changes[99] = {
            "state": SessionState.ERROR, "health": Health.UNHEALTHY, "last_error": "the server is away",
            "next_attempt_at": time.time() + 100,
        }  # fmt: skip
        await page.until("document.querySelector('[data-camera=\"99\"]').dataset.tone === 'bad'")
        assert await page.text("#overall") == "1 of 100 outputs is in trouble"
        await page.click(".chip", "Needs a look")
        assert await page.value("[...document.querySelectorAll('.card')].filter((one) => !one.hidden).length") == 1
        await page.until("document.querySelector('[data-camera=\"99\"] .line-first').getAttribute('d')")
        assert "The server is away" in await page.text('[data-camera="99"]')
        await page.click(".chip", "All")
        await page.value("document.querySelector('#find').focus()")
        await page.type("gate 7")
        shown = "[...document.querySelectorAll('.card')].filter((one) => !one.hidden)"
        assert await page.value(f"{shown}.length") == 11
        del engine.configs[7], engine.changes[99]
        await page.until(f"{shown}.length === 10")
        assert page.complaints == []


@pytest.mark.parametrize("width", [320, 390, 768])
async def test_a_phone_never_scrolls_sideways(page: Page, width: int) -> None:
    async with many(6) as (engine, address):
        odd(engine)
        await page.look_like(width, 800, phone=True)
        await page.go(address)
        await page.until("document.querySelectorAll('.card').length === 6")
        wide = "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"
        assert await page.value(wide) <= width
        await page.click(".views button", "Events")
        assert await page.value(wide) <= width
        assert await page.value("getComputedStyle(document.querySelector('main')).display") == "none"
        await page.click(".views button", "Cameras")
        await page.click(".output-name")
        await page.until("document.querySelectorAll('.chain li').length > 0")
        assert await page.value(wide) <= width
        sheet = "document.querySelector('#details')"
        assert await page.value(f"{sheet}.scrollWidth <= {sheet}.clientWidth && {sheet}.clientWidth <= {width}")
        # Whatever is to be hit with a finger is large enough for one (WCAG 2.2, 2.5.8: 24 px).
        fields = "[...document.querySelectorAll('#details button, #details input, .bar button')]"
        small = f"{fields}.filter((one) => one.offsetParent && one.offsetHeight < 24)"
        assert await page.value(f"{small}.map((one) => one.textContent)") == []


def odd(engine: Many) -> None:
    """Names and texts as nobody would wish them."""
    engine.configs[0] = attrs.evolve(engine.configs[0], name=MARKUP)
    engine.configs[1] = attrs.evolve(engine.configs[1], name="W" * 200)
    engine.uplinks = tuple(UplinkMetrics(name=name, budget=1, least=2, sent=9e9) for name in ("W" * 64, MARKUP))
    failed = ServiceMetrics(
        name="W" * 64, type="http", state=ServiceState.FAILED, starts=1, failures=1, events_lost=0,
        last_error=f"{MARKUP} {LONG}",
    )  # fmt: skip
    engine.services = (failed,)
    engine.changes[0] = {
        "state": SessionState.FAILED, "health": Health.UNHEALTHY, "last_error": f"{MARKUP} {LONG}", "target": LONG,
        "next_attempt_at": time.time() + 4000, "label": MARKUP,
    }  # fmt: skip


async def test_names_with_markup_are_text(page: Page) -> None:
    heard: list[ServiceEvents] = []

    class Told(Many):
        def events(self, capacity: int = 100) -> ServiceEvents:
            heard.append(super().events(capacity))
            return heard[-1]

    async with many(2, Told) as (engine, address):
        odd(engine)
        await page.go(address)
        await page.until("document.querySelectorAll('.card').length === 2")
        assert await page.text(".card h3") == MARKUP
        assert MARKUP in await page.text(".card .why")
        heard[0].take(Event(label=MARKUP))
        await page.until("document.querySelectorAll('#log-list li').length === 1")
        assert MARKUP in await page.text("#log-list")
        await page.click(".output-name")
        await page.until("document.querySelectorAll('.chain li').length > 0")
        assert MARKUP in await page.text("#details-title")
        assert (
            await page.value("document.querySelectorAll('#details b, .card b, .card img[onerror], #log b').length") == 0
        )
        assert "broken" not in await page.value("document.title")
        assert page.complaints == []


async def test_everything_can_be_done_with_the_keyboard(page: Page) -> None:
    async with many(3) as (_engine, address):
        await page.go(address)
        await page.until("document.querySelectorAll('.card').length === 3")
        focus = "document.activeElement.className || document.activeElement.id || document.activeElement.tagName"
        reached = []
        for _ in range(30):
            await page.press("Tab")
            reached.append(await page.value(focus))
            if reached[-1] == "output-name":
                break
        assert reached[0] == "skip"
        assert {"quiet", "find", "chip", "output-name"} <= set(reached)
        await page.press("Enter")
        await page.until("document.querySelector('#details').open")
        assert await page.value("location.hash") == "#0/0/rtmp"
        assert await page.value("document.querySelector('#details').contains(document.activeElement)")
        await page.press("Escape")
        await page.until("!document.querySelector('#details').open")
        await page.until("location.hash === ''")
        assert await page.value("document.activeElement.className") == "output-name"
        unnamed = """
        [...document.querySelectorAll('button, input, select, img, [role=img]')].filter((one) =>
          !(one.textContent.trim() || one.ariaLabel || one.labels?.length || one.hasAttribute('alt')))
        """
        assert await page.value(f"{unnamed}.map((one) => one.outerHTML)") == []


async def test_events_are_found_by_level_camera_and_words(page: Page) -> None:
    heard: list[ServiceEvents] = []

    class Told(Many):
        def events(self, capacity: int = 100) -> ServiceEvents:
            heard.append(super().events(capacity))
            return heard[-1]

    @attrs.frozen(kw_only=True)
    class About(Event):
        key: SessionKey

        @property
        def text(self) -> str:
            return f"{self.level} of {self.label}"

    @attrs.frozen(kw_only=True)
    class Bad(About):
        level = "error"

    async with many(3, Told) as (_engine, address):
        await page.go(address)
        await page.until("document.querySelectorAll('.card').length === 3")
        for number in range(3):
            for kind in (About, Bad):
                heard[0].take(kind(label=f"cam{number}", key=SessionKey(number, 0, "rtmp")))
        shown = "[...document.querySelectorAll('#log-list p')].map((one) => one.textContent)"
        await page.until(f"{shown}.length === 6")
        assert await page.value(f"{shown}[0]") == "error of cam2"
        await page.value(choose("log-level", "error"))
        assert await page.value(shown) == ["error of cam2", "error of cam1", "error of cam0"]
        await page.value(choose("log-camera", "1"))
        assert await page.value(shown) == ["error of cam1"]
        heard[0].take(Bad(label="cam1", key=SessionKey(1, 0, "rtmp")))
        heard[0].take(Bad(label="cam2", key=SessionKey(2, 0, "rtmp")))
        await page.until(f"{shown}.length === 2")
        await page.value(choose("log-level", "debug"))
        await page.value(choose("log-find", "INFO"))
        assert await page.value(shown) == ["info of cam1"]
        await page.click("#log-list button")
        await page.until("location.hash === '#1/0/rtmp'")
        assert page.complaints == []


def choose(field: str, value: str) -> str:
    one = f"document.querySelector('#{field}')"
    return f"{one}.value = '{value}'; {one}.dispatchEvent(new Event('input'))"


async def test_a_page_that_nobody_sees_asks_for_nothing(page: Page) -> None:
    async with many(3) as (_engine, address):
        await page.go(address)
        await page.until("document.querySelectorAll('.card').length === 3")
        await looks(page, 1)
        await page.value(hidden(True))
        await page.value("new Promise((resolve) => setTimeout(resolve, 500))")
        before = len(page.requests)
        await page.value("new Promise((resolve) => setTimeout(resolve, 5000))")
        assert page.requests[before:] == []
        await page.value(hidden(False))
        await looks(page, 1)
        assert any(request == "GET /api/v1/events" for request in page.requests[before:])
        assert {request.partition("?")[0].split("/")[1] for request in page.requests} <= {"", "api", "page"}


def hidden(now: bool) -> str:
    return (
        f"Object.defineProperty(document, 'hidden', {{configurable: true, value: {str(now).lower()}}}); "
        "document.dispatchEvent(new Event('visibilitychange'))"
    )


@pytest.mark.parametrize("dark", [False, True])
async def test_letters_stand_out_from_their_ground(page: Page, dark: bool) -> None:
    """WCAG 2.2, 1.4.3: at least 4.5 to 1."""
    async with many(4) as (engine, address):
        odd(engine)
        engine.changes[2] = {"target_index": 1, "last_error": "the first is away"}
        engine.changes[3] = {"state": SessionState.DISCONNECTED, "health": Health.PAUSED}
        await page.look_like(1280, 900, dark=dark)
        await page.go(address)
        await page.until("document.querySelectorAll('.card').length === 4")
        wanted = (
            ".overall, .link, .tile dt, .tile dd, .chip, .output-name, .badge, .target, .rate, .why, .due, .quiet, h4"
        )
        assert await page.value(f"({CONTRAST})({wanted!r})") == []


CONTRAST = """
(selector) => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (rgb) => rgb.slice(0, 3).map((one) => one / 255)
    .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4))
    .reduce((sum, one, index) => sum + one * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = (node) => {
    for (let one = node; one; one = one.parentElement) {
      const colour = rgba(getComputedStyle(one).backgroundColor);
      if (colour[3] > 200) return colour;
    }
    return [255, 255, 255];
  };
  const shown = [...document.querySelectorAll(selector)].filter((one) => one.offsetParent && one.textContent.trim());
  return shown.map((one) => {
    const [text, below] = [light(rgba(getComputedStyle(one).color)), light(ground(one))];
    const ratio = (Math.max(text, below) + 0.05) / (Math.min(text, below) + 0.05);
    return [ratio, `${one.className || one.tagName} "${one.textContent.slice(0, 20)}" ${ratio.toFixed(2)}`];
  }).filter(([ratio]) => ratio < 4.5).map(([, words]) => words);
}
"""
