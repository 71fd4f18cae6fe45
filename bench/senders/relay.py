"""Stands between a camera and its viewers and notes when each picture's last byte goes on to each of them.

So a viewer's own delay is known for each picture, whatever the camera's unsteadiness: the time is taken just before the
bytes are put into the viewer's connection. One listening port a viewer; RTSP over TCP with the picture on channel 0.

    python -m bench.senders.relay '{"camera": port, "viewers": n}'

It says its ports (JSON), and at "notes" all [viewer, end of the picture in hex, time in ns of the monotonic clock].
"""

from __future__ import annotations

import json
import os
import re
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable

TAIL = 16
"""Bytes by which a picture is known again."""
READ = 256 * 1024
_LENGTH = re.compile(rb"\r\nContent-Length: *(\d+)", re.IGNORECASE)

Note = tuple[int, str, int]


class Pictures:
    """Finds the ends of pictures in what a camera sends."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def ended(self, data: bytes) -> list[str]:
        """The last bytes of each picture that `data` brings to its end."""
        buffer = self._buffer
        buffer += data
        at, found, size = 0, [], len(buffer)
        while size - at >= 4:
            if buffer[at] == 0x24:
                stop = at + 4 + (buffer[at + 2] << 8 | buffer[at + 3])
                if stop > size:
                    break
                if buffer[at + 1] == 0 and buffer[at + 5] & 0x80:  # the marker: last packet of a picture
                    found.append(buffer[stop - TAIL : stop].hex())
                at = stop
                continue
            head = buffer.find(b"\r\n\r\n", at)
            if head < 0:
                break
            length = _LENGTH.search(buffer, at, head)
            stop = head + 4 + (int(length[1]) if length else 0)
            if stop > size:
                break
            at = stop
        del buffer[:at]
        return found


class Relay:
    """All connections, in one thread."""

    def __init__(self, camera: int, viewers: int) -> None:
        self.notes: list[Note] = []
        self._camera = camera
        self._selector = selectors.DefaultSelector()
        self.ports: list[int] = []
        for number in range(viewers):
            listener = socket.create_server(("127.0.0.1", 0))
            self.ports.append(listener.getsockname()[1])
            self._selector.register(listener, selectors.EVENT_READ, self._accepting(listener, number))

    def run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                key.data()

    def _accepting(self, listener: socket.socket, number: int) -> Callable[[], None]:
        def accept() -> None:
            viewer, _ = listener.accept()
            camera = socket.create_connection(("127.0.0.1", self._camera))
            for one in (viewer, camera):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(viewer, selectors.EVENT_READ, self._passing(viewer, camera, None, number))
            self._selector.register(camera, selectors.EVENT_READ, self._passing(camera, viewer, Pictures(), number))

        return accept

    def _passing(
        self, source: socket.socket, sink: socket.socket, pictures: Pictures | None, number: int
    ) -> Callable[[], None]:
        def forward() -> None:
            try:
                data = source.recv(READ)
                ends = pictures.ended(data) if pictures is not None else ()
                now = time.monotonic_ns()
                if data:
                    sink.sendall(data)
            except OSError:
                data, ends = b"", ()
            self.notes.extend((number, end, now) for end in ends)
            if not data:
                for one in (source, sink):
                    if one.fileno() >= 0 and one in self._selector.get_map():
                        self._selector.unregister(one)
                    one.close()

        return forward


def main() -> None:
    told = json.loads(sys.argv[1])
    relay = Relay(told["camera"], told["viewers"])
    threading.Thread(target=relay.run, daemon=True).start()
    print(json.dumps(relay.ports), flush=True)
    for line in sys.stdin:
        if line.strip() == "notes":
            print(json.dumps(relay.notes), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
