"""One SRT socket and its life: opened by calling, by being called or by both at once; sending; closed.

What may take libsrt time (`open`, `close`, taking a caller) happens on the reactor's thread; `send` and the figures
are asked on the loop. The owner is told on the loop: `opened`, `failed`, `broken`, `writable`.
"""

from __future__ import annotations

from typing import Any, Protocol

from camcast.errors import MisconfiguredError, NetworkError, TransportError
from camcast_srt import address as addresses
from camcast_srt.address import Address
from camcast_srt.library import (
    EASYNCSND,
    EPOLL_ERR,
    EPOLL_IN,
    EPOLL_OUT,
    GONE,
    INVALID,
    STATE_CONNECTED,
    Library,
)
from camcast_srt.options import SrtSettings
from camcast_srt.reactor import Reactor
from camcast_srt.rejection import rejected

_SLACK_MS = 50
"""Acknowledgements come every 10 ms, and the round trip is an average."""
_HEADERS = 44
"""IP, UDP and SRT headers, which libsrt's figures in bytes include for each packet."""
_PASSED_ON = (
    "mss", "fc", "sndbuf", "ipttl", "iptos", "passphrase", "pbkeylen", "latency", "maxbw", "inputbw", "oheadbw",
    "tlpktdrop", "nakreport", "peeridletimeo", "packetfilter", "minversion", "payload_size",
)  # fmt: skip


class Owner(Protocol):
    """Who is told, on the loop."""

    def opened(self, link: Link) -> None: ...

    def failed(self, link: Link, error: TransportError) -> None: ...

    def broken(self, link: Link) -> None: ...

    def writable(self) -> None: ...

    def stranger(self) -> None:
        """A caller with another stream id was turned away."""


class Link:
    """One socket, used once."""

    def __init__(self, reactor: Reactor, settings: SrtSettings, owner: Owner, shown: str) -> None:
        self._reactor = reactor
        self._library: Library = reactor.library
        self._lib = self._library.lib
        self._settings = settings
        self._owner = owner
        self._shown = shown
        self._socket = INVALID
        self._listener = INVALID
        self._connected = False
        self._closed = False
        self._asked = False
        self.latency_ms = 0
        ffi = self._library.ffi
        self._blocks, self._bytes = ffi.new("size_t *"), ffi.new("size_t *")
        self._room, self._figures = self._library.statistics()

    # --- on the I/O thread --------------------------------------------------------------------------------

    def open(self, target: Address, local: Address | None, timeout: float) -> None:
        """Begin to connect, or to wait for a caller; tells the owner how it ended."""
        if self._closed:
            return
        try:
            if self._settings.mode == "listener":
                self._listen(target)
            else:
                self._call(target, local, timeout)
        except TransportError as error:
            self._reactor.tell(self._owner.failed, self, error)

    def close(self) -> None:
        """Free both sockets. What libsrt still holds is gone with them."""
        self._closed = True
        for socket in (self._listener, self._socket):
            if socket != INVALID:
                self._reactor.unwatch(socket)
                self._lib.srt_close(socket)
        self._listener = self._socket = INVALID

    def ready(self, events: int) -> None:
        if self._closed:
            return
        if self._listener != INVALID and not self._connected:
            if events & EPOLL_IN:
                self._take_caller()
            return
        state = self._lib.srt_getsockstate(self._socket)
        if state != STATE_CONNECTED:
            self._reactor.unwatch(self._socket)
            if self._connected:
                self._reactor.tell(self._owner.broken, self)
            else:
                reason = self._library.reject_reason(self._socket)
                self._reactor.tell(self._owner.failed, self, rejected(reason, self._shown))
        elif not self._connected:
            self._established()
        elif events & EPOLL_OUT:
            self._reactor.change(self._socket, EPOLL_ERR)
            self._reactor.tell(self._owner.writable)

    def _established(self) -> None:
        self._connected = True
        self._reactor.change(self._socket, EPOLL_ERR)
        self._reactor.tell(self._owner.opened, self)

    def _call(self, target: Address, local: Address | None, timeout: float) -> None:
        self._socket = self._new_socket()
        # Its own time-out is the later one, so that the deadline's error is always the same.
        self._set(self._socket, "conntimeo", int(timeout * 1000) + 200)
        if self._settings.streamid:
            self._set(self._socket, "streamid", self._settings.streamid)
        rendezvous = self._settings.mode == "rendezvous"
        if rendezvous:
            self._set(self._socket, "rendezvous", True)
            local = local or addresses.any_like(target, target[1][1])
        if local is not None:
            self._bind(self._socket, local)
        self._reactor.watch(self._socket, EPOLL_OUT, self)
        packed = addresses.pack(target)
        if self._lib.srt_connect(self._socket, packed, len(packed)) != 0:
            _, text = self._library.error()
            raise NetworkError(f"{self._shown}: cannot connect: {text}", stage="connect")

    def _listen(self, local: Address) -> None:
        self._listener = self._new_socket()
        self._bind(self._listener, local)
        if self._lib.srt_listen(self._listener, 1) != 0:
            _, text = self._library.error()
            raise NetworkError(f"{self._shown}: cannot listen: {text}", stage="connect")
        self._reactor.watch(self._listener, EPOLL_IN, self)

    def _take_caller(self) -> None:
        ffi = self._library.ffi
        room, length = ffi.new("char[]", 128), ffi.new("int *", 128)
        caller = self._lib.srt_accept(self._listener, room, length)
        if caller == INVALID:
            return
        wanted = self._settings.streamid
        if wanted and self._library.text_option(caller, "streamid") != wanted:
            self._lib.srt_close(caller)
            self._reactor.tell(self._owner.stranger)
            return
        self._socket = caller
        # One attempt carries one stream to one receiver, so nobody else may call.
        self._reactor.unwatch(self._listener)
        self._lib.srt_close(self._listener)
        self._listener = INVALID
        self._library.set_option(caller, "sndsyn", False)
        self._reactor.watch(caller, EPOLL_ERR, self)
        self._established()

    def _new_socket(self) -> int:
        socket = int(self._lib.srt_create_socket())
        if socket == INVALID:
            _, text = self._library.error()
            raise NetworkError(f"cannot make an SRT socket: {text}", stage="connect")
        for name, value in (("sndsyn", False), ("rcvsyn", False), ("transtype", 0), ("sender", True)):
            self._set(socket, name, value)
        for name in _PASSED_ON:
            value = getattr(self._settings, name)
            if value is not None:
                self._set(socket, name, value)
        return socket

    def _set(self, socket: int, name: str, value: str | float | bool) -> None:
        if not self._library.set_option(socket, name, value):
            _, text = self._library.error()
            self._lib.srt_close(socket)
            if socket == self._socket:
                self._socket = INVALID
            raise MisconfiguredError(f"{self._shown}: libsrt does not take this {name}: {text}", stage="connect")

    def _bind(self, socket: int, local: Address) -> None:
        packed = addresses.pack(local)
        if local[0] != addresses.literal("0.0.0.0", 0)[0]:
            # libsrt wants this said for the wildcard, and does not mind otherwise.
            self._library.set_option(socket, "ipv6only", 1)
        if self._lib.srt_bind(socket, packed, len(packed)) != 0:
            _, text = self._library.error()
            raise NetworkError(f"{self._shown}: cannot bind {local[1][0]}:{local[1][1]}: {text}", stage="connect")

    # --- on the loop --------------------------------------------------------------------------------------

    def send(self, data: Any, length: int) -> bool:
        """Hand one payload to libsrt. False = its buffer is full: `writable` will be told.

        Raises `NetworkError` when the connection is gone.
        """
        if self._lib.srt_send(self._socket, data, length) == length:
            return True
        code, text = self._library.error()
        if code == EASYNCSND:
            self._reactor.change(self._socket, EPOLL_ERR | EPOLL_OUT)
            return False
        if code in GONE:
            text = "the peer closed the connection or was silent for too long"
        raise NetworkError(f"{self._shown}: {text}", stage="streaming")

    def unacknowledged(self) -> int:
        """Bytes of payload in libsrt's send buffer."""
        if self._lib.srt_getsndbuffer(self._socket, self._blocks, self._bytes) < 0:
            return 0
        return int(self._bytes[0])

    def waiting(self) -> float:
        """What part of `unacknowledged` has not been sent once, or is older than any receiver waits for; 0 to 1.

        libsrt sends on into a link that is gone, and repeats: so bytes that nobody has acknowledged are under way as
        long as the latency covers them (and the way there and back, which is known roughly), and behind from then on.
        """
        figures = self.figures()
        if figures is None or figures.pktSndBuf <= 0:
            return 0.0
        kept = max(0, figures.pktSndBuf - figures.pktFlightSize) / figures.pktSndBuf
        covered = max(self.latency_ms, figures.msSndTsbPdDelay) + 2 * figures.msRTT + _SLACK_MS
        late = 1.0 - covered / figures.msSndBuf if figures.msSndBuf > covered else 0.0
        return float(min(1.0, max(kept, late)))

    def dropped(self) -> int:
        """Bytes of payload that libsrt gave up because they were too late."""
        figures = self.figures()
        return 0 if figures is None else max(0, figures.byteSndDropTotal - _HEADERS * figures.pktSndDropTotal)

    def acknowledgements(self) -> int:
        """How many the peer has sent: one every 10 ms in which something new has come to it."""
        figures = self.figures()
        return 0 if figures is None else int(figures.pktRecvACKTotal)

    def figures(self) -> Any:
        """libsrt's statistics, the last known ones when the connection is gone; None when there was none."""
        if self._socket != INVALID and self._lib.srt_bistats(self._socket, self._room, 0, 1) == 0:
            self._asked = True
        return self._figures if self._asked else None

    def peer_latency(self) -> float:
        """Seconds that the receiver holds packets back."""
        self.latency_ms = max(self.latency_ms, self._library.int_option(self._socket, "peerlatency"))
        return self.latency_ms / 1000
