"""Who brings what. Of two plugins that claim one name or one scheme the first in rank has it, and the other is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, TypeVar

import attrs

from camcast.hosting.plugin import Plugin, Problem
from camcast.kinds import (
    CodecKind,
    ConfigForm,
    CoordinatorKind,
    DiscovererKind,
    EncoderKind,
    Platform,
    ServiceKind,
    SourceKind,
    TransportKind,
)

K = TypeVar(
    "K",
    SourceKind,
    CodecKind,
    EncoderKind,
    TransportKind,
    ServiceKind,
    CoordinatorKind,
    DiscovererKind,
    ConfigForm,
    Platform,
)


@attrs.frozen(eq=False)
class Claim(Generic[K]):
    """A kind with the plugin that brings it."""

    plugin: Plugin
    kind: K


class Claims(Generic[K]):
    """Kinds by some name of theirs, in any case of letters."""

    def __init__(
        self, claims: Iterable[tuple[str, Claim[K]]], shown: str, otherwise: str = "this one is not used"
    ) -> None:
        """`claims`: names with who claims them, in the order of the plugins' rank. `shown`, with a place for the
        name, and `otherwise`, with one for the kind's, are words for the one that comes too late."""
        self.problems: list[Problem] = []
        self._first: dict[str, Claim[K]] = {}
        for name, claim in claims:
            first = self._first.setdefault(name.lower(), claim)
            if first.kind is not claim.kind:
                text = _too_late(shown.format(name), otherwise.format(claim.kind.name), first.plugin, claim.plugin)
                self.problems.append(Problem(claim.plugin.origin, text))

    def __iter__(self) -> Iterator[Claim[K]]:
        return iter(self._first.values())

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._first

    def get(self, name: str) -> K | None:
        claim = self._first.get(name.lower())
        return claim.kind if claim else None

    @property
    def names(self) -> list[str]:
        """The names as they are looked up, in small letters."""
        return list(self._first)

    @property
    def kinds(self) -> Mapping[str, K]:
        """The kinds that have a name here, by their own."""
        return {claim.kind.name: claim.kind for claim in self}


def _too_late(what: str, otherwise: str, first: Plugin, late: Plugin) -> str:
    if first is late:
        return f"{what} is brought twice by this plugin; {otherwise}"
    block = first.reference if first.name == late.name else first.name
    return (
        f"{what} is brought by {first.origin} too, which comes first; {otherwise}. To have it from this plugin, "
        f'block the other: "plugins": {{"block": ["{block}"]}} in the configuration, or camcast --block {block}'
    )
