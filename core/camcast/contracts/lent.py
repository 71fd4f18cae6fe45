"""What the core lends a plugin that runs: the way onto the loop, and look-ups of names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Handover(Protocol):
    """The engine's one bounded queue from threads to the loop."""

    def call(self, function: Callable[..., object], *args: object) -> bool:
        """Run `function(*args)` on the loop soon, in order. From any thread; never blocks. False = full, dropped."""

    def call_wait(self, function: Callable[..., object], *args: object, timeout: float) -> bool:
        """The same, waiting up to `timeout` seconds for room. Raises `WrongState` where that would be on the loop."""


class Resolver(Protocol):
    """Name look-ups on a pool of their own, with a deadline and the last good answer as fallback."""

    async def resolve(self, host: str, port: int, family: str = "both") -> list[tuple[int, tuple[Any, ...]]]:
        """(address family, socket address) pairs in the order to try; raises `NetworkError`."""
