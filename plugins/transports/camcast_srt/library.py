"""libsrt through cffi (ABI mode): the declarations this plugin uses, and finding the shared library.

Structures and numbers are libsrt's stable C API (srt.h, 1.4 and later). Structures grow at their end only, so
the one that libsrt writes into is given room to spare.
"""

from __future__ import annotations

import atexit
import re
import sys
from typing import Any

from camcast.errors import MissingDependency

NAMES = ("libsrt.so.1.5", "libsrt-openssl.so.1.5", "libsrt-gnutls.so.1.5", "libsrt.so.1.4", "libsrt-gnutls.so.1.4")
_MAC_NAMES = ("libsrt.1.5.dylib", "libsrt.dylib", "/opt/homebrew/lib/libsrt.dylib")

INVALID = -1
EASYNCSND = 6001
GONE = (2001, 2002, 5004)
"""SRT_ECONNLOST, SRT_ENOCONN, SRT_EINVSOCK: what sending says once a connection is over, sooner or later."""
STATE_CONNECTED = 5
"""Those below come before it, those above after it (SRT_SOCKSTATUS)."""
_LOG_CRIT = 2
_STATS_ROOM = 4096

OPTION = {
    "mss": 0, "sndsyn": 1, "rcvsyn": 2, "fc": 4, "sndbuf": 5, "rendezvous": 12,
    "maxbw": 16, "sender": 21, "latency": 23, "inputbw": 24, "oheadbw": 25, "passphrase": 26, "pbkeylen": 27,
    "ipttl": 29, "iptos": 30, "tlpktdrop": 31, "nakreport": 33, "peerversion": 35, "conntimeo": 36,
    "rcvkmstate": 41, "peerlatency": 44,
    "minversion": 45, "streamid": 46, "payload_size": 49, "transtype": 50, "kmrefreshrate": 51, "kmpreannounce": 52,
    "ipv6only": 54,
    "peeridletimeo": 55, "packetfilter": 60,
}  # fmt: skip
"""SRT_SOCKOPT, by the names of the options here."""
_C_TYPES = {
    **dict.fromkeys(("sndsyn", "rcvsyn", "rendezvous", "sender", "tlpktdrop", "nakreport"), "uint8_t"),
    **dict.fromkeys(("maxbw", "inputbw"), "int64_t"),
}
"""Of those that are no int."""

_DECLARATIONS = """
typedef int SRTSOCKET;
typedef int SYSSOCKET;
typedef struct {
    int64_t msTimeStamp, pktSentTotal, pktRecvTotal;
    int pktSndLossTotal, pktRcvLossTotal, pktRetransTotal, pktSentACKTotal, pktRecvACKTotal, pktSentNAKTotal,
        pktRecvNAKTotal;
    int64_t usSndDurationTotal;
    int pktSndDropTotal, pktRcvDropTotal, pktRcvUndecryptTotal;
    uint64_t byteSentTotal, byteRecvTotal, byteRcvLossTotal, byteRetransTotal, byteSndDropTotal, byteRcvDropTotal,
        byteRcvUndecryptTotal;
    int64_t pktSent, pktRecv;
    int pktSndLoss, pktRcvLoss, pktRetrans, pktRcvRetrans, pktSentACK, pktRecvACK, pktSentNAK, pktRecvNAK;
    double mbpsSendRate, mbpsRecvRate;
    int64_t usSndDuration;
    int pktReorderDistance;
    double pktRcvAvgBelatedTime;
    int64_t pktRcvBelated;
    int pktSndDrop, pktRcvDrop, pktRcvUndecrypt;
    uint64_t byteSent, byteRecv, byteRcvLoss, byteRetrans, byteSndDrop, byteRcvDrop, byteRcvUndecrypt;
    double usPktSndPeriod;
    int pktFlowWindow, pktCongestionWindow, pktFlightSize;
    double msRTT, mbpsBandwidth;
    int byteAvailSndBuf, byteAvailRcvBuf;
    double mbpsMaxBW;
    int byteMSS, pktSndBuf, byteSndBuf, msSndBuf, msSndTsbPdDelay;
    int pktRcvBuf, byteRcvBuf, msRcvBuf, msRcvTsbPdDelay;
} SRT_TRACEBSTATS;
typedef int srt_listen_callback_fn(void *opaque, SRTSOCKET ns, int hsversion, const void *peer, const char *streamid);

int srt_startup(void);
int srt_cleanup(void);
uint32_t srt_getversion(void);
void srt_setloglevel(int level);
SRTSOCKET srt_create_socket(void);
int srt_bind(SRTSOCKET u, const char *name, int length);
int srt_listen(SRTSOCKET u, int backlog);
int srt_listen_callback(SRTSOCKET lsn, srt_listen_callback_fn *hook, void *opaque);
SRTSOCKET srt_accept(SRTSOCKET u, char *name, int *length);
int srt_connect(SRTSOCKET u, const char *name, int length);
int srt_close(SRTSOCKET u);
int srt_getsockflag(SRTSOCKET u, int option, void *value, int *length);
int srt_setsockflag(SRTSOCKET u, int option, const void *value, int length);
int srt_send(SRTSOCKET u, const char *data, int length);
int srt_recv(SRTSOCKET u, char *data, int length);
int srt_getsndbuffer(SRTSOCKET u, size_t *blocks, size_t *bytes);
int srt_bistats(SRTSOCKET u, void *stats, int clear, int instantaneous);
int srt_getsockstate(SRTSOCKET u);
int srt_epoll_create(void);
int srt_epoll_add_usock(int eid, SRTSOCKET u, const int *events);
int srt_epoll_remove_usock(int eid, SRTSOCKET u);
int srt_epoll_add_ssock(int eid, SYSSOCKET s, const int *events);
int srt_epoll_wait(int eid, SRTSOCKET *readable, int *readable_count, SRTSOCKET *writable, int *writable_count,
    int64_t timeout, SYSSOCKET *system_readable, int *system_readable_count, SYSSOCKET *system_writable,
    int *system_writable_count);
int srt_getlasterror(int *system_error);
const char *srt_getlasterror_str(void);
int srt_getrejectreason(SRTSOCKET u);
int srt_setrejectreason(SRTSOCKET u, int value);
const char *srt_rejectreason_str(int value);
"""


class Library:
    """The loaded library. `lib` has libsrt's functions; every one may be called from any thread."""

    def __init__(self, ffi: Any, lib: Any) -> None:
        self.ffi = ffi
        self.lib = lib
        self._started = False

    @property
    def version(self) -> str:
        number = self.lib.srt_getversion()
        return f"{number >> 16}.{number >> 8 & 0xFF}.{number & 0xFF}"

    def warm(self) -> None:
        """Work out now what cffi else works out at the first use of each function and type. Calls nothing."""
        for name in re.findall(r"^(?!typedef).*?\b(srt_\w+)\(", _DECLARATIONS, re.MULTILINE):
            getattr(self.lib, name)
        self.statistics()
        for ctype in ("char[]", "size_t *", "int *", *(f"{one} *" for one in _C_TYPES.values())):
            self.ffi.typeof(ctype)

    def start(self) -> None:
        """Start libsrt's own runtime, once. It stays up until the program ends: ending it waits for closed sockets.

        Not ending it at all lets its collector of sockets run into the end of the process, and crash there. Raises
        `OSError`.
        """
        if not self._started:
            if self.lib.srt_startup() < 0:
                raise OSError(f"libsrt does not start: {self.error()[1]}")
            atexit.register(self.lib.srt_cleanup)
            # libsrt writes to stderr otherwise, past every log configuration.
            self.lib.srt_setloglevel(_LOG_CRIT)
            self._started = True

    def error(self) -> tuple[int, str]:
        """This thread's last error: libsrt's code and text."""
        code = self.lib.srt_getlasterror(self.ffi.NULL)
        return code, self.ffi.string(self.lib.srt_getlasterror_str()).decode("utf-8", "replace")

    def reject_reason(self, socket: int) -> int:
        """Why a connection was rejected: SRT_REJ_… below 1000, SRT_REJX_… above."""
        return int(self.lib.srt_getrejectreason(socket))

    def set_option(self, socket: int, name: str, value: str | float | bool) -> bool:
        """False = refused by libsrt; `error` says why."""
        ffi, option = self.ffi, OPTION[name]
        if isinstance(value, str):
            raw = value.encode()
            return bool(self.lib.srt_setsockflag(socket, option, raw, len(raw)) == 0)
        ctype = _C_TYPES.get(name, "int")
        box = ffi.new(f"{ctype} *", int(value))
        return bool(self.lib.srt_setsockflag(socket, option, box, ffi.sizeof(ctype)) == 0)

    def int_option(self, socket: int, name: str) -> int:
        """A 32-bit option's value; 0 when it cannot be read."""
        box, length = self.ffi.new("int *"), self.ffi.new("int *", 4)
        self.lib.srt_getsockflag(socket, OPTION[name], box, length)
        return int(box[0])

    def text_option(self, socket: int, name: str) -> str:
        room = 513
        box, length = self.ffi.new("char[]", room), self.ffi.new("int *", room)
        if self.lib.srt_getsockflag(socket, OPTION[name], box, length) != 0:
            return ""
        return bytes(self.ffi.buffer(box, length[0])).rstrip(b"\0").decode("utf-8", "replace")

    def statistics(self) -> tuple[Any, Any]:
        """Room for `srt_bistats`: what to pass, and the same as the structure. Keep both alive."""
        room = self.ffi.new("char[]", _STATS_ROOM)
        return room, self.ffi.cast("SRT_TRACEBSTATS *", room)


def find() -> tuple[Any, str]:
    """cffi's face, and the name by which libsrt can be loaded. Raises `MissingDependency` with the line that installs
    what is missing."""
    try:
        import cffi
    except ImportError as error:
        raise MissingDependency("SRT needs the Python package cffi: pip install 'camcast[srt]'") from error
    ffi = cffi.FFI()
    for name in _MAC_NAMES if sys.platform == "darwin" else NAMES:
        try:
            ffi.dlopen(name)
        except OSError:
            continue
        return ffi, name
    raise MissingDependency("SRT needs the system library libsrt 1.5: apt-get install libsrt1.5-openssl")


def load() -> Library:
    """Load libsrt. Raises `MissingDependency`."""
    ffi, name = find()
    ffi.cdef(_DECLARATIONS)
    return Library(ffi, ffi.dlopen(name))
