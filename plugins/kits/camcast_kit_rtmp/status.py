"""What an onStatus means to whoever publishes, by its code and, where that says nothing, by its level.

Rules: codes are compared without capitals, because servers differ in them (IdleTimeOut, IdleTimeout). Some are final
whatever their level: AMS says Closed, AppShutdown, IdleTimeOut and Rejected as "status". A server that ends a
publication may keep the connection for ever; NetStream.Unpublish.* and NetStream.Publish.Stop are its words for that.
NetStream.Publish.Idle is none of them: nothing came for a moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any


class Status(Enum):
    STARTED = "it is live"
    MOVE = "the server wants it elsewhere, or anew"
    ENDED = "the server has ended it"
    BAD = "the server says no"
    REMARK = "anything else"


_STARTED = "netstream.publish.start"
_MOVE = "netconnection.connect.reconnectrequest"
_ENDED = ("netstream.unpublish.", "netstream.publish.stop")
_FINAL = frozenset(
    f"netconnection.connect.{word}" for word in ("closed", "appshutdown", "idletimeout", "rejected", "invalidapp")
)
_BAD_ENDS = frozenset({"badname", "badauth", "denied", "rejected", "unauthorized", "failed"})
"""Last words of codes, for servers that give only a code (go2rtc)."""


def status(info: Mapping[str, Any]) -> Status:
    """What `info`, the information object of an onStatus, means. Fields that are no text count as missing."""
    code, level = (str(value).lower() if isinstance(value := info.get(key), str) else "" for key in ("code", "level"))
    if code == _MOVE:
        return Status.MOVE
    if code == _STARTED:
        return Status.STARTED
    if code.startswith(_ENDED):
        return Status.ENDED
    bad = code in _FINAL or level == "error" or (not level and code.rpartition(".")[2] in _BAD_ENDS)
    return Status.BAD if bad else Status.REMARK
