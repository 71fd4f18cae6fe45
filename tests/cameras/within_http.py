"""A scripted camera whose RTSP goes within HTTP: a connection down (GET), one up (POST, base64), joined by a cookie."""

from __future__ import annotations

import asyncio
import re
from base64 import b64decode

from tests.cameras.script import Asked, Script, digest
from tests.cameras.server import Camera

_HEAD = b"\r\n\r\n"
_TUNNELLED = "HTTP/1.0 200 OK\r\nContent-Type: application/x-rtsp-tunnelled\r\nCache-Control: no-store"
_WAYS = {"Basic": 'Basic realm="web"', "Digest": 'Digest realm="web", nonce="of-the-web"'}


class WithinHttp(Camera):
    """`script.within_http`: "takes" (anybody, or who logs in by Basic or Digest), and what GET is answered ("said")."""

    def __init__(self, script: Script, *, viewed: asyncio.Event | None = None) -> None:
        super().__init__(script, viewed=viewed)
        self._down: dict[str, asyncio.StreamWriter] = {}
        """By cookie."""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wishes = self.script.within_http
        try:
            head = (await reader.readuntil(_HEAD)).decode()
            asked = _read(head)
            if not _may(asked, wishes["takes"]):
                offer = _WAYS[wishes["takes"]]
                writer.write(f"HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: {offer}\r\n\r\n".encode())
                writer.close()
                return
            cookie = asked.headers["x-sessioncookie"]
            if asked.method == "GET":
                self._down[cookie] = writer
                writer.write(f"{wishes.get('said', _TUNNELLED)}\r\n\r\n".encode())
                await reader.read()
                return
            assert asked.headers["content-type"] == "application/x-rtsp-tunnelled"
            said = asyncio.StreamReader()
            decoding = asyncio.create_task(_decode(reader, said))
            try:
                await super().talk(said, self._down[cookie])
            finally:
                decoding.cancel()
                writer.close()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # The client went, or the test is over.
            writer.close()


def _read(head: str) -> Asked:
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ")
    return Asked(method, path, {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)})


def _may(asked: Asked, takes: str) -> bool:
    if takes == "anybody":
        return True
    given = asked.headers.get("authorization", "")
    return given == "Basic dXNlcjpzZWNyZXQ=" if takes == "Basic" else digest(asked, "user", "secret")


async def _decode(reader: asyncio.StreamReader, said: asyncio.StreamReader) -> None:
    """Each request is encoded by itself, so what is padded ends in the middle."""
    text = b""
    while piece := await reader.read(65536):
        text += re.sub(rb"\s", b"", piece)
        while whole := re.match(rb"(?:[A-Za-z0-9+/]{4})+|[A-Za-z0-9+/]{2,3}={1,2}", text):
            said.feed_data(b64decode(whole[0]))
            text = text[whole.end() :]
    said.feed_eof()
