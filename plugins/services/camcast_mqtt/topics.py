"""What is published where, worked out from a snapshot. Pure.

camcast/status                       online, offline (retained; offline also by the broker, when we are gone)
camcast/output/0/0/rtmp/state        JSON: state, health, on_air, problem, target, bitrate (kbit/s), …
camcast/output/0/0/rtmp/set          ON, OFF: resume, pause
camcast/output/0/0/rtmp/retry        anything: try again now
camcast/camera/0/0/state             JSON: state, problem, reason
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from camcast.camera.stats import Stats, StreamMetrics
from camcast.events import SessionKey, SessionState
from camcast.session.health import Health
from camcast.session.metrics import SessionMetrics
from camcast_mqtt.steady import Steady

ON, OFF = "ON", "OFF"
ONLINE, OFFLINE = "online", "offline"
_ODD = re.compile(r"[^A-Za-z0-9-]")


@attrs.frozen
class Topics:
    """Names below one prefix."""

    prefix: str

    @property
    def status(self) -> str:
        return f"{self.prefix}/status"

    def output(self, key: SessionKey, word: str) -> str:
        return f"{self.prefix}/output/{key.camera_id}/{key.stream_id}/{plain(key.output)}/{word}"

    def camera(self, camera_id: int, stream_id: int, word: str) -> str:
        return f"{self.prefix}/camera/{camera_id}/{stream_id}/{word}"

    def commands(self, stats: Stats) -> Mapping[str, tuple[str, SessionKey]]:
        """What each topic on which commands come asks of which output."""
        return {self.output(one.key, word): (word, one.key) for one in stats.sessions for word in ("set", "retry")}

    def states(self, stats: Stats, steady: Steady) -> Iterator[tuple[str, str]]:
        """Each topic of a state, with what it is now; bitrates as `steady` tells them."""
        for one in stats.sessions:
            rate = steady.of(one.key, round(one.bitrate / 1000))
            yield self.output(one.key, "state"), json.dumps(_output(one, rate))
        steady.keep_only(one.key for one in stats.sessions)
        for stream in stats.streams:
            yield self.camera(stream.camera_id, stream.stream_id, "state"), json.dumps(_camera(stream))


def plain(name: str) -> str:
    """An output's name as part of a topic: what means something there, or is no ASCII, as its number."""
    return _ODD.sub(lambda match: f"_{ord(match[0]):x}_", name)


def _switch(on: bool) -> str:
    return ON if on else OFF


def _output(one: SessionMetrics, rate: int) -> dict[str, Any]:
    return {
        "label": one.label,
        "state": one.state.value,
        "health": one.health.value,
        "on_air": _switch(one.state is SessionState.CONNECTED),
        "problem": _switch(one.health is Health.UNHEALTHY),
        "wanted": _switch(one.health is not Health.PAUSED),
        "reason": one.last_error if one.health is Health.UNHEALTHY else "",
        "target": one.target_index,
        "bitrate": rate,
        "pictures_dropped": sum(count for why, count in one.dropped.items() if why.startswith("video")),
        "failed_attempts": one.failed_attempts,
    }


def _camera(stream: StreamMetrics) -> dict[str, Any]:
    return {
        "label": stream.label,
        "state": stream.state.value,
        "problem": _switch(stream.lost),
        "reason": stream.last_error if stream.lost else "",
    }
