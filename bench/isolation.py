"""What four bad destinations do to twelve good ones of the same stream.

One is throttled to a tenth of the bitrate, one dead, one hostile (random bytes), one has a name whose look-up hangs.
Measured is the time from the source's hand-over to the return of the transport's send, with and without the four.
Reach: the twelve lose no frame, and their 99th percentile stays within twice that of the undisturbed run.

    python -m bench.isolation [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from tests.faults.proxy import FaultProxy, Greeting
from tests.media import made
from tests.servers.process import free_port

from bench import clips, sends
from bench.peers import Peer
from bench.report import Row, keep, show
from camcast import CameraConfig, Config, Engine, RetryPolicy, SessionConfig, SourceConfig, StreamConfig
from camcast.media import Packet
from camcast_rtmp.driver import RtmpTransport

GOOD, BAD = 12, 4
FACTOR = 2.0
HUNG = "hangs.test"
CLIP = next(name for name in clips.TITLES if name == "camera_1m")
BITRATE = 1_100_000


@contextmanager
def _timed() -> Iterator[dict[str, list[int]]]:
    """ns from hand-over to the return of send, by the session's label."""
    times: dict[str, list[int]] = {}

    def note(transport: RtmpTransport, packet: Packet) -> None:
        if packet.arrival:
            times.setdefault(transport._context.label, []).append(time.monotonic_ns() - packet.arrival)

    with sends.told(note):
        yield times


@contextmanager
def _hanging_name() -> Iterator[None]:
    real = socket.getaddrinfo

    def look_up(host: str, *rest: Any) -> Any:
        if host == HUNG:
            threading.Event().wait(30)
        return real(host, *rest)

    with mock.patch("camcast.session.resolver.socket.getaddrinfo", look_up):
        yield


async def _sent(seconds: float, *, disturbed: bool) -> dict[str, Any]:
    with ExitStack() as stack:
        peer = stack.enter_context(Peer(keep=False))
        slow = stack.enter_context(FaultProxy((peer.host, peer.port)))
        hostile = stack.enter_context(FaultProxy((peer.host, peer.port), greeting=Greeting.GARBAGE))
        stack.enter_context(_hanging_name())
        times = stack.enter_context(_timed())
        bad = [peer.url(f"bad{n}") for n in range(BAD)]
        if disturbed:
            bad = [
                f"rtmp://{slow.address}/live/bad0",
                f"rtmp://127.0.0.1:{free_port()}/live/bad1",
                f"rtmp://{hostile.address}/live/bad2",
                f"rtmp://{HUNG}/live/bad3",
            ]
        urls = {f"good{n}": peer.url(f"good{n}") for n in range(GOOD)} | {f"bad{n}": url for n, url in enumerate(bad)}
        policy = RetryPolicy(max_attempts=None, initial_delay=0.2, max_delay=0.5)
        sessions = tuple(
            SessionConfig(camera_id=0, output=output, url=url, retry_policy=policy) for output, url in urls.items()
        )
        source = SourceConfig(type="file", url=str(made(CLIP)), options={"loop": True})
        config = Config(cameras=(CameraConfig(streams=(StreamConfig(source=source, sessions=sessions),)),))
        async with Engine(config) as engine:
            good = [one for one in engine.sessions if one.key.output.startswith("good")]
            while not all(one.metrics.video_sent > 30 for one in good):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            if disturbed:
                slow.rate_up = BITRATE / 10
            for found in times.values():
                found.clear()
            ends = time.monotonic() + seconds
            while time.monotonic() < ends:
                await asyncio.sleep(0.2)
                if disturbed and random.random() < 0.2:
                    hostile.greeting = random.choice([Greeting.GARBAGE, Greeting.PASS])
                    hostile.inject(os.urandom(20_000))
            metrics = [one.metrics for one in good]
            ill = {one.key.output: one.metrics for one in engine.sessions if one.key.output.startswith("bad")}
        counts = await asyncio.to_thread(peer.ask, "counts")
        final = {one.key.output: one.metrics for one in good}
    waits = sorted(wait for label, found in times.items() if "good" in label for wait in found)
    lost = sum(one.frames_dropped for one in metrics)
    # Headers, two of video and one of sound, are the receiver's only surplus.
    unlike = [
        name
        for name, one in final.items()
        if counts[name]["video"] - 2 != one.video_sent + one.replayed or counts[name]["audio"] - 1 != one.audio_sent
    ]
    return {
        "run": "disturbed" if disturbed else "undisturbed",
        "frames": len(waits),
        "frames_lost": lost + len(unlike),
        "p50_us": waits[len(waits) // 2] / 1000,
        "p99_us": waits[len(waits) * 99 // 100] / 1000,
        "worst_us": waits[-1] / 1000,
        "dropped_at_the_slow_one": ill["bad0"].frames_dropped if disturbed else 0,
        "failures_of_the_others": sum(one.failed_attempts for one in ill.values()),
    }


def run(quick: bool = False) -> list[Row]:
    """Both runs, the undisturbed before and after the disturbed one."""
    seconds = 6.0 if quick else 20.0
    rows = [asyncio.run(_sent(seconds, disturbed=disturbed)) for disturbed in (False, True, False)]
    calm = max(rows[0]["p99_us"], rows[2]["p99_us"])
    for row in rows:
        row["reached"] = row["frames_lost"] == 0 and row["p99_us"] <= FACTOR * calm
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    rows = run(quick)
    show("Twelve good destinations beside four bad ones", rows)
    print(keep("isolation-quick" if quick else "isolation", rows))


if __name__ == "__main__":
    main()
