"""One client of the receiver: what arrives goes into recordings; asked, it answers as the receiver is told to."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from camcast.media import TagType
from camcast.testing.recording import Recording
from camcast_rtmp.messages import Message, ProtocolError
from camcast_rtmp.receiver.refusal import Refusal
from camcast_rtmp.server import ConnectAsked, PingAnswered, PublishAsked, Server, Unpublished

if TYPE_CHECKING:
    from camcast_rtmp.receiver.receiver import Receiver

_TYPES = {kind.value: kind for kind in TagType}


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.server = Server()
        self.recordings: dict[int, Recording] = {}
        self._transport: asyncio.Transport | None = None
        self._app = ""
        self._connect: Mapping[str, Any] = {}
        self._delayed: set[asyncio.TimerHandle] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.receiver.accepted += 1
        self.receiver.connections.add(self)
        if self.receiver.on_accept is not None:
            self.receiver.on_accept(self)
        if self.receiver.paused:
            transport.pause_reading()
        self.receiver.happened()

    def data_received(self, data: bytes) -> None:
        receiver = self.receiver
        if receiver.silent == "handshake":
            receiver.unanswered.append("handshake")
            return
        try:
            for event in self.server.feed(data):
                if type(event) is Message:
                    recording = self.recordings.get(event.stream_id)
                    if recording is not None:
                        recording.add(_TYPES[event.type], event.time, event.payload)
                        if self.receiver.on_tag is not None:
                            self.receiver.on_tag(recording, _TYPES[event.type], event.time)
                else:
                    self._on(event)
            self.flush()
        except ProtocolError as error:
            receiver.errors.append(str(error))
            self.drop()
        receiver.happened()

    def connection_lost(self, error: Exception | None) -> None:
        receiver = self.receiver
        for timer in self._delayed:
            timer.cancel()
        for recording in list(self.recordings.values()):
            self._end(recording, clean=False)
            if receiver.ghost_time > 0:
                receiver.hold(recording.name, receiver.ghost_time)
        self.recordings.clear()
        receiver.connections.discard(self)
        receiver.happened()

    def _on(self, event: object) -> None:
        match event:
            case ConnectAsked():
                self._later("connect", self._answer_connect, event)
            case PublishAsked():
                self._later("publish", self._answer_publish, event)
            case Unpublished(stream_id):
                recording = self.recordings.pop(stream_id, None)
                if recording is not None:
                    self._end(recording, clean=True)
            case PingAnswered(value):
                self.receiver.pings.append(value)

    def _later(self, step: str, answer: Callable[[Any], None], asked: ConnectAsked | PublishAsked) -> None:
        if self.receiver.silent == step:
            self.receiver.unanswered.append(step)
            return
        if not self.receiver.answer_delay:
            answer(asked)
            return

        def now() -> None:
            self._delayed.discard(timer)
            answer(asked)
            self.flush()
            self.receiver.happened()

        timer = asyncio.get_running_loop().call_later(self.receiver.answer_delay, now)
        self._delayed.add(timer)

    def _answer_connect(self, asked: ConnectAsked) -> None:
        refusal = self.receiver.on_connect(asked.app, asked.properties) if self.receiver.on_connect else None
        if refusal is None:
            self._app, self._connect = asked.app, asked.properties
            self.server.accept(asked, self.receiver.properties)
            return
        self.receiver.refused += 1
        if refusal.code:
            self.server.refuse_connect(asked, refusal.code, refusal.description)
            self.flush()
        self.drop()

    def _answer_publish(self, asked: PublishAsked) -> None:
        receiver, key = self.receiver, asked.key
        name = key.partition("?")[0]
        refusal = receiver.on_publish(self._app, key) if receiver.on_publish else None
        taken = any(recording.app == self._app for recording in receiver.live(name))
        if refusal is None and (name in receiver.held or taken):
            refusal = Refusal("NetStream.Publish.BadName", "Already publishing")
        if refusal is not None:
            self._refuse_publish(asked, refusal)
            return
        peer = str(self._transport.get_extra_info("peername")[0]) if self._transport is not None else ""
        recording = Recording(self._app, name, key, self._connect, receiver.keep, peer=peer)
        receiver.recordings.append(recording)
        self.recordings[asked.stream_id] = recording
        self.server.accept_publish(asked)

    def _refuse_publish(self, asked: PublishAsked, refusal: Refusal) -> None:
        self.receiver.refused += 1
        if self.receiver.start_then_close:
            self.server.accept_publish(asked)
        elif refusal.code:
            self.server.refuse_publish(asked, refusal.code, refusal.description)
            return  # the client is the one to close, as with nginx
        self.flush()
        self.drop()

    def _end(self, recording: Recording, *, clean: bool) -> None:
        recording.ended = time.monotonic_ns()
        recording.clean = clean

    def flush(self) -> None:
        out = self.server.outgoing()
        if out and self._transport is not None:
            self._transport.write(b"".join(out))

    def drop(self, *, reset: bool = False) -> None:
        if self._transport is None:
            return
        if reset:
            raw = self._transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()
        else:
            self._transport.close()

    def pause(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
