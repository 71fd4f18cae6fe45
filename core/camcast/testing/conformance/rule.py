"""Rules of the kit: each is one function with a name, checks one promise of `contracts`, and says what broke it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Generic, NoReturn, TypeVar

import attrs

from camcast.testing.conformance.held import HELD, LoopGuard, LoopHeld

B = TypeVar("B")

RULE_DEADLINE = 60.0
"""Seconds for one rule; a plugin that hangs elsewhere than where the rule looks fails by this."""


class RuleBroken(AssertionError):
    """The plugin breaks its contract: the text says how, and what is expected."""


def broken(text: str) -> NoReturn:
    raise RuleBroken(text)


def expect(condition: object, text: str) -> None:
    if not condition:
        raise RuleBroken(text)


@attrs.frozen
class Rule(Generic[B]):
    """One rule about the kind of plugin that a bench `B` holds."""

    name: str
    promise: str
    """The docstring of its function: what is promised."""
    check: Callable[[B], Awaitable[None] | None]
    peer: bool = False
    """Needs a peer at the other end of a network, so it says nothing about a plugin without one."""

    def run(self, bench: B) -> None:
        """Check a plugin; raises `RuleBroken`. A coroutine gets an event loop of its own."""
        result = self.check(bench)
        if inspect.isawaitable(result):
            try:
                asyncio.run(_in_time(result))
            except TimeoutError as error:
                raise RuleBroken(f"{self.name}: not through within {RULE_DEADLINE:g} s") from error
            except LoopHeld:
                raise RuleBroken(f"{self.name}: the event loop was held") from None


class Rules(list[Rule[B]]):
    """The rules about one kind of plugin, in the order in which they are checked."""

    def add(self, function: Callable[[B], Awaitable[None] | None]) -> Callable[[B], Awaitable[None] | None]:
        """Decorator: the function's name is the rule's."""
        self._append(function, peer=False)
        return function

    def add_for_peers(self, function: Callable[[B], Awaitable[None] | None]) -> Callable[..., Any]:
        """The same for a rule that needs a peer."""
        self._append(function, peer=True)
        return function

    def named(self, name: str) -> Rule[B]:
        return next(rule for rule in self if rule.name == name)

    def _append(self, function: Callable[[B], Awaitable[None] | None], *, peer: bool) -> None:
        promise = " ".join((inspect.getdoc(function) or "").split())
        self.append(Rule(getattr(function, "__name__", "?"), promise, function, peer))


async def _in_time(doing: Awaitable[None]) -> None:
    with LoopGuard() as guard:
        try:
            async with asyncio.timeout(RULE_DEADLINE):
                await doing
        finally:
            if guard.place:
                broken(f"the event loop stood still for over {HELD:g} s, at {guard.place}: await, or use a thread")
