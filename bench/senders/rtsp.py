"""Takes cameras over RTSP in a process of its own, which holds nothing but what a user's program would.

    null    our source, its packets counted and thrown away
    pyav    FFmpeg's RTSP demuxer through PyAV, a thread a camera
    engine  the whole way to RTMP, as a program does it that embeds the engine; counts only with `probe`

    python -m bench.senders.rtsp '{"way": …, "urls": […], "target": …, "probe": false}'

It says "ready" when all cameras bring pictures; at "count" how many have come, at "notes" (with `probe`) all [camera,
end of the picture in hex, time in ns of the monotonic clock].
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from camcast.media import Packet

TAIL = 16


class Counter:
    """What has come, of all cameras."""

    def __init__(self, cameras: int, *, probe: bool) -> None:
        self.pictures = [0] * cameras
        self.dropped = 0
        self.notes: list[tuple[int, str, int]] = []
        self._probe = probe

    def picture(self, camera: int, data: bytes) -> None:
        if self._probe:
            self.notes.append((camera, data[-TAIL:].hex(), time.monotonic_ns()))
        self.pictures[camera] += 1


class NullSink:
    """A `camcast.contracts.MediaSink` that only counts."""

    def __init__(self, counter: Counter, camera: int) -> None:
        from camcast.media import MediaKind

        self._counter, self._camera, self._video = counter, camera, MediaKind.VIDEO

    def packet(self, packet: Packet) -> None:
        if packet.track.kind is self._video:
            self._counter.picture(self._camera, packet.payload)

    def tracks(self, tracks: object) -> None: ...

    def frame(self, frame: object) -> None: ...

    def discontinuity(self) -> None: ...

    def dropped(self, kind: object, reason: str, count: int = 1) -> None:
        self._counter.dropped += count


class _NoHandover:
    """The RTSP source has no threads."""

    def call(self, function: Callable[..., object], *args: object) -> bool:
        raise NotImplementedError

    def call_wait(self, function: Callable[..., object], *args: object, timeout: float) -> bool:
        raise NotImplementedError


async def null(case: dict[str, Any], counter: Counter) -> None:
    from camcast.contracts import SourceContext
    from camcast.host import PluginHost

    host = PluginHost()
    kind = host.source("rtsp")
    tasks = []
    for number, url in enumerate(case["urls"]):
        context = SourceContext(
            url=url,
            options=kind.options(),
            camera_id=number,
            stream_id=0,
            stream_name="main",
            camera_name="",
            codec=host.codec,
            handover=_NoHandover(),
            log=logging.getLogger("bench"),
        )
        tasks.append(kind.build(context).run(NullSink(counter, number)))
    await asyncio.gather(*tasks)


async def pyav(case: dict[str, Any], counter: Counter) -> None:
    import av

    def read(number: int, url: str) -> None:
        with av.open(url, options={"rtsp_transport": "tcp"}) as container:
            for packet in container.demux(video=0):
                counter.picture(number, bytes(packet))

    for number, url in enumerate(case["urls"]):
        threading.Thread(target=read, args=(number, url), daemon=True).start()
    await asyncio.Event().wait()


def config(urls: list[str], target: str) -> dict[str, Any]:
    """Each camera to `target` and its number."""
    return {
        "system": {"max_cameras": len(urls), "log_level": "ERROR", "max_connects_per_second": 400},
        "rtmp": {"url_template": target + "{camera_id}"},
        "cameras": [
            {
                "camera_id": number,
                "name": f"c{number}",
                "streams": [{"stream_id": 0, "name": "main", "source": {"type": "rtsp", "url": url}}],
            }
            for number, url in enumerate(urls)
        ],
    }


async def engine(case: dict[str, Any], counter: Counter) -> None:
    import tempfile
    from pathlib import Path

    from camcast import Engine

    noted = _note_sends(case["target"], counter) if case["probe"] else contextlib.nullcontext()
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(config(case["urls"], case["target"]), file)
        file.flush()
        made = Engine.from_file(Path(file.name))
    with noted:
        async with made:
            await asyncio.Event().wait()


def _note_sends(target: str, counter: Counter) -> contextlib.AbstractContextManager[None]:
    from bench import sends

    return sends.told(
        lambda transport, packet: counter.picture(int(transport._target.url.removeprefix(target)), packet.payload)
    )


WAYS: dict[str, Callable[[dict[str, Any], Counter], Awaitable[None]]] = {"null": null, "pyav": pyav, "engine": engine}


def _answer(counter: Counter) -> None:
    """In a thread; ends the process with the harness."""
    while not all(counter.pictures):
        time.sleep(0.05)
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "count":
            print(json.dumps([sum(counter.pictures), counter.dropped]), flush=True)
        elif line.strip() == "notes":
            print(json.dumps(counter.notes), flush=True)
    os._exit(0)


async def main() -> None:
    case = json.loads(sys.argv[1])
    counter = Counter(len(case["urls"]), probe=case["probe"])
    if case["probe"] or case["way"] != "engine":
        threading.Thread(target=_answer, args=(counter,), daemon=True).start()
    await WAYS[case["way"]](case, counter)


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(main())
