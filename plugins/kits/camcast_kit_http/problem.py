"""The one form of every error: problem+json (RFC 9457)."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

from camcast.errors import Issue

if TYPE_CHECKING:
    from starlette.responses import JSONResponse

TYPE = "application/problem+json"


class Problem(Exception):
    """A request that is refused: raised anywhere, answered as problem+json."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        issues: Sequence[Issue] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.issues, self.headers = status, detail, issues, headers

    def response(self) -> JSONResponse:
        """What the client gets."""
        from starlette.responses import JSONResponse

        body: dict[str, object] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.issues:
            body["issues"] = [{"path": issue.path, "message": issue.message} for issue in self.issues]
        return JSONResponse(body, self.status, headers=self.headers, media_type=TYPE)
