"""One plugin as it was found, whether it is used or not."""

from __future__ import annotations

import re

import attrs

from camcast.kinds import Kind

OURS = "camcast"
"""The distribution whose plugins come before those of others."""
REGISTERED = "registered"
"""Stands for the distribution of a plugin that this program registered."""


@attrs.define(eq=False)
class Plugin:
    """Where a plugin came from and what it brought."""

    name: str
    distribution: str
    version: str
    kinds: list[Kind] = attrs.field(factory=list)
    module: object = attrs.field(default=None, repr=False)
    """The object with the hooks; None where it could not be loaded."""
    problems: list[str] = attrs.field(factory=list, repr=False)
    first: bool = False
    """Whether it comes before all others, as the program that registered it asked."""

    @property
    def registered(self) -> bool:
        """Whether this program registered it, so that other processes do not have it."""
        return self.distribution == REGISTERED

    @property
    def reference(self) -> str:
        """Its name with its distribution's, which tells it from another of the same name."""
        return f"{self.distribution}:{self.name}"

    @property
    def origin(self) -> str:
        return f"{self.name} ({self.distribution} {self.version})".replace(" )", ")")

    def is_called(self, name: str) -> bool:
        """Whether `name`, "rtmp" or "camcast:rtmp", means this plugin."""
        distribution, mark, own = name.rpartition(":")
        return own == self.name and (not mark or _normal(distribution) == _normal(self.distribution))


def _normal(distribution: str) -> str:
    """A distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


@attrs.frozen
class Problem:
    """Why a plugin, or a part of it, is not in use."""

    plugin: str
    reason: str

    def __str__(self) -> str:
        return f"{self.plugin}: {self.reason}"
