"""Routes in whose paths nothing varies, found at once: one after another each would be tried as a pattern."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

START = "/"


class Fixed(BaseRoute):
    """Any number of them as one route."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._by_path = {route.path: route for route in routes}

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        route = self._by_path.get(below(scope)) if scope["type"] == "http" else None
        return route.matches(scope) if route is not None else (Match.NONE, {})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._by_path[below(scope)].handle(scope, receive, send)


def below(scope: Scope) -> str:
    """The path below where an application of somebody's own has mounted the interface (ASGI's root_path)."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "")) or START
