"""One message: its body in either form, and its signature. Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import attrs

from camcast.event_fields import event_fields
from camcast.events import Event
from camcast_webhook.troubles import Change


@attrs.frozen
class Message:
    """What is told, once."""

    text: str
    fields: Mapping[str, Any]
    time: float = attrs.field(factory=time.time)
    id: str = attrs.field(factory=lambda: secrets.token_hex(8))
    """The same when it is sent again, so that a receiver may pass over what it has."""

    @classmethod
    def of_event(cls, event: Event, camera: str) -> Message:
        """`camera`: its name, "" where it has none."""
        fields = {"what": "event", "level": event.level, "camera_name": camera, **event_fields([event])}
        return cls(_named(event.text, camera), fields, event.time)

    @classmethod
    def of_change(cls, change: Change, camera: str) -> Message:
        number, stream, output = change.place
        fields = {
            "what": "down" if change.why else "well",
            "level": "error" if change.why else "info",
            "camera_name": camera,
            "camera_id": number,
            "stream_id": stream,
            "output": output or None,
            "label": change.label,
            "seconds": round(change.seconds, 1),
            "reason": change.why,
        }
        return cls(_named(change.text, camera), fields)

    def body(self, form: str) -> bytes:
        """JSON in either case; as text it is what Slack, Mattermost, Teams ("text") and Discord ("content") take."""
        if form == "text":
            return json.dumps({"text": self.text, "content": self.text}).encode()
        when = datetime.fromtimestamp(self.time, UTC).isoformat(timespec="milliseconds")
        return json.dumps({"id": self.id, "time": when, "text": self.text, **self.fields}, default=str).encode()


def signed(body: bytes, secret: str | None, now: float) -> dict[str, str]:
    """The headers that say who sent it and when, so that an old one cannot be sent again by others."""
    headers = {"Content-Type": "application/json", "User-Agent": "camcast"}
    if secret is not None:
        stamp = str(int(now))
        digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers |= {"X-Camcast-Time": stamp, "X-Camcast-Signature": f"sha256={digest}"}
    return headers


def _named(text: str, camera: str) -> str:
    return f"[{camera}] {text}" if camera else text
