"""The interface as an ASGI application: for the services of this package, and for applications of one's own.

app = FastAPI(lifespan=...)
interface = Interface(engine.view())
app.mount("/camcast", interface.app)
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from camcast.errors import CamcastError
from camcast.services import EngineView
from camcast.session.health import Health
from camcast_http.access import Access, Policy
from camcast_http.changes import Limits
from camcast_http.fixed import Fixed
from camcast_http.happenings import LISTENERS, Happenings
from camcast_http.looks import Looks
from camcast_http.openapi import PREFIX, describe
from camcast_http.operation import Operation, Shared
from camcast_http.operations import OPERATIONS
from camcast_http.page import Page
from camcast_http.problems import Problem, problem

log = logging.getLogger(__name__)


class Interface:
    """One engine's. `app` is to be served on one event loop, on which `follow` runs as well."""

    def __init__(
        self,
        engine: EngineView,
        policy: Policy | None = None,
        *,
        limits: Limits | None = None,
        listeners: int = LISTENERS,
        happenings: Happenings | None = None,
        refused: Callable[[str], object] = lambda who: None,
        watch_token: str = "",
    ) -> None:
        """Without a `policy` everybody who can connect may look, and nobody may change. On a running event loop.

        `happenings`: what has been followed before; then `follow` is not needed. `refused` hears of wrong tokens.
        `watch_token`: what outputs that browsers watch want to know.
        """
        self._shared = Shared(
            engine=engine,
            looks=Looks(engine),
            happenings=happenings or Happenings(listeners),
            limits=limits or Limits(),
            watch_token=watch_token,
        )
        self.app: ASGIApp = Access(self._routed(), policy or Policy(), refused)

    async def follow(self) -> None:
        """Read the engine's events for those who ask, until the engine ends."""
        await self._shared.happenings.follow(self._shared.engine.events())

    def _routed(self) -> ASGIApp:
        by_path: dict[str, list[Operation]] = {}
        for operation in OPERATIONS:
            by_path.setdefault(operation.path, []).append(operation)
        routes = [Route(PREFIX + path, _Endpoint(self._shared, ones)) for path, ones in by_path.items()]
        routes += [
            *Page().routes(),
            Route("/healthz", self._healthz),
            Route("/readyz", self._readyz),
            Route(f"{PREFIX}/openapi.json", self._openapi),
        ]
        handlers = {Problem: _problem, CamcastError: _camcast, HTTPException: _http}
        varying = [route for route in routes if "{" in route.path]
        fixed = Fixed(route for route in routes if "{" not in route.path)
        app = Starlette(routes=[fixed, *varying], exception_handlers=handlers)  # type: ignore[arg-type]
        # A redirect would lead to http where a proxy in front speaks https, and is no problem+json.
        app.router.redirect_slashes = False
        return app

    async def _healthz(self, request: Request) -> Response:
        """Whether the engine answers."""
        await self._shared.looks.look()
        return JSONResponse({"status": "ok"})

    async def _readyz(self, request: Request) -> Response:
        """Whether every session is healthy, or waits for media, or is off by its schedule, or is paused."""
        sessions = (await self._shared.looks.look()).stats.sessions
        bad = sum(one.health is Health.UNHEALTHY for one in sessions)
        if bad:
            raise Problem(503, f"{bad} of {len(sessions)} sessions are not healthy")
        return JSONResponse({"status": "ok"})

    async def _openapi(self, request: Request) -> Response:
        return JSONResponse(_description())


@functools.cache
def _description() -> dict[str, Any]:
    """Few ask for it, and it is large."""
    return describe(OPERATIONS)


class _Endpoint:
    """The operations of one path, by method."""

    def __init__(self, shared: Shared, operations: list[Operation]) -> None:
        self._shared = shared
        self._by_method = {operation.method: operation for operation in operations}
        if "GET" in self._by_method:
            self._by_method["HEAD"] = self._by_method["GET"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        operation = self._by_method.get(request.method)
        if operation is None:
            allowed = ", ".join(sorted(self._by_method))
            raise Problem(405, f"expected {allowed}", headers={"allow": allowed})
        try:
            response = await operation(self._shared, request)
        except (Problem, CamcastError, HTTPException):
            raise
        except Exception as error:
            log.exception("Internal error in %s %s", operation.method, operation.path)
            response = Problem(500, f"internal error: {type(error).__name__}").response()
        await response(scope, receive, send)


async def _problem(request: Request, error: Problem) -> Response:
    return error.response()


async def _camcast(request: Request, error: CamcastError) -> Response:
    return problem(error).response()


async def _http(request: Request, error: HTTPException) -> Response:
    if error.status_code == 404:
        return Problem(404, f"there is nothing at this path; {PREFIX}/openapi.json has all that there are").response()
    return Problem(error.status_code, str(error.detail), headers=dict(error.headers or {})).response()
