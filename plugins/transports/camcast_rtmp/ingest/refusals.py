"""Why somebody was not let in."""

from __future__ import annotations

TOO_MANY = "too many connections at once"
UNKNOWN = "an application or key that nobody here takes"
BUSY = "somebody publishes to this key already"
RESTS = "somebody was cut off here just now, or too many begin and end"
LATE = "nothing was published in time"
BROKEN = "what came is not RTMP, or too much of it"
NO_TLS = "no TLS handshake"
UNTRUSTED = "a publisher does not trust the certificate here"
