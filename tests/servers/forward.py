"""A door into another network namespace: what connects to it there is brought to that namespace's loopback.

Programs that let only their own machine in, such as a browser's DevTools, can be asked from another this way.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.faults.netns import Namespace
from tests.servers.process import ServerProcess

ROOT = Path(__file__).parent.parent.parent


class Forward(ServerProcess):
    """Listens at the namespace's address."""

    def __init__(self, directory: Path, namespace: Namespace, to: int) -> None:
        """`to`: the port on the loopback there."""
        super().__init__(directory, host=namespace.address, prefix=namespace.prefix)
        self._to = to

    def command(self) -> Sequence[str]:
        return ["env", "-C", str(ROOT), sys.executable, "-m", __name__, self.host, str(self.port), str(self._to)]


async def forward(host: str, port: int, to: int) -> None:
    """Until it is killed."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", to)
        await asyncio.gather(carry(reader, back), carry(there, writer), return_exceptions=True)

    server = await asyncio.start_server(talk, host, port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(forward(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
