"""Wrong tokens: whoever guesses gets few tries a second, and cannot fill memory with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.types import Scope

from camcast_kit_http.problem import Problem

REFUSED_AFTER = 0.3
"""Seconds until a wrong token is refused."""
MAX_REFUSALS = 8
"""Wrong tokens that wait for their refusal at once; more are refused unseen."""


class Guesses:
    """Of one interface. `refused` is told of each wrong token, with who gave it."""

    def __init__(self, refused: Callable[[str], object] = lambda who: None) -> None:
        self._refused = refused
        self._refusing = 0

    async def refuse(self, scope: Scope) -> None:
        """Have whoever gave a wrong token wait; raises `Problem` where too many do."""
        if self._refusing >= MAX_REFUSALS:
            raise Problem(429, "too many wrong tokens at once", headers={"retry-after": "1"})
        self._refusing += 1
        try:
            self._refused(str((scope.get("client") or ("somebody",))[0]))
            await asyncio.sleep(REFUSED_AFTER)
        finally:
            self._refusing -= 1
