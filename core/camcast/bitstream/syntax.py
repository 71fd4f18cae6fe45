"""What the units of a NAL-based codec are: the role that the first header byte tells, and parameter sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

# Roles: one bit each, so that a mask says what an access unit holds.
REFERENCE = 1
"""Slice of a picture that others refer to."""
DISPOSABLE = 2
KEY = 4
SET = 8
SEI = 16
KEEP = 32
DROP = 64
BAD = 128
PICTURE = REFERENCE | DISPOSABLE | KEY


@attrs.frozen
class NalSyntax:
    """What a unit's first header byte means in one codec."""

    types: bytes
    """256 entries: first byte → unit type."""
    roles: bytes
    """256 entries: first byte → one of the roles above."""
    header_size: int
    set_types: tuple[int, ...]
    """Types of the parameter sets in the order that keyframes and the record have them."""
    dropped: Mapping[int, str]
    """Type → the name to count it by, for units of role DROP."""

    @classmethod
    def build(
        cls,
        type_of: Callable[[int], int],
        role_of: Callable[[int], int],
        header_size: int,
        set_types: tuple[int, ...],
        dropped: Mapping[int, str],
    ) -> NalSyntax:
        return cls(
            bytes(type_of(first) for first in range(256)),
            bytes(role_of(first) for first in range(256)),
            header_size,
            set_types,
            dropped,
        )


@attrs.frozen
class ParameterSet:
    """One parameter set unit. `parent` is the identifier of the set of the preceding type that it refers to."""

    type: int
    id: int
    nal: bytes = attrs.field(repr=False)
    parent: int = -1
