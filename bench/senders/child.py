"""What a sending process and the harness say to each other, line by line.

child → ready            all streams are on the air
harness → hold           stop feeding, stay connected
child → JSON             what was sent: audio and video payload in bytes, frames, memory held in groups, delays
harness → stop
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

import attrs

from camcast.media import MediaKind


@attrs.define
class Sent:
    """What a sender says at the end. `bytes`: payload of audio and video messages; 0 = it cannot tell."""

    bytes: int = 0
    frames: int = 0
    dropped: int = 0
    group_bytes: int = 0
    """Pictures kept for those who join later."""
    delays: list[float] = attrs.field(factory=list)
    """ms from the source's hand-over to the end of the send, p50, p99, max and share of what had to wait."""


def ready() -> None:
    print("ready", flush=True)


def told(sent: Sent) -> None:
    print(json.dumps(attrs.asdict(sent)), flush=True)


def commands(on_hold: Any) -> None:
    """Wait for the harness in a thread of its own; ends the process with it."""

    def listen() -> None:
        for line in sys.stdin:
            if line.strip() == "hold":
                on_hold()
            else:
                break
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()


def quantiles(values: list[int]) -> list[float]:
    """p50, p99 and maximum of ns, in ms."""
    if not values:
        return []
    ordered = sorted(values)
    return [ordered[int((len(ordered) - 1) * part)] / 1e6 for part in (0.5, 0.99, 1.0)]


VIDEO, AUDIO = MediaKind.VIDEO, MediaKind.AUDIO
