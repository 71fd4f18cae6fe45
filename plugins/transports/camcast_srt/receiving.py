"""libsrt's sockets that media comes from, in a process of their own: a listener and all who call it, or one connection.

libsrt takes what comes to a port in one process, so callers of one address share it. Who calls is looked at while it is
being connected: whom no place is for is told so, and has no connection. Beside libsrt's own threads there is one: it
waits for the engine and for media, and hands over what comes as it comes. What the engine does not take stays in
libsrt's buffers, which are bounded.
"""

from __future__ import annotations

import marshal
import socket
import threading
import time as clock
from collections import Counter
from typing import Any

import attrs

from camcast.errors import MisconfiguredError, NetworkError
from camcast_kit_ingest.purse import Purse
from camcast_srt import making
from camcast_srt.ingest import access
from camcast_srt.ingest.access import MAX_CALLERS, PlaceTold
from camcast_srt.library import GONE, INVALID, STATE_CONNECTED, Library
from camcast_srt.making import LetGo, Speech
from camcast_srt.wire import (
    BEGAN,
    BROKEN,
    CONNECTION,
    DROP,
    LEFT,
    MEDIA,
    MOST,
    OPENED,
    PLACES,
    REFUSED,
    TEXT,
    TURNED_AWAY,
    Failure,
    Request,
)

_AT_ONCE = 48 << 10
"""Bytes of media in one message."""
_LARGEST = 1456
"""Bytes of an SRT packet."""
_ROUNDS = 4
"""Messages of one connection before it is another's turn."""
_IDLE_MS = 100
_OPENING_MS = 10
_IN, _ERR = 0x1, 0x8
"""SRT_EPOLL_IN, SRT_EPOLL_ERR."""
_BACKLOG = 16
_TOLD_EVERY = 0.1
"""Seconds between counts of who was turned away."""
_HELD_TO_PASSPHRASES = 5
"""The handshake's version (since SRT 1.3) in which a passphrase is looked at before there is a connection. With an
older one libsrt takes what comes in the clear, whatever passphrase is set."""
_SECURED = 2
"""SRT_KM_S_SECURED: both know the passphrase. At once, since it is looked at in the handshake."""
PEER_GONE = "the peer closed the connection or was silent for too long"


@attrs.define(eq=False)
class Caller:
    """One connection."""

    socket: int
    number: int
    """By which the engine knows it."""
    place: PlaceTold
    purse: Purse | None
    until: float = 0.0
    """It is not read before."""


class Receiving:
    """All sockets of one request; `channel` leads to the engine, and does not block."""

    def __init__(self, library: Library, channel: socket.socket, request: Request) -> None:
        self._library = library
        self._lib = library.lib
        self._speech = Speech(channel)
        self._request = request
        self._listener = INVALID
        self._listens = False
        self._places: tuple[PlaceTold, ...] = ()
        self._callers: dict[int, Caller] = {}
        """By socket."""
        self._count = 0
        self._refused: Counter[tuple[int, int]] = Counter()
        """Callers that were turned away, by place (-1 = none) and reason. Counted on libsrt's thread too."""
        self._counting = threading.Lock()
        self._told = 0.0
        self._hook: Any = None
        self._message = bytearray(_AT_ONCE + _LARGEST)
        self._view = library.ffi.from_buffer(self._message)
        self._poll = int(self._lib.srt_epoll_create())
        self._ready, self._ready_count = library.ffi.new(f"SRTSOCKET[{MAX_CALLERS + 1}]"), library.ffi.new("int *")
        self._spoken, self._spoken_count = library.ffi.new("SYSSOCKET[1]"), library.ffi.new("int *")
        self._events = library.ffi.new("int *", _IN | _ERR)

    def run(self) -> None:
        """From the first step to the last. Raises `LetGo`."""
        try:
            try:
                self._open()
            except (NetworkError, MisconfiguredError) as error:
                self._speech.fail(Failure(text=str(error), misconfigured=isinstance(error, MisconfiguredError)))
            self._lib.srt_epoll_add_ssock(self._poll, self._speech.channel.fileno(), self._events)
            self._speech.say(OPENED)
            while True:
                self._turn()
        finally:
            for one in (self._listener, *self._callers):
                if one != INVALID:
                    self._lib.srt_close(one)

    # --- opening ------------------------------------------------------------------------------------------

    def _open(self) -> None:
        request, options = self._request, {"sndsyn": False, "rcvsyn": False, "transtype": 0, **self._request.options}
        if request.mode == "listener":
            self._listen(making.make(self._library, {k: v for k, v in options.items() if k != "passphrase"}))
            return
        made = making.make(self._library, options)
        # Closed with the others, whatever becomes of it.
        self._callers[made] = Caller(made, 1, PlaceTold(0, "", "", False, request.max_rate), None)
        # Its own time-out is the later one, so that the deadline's error is always the same.
        making.put(self._library, made, "conntimeo", int(request.timeout * 1000) + 200)
        if request.streamid:
            making.put(self._library, made, "streamid", request.streamid)
        if request.mode == "rendezvous":
            making.put(self._library, made, "rendezvous", True)
        if request.local is not None:
            making.bind(self._library, made, request.local)
        if self._lib.srt_connect(made, request.target, len(request.target)) != 0:
            raise NetworkError(f"cannot connect: {self._library.error()[1]}")
        self._wait_until_open(made)
        if options.get("passphrase") and self._library.int_option(made, "rcvkmstate") != _SECURED:
            raise NetworkError("the other side does not encrypt: its SRT is older than 1.3, which a passphrase needs")
        self._take(self._callers[made])

    def _listen(self, made: int) -> None:
        self._listener = made
        making.bind(self._library, made, self._request.target)
        self._hook = self._library.ffi.callback("srt_listen_callback_fn", self._called, error=-1)
        self._lib.srt_listen_callback(made, self._hook, self._library.ffi.NULL)

    def _take_calls(self) -> None:
        """Who calls before it is known whom to take would be told that nobody takes it."""
        self._listens = True
        if self._lib.srt_listen(self._listener, _BACKLOG) != 0:
            self._speech.say(BROKEN + f"cannot listen: {self._library.error()[1]}".encode()[:TEXT])
            self._speech.end()
        self._lib.srt_epoll_add_usock(self._poll, self._listener, self._events)

    def _wait_until_open(self, made: int) -> None:
        while (state := self._lib.srt_getsockstate(made)) != STATE_CONNECTED:
            if state > STATE_CONNECTED:
                self._speech.fail(Failure(reason=self._library.reject_reason(made)))
            if self._speech.poll.poll(_OPENING_MS) and not self._speech.channel.recv(MOST):
                raise LetGo

    def _take(self, caller: Caller) -> None:
        self._callers[caller.socket] = caller
        caller.purse = caller.place.purse(clock.monotonic())
        self._lib.srt_epoll_add_usock(self._poll, caller.socket, self._events)

    # --- who calls ----------------------------------------------------------------------------------------

    def _called(self, opaque: object, caller: int, version: int, peer: object, streamid: Any) -> int:
        """On libsrt's thread: 0 = it may go on, and its passphrase is looked at."""
        said = "" if streamid == self._library.ffi.NULL else self._library.ffi.string(streamid, 512)
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        place, why = self._place(text)
        if place is not None and place.passphrase and version < _HELD_TO_PASSPHRASES:
            why = access.TOO_OLD
        if place is None or why is not None:
            self._lib.srt_setrejectreason(caller, access.CODES[self._turned_away(place, why)])
            return -1
        if place.passphrase and not self._library.set_option(caller, "passphrase", place.passphrase):
            return -1
        return 0

    def _place(self, streamid: str) -> tuple[PlaceTold | None, int | None]:
        """The place that is meant, and why it is not given; None = it is."""
        place = access.found(self._places, streamid)
        if place is None:
            return None, access.UNKNOWN
        if not access.asked(streamid)[1]:
            return place, access.NOT_PUBLISHING
        callers = list(self._callers.values())
        if len(callers) >= MAX_CALLERS:
            return place, access.TOO_MANY
        if not place.takeover and any(one.place.number == place.number for one in callers):
            return place, access.BUSY
        return place, None

    def _turned_away(self, place: PlaceTold | None, why: int | None) -> int:
        """Count it; the reason."""
        reason = access.UNKNOWN if why is None else why
        with self._counting:
            self._refused[-1 if place is None else place.number, reason] += 1
        return reason

    def _accept(self) -> None:
        ffi = self._library.ffi
        room, length = ffi.new("char[]", 128), ffi.new("int *", 128)
        while (made := int(self._lib.srt_accept(self._listener, room, length))) != INVALID:
            # It was asked before; meanwhile another one may have come.
            place, why = self._place(self._library.text_option(made, "streamid"))
            if place is None or why is not None:
                self._turned_away(place, why)
                self._lib.srt_close(made)
                continue
            for before in [one for one in self._callers.values() if one.place.number == place.number]:
                self._leave(before, "another publisher took its place")
            self._library.set_option(made, "rcvsyn", False)
            self._count += 1
            self._take(Caller(made, self._count, place, None))
            self._speech.say(BEGAN + CONNECTION.pack(self._count) + CONNECTION.pack(place.number))

    def _leave(self, caller: Caller, why: str) -> None:
        del self._callers[caller.socket]
        self._lib.srt_epoll_remove_usock(self._poll, caller.socket)
        self._lib.srt_close(caller.socket)
        if self._listener == INVALID:
            self._speech.say(BROKEN + why.encode()[:TEXT])
            self._speech.end()
        self._speech.say(LEFT + CONNECTION.pack(caller.number) + why.encode()[:TEXT])

    # --- media --------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        now = clock.monotonic()
        self._count_refused(now)
        waits = [one for one in self._callers.values() if one.until]
        for one in waits:
            if one.until <= now:
                one.until = 0.0
                self._lib.srt_epoll_add_usock(self._poll, one.socket, self._events)
        wait = min([_IDLE_MS, *(max(1, int((one.until - now) * 1000)) for one in waits if one.until)])
        self._ready_count[0], self._spoken_count[0] = MAX_CALLERS + 1, 1
        null = self._library.ffi.NULL
        found = self._lib.srt_epoll_wait(
            self._poll, self._ready, self._ready_count, null, null, wait, self._spoken, self._spoken_count, null, null
        )
        if found < 0:
            return
        if self._spoken_count[0]:
            self._hear()
        for number in range(self._ready_count[0]):
            if self._ready[number] == self._listener:
                self._accept()
            elif (caller := self._callers.get(self._ready[number])) is not None:
                self._read(caller)

    def _read(self, caller: Caller) -> None:
        head = MEDIA + CONNECTION.pack(caller.number)
        self._message[: len(head)] = head
        receive, base = self._lib.srt_recv, self._view
        for _ in range(_ROUNDS):
            at, why, size = len(head), "", 0
            while at < _AT_ONCE and (size := receive(caller.socket, base + at, _LARGEST)) > 0:
                at += size
            if size <= 0:
                code, text = self._library.error()
                why = PEER_GONE if code in GONE else "" if code in _NOTHING_THERE else text
            if at > len(head):
                self._speech.say(memoryview(self._message)[:at])
            if size == 0 or why:
                self._leave(caller, why or PEER_GONE)
                return
            if caller.purse is not None and (wait := caller.purse.spend(at - len(head), clock.monotonic())) > 0:
                caller.until = clock.monotonic() + wait
                self._lib.srt_epoll_remove_usock(self._poll, caller.socket)
                return
            if size < 0:
                return

    # --- the engine ---------------------------------------------------------------------------------------

    def _hear(self) -> None:
        try:
            said = self._speech.channel.recv(MOST)
        except BlockingIOError:
            return
        if not said:
            raise LetGo
        if said[:1] == PLACES:
            self._places = tuple(PlaceTold(*place) for place in marshal.loads(said[1 + CONNECTION.size :]))
            there = {place.number for place in self._places}
            for caller in [one for one in self._callers.values() if one.place.number not in there]:
                self._leave(caller, "nobody takes this stream any more")
            if not self._listens:
                self._take_calls()
            self._speech.say(said[: 1 + CONNECTION.size])
        elif said[:1] == DROP:
            (number,) = CONNECTION.unpack_from(said, 1)
            for caller in [one for one in self._callers.values() if one.number == number]:
                self._leave(caller, "it was cut off")

    def _count_refused(self, now: float) -> None:
        if not self._refused or now - self._told < _TOLD_EVERY:
            return
        with self._counting:
            self._told, counted, self._refused = now, self._refused, Counter()
        for told, count in counted.items():
            if not self._speech.say(REFUSED + TURNED_AWAY.pack(*told, count), may_be_left=True):
                with self._counting:
                    self._refused[told] += count


_NOTHING_THERE = (6002,)
"""SRT_EASYNCRCV."""
