"""What a scripted peer is: a coroutine that speaks with one connection, in a process of its own.

`python -m tests.hostile.script NAME` serves the peer of that name on a port that it prints.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.servers import tls_flood
from tests.servers.certificates import Authority

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

BLOCK = 64 * 1024


async def flood(writer: asyncio.StreamWriter, data: bytes, *, rate: float = 0.0) -> None:
    """Send `data` again and again until the other side hangs up: `rate` bytes a second, or as fast as it is taken."""
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
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> None:
    from tests.hostile.peers import PEERS

    peer = PEERS[sys.argv[1]]
    if peer.own is not None:
        asyncio.run(peer.own())
    elif peer.script is not None:
        asyncio.run(serve(peer.script))
    else:
        with tempfile.TemporaryDirectory() as directory:
            certificate = Authority(Path(directory)).issue()
            asyncio.run(tls_flood.main(str(certificate.cert_file), str(certificate.key_file), peer.tls))


if __name__ == "__main__":
    main()
