"""A thousand sessions on one host that goes away and comes back.

Reach: all live again within 60 s of its return, never more connects a second than `max_connects_per_second` (50),
none starved. The receiver is a process of its own; while it is away its port refuses. "most connects in 1 s" is over
any window of one second, at the server after its return, and of refused attempts while it was away.

    python -m bench.crowd [--quick] [--long]
"""

from __future__ import annotations

import argparse
import asyncio
import bisect
import time
from pathlib import Path

from tests.media import RECIPES, encode, made

from bench.peers import Peer
from bench.report import Row, keep, show
from camcast import CameraConfig, Config, Engine, RetryPolicy, SessionConfig, SourceConfig, StreamConfig, SystemConfig
from camcast.events import AttemptFailed, SessionState

CAP = 50
WITHIN = 60.0
OUTPUTS = 100
"""Sessions a camera."""
SETTLED = 4.0
"""Seconds after the last one's start: a server that closes sooner means it as a refusal."""
SLACK = 1
"""A window of a second that begins with a connect holds one more than the rate says."""


def _recipe(path: Path) -> None:
    options = {"preset": "ultrafast", "tune": "zerolatency"}
    encode(path, size=(176, 144), fps=5, seconds=10, gop=2, bitrate=30_000, noise=0, audio=None, video_options=options)


RECIPES["crowd"] = (".mp4", _recipe)


def _config(sessions: int, peer: Peer) -> Config:
    source = SourceConfig(type="file", url=str(made("crowd")), options={"loop": True})
    policy = RetryPolicy(max_attempts=None)
    cameras = []
    for camera in range(-(-sessions // OUTPUTS)):
        outputs = [
            SessionConfig(camera_id=camera, output=f"out{n}", url=peer.url(f"c{camera}o{n}"), retry_policy=policy)
            for n in range(min(OUTPUTS, sessions - camera * OUTPUTS))
        ]
        cameras.append(CameraConfig(camera_id=camera, streams=(StreamConfig(source=source, sessions=tuple(outputs)),)))
    return Config(system=SystemConfig(max_cameras=1000, max_connects_per_second=CAP), cameras=tuple(cameras))


async def _away(sessions: int, seconds: float) -> Row:
    with Peer(keep=False) as peer:
        async with Engine(_config(sessions, peer)) as engine:
            refused: list[float] = []

            async def watch() -> None:
                async for event in engine.events():
                    if isinstance(event, AttemptFailed) and event.stage == "connect":
                        refused.append(time.monotonic())  # noqa: PERF401  when it comes

            watcher = asyncio.create_task(watch())
            began = time.monotonic()
            await _all_live(engine, sessions)
            first = time.monotonic() - began
            await asyncio.sleep(SETTLED)
            peer.kill()
            await asyncio.sleep(seconds)
            attempts = [one.metrics.failed_attempts for one in engine.sessions]
            await asyncio.to_thread(peer.start)
            returned = time.monotonic()
            back = await _all_live(engine, sessions, back=True)
            await asyncio.sleep(1.0)
            accepts = [at / 1e9 for at in await asyncio.to_thread(peer.ask, "accepts")]
            counts = await asyncio.to_thread(peer.ask, "counts")
            watcher.cancel()
    row: Row = {
        "sessions": sessions,
        "away_s": seconds,
        "first_start_s": first,
        "half_back_s": back[len(back) // 2] - returned,
        "all_back_s": back[-1] - returned,
        "most_connects_in_1s": _densest(accepts),
        "most_refused_in_1s": _densest(refused),
        "fewest_attempts_while_away": min(attempts),
        "most_attempts_while_away": max(attempts),
        "live_at_the_server": sum(one["live"] for one in counts.values()),
    }
    reached = (
        row["all_back_s"] <= WITHIN
        and max(row["most_connects_in_1s"], row["most_refused_in_1s"]) <= CAP + SLACK
        and row["fewest_attempts_while_away"] >= 1
        and row["live_at_the_server"] == sessions
    )
    return {**row, "reached": reached}


async def _all_live(engine: Engine, sessions: int, *, back: bool = False, timeout: float = 120.0) -> list[float]:
    """Wait until all deliver; when each of them first did."""
    since: dict[object, float] = {}
    began = time.monotonic()
    while len(since) < sessions:
        assert time.monotonic() - began < timeout, f"{len(since)} of {sessions} are live after {timeout:g} s"
        for one in engine.sessions:
            if one.key not in since and one.state is SessionState.CONNECTED and one.metrics.uptime > 0:
                if back and one.metrics.failed_attempts == 0:
                    continue
                since[one.key] = time.monotonic()
        await asyncio.sleep(0.25)
    return sorted(since.values())


def _densest(times: list[float]) -> int:
    """The most that lie within any second."""
    times = sorted(times)
    return max((bisect.bisect_left(times, at + 1.0) - place for place, at in enumerate(times)), default=0)


def run(quick: bool = False, long: bool = False) -> list[Row]:
    """`quick`: 200 sessions, 5 s; `long`: away for 5 min as well."""
    if quick:
        return [asyncio.run(_away(200, 5.0))]
    return [asyncio.run(_away(1000, away)) for away in ((20.0, 300.0) if long else (20.0,))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--long", action="store_true", help="also 5 min away")
    arguments = parser.parse_args()
    rows = run(arguments.quick, arguments.long)
    show("A host that goes away and comes back", rows)
    print(keep("crowd-quick" if arguments.quick else "crowd", rows))


if __name__ == "__main__":
    main()
