"""The engine under attack, in a process of its own, with its loop measured: `python -m tests.hostile.engine`.

The first line of its standard input is a configuration, of the good cameras. Each further line is a list: what to do,
and with what. Each is answered with one line, all of it JSON:

- `["meet", CAMERAS]`: run these too, and count from here on
- `["look"]`: what the engine did since, and what was told of whom
- `["part"]`: end what was met
- `["settle"]`: end the good ones' sessions; what each sent in its whole life is settled then
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from camcast import Engine, SessionHandle, ours
from camcast.config import from_mapping
from camcast.events import AttemptFailed, SourceChanged
from camcast.host import PluginHost

GOOD = 3
"""Cameras below this number are good ones."""
_OWN = Path("/proc/self")


class MeasuredLoop(asyncio.SelectorEventLoop):
    """Counts the CPU seconds of each of its turns."""

    worst = 0.0

    def _run_once(self) -> None:
        begun = time.thread_time()
        super()._run_once()  # type: ignore[misc]
        self.worst = max(self.worst, time.thread_time() - begun)


class Measured:
    """One engine, and what is seen of it from one meeting to the next."""

    def __init__(self, engine: Engine, host: PluginHost, loop: MeasuredLoop) -> None:
        self._engine = engine
        self._host = host
        self._loop = loop
        self._met: list[int] = []
        self._begin()

    def _begin(self) -> None:
        self.errors: dict[str, list[str]] = {}
        self.failures: list[str] = []
        (_OWN / "clear_refs").write_text("5")  # the highest memory so far is forgotten (proc_pid_clear_refs(5))
        self._loop.worst = 0.0
        self._dropped = self._dropped_so_far()
        self._begun = time.monotonic()
        self._cpu = time.process_time()

    async def listen(self) -> None:
        async for event in self._engine.events():
            text = getattr(event, "error", "") or getattr(event, "reason", "") or getattr(event, "message", "")
            if text and isinstance(event, AttemptFailed | SourceChanged):
                self.failures.append(f"{event.label}: {text}")
            if text:
                kept = self.errors.setdefault(event.label, [])
                if text not in kept:
                    kept.append(text)

    async def do(self, what: str, *more: Any) -> Any:
        match what, more:
            case "meet", [cameras]:
                config = from_mapping({"cameras": cameras}, self._host)
                self._begin()
                for camera in config.cameras:
                    await self._engine.add_camera(camera)
                    self._met.append(camera.camera_id)
            case "look", []:
                return self._look()
            case "part", []:
                await asyncio.gather(*map(self._engine.remove_camera, self._met))
                self._met = []
            case "settle", []:
                return await self._settle()
            case _:
                raise ValueError(what)
        return None

    @property
    def _good(self) -> list[SessionHandle]:
        return [session for session in self._engine.sessions if session.config.camera_id < GOOD]

    def _dropped_so_far(self) -> int:
        return sum(session.metrics.frames_dropped for session in self._good)

    def _sent(self) -> dict[str, int]:
        return {s.label: s.metrics.video_sent + s.metrics.replayed for s in self._good}

    def _look(self) -> dict[str, Any]:
        return {
            "dropped": self._dropped_so_far() - self._dropped,
            "sent": self._sent(),
            "errors": self.errors,
            "failures": self.failures,
            "turn": self._loop.worst,
            "cpu": (time.process_time() - self._cpu) / (time.monotonic() - self._begun),
            "memory_mb": _highest_memory(),
            "now": time.monotonic_ns(),
        }

    async def _settle(self) -> dict[str, int]:
        for session in self._good:
            session.pause()
        while any(session.state.value == "connected" for session in self._good):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        return self._sent()


def _highest_memory() -> float:
    """MB."""
    lines = (_OWN / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


async def _run(config: dict[str, Any], lines: asyncio.StreamReader) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, MeasuredLoop)
    host = PluginHost()
    async with Engine(from_mapping(config, host), host=host) as engine:
        measured = Measured(engine, host, loop)
        listener = asyncio.create_task(measured.listen())
        while line := await lines.readline():
            _say(await measured.do(*json.loads(line)))
        listener.cancel()


def _say(answer: Any) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


async def _main() -> None:
    lines = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    await _run(json.loads(await lines.readline()), lines)


if __name__ == "__main__":
    ours.settle()
    with asyncio.Runner(loop_factory=MeasuredLoop) as runner:
        runner.run(_main())
