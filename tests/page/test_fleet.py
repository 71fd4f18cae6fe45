"""The fleet on the page of a member: who is there, who runs what, and what is being emptied."""

from __future__ import annotations

from typing import Any

import attrs

from camcast.coordinators import Hold, Order
from camcast.fleet_report import FleetCamera, FleetCameraState, FleetMember, FleetReport
from tests.page.many import many
from tests.servers.chromium import Page

SHOWN = 200
"""Cameras that are listed at once."""


def member(name: str, **more: Any) -> FleetMember:
    figures: dict[str, Any] = {
        "running": 2, "on_air": 2, "capacity": 100.0, "labels": {"gpu": "yes"}, "lease": 10.0, "hold": Hold.LEASE,
        "order": Order.NONE, "silent": False, "renewed_ago": 1.0,
    }  # fmt: skip
    return FleetMember(name=name, **{**figures, **more})


def camera(number: int, member: str = "ada", state: FleetCameraState = FleetCameraState.ON_AIR) -> FleetCamera:
    return FleetCamera(camera_id=number, name=f"hall-{number}", member=member, fence=1, state=state)


def report(*members: FleetMember, cameras: tuple[FleetCamera, ...]) -> FleetReport:
    return FleetReport(fleet="site", member="ada", heard=True, version=3, members=members, cameras=cameras)


async def test_who_is_in_no_fleet_shows_none(page: Page) -> None:
    async with many(1) as (_, address):
        await page.go(address)
        await page.until("document.querySelectorAll('.card').length === 1")
        assert await page.value("document.querySelector('#fleet').hidden")
        assert page.complaints == []


async def test_members_and_cameras_are_shown_as_they_are(page: Page) -> None:
    async with many(1) as (engine, address):
        engine.report = report(member("ada"), member("bob"), cameras=(camera(1), camera(2, "bob")))
        await page.go(address)
        await page.until("document.querySelector('#fleet-overall').dataset.tone === 'good'")
        assert await page.text("#fleet-overall") == "site: 2 members, 2 of 2 cameras on the air"
        await page.click("#fleet summary")
        row = await page.text("[data-member=bob]")
        assert all(word in row for word in ("bob", "Well", "2 of 2", "100", "gpu=yes", "lease", "ago"))
        assert "bob" in await page.text("#fleet-cameras [data-camera='2']")
        # One is emptied, the other has gone silent; a camera of its is nowhere.
        engine.report = report(
            member("ada", order=Order.DRAIN),
            member("bob", silent=True),
            cameras=(camera(1), camera(2, "", FleetCameraState.WAITING)),
        )
        await page.until("document.querySelector('[data-member=bob]').dataset.tone === 'bad'")
        assert "Being emptied" in await page.text("[data-member=ada]")
        assert "Silent" in await page.text("[data-member=bob]")
        assert await page.text("#fleet-overall") == "site: 2 members, 1 of 2 cameras on the air"
        # What is in trouble comes first.
        first = await page.text("#fleet-cameras tr")
        assert all(word in first for word in ("hall-2", "nobody", "nowhere"))
        engine.report = attrs.evolve(engine.report, heard=False)
        await page.until("document.querySelector('#fleet-overall').innerText.includes('the store is away')")
        assert page.complaints == []


async def test_of_thousands_some_are_listed_and_any_is_found(page: Page) -> None:
    async with many(1) as (engine, address):
        engine.report = report(member("ada", running=3000), cameras=tuple(camera(number) for number in range(3000)))
        await page.go(address)
        await page.until("document.querySelector('#fleet-overall').dataset.tone")
        await page.click("#fleet summary")
        rows = "document.querySelectorAll('#fleet-cameras tr').length"
        assert await page.value(rows) == SHOWN
        assert "2 800 more" in (await page.text("#fleet-more")).replace("\u202f", " ")
        await page.value(
            "(() => { const find = document.querySelector('#fleet-find'); find.value = 'hall-2999';"
            " find.dispatchEvent(new Event('input')); return true; })()"
        )
        assert await page.value(rows) == 1
        assert "hall-2999" in await page.text("#fleet-cameras")
        assert page.complaints == []
