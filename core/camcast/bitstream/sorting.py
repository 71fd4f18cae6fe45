"""The units of an access unit by their roles: what is kept, what is left out, and what none of it may be. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from camcast.bitstream.syntax import BAD, DROP, KEEP, PICTURE, SET, NalSyntax
from camcast.errors import MediaError


class Sorter:
    """Of one codec."""

    def __init__(self, syntax: NalSyntax, in_base_layer: Callable[[bytes], bool]) -> None:
        """`in_base_layer`: whether a parameter set belongs to the picture that every decoder shows."""
        self._syntax = syntax
        self._in_base_layer = in_base_layer

    def role(self, unit: bytes) -> int:
        """As its header has it, but that a parameter set of a layer that nobody shows is just kept."""
        role = self._syntax.roles[unit[0]]
        return KEEP if role == SET and not self._in_base_layer(unit) else role

    def sets(self, units: Iterable[bytes]) -> list[bytes]:
        """The parameter sets in `units`."""
        return [unit for unit in units if self.role(unit) == SET]

    def sort(self, units: Iterable[bytes]) -> tuple[list[bytes], int, dict[str, int]]:
        """What is kept, the mask of its roles, and how much of what was left out.

        Raises `MediaError` where a slice has its forbidden bit set: of the picture something would be missing.
        """
        roles, header_size = self._syntax.roles, self._syntax.header_size
        kept, seen = [], 0
        counts: dict[str, int] = {}
        for unit in units:
            if len(unit) < header_size:
                counts["empty"] = counts.get("empty", 0) + 1
                continue
            role = roles[unit[0]]
            if role == BAD:
                if roles[unit[0] & 0x7F] & PICTURE:
                    raise MediaError(f"NAL unit header {unit[0]:#04x} has its forbidden bit set")
                counts["forbidden bit"] = counts.get("forbidden bit", 0) + 1
                continue
            if role == DROP:
                name = self._syntax.dropped[self._syntax.types[unit[0]]]
                counts[name] = counts.get(name, 0) + 1
                continue
            if role == SET:
                role = self.role(unit)
            kept.append(unit)
            seen |= role
        return kept, seen, counts
