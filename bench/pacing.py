"""What a message costs by how long the process rested before it: why real pacing is dearer than a tight loop.

64 pushed streams to nginx-rtmp, fed in bursts with a pause between them, as cameras feed them, or without any pause.
Once whole, once with the socket left out, so that only camcast's own steps remain. The steps are the same in all rows:
what differs is what the processor's caches still hold. (With the socket left out the last step is always Python's.)

    python -m bench.pacing [--messages 25000]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.clips import MAIN
from bench.senders.camcast import Driver, config
from bench.senders.schedule import TICK
from bench.server import BenchServer
from camcast import Engine
from camcast.net.wire import Wire
from camcast_rtmp.chunk import Buffers
from camcast_rtmp.driver import RtmpTransport

STREAMS = 64
PAUSES = (1, 4, 20)
"""Ticks of the schedule (5 ms) in a burst."""
WARM_UP = 4.0


async def work(case: dict[str, object], ticks: int, *, paced: bool, socket: bool, messages: int) -> float:
    """µs of CPU a message."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(config(case), file)
        file.flush()
        engine = Engine.from_file(Path(file.name))
    loop = asyncio.get_running_loop()
    async with engine:
        handles = [engine.push(camera.camera_id, 0) for camera in engine.config.cameras]
        driver = Driver(MAIN, handles)
        for handle in handles:
            await handle.ready()
        begun, tick = loop.time(), 0
        cpu, first, measured = 0.0, 0, False
        while not measured or driver.offered - first < messages:
            if not measured and loop.time() - begun > WARM_UP:
                measured, first, cpu = True, driver.offered, time.process_time()
                if not socket:
                    _leave_out_sockets(engine)
            for _ in range(ticks):
                driver.push(tick)
                tick += 1
            pause = begun + tick * TICK - loop.time()
            await asyncio.sleep(pause if paced or not measured else 0)
        return 1e6 * (time.process_time() - cpu) / (driver.offered - first)


def _leave_out_sockets(engine: Engine) -> None:
    """From now on what is sent is counted and thrown away."""
    for session in engine.sessions:
        active = getattr(session, "active", None)
        transport = active.outlet.sender.transport if active is not None else None
        if isinstance(transport, RtmpTransport) and transport._live is not None:
            transport._live.wire.descriptor = -1
            transport._live.write = partial(_swallow, transport._live.wire)


def _swallow(wire: Wire, buffers: Buffers) -> None:
    wire.handed += sum(map(len, buffers))


def measure(server: BenchServer, name: str, ticks: int, *, paced: bool, socket: bool, messages: int) -> float:
    case = {"way": "push", "streams": STREAMS, "clip": MAIN, "prefix": server.prefix_of(secure=False) + name}
    given = json.dumps({"case": case, "ticks": ticks, "paced": paced, "socket": socket, "messages": messages})
    done = subprocess.run(
        [sys.executable, "-m", "bench.pacing", "--worker", given], stdout=subprocess.PIPE, check=True, timeout=120
    )
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=25_000)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(asyncio.run(_worker(**json.loads(options.worker))), flush=True)
        os._exit(0)  # sessions whose bytes were swallowed have no clean end
    table = Table("pause between bursts", "messages a burst", "CPU µs a message", "without the socket")
    with tempfile.TemporaryDirectory() as folder, BenchServer(Path(folder) / "nginx") as server:
        for number, (ticks, paced) in enumerate([*((ticks, True) for ticks in PAUSES), (PAUSES[-1], False)]):
            each = [
                measure(server, f"p{number}{socket}x", ticks, paced=paced, socket=socket, messages=options.messages)
                for socket in ((True, False) if paced else (False,))
            ]
            pause = f"{1000 * TICK * ticks:.0f} ms" if paced else "none"
            whole = f"{each[0]:.1f}" if paced else "(the server could not follow)"
            table.add_row(pause, f"{STREAMS * 77 * TICK * ticks:.0f}", whole, f"{each[-1]:.1f}")
    Console().print(table)


async def _worker(case: dict[str, object], ticks: int, paced: bool, socket: bool, messages: int) -> float:
    return await work(case, ticks, paced=paced, socket=socket, messages=messages)


if __name__ == "__main__":
    main()
