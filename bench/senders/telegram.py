"""tgrtmp (PyPI), a player for each stream: a publisher with a native engine. It sends H.264 and AAC from files."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any

from tests.media import made

from bench.senders.child import Sent, commands, ready, told


def run(case: dict[str, Any]) -> None:
    import tgrtmp

    players = [
        tgrtmp.publish(str(made(case["clip"])), case["prefix"].rstrip("/") + "/", str(number), loop=True)
        if case["prefix"].endswith("/")
        else tgrtmp.publish(str(made(case["clip"])), *_split(case["prefix"], number), loop=True)
        for number in range(case["streams"])
    ]
    deadline = time.monotonic() + 30
    while not all(player.connected for player in players):
        if time.monotonic() > deadline:
            raise SystemExit(f"{sum(player.connected for player in players)} of {len(players)} connected")
        time.sleep(0.1)
    held = threading.Event()
    commands(held.set)
    time.sleep(1.0)
    # What it drops while it begins, two frames each, is before the time that is measured.
    before = sum(player.stats["frames_dropped"] for player in players)
    ready()
    held.wait()
    told(
        Sent(
            frames=sum(player.stats["frames_sent"] for player in players),
            dropped=sum(player.stats["frames_dropped"] for player in players) - before,
        )
    )
    time.sleep(4)
    os._exit(0)


def _split(prefix: str, number: int) -> tuple[str, str]:
    base, _, name = prefix.rpartition("/")
    return base + "/", f"{name}{number}"


if __name__ == "__main__":
    run(json.loads(sys.argv[1]))
