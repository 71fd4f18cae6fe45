"""Speaks with a running camcast over its socket: one request, one answer, and events as they come."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from camcast.errors import CamcastError, Issue, NotFound

PREFIX = "/api/v1"
ANSWER_DEADLINE = 200.0
"""Seconds; a reload may wait for servers that hang."""
MAX_ANSWER = 64 * 1024 * 1024
SILENCE = 60.0
"""Seconds without a sign of life after which a run that is listened to is taken for gone."""


class Control:
    """A run that listens at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, path: str) -> Any:
        """What is answered, from JSON. Raises `CamcastError` with the run's own words."""
        return json.loads(self.raw("GET", path))

    def post(self, path: str, body: object = None) -> Any:
        """The same for a command."""
        return json.loads(self.raw("POST", path, body))

    def raw(self, method: str, path: str, body: object = None) -> bytes:
        """What is answered, as it is."""
        connection = _Connection(self._path, ANSWER_DEADLINE)
        try:
            data = json.dumps(body).encode() if body is not None else None
            headers = {"content-type": "application/json"} if data is not None else {}
            connection.request(method, PREFIX + path, data, headers)
            answer = connection.getresponse()
            content = answer.read(MAX_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            raise CamcastError(f"no answer from the camcast at {self._path}: {_why(error)}") from None
        finally:
            connection.close()
        if answer.status >= 400:
            raise CamcastError(_problem(content, answer.status))
        return content

    def events(self, since: int | None = None) -> Iterator[dict[str, Any]]:
        """Events from now on, or after number `since`. Ends with the run."""
        connection = _Connection(self._path, SILENCE)
        headers = {"accept": "text/event-stream"}
        if since is not None:
            headers["last-event-id"] = str(since)
        try:
            connection.request("GET", f"{PREFIX}/events", headers=headers)
            answer = connection.getresponse()
            if answer.status >= 400:
                raise CamcastError(_problem(answer.read(MAX_ANSWER), answer.status))
            while line := answer.readline():
                if line.startswith(b"data: "):
                    yield json.loads(line.removeprefix(b"data: "))
        except (OSError, http.client.HTTPException) as error:
            raise CamcastError(f"the camcast at {self._path} is not heard any more: {_why(error)}") from None
        finally:
            connection.close()

    def session(self, wanted: str) -> str:
        """The path of the session called so: "0/0/rtmp", "cam0_main", "cam0_main/cloud". Raises `NotFound`."""
        known = []
        for one in self.get("/sessions"):
            if wanted in (one["key"], one["label"]):
                camera, stream, output = one["key"].split("/", 2)
                return f"/sessions/{camera}/{stream}/{quote(output, safe='')}"
            known.append(one["label"])
        raise NotFound(f"there is no session {wanted}; known: {', '.join(known) or 'none'}")

    def stream(self, wanted: str) -> str:
        """The path of the stream called so: "0/0", "cam0_main". Raises `NotFound`."""
        known = []
        for camera in self.get("/cameras"):
            for one in camera["streams"]:
                key = f"{one['camera_id']}/{one['stream_id']}"
                if wanted in (key, one["label"]):
                    return f"/streams/{key}"
                known.append(one["label"])
        raise NotFound(f"there is no stream {wanted}; known: {', '.join(known) or 'none'}")


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _problem(content: bytes, status: int) -> str:
    try:
        found = json.loads(content)
        issues = [Issue(str(one["path"]), str(one["message"])) for one in found.get("issues", ())]
        lines = [str(found["detail"]), *map(str, issues)]
    except (ValueError, KeyError, TypeError):
        return f"the answer is {status}"
    return "\n".join(lines)
