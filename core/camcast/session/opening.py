"""How an attempt gets on the air: prepare -> connect -> publish, and what becomes of it when it does not.

The one place for that, whether an attempt is the session's own, a candidate to move to, a twin, or a spare that stops
when it is connected. Every step has its deadline (`guard.py`, `environment.py`); whatever does not come through is
closed in the background, or goes back to the pool it came from while it is unused.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from typing import Protocol

import attrs

from camcast.config import SessionConfig
from camcast.errors import NetworkError, TransportError, untraced
from camcast.session.attempt import Attempt, AttemptOwner
from camcast.session.environment import Environment, Place
from camcast.session.parting import Parting
from camcast.session.stage import Connected, Prepared, Published, prepare
from camcast.stream.feed import Feed
from camcast.target import Target

log = logging.getLogger(__name__)


@attrs.frozen
class Opened:
    """It publishes; nothing feeds it yet."""

    published: Published


@attrs.frozen
class Failed:
    """It could not be opened, or must not be."""

    attempt: Attempt
    error: TransportError


@attrs.frozen
class Interrupted:
    """Nobody wants it any more."""

    attempt: Attempt


Outcome = Opened | Failed | Interrupted


class Home(Protocol):
    """Where spares come from."""

    def release(self, spare: Connected) -> None:
        """Take one back that was not needed."""


class Pool(Home, Protocol):
    """Where spares stand."""

    def acquire(self, target: int) -> Connected | None:
        """The spare for `target`, which leaves the pool; None when there is no good one."""


class Opener:
    """Makes the attempts of one session."""

    def __init__(self, config: SessionConfig, environment: Environment, feed: Feed, parting: Parting) -> None:
        self._config = config
        self._environment = environment
        self._feed = feed
        self._parting = parting
        self._numbers = itertools.count()
        self._known: dict[int, Place] = {}
        """Where the last attempt on each target went."""

    def adopt(self, config: SessionConfig) -> None:
        """What is made from now on goes by this, spares that are taken too."""
        self._config = config

    def new(self, index: int, owner: AttemptOwner) -> Opening:
        """A fresh attempt on the chain's entry `index`, on its way to publishing once it is run."""
        return Opening(self._attempt(index, owner), self)

    def of_spare(self, spare: Connected, home: Home, owner: AttemptOwner) -> Opening:
        """A spare from `home`, which begins to work for `owner`. Unless it is used, it goes back there."""
        spare.attempt.adopt(owner)
        spare.attempt.config = self._config
        return Opening(spare.attempt, self, spare, home)

    def of_pool(self, pool: Pool, index: int, owner: AttemptOwner) -> Opening:
        """An attempt on the chain's entry `index`: the pool's spare where there is one, else a fresh one."""
        spare = pool.acquire(index)
        return self.new(index, owner) if spare is None else self.of_spare(spare, pool, owner)

    async def spare(self, index: int, owner: AttemptOwner) -> Connected:
        """Connect a fresh attempt, and no more. Raises `TransportError`, with nothing left behind."""
        attempt = self._attempt(index, owner)
        try:
            return await (await self.prepare(attempt)).connect()
        except BaseException:
            self.let_go(attempt)
            raise

    async def prepare(self, attempt: Attempt, redirect: tuple[Target, str] | None = None) -> Prepared:
        prepared = await prepare(attempt, next(self._numbers), redirect, self._known.get(attempt.index))
        if redirect is None:
            self._known[attempt.index] = prepared.place
        return prepared

    async def free(self, prepared: Prepared) -> None:
        """Wait until no other attempt of this session holds the name, which this one does from then on."""
        await self._parting.free(prepared.name)
        self._parting.hold(prepared.attempt)

    def let_go(self, attempt: Attempt, *, clean: bool = False) -> None:
        """Close it in the background; its name is not used again before it is gone."""
        self._parting.let_go(attempt, clean=clean)

    def unused(self, spare: Connected) -> None:
        """It has not published, and goes back to where it came from."""
        self._parting.unhold(spare.attempt)

    def _attempt(self, index: int, owner: AttemptOwner) -> Attempt:
        return Attempt(self._config, index, self._environment, self._feed, owner)


class Opening:
    """One attempt on its way to publishing. Run it once."""

    def __init__(
        self, attempt: Attempt, opener: Opener, spare: Connected | None = None, home: Home | None = None
    ) -> None:
        self.attempt = attempt
        self._opener = opener
        self._spare = spare
        self._home = home
        self._task: asyncio.Task[object] | None = None
        """Who runs it."""
        self._unwanted = False
        self._interrupted = False
        """Whether that task was cancelled for it."""

    async def run(
        self,
        *,
        redirect: tuple[Target, str] | None = None,
        prepared: Callable[[Prepared], object] = lambda prepared: None,
    ) -> Outcome:
        """Go all the way. Unless it is `Opened`, nothing is left of the attempt; so too when this is cancelled.

        `prepared` is called once it is known where the attempt goes, and may raise `TransportError` to keep it from
        going there.
        """
        task = self._task = asyncio.current_task()
        before = task.cancelling() if task is not None else 0
        opened = False
        try:
            published = None if self._unwanted else await self._steps(redirect, prepared)
            opened = published is not None and not self._unwanted
            return Opened(published) if published is not None and opened else Interrupted(self.attempt)
        except asyncio.CancelledError:
            after = task.cancelling() if task is not None else 0
            if self._interrupted and after == before + 1:
                return Interrupted(self.attempt)
            if after > before:
                raise
            return Failed(self.attempt, NetworkError("cancelled by a plugin", stage="internal"))
        except TransportError as error:
            return Failed(self.attempt, untraced(error))
        except Exception as error:
            log.exception("%s: internal error while %s is opened", self.attempt.config.label, self.attempt.shown)
            return Failed(self.attempt, NetworkError(f"internal error: {type(error).__name__}", stage="internal"))
        finally:
            self._task = None
            if self._interrupted and task is not None:
                task.uncancel()
            if not opened:
                self._discard()

    def interrupt(self) -> None:
        """It is not wanted any more: `run` returns soon, with `Interrupted` unless it was through already."""
        self._unwanted = True
        if self._task is not None and asyncio.current_task() is self._task:
            # By what one of its own steps has caused, which is gone through to its end.
            asyncio.get_running_loop().call_soon(self._cancel)
        else:
            self._cancel()

    def _cancel(self) -> None:
        if self._task is not None and not self._interrupted:
            self._interrupted = self._task.cancel()

    async def _steps(self, redirect: tuple[Target, str] | None, prepared: Callable[[Prepared], object]) -> Published:
        spare = self._spare
        if spare is not None:
            prepared(spare.prepared)
            await self._opener.free(spare.prepared)
            return await spare.publish()
        place = await self._opener.prepare(self.attempt, redirect)
        prepared(place)
        await self._opener.free(place)
        return await (await place.connect()).publish()

    def _discard(self) -> None:
        if self._spare is not None and self._home is not None and self._spare.fresh:
            self._opener.unused(self._spare)
            self._home.release(self._spare)
        else:
            self._opener.let_go(self.attempt)
