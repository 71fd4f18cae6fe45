"""Bugs of plugins: each is traced once, with its place, and counted from then on. So are calls that hold the loop up.

A plugin that fails at every packet must not fill the log, and nobody should have to look for its first failure.
"""

from __future__ import annotations

import logging
import traceback
from collections import Counter
from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

TOLD = {1: "first", 10: "10th", 100: "100th", 1000: "1000th", 10_000: "10000th"}
"""Holds that are told, each with its name."""

_Place = tuple[str, str, str, int]
"""Who, in what, which exception, and the line that raised it."""


class Faults:
    """Those of one host's plugins. From any thread."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._traced: set[_Place] = set()
        self._holds: Counter[tuple[str, str]] = Counter()

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each has failed, by name: "transport mine"."""
        return dict(self._counts)

    @property
    def holds(self) -> Mapping[tuple[str, str], int]:
        """How often each has held up the event loop, by name and in what: ("transport mine", "send")."""
        return dict(self._holds)

    def held(self, who: str, where: str, seconds: float) -> None:
        """`who` has held up the event loop for so long in `where`. Told the first time, the tenth, the hundredth."""
        self._holds[who, where] = count = self._holds[who, where] + 1
        if count in TOLD:
            log.info(
                "%s held up every camera for %.2f s in %s, for the %s time: it blocks, or this machine is too busy",
                *(who.capitalize(), seconds, where, TOLD[count]),
            )

    def count(self, who: str) -> None:
        """`who` has failed, and what it raised must not be shown."""
        self._counts[who] += 1

    def tell(
        self, who: str, where: str, error: BaseException, *, clean: Callable[[str], str] = lambda text: text
    ) -> None:
        """`who` raised `error` in `where`. `clean` takes secrets out of a traceback."""
        self.count(who)
        frames = traceback.extract_tb(error.__traceback__)
        place = (who, where, type(error).__name__, (frames[-1].lineno or 0) if frames else 0)
        if place in self._traced:
            log.debug("%s failed in %s again: %s", who, where, type(error).__name__)
            return
        self._traced.add(place)
        trace = clean("".join(traceback.format_exception(error)))
        log.error("%s failed in %s (told once, counted from now on): %s", who.capitalize(), where, trace)
