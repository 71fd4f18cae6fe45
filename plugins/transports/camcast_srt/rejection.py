"""What a rejected connection means: libsrt's reasons and the access-control codes, as camcast's error classes.

Reasons below 1000 are libsrt's own (srt.h, SRT_REJECT_REASON); from 1000 a server application chose them
(access_control.h, modelled on HTTP); from 2000 they are the server's private ones.
"""

from __future__ import annotations

from camcast.errors import BusyError, MisconfiguredError, NetworkError, RefusedError, TransportError

_TIMEOUT = 16

_REASONS: dict[int, tuple[type[TransportError], str]] = {
    0: (NetworkError, "no reason given"),
    1: (NetworkError, "a system call failed at one side"),
    2: (RefusedError, "the server rejected the connection without saying why; usually the streamid is wrong"),
    3: (NetworkError, "one side is out of resources"),
    4: (RefusedError, "the handshake was not understood; is this an SRT port?"),
    5: (NetworkError, "the server's backlog is full"),
    6: (NetworkError, "internal error of libsrt"),
    7: (NetworkError, "the server's socket is closing"),
    8: (MisconfiguredError, "one side's SRT version is below the other's minimum (`minversion`)"),
    9: (NetworkError, "rendezvous cookies collided"),
    10: (RefusedError, "wrong passphrase"),
    11: (RefusedError, "only one side has a passphrase: the server wants one and none is set, or the reverse"),
    12: (MisconfiguredError, "the server expects another SRT mode (file or buffer, not live)"),
    13: (MisconfiguredError, "the server uses another congestion controller than live"),
    14: (MisconfiguredError, "the packet filters (`packetfilter`) do not match"),
    15: (MisconfiguredError, "the server wants a bonding group"),
    _TIMEOUT: (NetworkError, "no answer"),
    1001: (RefusedError, "a key in the streamid is not supported"),
    1002: (RefusedError, "the path in the streamid is wrong"),
    1003: (RefusedError, "the host in the streamid is unknown"),
    1400: (RefusedError, "the streamid is malformed"),
    1401: (RefusedError, "not authorised; check the streamid's user and key"),
    1402: (NetworkError, "the server is overloaded"),
    1403: (RefusedError, "forbidden; check the streamid"),
    1404: (RefusedError, "the stream is unknown; check the streamid"),
    1405: (RefusedError, "the mode in the streamid is not supported (publishing is m=publish)"),
    1406: (RefusedError, "the parameters in the streamid cannot be met"),
    1409: (BusyError, "somebody publishes this stream already"),
    1415: (RefusedError, "the media type is not supported"),
    1423: (BusyError, "the stream is locked"),
    1424: (RefusedError, "the session it depends on is gone"),
    1500: (NetworkError, "internal error of the server"),
    1501: (RefusedError, "not implemented by the server"),
    1502: (NetworkError, "the server's gateway was rejected"),
    1503: (NetworkError, "the server is down for now"),
    1505: (MisconfiguredError, "the server does not support this SRT version"),
    1507: (RefusedError, "the server has no room"),
}


def rejected(reason: int, shown: str) -> TransportError:
    """The error for a connection to `shown` (a redacted URL) that failed with libsrt's `reason`."""
    known = _REASONS.get(reason)
    if known is None:
        # A server that answers with a code of its own has decided something: it is no network trouble.
        known = (RefusedError, "the server refused") if reason >= 1000 else (NetworkError, "unknown reason")
    error_class, text = known
    verb = "no connection" if error_class is NetworkError else "rejected"
    return error_class(f"{shown}: {verb}: {text} (SRT reason {reason})", stage="connect")
