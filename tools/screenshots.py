"""Pictures of the page for the docs: some cameras for a while, of which a few have trouble, in Debian's chromium.

`make screenshots MINUTES=15` writes docs/images/*.webp.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import Any

import attrs
from tests.servers.chromium import Chromium, Page
from tests.servers.process import free_port

from camcast import Engine
from camcast.config import ServiceConfig, from_mapping
from camcast.events import ServiceNote
from camcast.host import PluginHost
from camcast_rtmp.receiver import Receiver

ROOT = Path(__file__).parent.parent
CLIPS = ROOT / ".cache" / "clips"
IMAGES = ROOT / "docs" / "images"
NAME = "cam{camera_id}_{stream_name}"
TOKEN = "for-these-pictures"
"""For an engine that lives as long as this script, on this machine alone."""
DOWN = 0.04
"""How long the first server is away each time, as a part of the whole time."""
FAILURES = (0.3, 0.7)
"""When it goes, as parts of the whole time."""


@attrs.frozen
class Shot:
    """One picture: of how large a window, in which colours, and of which output."""

    name: str
    width: int = 1440
    height: int = 900
    dark: bool = False
    phone: bool = False
    output: str = ""


SHOTS = (
    Shot("page"),
    Shot("page-dark", dark=True),
    Shot("output", output="0/0/rtmp"),
    Shot("output-dark", output="0/0/rtmp", dark=True),
    Shot("phone", 390, 844, phone=True),
    Shot("phone-output", 390, 844, phone=True, dark=True, output="0/0/rtmp"),
)


def configuration(first: Receiver, other: Receiver, backup: Receiver) -> dict[str, Any]:
    """Films and test pictures to two servers with a backup; one more output to where nobody is, and a dead camera."""
    cameras = [
        _camera("Street", _film("bikes.mp4")),
        _camera("Reception", _film("carphone_pristine.mp4")),
        _camera("Courtyard", _film("bigbuckbunny.mp4")),
        _camera("Gate", _picture("smpte"), cloud={"url": "rtmp://127.0.0.1:9/live/gate"}),
        _camera("Loading dock", _picture("moving"), rtmp=_chain(other, backup)),
        _camera("Roof", {"source": {"type": "rtsp", "url": f"rtsp://127.0.0.1:{free_port()}/roof"}}),
    ]
    return {
        "system": {"uplinks": {"office": {"limit": 12_000}}},
        "rtmp": {**_chain(first, backup), "failback_after": 5, "uplink": "office"},
        "cameras": cameras,
    }


def _chain(first: Receiver, backup: Receiver) -> dict[str, Any]:
    return {"url_template": first.url("live", NAME), "fallback_urls": [backup.url("live", NAME)]}


def _camera(name: str, stream: dict[str, Any], **outputs: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in outputs.items() if key != "rtmp"}
    own = {"rtmp": outputs["rtmp"]} if "rtmp" in outputs else {}
    return {"name": name, **own, "streams": [{"name": "main", **stream, **({"outputs": rest} if rest else {})}]}


def _film(name: str) -> dict[str, Any]:
    return {"source": {"type": "file", "url": str(CLIPS / name), "options": {"loop": True}}}


def _picture(pattern: str) -> dict[str, Any]:
    return {
        "source": {"type": "testsrc", "options": {"pattern": pattern}},
        "encoder": {"width": 640, "height": 360, "framerate": 15, "bitrate": 800},
    }


async def take(minutes: float) -> None:
    """Run everything, and take the pictures at the end."""
    async with Receiver() as first, Receiver() as other, Receiver() as backup:
        host = PluginHost()
        config = from_mapping(configuration(first, other, backup), host)
        service = ServiceConfig(type="http", options={"port": 0, "change_token": TOKEN})
        engine = Engine(config, host=host, beside=[service])
        events = engine.events()
        async with engine:
            async for event in events:
                if isinstance(event, ServiceNote) and event.code == "listening":
                    address = event.message
                    break
            await _fail(first, minutes * 60)
            await other.stop()
            await _shoot(address)


async def _fail(server: Receiver, seconds: float) -> None:
    """So many seconds, in which a server goes and comes back."""
    passed = 0.0
    for at in FAILURES:
        await asyncio.sleep((at - passed) * seconds)
        await server.stop()
        await asyncio.sleep(DOWN * seconds)
        await server.start()
        passed = at + DOWN
    await asyncio.sleep((1 - passed) * seconds)


async def _shoot(address: str) -> None:
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="camcast-page-") as folder:
        browser = Chromium(Path(folder))
        # Cameras run on this loop, so it must not wait for a browser.
        await asyncio.to_thread(browser.start)
        try:
            for shot in SHOTS:
                async with browser.page() as page:
                    await page.look_like(shot.width, shot.height, dark=shot.dark, phone=shot.phone)
                    await page.go(address + (f"#{shot.output}" if shot.output else ""))
                    await _ready(page, shot)
                    path = IMAGES / f"{shot.name}.webp"
                    await page.picture(path)
                    assert page.complaints == [], page.complaints
                    print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1000} kB")
        finally:
            await asyncio.to_thread(browser.stop)


async def _ready(page: Page, shot: Shot) -> None:
    """Pictures and curves are there."""
    inside = "#details" if shot.output else "main"
    sight = f"[...document.querySelectorAll('{inside} .picture img')].filter((one) => one.checkVisibility())"
    await page.until(f"{sight}.length > 0 && {sight}.every((one) => one.naturalWidth > 0)")
    await page.until(f"document.querySelector('{inside} .line-other').getAttribute('d')")
    if not shot.output:
        # The last camera has none.
        near = "[...document.querySelectorAll('.card:not(:last-child)')]"
        near += ".filter((one) => one.getBoundingClientRect().top < innerHeight)"
        await page.until(f"{near}.every((one) => one.querySelector('img').naturalWidth)")
    await page.value("document.activeElement.blur()")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0)
    asyncio.run(take(parser.parse_args().minutes))
