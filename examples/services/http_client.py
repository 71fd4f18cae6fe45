"""Look at a running camcast over HTTP, hear what happens, and steer it: nothing but Python's own library.

    python examples/services/http_client.py http://127.0.0.1:8080 [change-token]

Prints how each output is. With the token it pauses the first one, hears about it, and has it go on.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen


def ask(url: str, token: str = "", method: str = "GET") -> Any:
    """The answer to one request. Raises `urllib.error.HTTPError`, whose body says what was wrong."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with urlopen(Request(url, method=method, headers=headers), timeout=10) as answer:
        return json.load(answer)


def events(url: str) -> Iterator[dict[str, Any]]:
    """What happens from now on (server-sent events)."""
    with urlopen(Request(url, headers={"Accept": "text/event-stream"}), timeout=60) as stream:
        for line in stream:
            if line.startswith(b"data: "):
                yield json.loads(line.removeprefix(b"data: "))


def main(address: str, token: str = "") -> None:
    api = f"{address.rstrip('/')}/api/v1"
    sessions = ask(f"{api}/sessions")
    for one in sessions:
        print(f"{one['label']}: {one['state']}, {one['bitrate'] / 1e6:.1f} Mbit/s to {one['target']}", flush=True)
    if token and sessions:
        path = f"{api}/sessions/{sessions[0]['key']}"
        heard = events(f"{api}/events?since={ask(f'{api}/events?limit=1')[-1]['id']}")
        ask(f"{path}/pause", token, "POST")
        print(next(event["text"] for event in heard if event["label"] == sessions[0]["label"]))
        ask(f"{path}/resume", token, "POST")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(*sys.argv[1:3])
