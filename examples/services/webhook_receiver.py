"""Take camcast's messages, check that they are camcast's, and print them: the other end of the webhook service.

    python examples/services/webhook_receiver.py 9000 the-secret

camcast signs each message with the secret of its options. What is not signed so, or was sent long ago, is refused.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_BODY = 64 * 1024
MAX_AGE = 300.0
"""Seconds; an old message may be one that somebody has recorded and sends again."""


def genuine(secret: str, sent: str, body: bytes, signature: str) -> bool:
    """Whether the holder of the secret signed this body, lately. `sent` is X-Camcast-Time, seconds since 1970."""
    digest = hmac.new(secret.encode(), sent.encode() + b"." + body, hashlib.sha256).hexdigest()
    right = hmac.compare_digest(signature.encode("latin-1"), f"sha256={digest}".encode())
    return right and abs(time.time() - float(sent)) < MAX_AGE


class Hook(BaseHTTPRequestHandler):
    """One message."""

    secret = ""

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(min(size, MAX_BODY))
        given = (self.headers.get(name, "") for name in ("X-Camcast-Time", "X-Camcast-Signature"))
        sent, signature = given
        if size > MAX_BODY or not genuine(self.secret, sent, body, signature):
            return self.send_error(403)
        message = json.loads(body)
        print(f"{message['what']}: {message['text']}", flush=True)
        self.send_response(204)
        self.end_headers()
        return None

    def log_message(self, format: str, *args: object) -> None:
        """Only messages are printed."""


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    Hook.secret = sys.argv[2]
    with ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Hook) as server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("no more")
