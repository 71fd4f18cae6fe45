"""One worker process: `python -m camcast.engine.worker`, started by an engine with `"workers"` above one.

It does what its standard input says (`workers/wire.py`) and ends with it, so no worker outlives its parent.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import select
import sys
import threading
import time
from collections.abc import Callable

from camcast import ours
from camcast.config import Config
from camcast.engine.engine import Engine
from camcast.engine.loop_watch import PAST_THE_LOOP
from camcast.errors import CamcastError
from camcast.host import PluginHost
from camcast.session.environment import Environment
from camcast.session.hosts import Hosts, Waiter
from camcast.session.uplinks import TellingUplinks
from camcast.workers import wire
from camcast.workers.child import release

log = logging.getLogger(__name__)

Send = Callable[[object], object]
"""Sends a message to the parent, from any thread."""

FIGURES_EVERY = 0.5
MAX_BACKLOG = 16 * 1024 * 1024
"""Bytes for the parent above which figures, log lines and events are left out, counted."""
FLUSH_DEADLINE = 2.0
ORPHAN_DEADLINE = 15.0
"""Seconds in which a worker ends in order once its parent is gone."""


class _AskingHosts(Hosts):
    """The parent gives the slots, so the cap on connects holds over all workers."""

    def __init__(self, per_second: float, send: Send) -> None:
        super().__init__(per_second)
        self._send = send
        self._asked: dict[int, asyncio.Future[None]] = {}
        self._number = 0

    async def slot(self, host: str) -> None:
        self._number += 1
        number, given = self._number, asyncio.get_running_loop().create_future()
        self._asked[number] = given
        self._send(wire.SlotAsked(number, host))
        try:
            await given
        finally:
            self._asked.pop(number, None)

    def given(self, number: int) -> None:
        future = self._asked.get(number)
        if future is not None and not future.done():
            future.set_result(None)

    def failed(self, host: str, waiter: Waiter) -> None:
        super().failed(host, waiter)
        self._send(wire.HostDown(host))

    def reached(self, host: str) -> None:
        if self.is_down(host):
            self._send(wire.HostBack(host))
        super().reached(host)


class _Engine(Engine):
    """An engine whose events and connects go through the parent."""

    def __init__(self, begin: wire.Begin, send: Send) -> None:
        super().__init__(
            Config(system=begin.system), host=PluginHost(allow=begin.plugins), first_timestamp=begin.first_timestamp
        )
        self.hosts = _AskingHosts(begin.system.max_connects_per_second, send)
        self.uplinks = TellingUplinks(begin.system.uplinks, lambda told: send(wire.Reports(told)))
        self._send = send

    def _make_environment(self) -> Environment:
        environment = super()._make_environment()
        environment.hosts = self.hosts
        environment.uplinks = self.uplinks
        environment.emit = lambda event: self._send(wire.Happened(event))
        return environment


class _LogToParent(logging.Handler):
    def __init__(self, send: Send, past: Send) -> None:
        """`past`: sends past the loop, which may be what is held."""
        super().__init__()
        self._send = send
        self._past = past

    def emit(self, record: logging.LogRecord) -> None:
        send = self._past if getattr(record, PAST_THE_LOOP, False) else self._send
        send(wire.Logged(record.name, record.levelno, self.format(record)))


async def _run(source: int, sink: int) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=wire.MAX_MESSAGE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(source, "rb"))
    out, _protocol = await loop.connect_write_pipe(asyncio.Protocol, os.fdopen(sink, "wb"))

    lost, writing = 0, threading.Lock()

    def write(data: bytes, essential: bool) -> None:
        with writing:
            write_alone(data, essential)

    def write_alone(data: bytes, essential: bool) -> None:
        nonlocal lost
        if not essential and out.get_write_buffer_size() > MAX_BACKLOG:
            lost += 1
            return
        if lost:
            told, lost = lost, 0
            log.error("the parent did not read for a while: %d messages to it were left out", told)
        out.write(data)

    def send(message: object) -> None:
        # From any thread: a plugin's thread may log. After the loop's end nobody listens.
        essential = not isinstance(message, wire.Figures | wire.Logged | wire.Happened)
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(write, wire.pack(message), essential)

    def past(message: object) -> None:
        # From a thread, while a plugin holds the loop. So much goes into a pipe whole or not at all, and where a
        # message has gone in part, nothing may follow but its rest.
        data = wire.pack(message)
        with writing, contextlib.suppress(OSError):
            if len(data) <= select.PIPE_BUF and not out.get_write_buffer_size() and not out.is_closing():
                os.write(sink, data)
                return
        send(message)

    begin = await wire.read(reader)
    if begin is None:
        return
    logging.getLogger().addHandler(_LogToParent(send, past))
    logging.getLogger().setLevel(begin.system.log_level)
    engine = _Engine(begin, send)
    ours.settle()
    await engine.start()
    try:
        figures = asyncio.create_task(_tell_figures(engine, send))
        tasks: set[asyncio.Task[None]] = set()
        coming: dict[int | None, asyncio.Task[None]] = {}
        """What adds or removes a camera, the newest of each."""
        while (message := await wire.read(reader)) is not None:
            match message:
                case wire.Do(number, wire.Stop()):
                    await engine.stop()
                    send(wire.Figures(engine.stats()))
                    send(wire.Done(number))
                    break
                case wire.Do(number, call):
                    camera = wire.camera_of(call)
                    task = asyncio.create_task(_do(engine, number, call, send, coming.get(camera)))
                    if isinstance(call, wire.AddCamera | wire.RemoveCamera):
                        coming[camera] = task
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                case wire.SlotGiven(number):
                    engine.hosts.given(number)
                case wire.Parts(parts):
                    engine.uplinks.told(parts)
                case wire.HostBack(host):
                    Hosts.reached(engine.hosts, host)
        figures.cancel()
    finally:
        await engine.stop()
    # The last messages are written in the loop's next turn, or as the parent reads them; then the pipe is closed.
    await asyncio.sleep(0)
    until = loop.time() + FLUSH_DEADLINE
    # A pipe tells nobody when it has been read.
    while out.get_write_buffer_size() and loop.time() < until:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    out.close()
    await asyncio.sleep(0)


async def _do(engine: _Engine, number: int, call: object, send: Send, after: asyncio.Task[None] | None = None) -> None:
    """`after`: what adds or removes the camera that the call is about, which may take a while; the call waits for
    it."""
    if after is not None and not after.done():
        await asyncio.wait({after})
    answer: object = None
    try:
        match call:
            case wire.AddCamera(config):
                await engine.add_camera(config)
            case wire.RemoveCamera(camera_id):
                await engine.remove_camera(camera_id)
            case wire.AddStream(camera_id, stream):
                engine.cameras.require(camera_id).add_stream(stream)
            case wire.RemoveStream(camera_id, stream_id):
                await engine.cameras.require(camera_id).remove_stream(stream_id)
            case wire.CreateSession(config):
                engine.sessions.create_session(config)
            case wire.DeleteSession(key):
                await engine.sessions.delete_session(key)
            case wire.Control(key, method, arguments):
                session = engine.sessions.get(key)
                if session is not None:
                    getattr(session, method)(*arguments)
            case wire.Adopt(config):
                session = engine.sessions.get(config.key)
                if session is not None:
                    session.adopt(config)
            case wire.Rename(camera_id, name):
                engine.cameras.require(camera_id).rename(name)
            case wire.AdoptStream(camera_id, stream):
                engine.cameras.require(camera_id).adopt_stream(stream)
            case wire.Keyframe(camera_id, stream_id):
                answer = engine.cameras.stream(camera_id, stream_id).request_keyframe()
            case wire.Bitrate(camera_id, stream_id, kbps):
                answer = engine.cameras.stream(camera_id, stream_id).set_bitrate(kbps)
            case wire.RetrySource(camera_id, stream_id):
                engine.cameras.stream(camera_id, stream_id).retry_now()
            case wire.Snapshot(camera_id, stream_id, small):
                answer = await engine.cameras.stream(camera_id, stream_id).snapshot(small=small)
            case wire.LogLevel(level):
                logging.getLogger().setLevel(level)
            case wire.AdoptUplinks(uplinks):
                engine.uplinks.adopt(uplinks)
            case wire.Tell():
                send(wire.Figures(engine.stats()))
    except (CamcastError, LookupError, ValueError) as error:
        send(wire.Done(number, str(error)))
        return
    except Exception as error:
        log.exception("A call of the parent failed")
        send(wire.Done(number, f"internal error: {type(error).__name__}"))
        return
    send(wire.Done(number, "", answer))


async def _tell_figures(engine: Engine, send: Send) -> None:
    while True:
        await asyncio.sleep(FIGURES_EVERY)
        send(wire.Figures(engine.stats()))


def main() -> None:
    """Run until the parent closes the pipe. Signals to the whole group are the parent's business."""
    release()
    # What a plugin prints must not get among the messages.
    sink = os.dup(1)
    os.dup2(2, 1)
    source = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdin = open(os.devnull)  # noqa: SIM115  for as long as the process lives
    threading.Thread(target=_outlive_nobody, args=(source,), name="camcast-tether", daemon=True).start()
    asyncio.run(_run(source, sink))


def _outlive_nobody(source: int) -> None:
    """End the process when the parent is gone and the loop, which should do so, is blocked."""
    tether = select.poll()
    tether.register(source, 0)  # nothing but the end of the other side
    tether.poll()
    time.sleep(ORPHAN_DEADLINE)
    os.write(2, b"camcast: a worker whose parent is gone does not end by itself; it is ended\n")
    os._exit(1)


if __name__ == "__main__":
    main()
