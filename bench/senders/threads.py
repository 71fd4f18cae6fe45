"""python-librtmp, a thread for each stream: what a program without camcast would do. Tags are made beforehand."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any

from bench.clips import loaded
from bench.senders.child import AUDIO, VIDEO, Sent, commands, ready, told
from camcast.flv.packer import TagPacker
from camcast.flv.tag import file_tag
from camcast.host import PluginHost
from camcast.media import NS_PER_MS, NS_PER_S, Tag, TagType

SPREAD = 35 * NS_PER_MS


class Publisher(threading.Thread):
    """One stream."""

    def __init__(self, url: str, tags: list[Tag], headers: list[Tag], length: int, number: int) -> None:
        super().__init__(daemon=True)
        self._url, self._tags, self._headers, self._length, self._number = url, tags, headers, length, number
        self.on_air = threading.Event()
        self.held = threading.Event()
        self.done = threading.Event()
        self.sent = Sent()
        import librtmp

        self._connection: Any = librtmp.RTMP(url, live=True)
        self._stream: Any = None

    def run(self) -> None:
        self._connection.connect()
        stream = self._stream = self._connection.create_stream(writeable=True)
        for tag in self._headers:
            self._write(stream, tag)
        begun = time.monotonic_ns() + self._number % 16 * SPREAD
        self.on_air.set()
        turn = 0
        while True:
            for tag in self._tags:
                packet = tag.packet
                assert packet is not None
                wait = begun + turn * self._length + packet.dts - time.monotonic_ns()
                if wait > 0:
                    time.sleep(wait / NS_PER_S)
                if self.held.is_set():
                    self.done.set()
                    return
                self._write(stream, Tag(tag.type, tag.time + turn * self._length // NS_PER_MS, tag.head, tag.body))
                self.sent.frames += 1
            turn += 1

    def _write(self, stream: Any, tag: Tag) -> None:
        stream.write(file_tag(tag))
        if tag.type is not TagType.SCRIPT:
            self.sent.bytes += len(tag.head) + len(tag.body)


def run(case: dict[str, Any]) -> None:
    tracks, packets, length = loaded(case["clip"])
    host = PluginHost()
    names = {VIDEO: "legacy", AUDIO: "legacy"}
    packer = TagPacker(tracks, {track.kind: host.codec(track.codec).flv[names[track.kind]] for track in tracks})
    headers, tags = packer.headers(0), [packer.tag(packet) for packet in packets]
    publishers = [
        Publisher(f"{case['prefix']}{number}", tags, headers, length, number) for number in range(case["streams"])
    ]
    for publisher in publishers:
        publisher.start()
    for publisher in publishers:
        if not publisher.on_air.wait(30):
            raise SystemExit("a publisher did not come on the air")
    held = threading.Event()
    commands(held.set)
    time.sleep(1.0)
    ready()
    held.wait()
    for publisher in publishers:
        publisher.held.set()
    for publisher in publishers:
        publisher.done.wait(2)
    told(
        Sent(
            bytes=sum(publisher.sent.bytes for publisher in publishers),
            frames=sum(publisher.sent.frames for publisher in publishers),
        )
    )
    time.sleep(6)
    os._exit(0)


if __name__ == "__main__":
    run(json.loads(sys.argv[1]))
