"""One libsrt socket in a process of its own: opened by calling, by being called or by both at once; fed; closed.

The process does nothing else, and ends with it. It is one thread beside libsrt's own: it waits for the engine, and for
no longer than the engine may wait for figures.
"""

from __future__ import annotations

import socket
import time as clock

from camcast.errors import MisconfiguredError, NetworkError
from camcast_srt import making
from camcast_srt.library import EASYNCSND, GONE, INVALID, STATE_CONNECTED, Library
from camcast_srt.making import LetGo, Options, Speech
from camcast_srt.wire import (
    BROKEN,
    LIBRARYS,
    LIVE_ON,
    MEDIA,
    MOST,
    MOST_FIGURE,
    OPENED,
    SECONDS,
    STRANGER,
    TEXT,
    Failure,
    Figures,
    Page,
    Request,
)

_OPENING_MS = 10
"""Between looks at a socket that is being opened."""
_ROOM_MS = 5
"""Until libsrt is offered again what it had no room for."""
_SOON, _LATER, _IDLE = 0.01, 0.03, 0.1
"""Seconds between figures, while libsrt holds something, in the first `_YOUNG` seconds and after; while it does not."""
_YOUNG = 3.0
_ON_THE_WAY = 0.5
"""What part of that is enough where a message has woken us anyway."""
_VERSION = 0xFFFFFF
"""What of a version is one: major, minor, patch, a byte each. A peer may say anything."""
PEER_GONE = "the peer closed the connection or was silent for too long"


class SrtSocket:
    """The socket of one request; `channel` leads to the engine, and does not block."""

    def __init__(self, library: Library, channel: socket.socket, page: Page, request: Request) -> None:
        self._library = library
        self._lib = library.lib
        self._channel = channel
        self._speech = Speech(channel)
        self._page = page
        self._request = request
        self._payload_size = int(request.options["payload_size"])
        self._socket = INVALID
        self._listener = INVALID
        self._poll = self._speech.poll
        self._message = bytearray(MOST)
        self._view = library.ffi.from_buffer(self._message)
        self._at = self._end = 0
        """What of the message libsrt has not taken yet."""
        self._taken = self._held = 0
        self._peer_latency = self._peer_version = 0
        self._began = 0.0
        ffi = library.ffi
        self._blocks, self._bytes = ffi.new("size_t *"), ffi.new("size_t *")
        self._room, self._statistics = library.statistics()

    def run(self) -> None:
        """From the first step to the last. Raises `LetGo`."""
        try:
            try:
                self._open()
                self._wait_until_open()
            except (NetworkError, MisconfiguredError) as error:
                self._speech.fail(Failure(text=str(error), misconfigured=isinstance(error, MisconfiguredError)))
            self._began = clock.monotonic()
            self._peer_latency = self._library.int_option(self._socket, "peerlatency")
            self._peer_version = self._library.int_option(self._socket, "peerversion") & _VERSION
            self._report()
            self._speech.say(OPENED)
            self._serve()
        finally:
            for one in (self._listener, self._socket):
                if one != INVALID:
                    self._lib.srt_close(one)

    # --- opening ------------------------------------------------------------------------------------------

    def _open(self) -> None:
        if self._request.mode == "listener":
            self._listen()
        else:
            self._call()

    def _call(self) -> None:
        request = self._request
        self._socket = self._new()
        # Its own time-out is the later one, so that the deadline's error is always the same.
        making.put(self._library, self._socket, "conntimeo", int(request.timeout * 1000) + 200)
        if request.streamid:
            making.put(self._library, self._socket, "streamid", request.streamid)
        if request.mode == "rendezvous":
            making.put(self._library, self._socket, "rendezvous", True)
        if request.local is not None:
            making.bind(self._library, self._socket, request.local)
        if self._lib.srt_connect(self._socket, request.target, len(request.target)) != 0:
            raise NetworkError(f"cannot connect: {self._library.error()[1]}")

    def _listen(self) -> None:
        self._listener = self._new()
        making.bind(self._library, self._listener, self._request.target)
        if self._lib.srt_listen(self._listener, 1) != 0:
            raise NetworkError(f"cannot listen: {self._library.error()[1]}")

    def _wait_until_open(self) -> None:
        while True:
            if self._poll.poll(_OPENING_MS) and not self._channel.recv(MOST):
                raise LetGo
            if self._listener != INVALID:
                if self._take_caller():
                    return
                continue
            state = self._lib.srt_getsockstate(self._socket)
            if state == STATE_CONNECTED:
                return
            if state > STATE_CONNECTED:
                self._speech.fail(Failure(reason=self._library.reject_reason(self._socket)))

    def _take_caller(self) -> bool:
        ffi = self._library.ffi
        room, length = ffi.new("char[]", 128), ffi.new("int *", 128)
        caller = self._lib.srt_accept(self._listener, room, length)
        if caller == INVALID:
            return False
        wanted = self._request.streamid
        if wanted and self._library.text_option(caller, "streamid") != wanted:
            self._lib.srt_close(caller)
            # Callers that are turned away by the hundred, and an engine that is busy: no matter. All else is said.
            self._speech.say(STRANGER, may_be_left=True)
            return False
        self._socket = caller
        # One attempt carries one stream to one receiver, so nobody else may call.
        self._lib.srt_close(self._listener)
        self._listener = INVALID
        self._library.set_option(caller, "sndsyn", False)
        return True

    def _new(self) -> int:
        first: Options = {"sndsyn": False, "rcvsyn": False, "transtype": 0, "sender": True}
        return making.make(self._library, {**first, **self._request.options})

    # --- on the air ---------------------------------------------------------------------------------------

    def _serve(self) -> None:
        now = told = self._began
        while True:
            every = _IDLE if not self._held else _SOON if now < self._began + _YOUNG else _LATER
            if self._at < self._end:
                self._speech.sleep(_ROOM_MS)
            elif self._poll.poll(max(1, int((told + every - now) * 1000))):
                self._hear()
            if why := self._hand_over():
                self._break(why)
            now = clock.monotonic()
            # What libsrt was handed just now it holds, so that its figures are of interest soon.
            if now >= told + _ON_THE_WAY * every or not self._held:
                self._report()
                told = now
                if self._lib.srt_getsockstate(self._socket) != STATE_CONNECTED:
                    self._break(PEER_GONE)

    def _hear(self) -> None:
        size = self._channel.recv_into(self._message)
        if not size:
            raise LetGo
        what = bytes(self._message[:1])
        if what == MEDIA:
            self._at, self._end = 1, size
        elif what == LIVE_ON:
            self._live_on(*SECONDS.unpack_from(self._message, 1))

    def _hand_over(self) -> str:
        """Hand libsrt what it takes of the message. Returns why the connection is over; "" = it is not."""
        send, base, most = self._lib.srt_send, self._view, self._payload_size
        while self._at < self._end:
            size = min(most, self._end - self._at)
            if send(self._socket, base + self._at, size) != size:
                code, text = self._library.error()
                if code == EASYNCSND:
                    break
                return PEER_GONE if code in GONE else text
            self._at += size
            self._taken += size
        self._page.take(self._taken)
        return ""

    def _report(self) -> None:
        lib = self._lib
        # In this order: what is given up in between then counts twice against progress, never for it.
        held = int(self._bytes[0]) if lib.srt_getsndbuffer(self._socket, self._blocks, self._bytes) >= 0 else 0
        if lib.srt_bistats(self._socket, self._room, 0, 1) == 0:
            told = self._statistics
            figures = (min(MOST_FIGURE, max(0, getattr(told, name))) for name in LIBRARYS)
            self._page.write(Figures(self._taken, held, self._peer_latency, self._peer_version, *figures))
        self._held = held

    def _live_on(self, seconds: float) -> None:
        """Stay for the receiver, which shows what it holds only while the connection stands."""
        until = clock.monotonic() + seconds
        while (left := until - clock.monotonic()) > 0:
            if self._lib.srt_getsockstate(self._socket) != STATE_CONNECTED:
                break
            self._speech.sleep(int(min(_IDLE, left) * 1000) + 1)
        raise LetGo

    # --- telling ------------------------------------------------------------------------------------------

    def _break(self, why: str) -> None:
        self._report()
        self._speech.say(BROKEN + why.encode()[:TEXT])
        self._speech.end()
