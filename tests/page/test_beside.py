"""What stands between the totals and the cameras: uplinks that outputs share, and services that do not run."""

from __future__ import annotations

from typing import Any

from camcast.camera.stats import ServiceMetrics
from camcast.events import ServiceState
from camcast.session.uplinks import UplinkMetrics
from tests.page.many import many
from tests.servers.chromium import Page


def lte(**more: Any) -> UplinkMetrics:
    figures: dict[str, Any] = {"limit": 8_000_000, "budget": 8_000_000, "sent": 2e6, "outputs": 3, **more}
    return UplinkMetrics(name="lte", interface="wwan0", **figures)


def service(state: ServiceState, why: str = "") -> ServiceMetrics:
    return ServiceMetrics(
        name="mqtt", type="mqtt", state=state, starts=1, failures=0, last_error=why, events_lost=0, figures={}
    )


async def test_an_uplink_shows_what_is_sent_of_what_may_be_and_why_that_is_less(page: Page) -> None:
    async with many(1) as (engine, address):
        engine.changes[0] = {
            "uplink": "lte", "uplink_share": 1_500_000, "bitrate_target": 1_200_000, "bitrate_reason": "a queue grows",
            "picture": "sub", "platform": "youtube", "platform_reason": "keyframes come every 10 s",
        }  # fmt: skip
        await page.go(address)
        await page.until("document.querySelectorAll('.card').length === 1")
        assert await page.value("document.querySelector('#uplinks').hidden")
        engine.uplinks = (lte(),)
        await page.until("document.querySelector('.uplink')?.dataset.tone === 'good'")
        shown = await page.text(".uplink")
        assert all(words in shown for words in ("lte", "wwan0", "2.00 Mbit/s of 8.00 Mbit/s", "3 outputs"))
        assert await page.value("document.querySelector('.uplink progress').value") == 0.25
        name = "document.querySelector('.uplink h3')"
        assert await page.value(f"{name}.scrollWidth <= {name}.clientWidth"), "its name is cut off"
        engine.uplinks = (lte(budget=4_000_000, reason="a queue stands", changes=2, least=1_000_000),)
        await page.until("document.querySelector('.uplink').dataset.tone === 'warn'")
        assert "Held to 4.00 Mbit/s: a queue stands" in await page.text(".uplink")
        engine.uplinks = (lte(budget=4_000_000, reason="a queue stands", changes=2, least=5_000_000),)
        await page.until("document.querySelector('.uplink').dataset.tone === 'bad'")
        assert "It does not hold: its outputs take 5.00 Mbit/s at the least" in await page.text(".uplink")
        await page.click(".output-name")
        await page.until("document.querySelector('.figures').textContent.includes('lte: 1.50 Mbit/s')")
        figures = await page.text(".figures")
        for words in ("1.20 Mbit/s (a queue grows)", "sub", "youtube", "keyframes come every 10 s"):
            assert words in figures
        engine.uplinks = ()
        await page.until("document.querySelector('#uplinks').hidden")
        assert page.complaints == []


async def test_a_service_that_does_not_run_is_said_until_it_does(page: Page) -> None:
    async with many(1) as (engine, address):
        engine.services = (service(ServiceState.RUNNING),)
        await page.go(address)
        await page.until("document.querySelectorAll('.card').length === 1")
        assert await page.value("document.querySelector('#services').hidden")
        engine.services = (service(ServiceState.WAITING, "port 1883 is closed"),)
        await page.until("!document.querySelector('#services').hidden")
        assert await page.text("#services") == "Service mqtt: waiting (port 1883 is closed)"
        engine.services = (service(ServiceState.RUNNING),)
        await page.until("document.querySelector('#services').hidden")
        assert page.complaints == []
