"""Watching a stream in the page: what a browser offers is handed to the stream's WHEP output, and the answer back.

A browser asks nobody but this interface, so the page's policy stays as narrow as it is, and nobody needs the output's
token in a browser. The media goes its own way, from the output to the browser; where that cannot be, the page shows
single pictures.
"""

from __future__ import annotations

import ipaddress
import json
import re
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from camcast.errors import NotFound, TransportError
from camcast.events import SessionState
from camcast.net.http import ask
from camcast.net.http_message import Answer
from camcast.target import Target
from camcast_http.operation import NAME, Call, Operation, member
from camcast_http.problems import Problem
from camcast_kit_http.whep import MAX_OFFER, PORT, SCHEMES, SDP

PATIENCE = 5.0
"""Seconds for each step of asking the output, which is on this machine."""
_MAX_TOLD = 300
_VIEWER = re.compile(r"[0-9a-f]{32}", re.ASCII)


def watchable(state: SessionState, target: str) -> bool:
    """Whether a session with this state and target can be watched by a browser."""
    return state is SessionState.CONNECTED and target.partition("://")[0] in SCHEMES


async def watch(call: Call) -> Any:
    """An SDP offer, for the answer and the viewer's name."""
    offer = member(call.body, "offer")["offer"]
    if not isinstance(offer, str) or not 0 < len(offer) <= MAX_OFFER:
        raise Problem(422, f"offer: expected an SDP offer of at most {MAX_OFFER} characters")
    answer = await _ask(call, "POST", "", {"Content-Type": SDP, "Accept": SDP}, offer.encode("utf-8", "replace"))
    place = answer.get("location") or ""
    viewer = place.rpartition("/")[2]
    if answer.status != 201 or not _VIEWER.fullmatch(viewer):
        raise Problem(409, f"the output does not let anybody watch: {_told(answer)}")
    return {"answer": answer.body.decode("utf-8", "replace"), "viewer": viewer}


async def leave(call: Call) -> Any:
    """End what `watch` began; a viewer that has gone already is no error."""
    viewer = call.parts["viewer"]
    if not _VIEWER.fullmatch(viewer):
        raise NotFound("there is no such viewer")
    try:
        answer = await _ask(call, "DELETE", f"/{viewer}", {}, b"")
    except Problem:
        return {"done": False}  # an output that is not on the air has no viewers
    return {"done": answer.status == 200}


async def _ask(call: Call, method: str, below: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Ask the output. Raises `Problem`, `NotFound`."""
    url = await _place(call)
    said = {"User-Agent": "camcast", "Accept-Encoding": "identity", **headers}
    if token := call.shared.watch_token:
        said["Authorization"] = f"Bearer {token}"
    # The connection does not leave this machine, and the certificate is for the name that others use.
    target = Target(url=url, connect_timeout=PATIENCE, insecure=True)
    try:
        return await ask(target, method, url + below, _Here(), headers=said, body=body)
    except TransportError as error:
        raise Problem(502, f"the output cannot be asked: {error}") from None


async def _place(call: Call) -> str:
    """Where the session waits for viewers. Raises `Problem`, `NotFound`."""
    look = await call.shared.looks.look()
    metrics = next((one for one in look.stats.sessions if one.key == call.key), None)
    config = look.sessions.get(call.key)
    if metrics is None or config is None:
        raise NotFound(f"there is no session {call.key}")
    if not watchable(metrics.state, metrics.target) or metrics.target_index >= len(config.targets):
        raise Problem(409, "nobody can watch this output: expected one with a whep:// URL that is on the air")
    parts = urlsplit(config.targets[metrics.target_index].url)
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise Problem(409, "the output's URL is a reference, so it is not known here where it waits for viewers")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"}.get(parts.hostname, parts.hostname)
    shown = f"[{host}]" if ":" in host else host
    return f"{SCHEMES[parts.scheme]}://{shown}:{parts.port or PORT}{parts.path}"


class _Here:
    """Implements `camcast.contracts.Resolver` for addresses, which is all that these URLs hold."""

    async def resolve(self, host: str, port: int, family: str = "both") -> list[tuple[int, tuple[Any, ...]]]:
        version = ipaddress.ip_address(host).version
        return [(socket.AF_INET6 if version == 6 else socket.AF_INET, (host, port))]


def _told(answer: Answer) -> str:
    """What the output says of it."""
    try:
        detail = json.loads(answer.body)["detail"]
    except (ValueError, TypeError, KeyError):
        return f"it answers {answer.status}"
    wants = "; give its token to the http service as watch_token" if answer.status == 401 else ""
    return f"{str(detail)[:_MAX_TOLD]}{wants}"


WATCHING = [
    Operation(
        method="POST",
        path="/sessions/{camera}/{stream}/{output}/watch",
        act=watch,
        summary="Watch a stream that has a WHEP output: an SDP offer, for an answer. Reading is enough for it",
        body={
            "type": "object",
            "properties": {"offer": {"type": "string", "minLength": 1, "maxLength": MAX_OFFER}},
            "required": ["offer"],
        },
        answer={
            "type": "object",
            "properties": {"answer": {"type": "string"}, "viewer": NAME},
            "required": ["answer", "viewer"],
        },
        status=201,
    ),
    Operation(
        method="DELETE",
        path="/sessions/{camera}/{stream}/{output}/watch/{viewer}",
        act=leave,
        summary="Stop watching; false: it has ended already",
        answer={"type": "object", "properties": {"done": {"type": "boolean"}}, "required": ["done"]},
    ),
]
