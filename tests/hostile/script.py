"""What a scripted peer is: a coroutine that speaks with one connection, in a process of its own.

`python -m tests.hostile.script` reads lines, and answers each with one, all of it JSON. A peer's name: it is served in
a child process from now on, at the port that is the answer. `ATTACKED`: whether its attack has begun. `NOBODY`: it is
ended.
"""

from __future__ import annotations

import asyncio
import json
import mmap
import os
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.servers import tls_flood
from tests.servers.certificates import Authority

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

BLOCK = 64 * 1024
ATTACKED = "attacked?"
NOBODY = ""
OFTEN = "CAMCAST_HOSTILE_RATE"
"""The environment's name for how many datagrams a second a flood has."""
_attacked = mmap.mmap(-1, 1)
"""What child and parent both see."""


def attacks() -> None:
    """Called by what attacks, as often as it likes: the row counts from here on."""
    _attacked[0] = 1


def say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


async def flood(writer: asyncio.StreamWriter, data: bytes, *, rate: float = 0.0) -> None:
    """Send `data` again and again until the other side hangs up: `rate` bytes a second, or as fast as it is taken."""
    attacks()
    block = data * max(1, int(rate / 20 if rate else BLOCK) // len(data))
    while not writer.is_closing():
        writer.write(block)
        await writer.drain()
        await asyncio.sleep(0.05 if rate else 0.0)


async def serve(script: Script) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the other side has had enough, which is what should happen
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    say(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def play(name: str) -> None:
    """Serve the peer called `name` for ever."""
    from tests.hostile.peers import PEERS

    peer = PEERS[name]
    if peer.own is not None:
        asyncio.run(peer.own())
    elif peer.script is not None:
        asyncio.run(serve(peer.script))
    else:
        with tempfile.TemporaryDirectory() as directory:
            certificate = Authority(Path(directory)).issue()
            asyncio.run(tls_flood.main(str(certificate.cert_file), str(certificate.key_file), peer.tls))


def main() -> None:
    import tests.hostile.peers  # noqa: F401  # once, not in every child

    with tempfile.TemporaryDirectory() as directory:
        tempfile.tempdir = directory  # children are killed, and so leave theirs behind
        _serve_by_turns()


def _serve_by_turns() -> None:
    child = 0
    for line in sys.stdin:
        asked = json.loads(line)
        if asked == ATTACKED:
            say(bool(_attacked[0]))
            continue
        if child:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            child = 0
        _attacked[0] = 0
        if asked == NOBODY:
            say(None)
        else:
            child = os.fork()
            if not child:
                play(asked)
    if child:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


if __name__ == "__main__":
    # As the module that the peers know, not as a second one.
    from tests.hostile import script

    script.main()
