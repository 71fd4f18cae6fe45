"""The page: files that are served as they are, to anybody who can connect.

They hold nothing of the engine's: what the page shows, it asks the interface for, with the token where one is needed.
"""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import attrs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = Path(__file__).parent / "page"
START = "index.html"
MEDIA = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
"""Nothing from elsewhere, nothing written into the page, and no markup made of texts."""


@attrs.frozen
class Served:
    """One file as it is answered."""

    content: bytes = attrs.field(repr=False)
    media: str
    tag: str


class Page:
    """Reads its files when somebody asks for them, and keeps them: some 60 kB."""

    def __init__(self) -> None:
        self._kept: dict[str, Served] = {}

    def routes(self) -> list[Route]:
        """`/` and what it is made of."""
        return [Route(path, partial(self._serve, name)) for path, name in paths().items()]

    async def _serve(self, name: str, request: Request) -> Response:
        served = self._kept.get(name) or self._kept.setdefault(name, _read(FOLDER / name))
        # Asked for again each time, so that a page is never of two versions; the answer is short where it is the same.
        headers = {"cache-control": "no-cache", "etag": served.tag, "content-security-policy": POLICY}
        if served.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(served.content, media_type=served.media, headers=headers)


def paths() -> dict[str, str]:
    """Names of the page's files by the path that they are served at."""
    names = sorted(path.name for path in FOLDER.iterdir() if path.suffix in MEDIA)
    return {"/" if name == START else f"/page/{name}": name for name in names}


def _read(path: Path) -> Served:
    content = path.read_bytes()
    tag = f'"{hashlib.sha256(content).hexdigest()[:24]}"'
    return Served(content, MEDIA[path.suffix], tag)
