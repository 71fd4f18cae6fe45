"""An SRT receiver for many callers at once, which no tool is: it takes all and throws away what they send.

Run as a program it listens on the port it is given.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import sys
import threading
from collections.abc import Sequence

from tests.servers.srt import LiveTransmit

_LIBRARIES = ("libsrt-openssl.so.1.5", "libsrt-gnutls.so.1.5", "libsrt.so.1.5", "libsrt.so.1")


class ManyCallers(LiveTransmit):
    """`with ManyCallers(directory) as server: … server.url("streamid=…")`."""

    def command(self) -> Sequence[str]:
        return (sys.executable, "-m", "tests.servers.srt_callers", str(self.port))

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "PYTHONPATH": ":".join(sys.path)}


def listen(port: int) -> None:
    for name in _LIBRARIES:
        try:
            library = ctypes.CDLL(name)
            break
        except OSError:
            continue
    library.srt_startup()
    listener = library.srt_create_socket()
    address = struct.pack("=HH4s8x", socket.AF_INET, socket.htons(port), socket.inet_aton("127.0.0.1"))
    assert library.srt_bind(listener, address, len(address)) == 0
    assert library.srt_listen(listener, 64) == 0
    while (caller := library.srt_accept(listener, None, None)) >= 0:
        threading.Thread(target=_swallow, args=(library, caller), daemon=True).start()


def _swallow(library: ctypes.CDLL, caller: int) -> None:
    room = ctypes.create_string_buffer(2048)
    while library.srt_recv(caller, room, len(room)) > 0:
        pass
    library.srt_close(caller)


if __name__ == "__main__":
    listen(int(sys.argv[1]))
