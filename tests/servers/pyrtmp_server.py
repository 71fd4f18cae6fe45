"""pyrtmp as its documentation has it, writing down what is published: `pyrtmp_server.py PORT DIRECTORY`.

Runs with the Python of `tests/servers/python`, not with the project's.
"""

import asyncio
import logging
import sys
from pathlib import Path
from typing import Any

from pyrtmp.flv import FLVFileWriter, FLVMediaType  # type: ignore[import-not-found]
from pyrtmp.rtmp import SimpleRTMPController  # type: ignore[import-not-found]

logging.disable(logging.CRITICAL)


class Controller(SimpleRTMPController):  # type: ignore[misc]
    def __init__(self, directory: Path) -> None:
        self.directory = directory

    async def on_ns_publish(self, session: Any, message: Any) -> None:
        session.state = FLVFileWriter(str(self.directory / f"{message.publishing_name}.flv"))
        await super().on_ns_publish(session, message)

    async def on_metadata(self, session: Any, message: Any) -> None:
        session.state.write(0, message.to_raw_meta(), FLVMediaType.OBJECT)

    async def on_video_message(self, session: Any, message: Any) -> None:
        session.state.write(message.timestamp, message.payload, FLVMediaType.VIDEO)

    async def on_audio_message(self, session: Any, message: Any) -> None:
        session.state.write(message.timestamp, message.payload, FLVMediaType.AUDIO)

    async def on_stream_closed(self, session: Any, exception: Any) -> None:
        if session.state is not None:
            session.state.close()


async def main(port: int, directory: Path) -> None:
    server = await asyncio.start_server(Controller(directory).client_callback, "127.0.0.1", port)
    await server.serve_forever()


asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
