"""One librtmp session, driven packet by packet. All of it blocks and runs on a lane, but for what is said of it.

librtmp connects, shakes hands, and once it is given connect's answer sends releaseStream, FCPublish, createStream and
publish by itself. The answers are read here before librtmp sees them, because it keeps the server's reasons to
itself. It knows no time-outs for connecting and writing: `shut`, called from the loop, ends either.
"""

from __future__ import annotations

import os
import select
import socket
import time as clock
from collections.abc import Sequence
from typing import Any

from camcast.errors import NetworkError
from camcast.flv import amf0
from camcast.media import Tag, TagType
from camcast.net import kernel
from camcast.net.dial import LEAST_USER_TIMEOUT
from camcast.target import Target
from camcast_kit_rtmp import answers
from camcast_kit_rtmp.state import Refused, State
from camcast_kit_rtmp.status import ENDING, Status, agrees, ends, information, refuses_late, status, stream_number
from camcast_kit_rtmp.urls import Address
from camcast_librtmp.binding import Binding
from camcast_librtmp.buffered import Buffered
from camcast_librtmp.options import LibrtmpOptions

_HEADROOM = 18
"""librtmp writes chunk headers in front of the body it is given (RTMP_MAX_HEADER_SIZE)."""
_LARGE, _MEDIUM = 0, 1
_CHUNK_SIZE, _CONTROL_CHANNEL = 1, 2
_INVOKE, _INVOKE_AMF3 = 20, 17
_LEAST = {1: 4, 3: 4, 4: 6, 5: 4, 6: 5}
"""Bytes of control messages, by type. librtmp reads as many, whether so many came or not."""
_CHANNELS = {TagType.AUDIO: 4, TagType.SCRIPT: 5, TagType.VIDEO: 6}
"""One chunk stream for each kind of media, so that time never goes back within one."""
_FRESH_CHUNK_SIZE = 128
_MESSAGE_HEADER = 12
_LOOK_EVERY = 0.05
"""Seconds between looks for what the server says, while media is sent."""
_SYN_SENT = 2
_USER_CONTROL = 4


def wire_size(tag: Tag, chunk_size: int) -> int:
    """Bytes of a tag as a message in chunks."""
    size = len(tag.head) + len(tag.body)
    return size + _MESSAGE_HEADER + max(0, size - 1) // chunk_size


class Session:
    """One connection to one address."""

    def __init__(
        self, binding: Binding, target: Target, address: Address, place: tuple[str, int], options: LibrtmpOptions
    ) -> None:
        self._lib, self._ffi = binding.lib, binding.ffi
        self._binding = binding
        self._target = target
        self._address = address
        self._place = place
        self._options = options
        self._librtmp: Any = None
        self._own: socket.socket | None = None
        """A second descriptor of the connection: it stays valid whatever librtmp does with its own."""
        self._greeting: Any = None
        self._stream_id = 0
        self._asked = 0
        """Number of the call that is waited for; of publish, once it is live."""
        self._packet: Any = binding.ffi.new("RTMPPacket *")
        self._scratch: Any = None
        self._last: dict[int, int] = {}
        self._looked_at = 0.0
        self._buffered: Buffered | None = None
        self.chunk_size = _FRESH_CHUNK_SIZE
        self.state = State.HANDSHAKE
        self.started_at: float | None = None

    # --- on the lane --------------------------------------------------------------------------------------

    def connect(self) -> None:
        """TCP, TLS, handshake and the connect command, up to its answer. Raises `TransportError`."""
        scheme, (host, port) = self._address.scheme, self._place
        self._librtmp = self._binding.session(
            # Options could be hidden in a URL after a space, so nothing of the user's goes in here.
            f"{scheme}://{host}:{port}/app",
            {
                "app": self._address.app,
                "tcUrl": self._address.tc_url,
                "playpath": self._address.key,
                "flashver": self._options.flash_version,
                "timeout": str(int(self._target.connect_timeout) + 1),
            },
        )
        if self._lib.RTMP_Connect(self._librtmp.rtmp, self._ffi.NULL) < 1:
            raise NetworkError(
                f"{self._target.shown}: cannot connect: refused, unreachable, or no RTMP server", stage="connect"
            )
        descriptor = self._lib.RTMP_Socket(self._librtmp.rtmp)
        self._own = socket.socket(fileno=os.dup(descriptor))
        self._buffered = Buffered(self._ffi, self._librtmp.rtmp, descriptor)
        kernel.tune(self._own, max(self._target.connect_timeout, LEAST_USER_TIMEOUT))
        self.state = State.CONNECTING
        while self._greeting is None:
            packet, command = self._read()
            match command:
                case ["_result" | "_error" as name, 1.0, *rest]:
                    if not agrees(name, information(rest)):
                        raise self._refused("connect", rest)
                    self._greeting = packet
                case ["onStatus", _, *rest] if status(information(rest)) is Status.BAD:
                    raise self._refused("connect", rest)
                case ["close", *_]:
                    raise answers.closed(self.state, None)
                case _:
                    self._hand_on(packet)
        self.state = State.CONNECTED

    def publish(self) -> None:
        """Up to Publish.Start. Raises `TransportError`."""
        self._enlarge_chunks()
        self.state = State.CREATING
        self._hand_on(self._greeting)
        self._greeting = None
        # releaseStream and FCPublish come before it; their refusals mean nothing.
        self._asked = self._librtmp.transaction_id
        while self.state is not State.LIVE:
            packet, command = self._read()
            match command:
                case ["_result" | "_error" as name, number, *rest] if number == self._asked:
                    if not agrees(name, information(rest)):
                        raise self._refused("createStream" if self.state is State.CREATING else "publish", rest)
                    if self.state is State.CREATING:
                        self._stream_id = _number(rest)
                        self._do(packet, amf0.encode("_result", number, None, self._stream_id))
                        # By that librtmp has sent publish.
                        self._asked = self._librtmp.transaction_id
                        self.state = State.PUBLISHING
                        continue
                case ["onStatus", _, *rest]:
                    match status(information(rest), asked=self.state is State.PUBLISHING):
                        case Status.STARTED if self.state is State.PUBLISHING:
                            self.state = State.LIVE
                        case Status.BAD:
                            raise self._refused("publish", rest)
                case ["close", *_]:
                    raise answers.closed(self.state, None)
            self._hand_on(packet)
        self.started_at = clock.monotonic()

    def send(self, tag: Tag, time: int) -> None:
        """Write one tag. Raises `TransportError` when the server has closed or refused."""
        now = clock.monotonic()
        if now - self._looked_at >= _LOOK_EVERY:
            self._looked_at = now
            self.look()
        self._write(_CHANNELS[tag.type], tag.type.value, time, (tag.head, tag.body))

    def look(self) -> None:
        """Take in what the server has sent; librtmp answers pings."""
        assert self._own is not None
        while self._buffered or select.select([self._own], [], [], 0)[0]:
            packet, command = self._read()
            match command:
                case ["onStatus", _, *rest] if status(information(rest)) in (Status.BAD, Status.ENDED):
                    raise self._refused("onStatus", rest)
                case [str(name), *rest] if name in ENDING:
                    raise self._refused("onStatus", rest, code=name)
                case ["_error", number, *rest] if number == self._asked and refuses_late(information(rest)):
                    raise self._refused("publish", rest)
                case ["close", *_]:
                    raise self._refused("close", ())
            if packet.type == _USER_CONTROL and ends(_body(packet), self._stream_id):
                raise self._refused("onStatus", (), code="StreamEOF")
            self._hand_on(packet)

    def end(self) -> None:
        """FCUnpublish, deleteStream, close."""
        if self._librtmp is not None:
            self._librtmp.close()

    def _read(self) -> tuple[Any, list[Any]]:
        """The next message; and as a list of values if it is a command."""
        try:
            packet = self._librtmp.read_packet()
        except OSError:
            since = None if self.started_at is None else clock.monotonic() - self.started_at
            raise answers.closed(self.state, since) from None
        body = _body(packet)
        if packet.type == _INVOKE_AMF3:
            body = body[1:]
        elif packet.type != _INVOKE:
            return packet, []
        values, _ = amf0.decode_some(body)
        return packet, values

    def _hand_on(self, packet: Any) -> None:
        """Have librtmp do what follows from a message, unless it is one that librtmp cannot bear.

        It looks into an empty command by a null pointer, and reads short control messages beyond their end: a server
        that says odd things would end the process. Of a command it gets what can be read. It closes at statuses that
        have nothing to do with publishing, so of those it gets Start alone.
        """
        body = _body(packet)
        if packet.type in (_INVOKE, _INVOKE_AMF3):
            first = body[:1] if packet.type == _INVOKE_AMF3 else b""
            values, error = amf0.decode_some(body[len(first) :])
            if not _bearable(values):
                return
            if error is not None:
                self._do(packet, first + amf0.encode(*values))
                return
        elif len(body) < _LEAST.get(packet.type, 1 << 32):
            return
        if packet.type == _CHUNK_SIZE and not 1 <= int.from_bytes(body[:4]) <= 0x7FFFFFFF:
            return
        self._lib.RTMP_ClientPacket(self._librtmp.rtmp, packet.packet)

    def _do(self, packet: Any, body: bytes) -> None:
        """Have librtmp do what follows from a message with another body than its own."""
        size = len(body)
        room = self._ffi.new("char[]", _HEADROOM + size)
        self._ffi.buffer(room)[_HEADROOM:] = body
        other = self._ffi.new("RTMPPacket *", packet.packet[0])
        other.m_body, other.m_nBodySize, other.m_nBytesRead = room + _HEADROOM, size, size
        self._lib.RTMP_ClientPacket(self._librtmp.rtmp, other)

    def _refused(self, command: str, rest: Sequence[Any], code: str = "") -> Exception:
        info = information(rest)
        said, description = (str(info.get(key) or "") for key in ("code", "description"))
        code = said or code
        self.state = State.REFUSED
        return answers.refused(Refused(command, code, description, info), self._target)

    def _enlarge_chunks(self) -> None:
        """Announce larger chunks, and make librtmp write them: it has no call for that.

        The chunk size for sending is the second int of its session structure, which otherwise stays as it is.
        """
        numbers = self._ffi.cast("int *", self._librtmp.rtmp)
        if self._options.chunk_size == _FRESH_CHUNK_SIZE or numbers[1] != _FRESH_CHUNK_SIZE:
            return
        self._write(_CONTROL_CHANNEL, _CHUNK_SIZE, 0, (self._options.chunk_size.to_bytes(4),))
        numbers[1] = self.chunk_size = self._options.chunk_size

    def _write(self, channel: int, kind: int, time: int, parts: Sequence[bytes]) -> None:
        size = sum(map(len, parts))
        if self._scratch is None or len(self._scratch) < _HEADROOM + size:
            self._scratch = self._ffi.new("char[]", 2 * (_HEADROOM + size))
        room = self._ffi.buffer(self._scratch)
        at = _HEADROOM
        for part in parts:
            room[at : at + len(part)] = part
            at += len(part)
        packet = self._packet
        packet.m_packetType, packet.m_nChannel, packet.m_nTimeStamp = kind, channel, time & 0xFFFFFFFF
        packet.m_nInfoField2 = self._stream_id if kind != _CHUNK_SIZE else 0
        packet.m_nBodySize, packet.m_nBytesRead, packet.m_hasAbsTimestamp = size, 0, 0
        packet.m_body = self._scratch + _HEADROOM
        # Of two messages alike at one time librtmp would begin the second with a type 3 chunk, which servers read
        # in different ways; and it cannot express a step back but by an absolute time.
        packet.m_headerType = _MEDIUM if time > self._last.get(channel, 1 << 62) else _LARGE
        self._last[channel] = time
        if self._lib.RTMP_SendPacket(self._librtmp.rtmp, packet, 0) < 1:
            since = None if self.started_at is None else clock.monotonic() - self.started_at
            raise answers.closed(self.state, since)

    # --- on the loop --------------------------------------------------------------------------------------

    def unacknowledged(self) -> int:
        """Bytes that the kernel has and the peer has not acknowledged."""
        return 0 if self._own is None else kernel.unacknowledged(self._own)

    def unsent(self) -> int:
        """Of those, bytes that have not left this machine."""
        return 0 if self._own is None else kernel.unsent(self._own)

    def shut(self) -> None:
        """Make whatever waits on the connection return at once, whichever thread it is on."""
        if self._own is not None:
            _shut(self._own)
        elif self._librtmp is not None:
            descriptor = self._lib.RTMP_Socket(self._librtmp.rtmp)
            if descriptor >= 0:
                self._shut_early(descriptor)

    def free(self) -> None:
        """Give back the second descriptor."""
        if self._own is not None:
            self._own.close()

    def _shut_early(self, descriptor: int) -> None:
        """Within RTMP_Connect the descriptor is librtmp's alone, and may be closed and used anew at any moment."""
        try:
            own = socket.socket(fileno=os.dup(descriptor))
        except OSError:
            return
        with own:
            if _is_connecting(own) or _peer(own) == self._place:
                _shut(own)


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # It is closed already, or was still connecting, which this has ended all the same.


def _peer(connection: socket.socket) -> tuple[str, int] | None:
    try:
        host, port = connection.getpeername()[:2]
    except (OSError, ValueError):
        return None
    return str(host), int(port)


def _is_connecting(connection: socket.socket) -> bool:
    try:
        return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _SYN_SENT
    except OSError:
        return False


def _bearable(command: Sequence[Any]) -> bool:
    match command:
        case ["onStatus", float(), *rest]:
            return status(information(rest)) is Status.STARTED
        case [str(), float(), *_]:
            return True
        case _:
            return False


def _body(packet: Any) -> bytes:
    """A message's bytes; librtmp has none for an empty one."""
    return bytes(packet.body) if packet.packet.m_nBodySize else b""


def _number(rest: Sequence[Any]) -> int:
    """The stream that createStream's answer names. Raises `NetworkError` when it names none that librtmp can hold."""
    number = stream_number(rest)
    if number is None or number >= 1 << 31:
        raise NetworkError("createStream was answered without a stream id", stage="publish")
    return number
