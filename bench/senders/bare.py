"""The floor: messages made beforehand, and a loop that does nothing but `socket.send` each when it is due.

Over TLS it is `SSLSocket.send`; as "bare-records" it is what camcast does for its own reasons: records made by an
`SSLObject` that never sees the socket, and then sent. The connection is opened by the client that camcast uses; then it
is not used any more.
"""

from __future__ import annotations

import json
import socket
import ssl
import sys
import threading
import time
from typing import Any
from urllib.parse import urlsplit

from bench.clips import loaded
from bench.senders.child import AUDIO, VIDEO, Sent, commands, quantiles, ready, told
from bench.senders.schedule import TICK, Schedule
from camcast.flv.packer import TagPacker
from camcast.host import PluginHost
from camcast.media import NS_PER_MS, Packet, Tag, TagType, Track
from camcast_rtmp.client import Client, ClientSettings, Connected, Published

CHUNK_SIZE = 60000
_CHUNK_STREAMS = {TagType.AUDIO: 4, TagType.VIDEO: 6, TagType.SCRIPT: 5}


class Messages:
    """Every message of a clip as bytes: the beginning, the first pass and all later ones."""

    def __init__(self, tracks: tuple[Track, ...], packets: tuple[Packet, ...], length: int) -> None:
        host = PluginHost()
        names = {VIDEO: "legacy", AUDIO: "legacy"}
        packer = TagPacker(tracks, {track.kind: host.codec(track.codec).flv[names[track.kind]] for track in tracks})
        writer = Client(ClientSettings(connect={}, key="")).writer
        writer.chunk_size = CHUNK_SIZE

        def message(tag: Tag, shift: int = 0) -> bytes:
            stream = _CHUNK_STREAMS[tag.type]
            return b"".join(writer.message(stream, tag.type.value, tag.time + shift, 1, tag.head, tag.body))

        headers = packer.headers(0)
        tags = [packer.tag(packet) for packet in packets]
        self.begin = b"".join(message(tag) for tag in headers)
        self.begin_payload = sum(len(tag.head) + len(tag.body) for tag in headers if tag.type is not TagType.SCRIPT)
        self.passes = [[message(tag, turn * length // NS_PER_MS) for tag in tags] for turn in range(2)]
        self.sizes = [len(tag.head) + len(tag.body) for tag in tags]


class Records:
    """A socket whose TLS is done beside it."""

    def __init__(self, sock: socket.socket, ca_file: str, host: str) -> None:
        self.socket = sock
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = ssl.create_default_context(cafile=ca_file).wrap_bio(self._in, self._out, server_hostname=host)
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                sock.sendall(self._out.read())
                self._in.write(sock.recv(65536))
            else:
                break
        sock.sendall(self._out.read())

    def send(self, data: bytes) -> int:
        """Returns how much of `data` went out: all of it, or less."""
        self._tls.write(data)
        records = self._out.read()
        return len(data) if self.socket.send(records) == len(records) else 0

    def sendall(self, data: bytes) -> None:
        self._tls.write(data)
        self.socket.sendall(self._out.read())

    def recv(self, size: int) -> bytes:
        while True:
            try:
                return self._tls.read(size)
            except ssl.SSLWantReadError:
                self._in.write(self.socket.recv(size))

    def settimeout(self, seconds: float | None) -> None:
        self.socket.settimeout(seconds)


def connect(url: str, ca_file: str | None, *, records: bool = False) -> socket.socket | Records:
    """Publish `url`; returns the socket, on which media may follow."""
    parts = urlsplit(url)
    app, _, key = parts.path.lstrip("/").partition("/")
    plain = socket.create_connection((parts.hostname or "", parts.port or 1935), timeout=20)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock: socket.socket | Records = plain
    if ca_file and records:
        sock = Records(plain, ca_file, parts.hostname or "")
    elif ca_file:
        sock = ssl.create_default_context(cafile=ca_file).wrap_socket(plain, server_hostname=parts.hostname)
    client = Client(
        ClientSettings(
            connect={"app": app, "tcUrl": f"{parts.scheme}://{parts.netloc}/{app}"}, key=key, chunk_size=CHUNK_SIZE
        )
    )
    while True:
        sock.sendall(b"".join(client.outgoing()))
        for event in client.feed(sock.recv(65536)):
            if isinstance(event, Connected):
                client.publish()
            elif isinstance(event, Published):
                sock.settimeout(None)
                return sock
            else:
                raise SystemExit(f"refused: {event}")


def run(case: dict[str, Any]) -> None:
    tracks, packets, length = loaded(case["clip"])
    made = Messages(tracks, packets, length)
    count = case["streams"]
    schedule = Schedule(packets, length, count)
    records = case["way"] == "bare-records"
    sockets = [connect(f"{case['prefix']}{number}", case.get("ca_file"), records=records) for number in range(count)]
    sent = Sent(bytes=count * made.begin_payload)
    for sock in sockets:
        sock.sendall(made.begin)
    held = threading.Event()
    commands(held.set)
    sends = [sock.send for sock in sockets]
    delays: list[int] = []
    probe = bool(case.get("probe"))
    begun, tick, told_ready = time.monotonic(), 0, False
    while not held.is_set():
        now = time.monotonic_ns() if probe else 0
        for turn, index, streams in schedule.due(tick):
            message, size = made.passes[min(turn, 1)][index], made.sizes[index]
            for stream in streams:
                if sends[stream](message) != len(message):
                    raise SystemExit("the socket took a part only")
                if probe:
                    delays.append(time.monotonic_ns() - now)
            sent.bytes += size * len(streams)
            sent.frames += len(streams)
        tick = schedule.next(tick)
        if not told_ready and tick > 200:
            told_ready = True
            ready()
        time.sleep(max(0.0, begun + tick * TICK - time.monotonic()))
    sent.delays = quantiles(delays)
    told(sent)
    time.sleep(6)


if __name__ == "__main__":
    run(json.loads(sys.argv[1]))
