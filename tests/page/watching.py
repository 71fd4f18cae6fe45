"""A player of WHEP as anybody may write one, for pages in a test's browser; and what its pictures say."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
from collections.abc import AsyncIterator

import numpy as np
from aiohttp import web
from PIL import Image

from camcast.testing.strip import Mark, read
from tests.servers.chromium import PATIENCE, Page

PLAYER = """
async (url, token) => {
  const peer = window.peer = new RTCPeerConnection();
  const video = document.createElement("video");
  window.video = video;
  video.muted = video.autoplay = video.playsInline = true;
  document.body.append(video);
  const stream = video.srcObject = new MediaStream();
  peer.ontrack = ({track}) => stream.addTrack(track);
  peer.addTransceiver("video", {direction: "recvonly"});
  peer.addTransceiver("audio", {direction: "recvonly"});
  await peer.setLocalDescription();
  const headers = {"Content-Type": "application/sdp"};
  if (token) headers.Authorization = `Bearer ${token}`;
  const answer = await fetch(url, {method: "POST", headers, body: peer.localDescription.sdp});
  if (answer.status !== 201) return answer.status;
  window.place = new URL(answer.headers.get("Location"), url).href;
  await peer.setRemoteDescription({type: "answer", sdp: await answer.text()});
  return 201;
}
"""
SHOT = """
(() => {
  if (!video.videoWidth) return null;
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  return [Date.now(), canvas.toDataURL("image/png")];
})()
"""

LISTEN = """
(async () => {
  const context = new AudioContext();
  await context.resume();
  window.analyser = context.createAnalyser();
  context.createMediaStreamSource(video.srcObject).connect(analyser);
})()
"""
PEAK = """
(() => {
  const samples = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(samples);
  return Math.max(...samples);
})()
"""


@contextlib.asynccontextmanager
async def blank(host: str = "127.0.0.1") -> AsyncIterator[str]:
    """The address of an empty page at `host`, which is somebody else's for every engine."""

    async def empty(request: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><link rel=icon href=data:,><body>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", empty)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, 0)
        await site.start()
        yield f"http://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def watch(page: Page, url: str, token: str = "") -> int:
    """Have the page play; the status of the answer."""
    return int(await page.value(f"({PLAYER})({json.dumps(url)}, {json.dumps(token)})"))


async def shot(page: Page, seconds: float = PATIENCE) -> tuple[Mark, float]:
    """What the strip of the picture that is shown says, and how old it is in ms, by this machine's clock."""
    async with asyncio.timeout(seconds):
        while True:
            at, url = await page.until(SHOT)
            picture = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("L")
            # A picture that is changed while it is drawn, or coarse as the first ones are, says nothing.
            if (mark := read(np.asarray(picture))) is not None:
                return mark, at - mark.wall_ms


async def hear(page: Page, peak: float) -> None:
    """Wait until what is played is as loud as this, of 1."""
    # Browsers let nothing sound before somebody has touched the page.
    await page.send("Runtime.evaluate", expression=LISTEN, awaitPromise=True, userGesture=True)
    await page.until(f"{PEAK} > {peak}")
