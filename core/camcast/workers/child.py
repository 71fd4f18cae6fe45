"""A worker's process: started so that nothing but the parent ends it, and spoken to over its pipes."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading

from camcast.interpreter import HELD, PIPE, Process, begin


def release() -> None:
    """In the worker, first: those signals do nothing from now on. What it starts itself gets their usual meaning."""
    for number in HELD:
        signal.signal(number, lambda number, frame: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)


class Child:
    """A running process with `reader` and `writer` on its standard output and input. Its standard error is ours."""

    def __init__(
        self,
        process: Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        source: asyncio.BaseTransport,
    ) -> None:
        self.pid = process.pid
        self.reader = reader
        self.writer = writer
        self.ended = asyncio.Event()
        self._source = source
        self._process = process
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._wait, name=f"camcast-wait-{self.pid}", daemon=True).start()

    @classmethod
    async def start(cls, *arguments: str, limit: int) -> Child:
        """Run `arguments` in `interpreter()`; `limit`: bytes that may wait to be read. Raises `OSError`."""
        process = begin(*arguments, stdin=PIPE, stdout=PIPE)
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=limit)
        try:
            source, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), process.stdout)
            sink, flow = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, process.stdin)
        except BaseException:
            process.kill()
            process.wait()
            raise
        return cls(process, reader, asyncio.StreamWriter(sink, flow, None, loop), source)

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative where a signal ended it."""
        return self._process.returncode

    @property
    def backlog(self) -> int:
        """Bytes that it has not read."""
        return self.writer.transport.get_write_buffer_size()

    def kill(self) -> None:
        """End it at once, also where it stands still."""
        self._process.kill()

    def close(self) -> None:
        """Give the pipes back: it is read no more, and sees the end of what it reads."""
        self.writer.close()
        self._source.close()

    def _wait(self) -> None:
        self._process.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits any more
            self._loop.call_soon_threadsafe(self.ended.set)
