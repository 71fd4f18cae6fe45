"""The engine's hold on one process of libsrt's: its channel, and a handle to end it by force."""

from __future__ import annotations

import contextlib
import os
import signal
import socket

import attrs


@attrs.define(eq=False)
class SrtProcess:
    """Closed once."""

    channel: socket.socket
    """Leads to it. It ends when this is shut down, unless it hangs; what it says last is that it has ended."""
    _handle: int = -1
    """A pidfd, which is nobody else's when the process has ended; -1 where the system has none."""

    def let_go(self) -> None:
        """Ask it to end."""
        with contextlib.suppress(OSError):
            self.channel.shutdown(socket.SHUT_WR)

    def end(self) -> None:
        """Whatever is left of it is ended by force, whoever else should have done so: the process that it was copied
        from may be gone. Closes this."""
        if self._handle >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
        self.close()

    def close(self) -> None:
        """Ask it to end, and leave that to the process that it was copied from."""
        self.channel.close()
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
