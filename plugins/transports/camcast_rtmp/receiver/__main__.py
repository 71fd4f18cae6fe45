"""The receiver as a program of its own, so that tests can kill it. Prints JSON lines; ends with its stdin or SIGTERM.

{"event": "listening", "port": 1935}                                          first
{"event": "publish" | "unpublish", "name": …, "app": …, "clean": …, "size": …, "video": …, "audio": …, "script": …}
{"event": "counts", "live": {name: {"size": …, "video": …, …}}, "accepted": …}     each `--counts` seconds
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import ssl
import stat
import sys
from pathlib import Path
from typing import Any

from camcast.media import TagType
from camcast.testing.recording import KEEP, Recording
from camcast_rtmp.receiver.receiver import Receiver


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -P -m camcast_rtmp.receiver", description=__doc__.split("\n")[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 = any free one")
    parser.add_argument("--cert", help="certificate chain (PEM), for TLS")
    parser.add_argument("--key", help="private key (PEM)")
    parser.add_argument("--record", type=Path, help="directory for one FLV file per publication, written at its end")
    parser.add_argument("--keep", type=int, default=None, help="bytes kept per publication (0 without --record)")
    parser.add_argument("--counts", type=float, default=0.0, help="seconds between lines of counts; 0 = none")
    parser.add_argument("--ghost-time", type=float, default=0.0, help="seconds a lost publisher's name stays in use")
    parser.add_argument("--silent", default="", choices=("", "handshake", "connect", "publish"))
    asyncio.run(_run(parser.parse_args()))


async def _run(arguments: argparse.Namespace) -> None:
    tls = None
    if arguments.cert:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(arguments.cert, arguments.key)
    keep = arguments.keep if arguments.keep is not None else (KEEP if arguments.record else 0)
    receiver = Receiver(host=arguments.host, port=arguments.port, tls=tls, keep=keep)
    receiver.ghost_time = arguments.ghost_time
    receiver.silent = arguments.silent
    async with receiver:
        _say(event="listening", port=receiver.port)
        async with asyncio.TaskGroup() as tasks:
            watching = [tasks.create_task(_watch(receiver, arguments.record))]
            if arguments.counts > 0:
                watching.append(tasks.create_task(_count(receiver, arguments.counts)))
            await _stdin_ends()
            for task in watching:
                task.cancel()


async def _watch(receiver: Receiver, record: Path | None) -> None:
    """Tell beginnings and ends; ended publications are forgotten, so that memory stays flat."""
    told: set[int] = set()
    written = 0
    while True:
        await receiver.until(
            lambda: any(id(r) not in told or not r.live for r in receiver.recordings), timeout=365 * 86400.0
        )
        for recording in list(receiver.recordings):
            if id(recording) not in told:
                told.add(id(recording))
                _say(event="publish", name=recording.name, app=recording.app)
            if not recording.live:
                if record is not None:
                    path = record / f"{recording.name.replace('/', '_')}-{written}.flv"
                    await asyncio.to_thread(path.write_bytes, recording.flv())
                    written += 1
                _say(
                    event="unpublish",
                    name=recording.name,
                    app=recording.app,
                    clean=recording.clean,
                    **_counts(recording),
                )
                receiver.recordings.remove(recording)
                told.discard(id(recording))


async def _count(receiver: Receiver, interval: float) -> None:
    while True:
        await asyncio.sleep(interval)
        live = {recording.name: _counts(recording) for recording in receiver.live()}
        _say(event="counts", live=live, accepted=receiver.accepted)


def _counts(recording: Recording) -> dict[str, int]:
    return {"size": recording.size, **{kind.name.lower(): recording.counts[kind] for kind in TagType}}


async def _stdin_ends() -> None:
    """Whoever started us has gone when our stdin ends, also when it was killed. A file or /dev/null never ends."""
    mode = os.fstat(sys.stdin.fileno()).st_mode
    if not stat.S_ISFIFO(mode) and not stat.S_ISSOCK(mode) and not sys.stdin.isatty():
        await asyncio.Event().wait()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(4096):
        pass


def _say(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
