"""One client of a listener: bounded until it publishes under a known key, paced from then on."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from camcast.media import TagType
from camcast_kit_ingest.effort import TooMuch
from camcast_rtmp.ingest import bounds, refusals
from camcast_rtmp.ingest.bounds import Allowance
from camcast_rtmp.messages import Message, ProtocolError
from camcast_rtmp.server import ConnectAsked, PublishAsked, Server, ServerEvent, Unpublished

if TYPE_CHECKING:
    from camcast_rtmp.ingest.listener import Listener
    from camcast_rtmp.ingest.place import Place

_PROPERTIES = {"fourCcList": ["avc1", "hvc1", "av01", "vp09", "mp4a", "Opus", ".mp3"], "capsEx": 0.0}
"""What Enhanced RTMP's senders are told (v2, "Enhancing NetConnection connect Command")."""
_LOOK = 0.1
"""Seconds between two looks at whether media still comes, at least."""
_MEDIA = (TagType.AUDIO.value, TagType.VIDEO.value, TagType.SCRIPT.value)


class Publisher(asyncio.Protocol):
    """Whatever it does wrong ends its own connection and nothing else."""

    def __init__(self, listener: Listener, address: str, gone: Callable[[Publisher], None]) -> None:
        """`address`: where it comes from, as `admission.origin` has it."""
        self.address = address
        self.place: Place | None = None
        """Where it publishes."""
        self._listener = listener
        self._gone = gone
        self._server = Server(max_message=bounds.STRANGER_MESSAGE)
        self._server.reader.allowed = bounds.STRANGER_CHUNKS
        self._transport: asyncio.Transport | None = None
        self._app = ""
        self._stream_id = 0
        self._received = 0
        self._unpaid = 0
        """Bytes that the allowance has not been told of."""
        self._events: deque[ServerEvent] = deque()
        """What has come and waits for a turn."""
        self._allowance: Allowance | None = None
        """As soon as it publishes."""
        self._heard = time.monotonic()
        """When media came last; what passes while nothing is read is left out."""
        self._timer: asyncio.TimerHandle | None = None
        self._paused: asyncio.TimerHandle | None = None
        self._paused_at = 0.0
        self.ended = False
        """Whether it has been dropped or has gone."""

    @property
    def received(self) -> int:
        """Bytes behind the handshake."""
        return self._server.received

    @property
    def connected(self) -> bool:
        """Whether it is through its TLS handshake, if there is one."""
        return self._transport is not None

    @property
    def spoke(self) -> bool:
        """Whether anything came of it."""
        return self._received > 0

    # --- asyncio.Protocol -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if self.ended:
            transport.abort()
            return
        self._transport = transport
        self._timer = asyncio.get_running_loop().call_later(self._listener.patience, self._stranger)

    def data_received(self, data: bytes) -> None:
        if self.ended:
            return
        try:
            self._open(len(data))
            self._events.extend(self._server.feed(data))
            self._unpaid += len(data)
            self._work()
        except (ProtocolError, TooMuch) as error:
            self._offended(error)

    def _work(self) -> None:
        """Take what has come, as much of it as one turn of the loop is for. Raises `ProtocolError`, `TooMuch`."""
        began = time.thread_time()
        spent = 0.0
        while self._events:
            event = self._events.popleft()
            if type(event) is Message:
                self._media(event)
            else:
                self._on(event)
            if self.ended:
                return
            spent = time.thread_time() - began
            if spent >= bounds.TURN:
                break
        self._answer()
        if self.place is not None:
            self.place.effort.took(spent, time.monotonic())
        self._pay()

    def _offended(self, error: Exception) -> None:
        self._listener.broken(str(error), refusals.BROKEN if self.place is None else "")
        self.drop(str(error))

    def connection_lost(self, error: Exception | None) -> None:
        self.drop()

    # --- ends -----------------------------------------------------------------------------------------------

    def drop(self, why: str = "") -> None:
        """End the connection. `why`: what the place that it has is told; "" = it went by itself."""
        if self.ended:
            return
        self.ended = True
        for timer in (self._timer, self._paused):
            if timer is not None:
                timer.cancel()
        place, self.place = self.place, None
        if place is not None:
            place.left(self, why)
        if self._transport is not None:
            # Not closed: that would wait for what a peer does not take.
            self._answer()
            self._transport.abort() if self._transport.get_write_buffer_size() else self._transport.close()
        self._gone(self)

    def _stranger(self) -> None:
        self._listener.broken("it has not begun to publish in time", refusals.LATE)
        self.drop()

    def _look(self) -> None:
        """Whether media still comes."""
        assert self.place is not None
        # What it sends while it is not read is not heard.
        now = time.monotonic() if self._paused is None else self._paused_at
        left = self.place.timeout - (now - self._heard)
        if left <= 0:
            self.place.silent()
            self.drop()
        else:
            self._timer = asyncio.get_running_loop().call_later(max(left, _LOOK), self._look)

    # --- bounds ---------------------------------------------------------------------------------------------

    def _open(self, size: int) -> None:
        """Before `size` bytes are looked at. Raises `ProtocolError` for a stranger that sends too much."""
        if self._allowance is not None:
            self._allowance.grant(time.monotonic())
            return
        self._received += size
        if self._received > bounds.STRANGER_BYTES:
            raise ProtocolError(f"over {bounds.STRANGER_BYTES} bytes came, and nothing is published")

    def _pay(self) -> None:
        """Behind them: a publisher that sends too much is read more slowly, and not while something of it waits."""
        if self.ended or self._transport is None:
            return
        now, wait = time.monotonic(), 0.0
        if self._allowance is not None:
            size, self._unpaid = self._unpaid, 0
            wait = self._allowance.spend(size, now)
        if (wait > 0 or self._events) and self._paused is None:
            self._transport.pause_reading()
            self._paused_at = now
            self._paused = asyncio.get_running_loop().call_later(wait, self._read_on)

    def _read_on(self) -> None:
        self._paused = None
        self._heard += time.monotonic() - self._paused_at
        try:
            self._work()
        except (ProtocolError, TooMuch) as error:
            self._offended(error)
        if self._paused is None and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    # --- what it says ---------------------------------------------------------------------------------------

    def _on(self, event: object) -> None:
        match event:
            case ConnectAsked():
                self._app = event.app
                self._server.accept(event, _PROPERTIES)
            case PublishAsked():
                self._publish(event)
            case Unpublished() if event.stream_id == self._stream_id and self.place is not None:
                self._unpublished(self.place)

    def _publish(self, asked: PublishAsked) -> None:
        refusal = "one publication a connection is accepted" if self.place is not None else ""
        place = None
        if not refusal:
            place, refusal = self._listener.claim(self, self._app, asked.key)
        if place is None:
            self._server.refuse_publish(asked, "NetStream.Publish.BadName", refusal)
            self._answer()
            if self.place is None:
                self.drop()
            return
        now = self._heard = time.monotonic()
        self.place, self._stream_id = place, asked.stream_id
        self._server.reader.max_message = bounds.MAX_MESSAGE
        self._allowance = Allowance(self._server.reader, place.max_rate, now)
        self._server.accept_publish(asked)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(place.timeout, self._look)
        place.began(self)

    def _unpublished(self, place: Place) -> None:
        """It may publish again by the same connection, as encoders do that are paused, and is a stranger until then."""
        self.place, self._stream_id, self._received = None, 0, 0
        self._allowance = None
        reader = self._server.reader
        reader.max_message, reader.allowed = bounds.STRANGER_MESSAGE, bounds.STRANGER_CHUNKS
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(self._listener.patience, self._stranger)
        place.left(self, "")

    def _media(self, message: Message) -> None:
        if message.stream_id == self._stream_id and self.place is not None and message.type in _MEDIA:
            if message.type != TagType.SCRIPT.value:
                self._heard = time.monotonic()
            self.place.media(message)

    def _answer(self) -> None:
        out = self._server.outgoing()
        if out and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(out))
            # `Connection` bounds what waits here only, which is nothing from now on.
            if not self.ended and self._transport.get_write_buffer_size() > bounds.MAX_UNREAD:
                raise ProtocolError("it asks for answers and does not take them")
