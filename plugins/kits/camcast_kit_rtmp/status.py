"""What a server's words mean to whoever publishes: an onStatus, an answer, the end of a stream.

Rules: codes are compared without capitals, because servers differ in them (IdleTimeOut, IdleTimeout). Those in
`answers.CODES` are final whatever their level: AMS says Closed, AppShutdown, IdleTimeOut and Rejected as "status",
others refuse a name as "status" or "warning". A server that is asked to publish answers with NetStream.Publish.*: what
is neither Start, nor a remark on the way there (Idle, Reset), is a no. A server that ends a publication may keep the
connection for ever; NetStream.Unpublish.* and NetStream.Publish.Stop are its words for that.
NetStream.Publish.Idle is none of them: nothing came for a moment. Nor are errors about something else than publishing:
nginx-rtmp says NetStream.Record.Failed when its disk is full, and goes on; others say NetConnection.Call.Failed to
methods that they lack (releaseStream, FCPublish), or NetStream.Play.StreamNotFound to releaseStream.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from camcast_kit_rtmp.answers import KINDS


class Status(Enum):
    STARTED = "it is live"
    MOVE = "the server wants it elsewhere, or anew"
    ENDED = "the server has ended it"
    BAD = "the server says no"
    REMARK = "anything else"


ENDING = ("onFCUnpublish", "closeStream", "deleteStream")
"""Commands by which servers end a publication: the first is FMS's word, the others are what a publisher says itself."""

_STARTED = "netstream.publish.start"
_MOVE = "netconnection.connect.reconnectrequest"
_ENDED = ("netstream.unpublish.", "netstream.publish.stop")
_ANSWER = "netstream.publish."
_NO_ANSWER = ("netstream.publish.idle", "netstream.publish.reset")
_ELSEWHERE = (
    *("netstream.record.", "netstream.play.", "netstream.seek.", "netstream.buffer."),
    *("netconnection.call.", "sharedobject.", "netgroup."),
)
_BAD_ENDS = frozenset({"badname", "badauth", "denied", "rejected", "unauthorized", "failed"})
"""Last words of codes, for servers that give only a code (go2rtc)."""
_MOST_STREAMS = 0xFFFFFFFF
_STREAM_EOF = b"\0\x01"
"""The event at the head of a user control message (RTMP 1.0 §7.1.7)."""


def information(values: Sequence[Any]) -> dict[str, Any]:
    """The information object of an answer or status. `values` is what follows name and transaction id.

    It is the first object behind the command object; some servers leave out the null before it.
    """
    found = next((value for value in values[1:] if isinstance(value, dict)), None)
    if found is None:
        first = values[0] if values else None
        found = first if isinstance(first, dict) and "code" in first else {}
    return found


def status(info: Mapping[str, Any], *, asked: bool = False) -> Status:
    """What `info`, the information object of an onStatus, means. Fields that are no text count as missing.

    `asked`: publish was sent, and is not answered yet.
    """
    code, level = (str(value).lower() if isinstance(value := info.get(key), str) else "" for key in ("code", "level"))
    if code == _MOVE:
        return Status.MOVE
    if code == _STARTED:
        return Status.STARTED
    if asked and code.startswith(_ANSWER) and code not in _NO_ANSWER:
        return Status.BAD
    if code.startswith(_ENDED):
        return Status.ENDED
    if code.startswith(_ELSEWHERE):
        return Status.REMARK
    bad = code in KINDS or level == "error" or (not level and code.rpartition(".")[2] in _BAD_ENDS)
    return Status.BAD if bad else Status.REMARK


def complaint(info: Mapping[str, Any]) -> str:
    """What a server holds wrong, where it goes on all the same: "" = nothing."""
    if status(info) is not Status.REMARK or info.get("level") not in ("error", "warning"):
        return ""
    return ": ".join(said for key in ("code", "description") if isinstance(said := info.get(key), str) and said)


def stream_number(values: Sequence[Any]) -> int | None:
    """The message stream that an answer to createStream names; None = it names none.

    `values` is what follows name and transaction id. Some leave out the null before it, some write it as a text.
    """
    for value in values[:2]:
        number = float(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
        if isinstance(number, float) and 0 <= number <= _MOST_STREAMS:
            return int(number)
    return None


def agrees(name: str, info: Mapping[str, Any]) -> bool:
    """Whether an answer, `_result` or `_error`, says yes. Some say no in one that is called a result."""
    return name == "_result" and status(info) is not Status.BAD


def refuses_late(info: Mapping[str, Any]) -> bool:
    """Whether an `_error` to publish, which comes when it is live, says no: and not that there is no such call."""
    return status(info) is Status.BAD or not info


def ends(payload: bytes, stream_id: int) -> bool:
    """Whether a user control message says that stream `stream_id` has ended (StreamEOF, RTMP 1.0 §7.1.7).

    Some servers leave the number out, some mean the connection by 0.
    """
    if not payload.startswith(_STREAM_EOF):
        return False
    return len(payload) < 6 or int.from_bytes(payload[2:6]) in (0, stream_id)
