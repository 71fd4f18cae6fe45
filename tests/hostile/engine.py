"""The engine under attack, in a process of its own, with its loop measured: `python -m tests.hostile.engine`.

Reads a configuration and a number of seconds from its standard input (one line of JSON), runs, and prints one line of
JSON: what each session sent and dropped, what is told of each, which attempts and sources failed, the most CPU time
that one turn of the loop took, the whole CPU time, and the most memory.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from typing import Any

from camcast import Engine
from camcast.config import from_mapping
from camcast.events import AttemptFailed, SourceChanged
from camcast.host import PluginHost
from camcast.interpreter import take_turns

GOOD = 3
"""Cameras below this number are good ones."""
WARM = 1.0
"""Seconds from the start that do not count for the loop's turns: what is imported late is read then."""


class MeasuredLoop(asyncio.SelectorEventLoop):
    """Counts the CPU seconds of each of its turns."""

    worst = 0.0
    counting = False

    def _run_once(self) -> None:
        begun = time.thread_time()
        super()._run_once()  # type: ignore[misc]
        if self.counting:
            self.worst = max(self.worst, time.thread_time() - begun)


async def _run(config: dict[str, Any], seconds: float) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, MeasuredLoop)
    errors: dict[str, list[str]] = {}
    failures: list[str] = []

    async def listen(engine: Engine) -> None:
        async for event in engine.events():
            text = getattr(event, "error", "") or getattr(event, "reason", "") or getattr(event, "message", "")
            if text and isinstance(event, AttemptFailed | SourceChanged):
                failures.append(f"{event.label}: {text}")
            if text:
                kept = errors.setdefault(event.label, [])
                if text not in kept:
                    kept.append(text)

    host = PluginHost()
    async with Engine(from_mapping(config, host), host=host) as engine:
        listener = asyncio.create_task(listen(engine))
        await asyncio.sleep(WARM)
        loop.counting = True
        begun = time.process_time()
        await asyncio.sleep(seconds)
        cpu = time.process_time() - begun
        loop.counting = False
        sessions = list(engine.sessions)
        for session in sessions:
            if session.config.camera_id < GOOD:
                session.pause()
        # What was offered is settled when the good ones have said goodbye.
        while any(s.config.camera_id < GOOD and s.state.value == "connected" for s in sessions):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        figures = {
            session.label: {
                "sent": session.metrics.video_sent,
                "replayed": session.metrics.replayed,
                "dropped": session.metrics.frames_dropped,
                "state": session.state.value,
            }
            for session in sessions
        }
        listener.cancel()
    return {
        "sessions": figures,
        "errors": errors,
        "failures": failures,
        "turn": loop.worst,
        "cpu": cpu / seconds,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    wanted = json.loads(sys.stdin.readline())
    take_turns()
    with asyncio.Runner(loop_factory=MeasuredLoop) as runner:
        result = runner.run(_run(wanted["config"], wanted["seconds"]))
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
