"""The one way to say where something is wrong: a place in a configuration, and the report that all places share.

A place is a path such as `cameras[2].source.options.fps`. Whoever reads or checks a value is handed its place and
tells it what is wrong; nobody passes paths, lists of issues or half-made errors around.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping

import attrs

from camcast.config.asked import Patience
from camcast.errors import ConfigError, Issue
from camcast.structure import shortened

MOST_ISSUES = 100
"""That are told one by one. Nobody reads more, and a broken file of some MiB may hold a hundred thousand."""
_STEP = re.compile(r"\[(\d+)\]|([^.\[]+)")


class Report:
    """Everything that is wrong, each told once, and what the user should know besides."""

    def __init__(self) -> None:
        self.told = 0
        """How often something was wrong, the same thing at the same place counted again."""
        self.plugins = Patience("reading")
        """Has plugins asked that may hang, as on a network file system whose server is gone."""
        self._issues: dict[Issue, None] = {}
        self._more = 0
        self._notes: list[str] = []
        self._foreign: Counter[str] = Counter()
        self._odd: dict[str, list[str]] = {}
        """Places by what is odd about them."""

    def root(self) -> Place:
        """The place of the whole configuration."""
        return Place("", self)

    def wrong(self, issue: Issue) -> None:
        self.told += 1
        if len(self._issues) < MOST_ISSUES:
            self._issues.setdefault(issue)
        else:
            self._more += issue not in self._issues

    def note(self, text: str) -> None:
        self._notes.append(text)

    def foreign(self, place: str) -> None:
        """A key that belongs to another program; many of a kind are told once."""
        self._foreign[place] += 1

    def odd(self, place: str, text: str) -> None:
        """Something that works and is hardly ever meant; what many places share is told once."""
        self._odd.setdefault(text, []).append(place)

    @property
    def issues(self) -> tuple[Issue, ...]:
        """All that is wrong, in the order in which it was found; of very much, the first and how much more there is."""
        more = f"and {self._more} more things are wrong, in this or another way; mend those above first"
        return (*self._issues, *([Issue("", more)] if self._more else []))

    @property
    def full(self) -> bool:
        """Whether what is wrong from now on is only counted, so that nobody need look for advice."""
        return len(self._issues) >= MOST_ISSUES

    @property
    def notes(self) -> tuple[str, ...]:
        foreign = [
            f"{place} is not camcast's and is left alone" + (f" ({count} times)" if count > 1 else "")
            for place, count in self._foreign.items()
        ]
        odd = [
            f"{places[0]}: {text}" + (f" (and {len(places) - 1} more such places)" if len(places) > 1 else "")
            for text, places in self._odd.items()
        ]
        return (*foreign, *self._notes, *odd)

    def raise_if_wrong(self) -> None:
        """Raises `ConfigError` with all that is wrong."""
        if self._issues:
            raise ConfigError(self.issues)


@attrs.frozen(eq=False)
class Place:
    """Where a value stands."""

    path: str
    report: Report
    _elsewhere: Mapping[str, Place] = attrs.field(factory=dict, repr=False)
    """Keys of this place that were given at another."""

    def at(self, key: str) -> Place:
        """The place of a key of the object that stands here."""
        if key in self._elsewhere:
            return self._elsewhere[key]
        shown = shortened(key if key.isprintable() else ascii(key))
        return Place(f"{self.path}.{shown}" if self.path else shown, self.report)

    def item(self, index: int) -> Place:
        """The place of an item of the list that stands here."""
        return Place(f"{self.path}[{index}]", self.report)

    def below(self, path: str) -> Place:
        """The place of what `path`, "options.list[2]", leads to from here; here for ""."""
        place = self
        for index, key in _STEP.findall(path):
            place = place.item(int(index)) if index else place.at(key)
        return place

    def with_elsewhere(self, places: Mapping[str, Place]) -> Place:
        """The same place, where some keys were given elsewhere."""
        return attrs.evolve(self, elsewhere={**self._elsewhere, **places})

    def remark(self, text: str) -> None:
        """Say what is odd here."""
        self.report.odd(self.path, text)

    def wrong(self, message: str) -> None:
        """Say what is wrong here, and what to do."""
        self.report.wrong(Issue(self.path, message))

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """What the block raises as `ConfigError` (with places below this one) or `ValueError` is wrong here."""
        try:
            yield
        except ConfigError as error:
            for issue in error.issues:
                self.below(issue.path).wrong(issue.message)
        except ValueError as error:
            self.wrong(str(error))
