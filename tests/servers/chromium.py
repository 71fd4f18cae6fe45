"""Debian's chromium without a screen, driven by the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/)."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import shutil
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from tests.servers.process import ServerProcess

ANSWER = 30.0
"""Seconds for an answer of the browser's."""
PATIENCE = 30.0
"""Seconds for something to come about in a page."""


STILL = 0.15
"""Seconds for which something must stand where it is before it is clicked."""


class Chromium(ServerProcess):
    """One browser with a profile of its own. `async with browser.page() as page`."""

    def command(self) -> Sequence[str]:
        return [
            shutil.which("chromium") or "/usr/bin/chromium",
            "--headless=new",
            f"--remote-debugging-port={self.port}",
            f"--user-data-dir={self.directory / 'profile'}",
            # Tests may run as root in a container, where the sandbox has nothing to stand on; the pages are ours.
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--hide-scrollbars",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-extensions",
            "--disable-sync",
            "about:blank",
        ]

    @contextlib.asynccontextmanager
    async def page(self) -> AsyncIterator[Page]:
        """A page in a context of its own: nothing is left of it in the next one."""
        async with aiohttp.ClientSession() as client:
            async with client.get(f"http://{self.address}/json/version") as answer:
                url = (await answer.json())["webSocketDebuggerUrl"]
            async with client.ws_connect(url, max_msg_size=0) as socket:
                page = Page(socket)
                reading = asyncio.create_task(page.read())
                try:
                    await page.attach()
                    yield page
                    await page.detach()
                finally:
                    reading.cancel()
                    await asyncio.wait({reading})


class Page:
    """One tab. `complaints`: what its console has of errors and warnings, and exceptions that nobody caught."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        """Paths and methods of what it has asked for: "GET /api/v1/overview"."""
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._session = ""
        self._context = ""
        self._asked = asyncio.Condition()

    async def read(self) -> None:
        """What the browser says, until it ends."""
        async for message in self._socket:
            said = json.loads(message.data)
            if "id" in said:
                answer = self._answers.pop(said["id"])
                if not answer.done():
                    answer.set_result(said)
            else:
                self._hear(said["method"], said["params"])
                async with self._asked:
                    self._asked.notify_all()

    async def attach(self) -> None:
        self._context = (await self.send("Target.createBrowserContext"))["browserContextId"]
        target = await self.send("Target.createTarget", url="about:blank", browserContextId=self._context)
        found = await self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = found["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.send(f"{domain}.enable")

    async def detach(self) -> None:
        self._session = ""
        await self.send("Target.disposeBrowserContext", browserContextId=self._context)

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """One command; raises `AssertionError` with the browser's words where it is refused."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        about = {"sessionId": self._session} if self._session else {}
        await self._socket.send_json({"id": number, "method": method, "params": params, **about})
        async with asyncio.timeout(ANSWER):
            said = await answer
        assert "error" not in said, f"{method}: {said['error']}"
        result: dict[str, Any] = said["result"]
        return result

    async def look_like(self, width: int, height: int, *, dark: bool = False, phone: bool = False) -> None:
        """A window of this size, in CSS pixels."""
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.send("Emulation.setEmulatedMedia", features=[scheme])

    async def go(self, url: str) -> None:
        await self.send("Page.navigate", url=url)
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def value(self, expression: str) -> Any:
        """What a JavaScript expression is, awaited; raises `AssertionError` with what it throws."""
        found = await self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, _thrown(found["exceptionDetails"])
        return found["result"].get("value")

    async def until(self, expression: str, seconds: float = PATIENCE) -> Any:
        """The first true value of an expression."""
        deadline = time.monotonic() + seconds
        while not (found := await self.value(expression)):
            assert time.monotonic() < deadline, (
                f"not within {seconds:g} s: {expression}\n{self.complaints}\n{await self.text()}"
            )
            await asyncio.sleep(0.05)
        return found

    async def asked(self, enough: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Wait until `enough` holds, which is looked at whenever the page has asked for something."""
        async with asyncio.timeout(seconds), self._asked:
            await self._asked.wait_for(enough)

    async def text(self, selector: str = "body") -> str:
        """What can be read of the first such element."""
        return str(await self.value(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    async def click(self, selector: str, text: str = "") -> None:
        """With the pointer, on the first such element that says `text`, once it stands still with nothing over it."""
        element = (
            f"[...document.querySelectorAll({json.dumps(selector)})].find((one) => one.offsetParent !== null && "
            f"one.textContent.includes({json.dumps(text)}))"
        )
        place = (
            f"(() => {{ const one = {element}; if (!one) return null; "
            "one.scrollIntoView({block: 'center', behavior: 'instant'}); const box = one.getBoundingClientRect(); "
            "const [x, y] = [box.x + box.width / 2, box.y + box.height / 2]; "
            "return one.contains(document.elementFromPoint(x, y)) ? [x, y] : null; })()"
        )
        before, here = None, await self.until(place)
        while before != here:
            await asyncio.sleep(STILL)
            before, here = here, await self.until(place)
        x, y = here
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            await self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    async def type(self, text: str) -> None:
        """Into what has the focus."""
        await self.send("Input.insertText", text=text)

    async def press(self, key: str) -> None:
        """One key by its name: "Tab", "Escape", "Enter"."""
        code = {"Tab": 9, "Enter": 13, "Escape": 27}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            about = text if kind == "keyDown" else {}
            await self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **about)

    async def picture(self, path: Path) -> None:
        """What is in the window, as a file in the form that its name says: .png, .jpeg or .webp."""
        data = await self.send("Page.captureScreenshot", format=path.suffix[1:])
        await asyncio.to_thread(path.write_bytes, base64.b64decode(data["data"]))

    def _hear(self, method: str, params: dict[str, Any]) -> None:
        match method:
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning", "assert"):
                self.complaints.append(" ".join(str(one.get("value", one)) for one in params["args"]))
            case "Runtime.exceptionThrown":
                self.complaints.append(_thrown(params["exceptionDetails"]))
            case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                entry = params["entry"]
                self.complaints.append(f"{entry['text']} {entry.get('url', '')}".strip())
            case "Network.requestWillBeSent":
                url = params["request"]["url"]
                if "://" in url:
                    path = "/" + url.split("://", 1)[1].partition("/")[2]
                    self.requests.append(f"{params['request']['method']} {path}")


def _thrown(details: dict[str, Any]) -> str:
    return str(details.get("exception", {}).get("description", details["text"]))
