"""A file that is still being written, read as far as it goes: at its end, reading waits for more.

Made for FFmpeg, which reads it through `read`. Everything here blocks and runs in a thread of its own.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import time
from pathlib import Path
from typing import IO

PATIENCE = 6.0
"""Seconds without growth after which a file has ended whoever has it open. Below the deadline for reading."""
_LOOK = 0.05


def is_written(path: Path) -> bool:
    """Whether somebody has this file open for writing, as far as the system tells (Linux, local file systems)."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # Whoever opens it for writing while we hold the lease makes the kernel tell us: by a signal that is ignored.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        # Refused because of a writer; other reasons tell nothing.
        return error.errno == errno.EAGAIN
    finally:
        os.close(descriptor)
    return False


class GrowingFile:
    """A binary file that ends when nobody writes it any longer, or when it has not grown for `PATIENCE`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] = path.open("rb")
        self._grew = time.monotonic()
        self.waited = 0.0
        """Seconds spent waiting for more of it, in all."""
        self.closed = False

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; b"" at the end."""
        ended = False
        while not self.closed:
            data = self._file.read(size)
            if data:
                self._grew = time.monotonic()
                return data
            if ended:
                break
            time.sleep(_LOOK)
            self.waited += _LOOK
            # Once more after that: the last of it may have been written meanwhile.
            ended = time.monotonic() - self._grew > PATIENCE or not is_written(self._path)
        return b""

    def close(self) -> None:
        self.closed = True
        self._file.close()
