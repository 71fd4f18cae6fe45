"""Which plugins are to be used, and which of two that bring the same comes first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import attrs

from camcast.hosting.plugin import OURS, Plugin
from camcast.structure import suggest

Rank = tuple[bool, int, bool, str, str]


@attrs.frozen
class Choice:
    """An allow- and a block-list, and who gave them. Names are a plugin's, or "distribution:name"."""

    allow: Sequence[str] | None = None
    """Only these are used, and the earlier in the list comes first; None = all. Not asked of a registered plugin."""
    block: Collection[str] = ()
    said_by: str = "this program"

    def refusal(self, plugin: Plugin) -> str | None:
        """Why a plugin is not to be used; None = it is."""
        if any(plugin.is_called(name) for name in self.block):
            return f"blocked by {self.said_by}"
        if self.allow is not None and not plugin.registered and self.position(plugin) == len(self.allow):
            return f"not in the allow-list of {self.said_by}"
        return None

    def position(self, plugin: Plugin) -> int:
        """Its place in the allow-list; the list's length where it is not in it."""
        allow = self.allow or ()
        return next((place for place, name in enumerate(allow) if plugin.is_called(name)), len(allow))

    def unknown(self, plugins: Sequence[Plugin]) -> Iterator[tuple[str, str]]:
        """(name, what is wrong) for each name in the lists that is no plugin's."""
        for word, names in (("blocked", self.block), ("allowed", self.allow or ())):
            for name in names:
                if not any(plugin.is_called(name) for plugin in plugins):
                    known = [plugin.name for plugin in plugins]
                    yield name, f"is {word} by {self.said_by}, but no such plugin is installed{suggest(name, known)}"


def rank(plugin: Plugin, choices: Sequence[Choice]) -> Rank:
    """Sorts plugins: those named in an allow-list in its order, then camcast's own, then by name.

    One that was registered to be first is that.
    """
    place = next((choice.position(plugin) for choice in choices if choice.allow is not None), 0)
    return not plugin.first, place, plugin.distribution != OURS, plugin.name, plugin.distribution
