"""Tells an operator what is odd about a camera, and how it is taken: each thing once."""

from __future__ import annotations

from collections.abc import Callable

from .memory import Memory

ODD = "camera_odd"
"""Code of a note about something that is put right here; nobody need act."""
MAX_TOLD = 64


class Oddities:
    """`note` takes a code and a text, as `contracts.SourceContext.note` does; texts hold no secret."""

    def __init__(self, memory: Memory, note: Callable[[str, str], object]) -> None:
        self._memory = memory
        self._note = note

    def tell(self, text: str) -> None:
        """Something odd that does no harm."""
        self._once(text, ODD, text)

    def warn(self, code: str, text: str, about: str = "") -> None:
        """Something that costs the user media, or that he should mend; once for each code and `about`."""
        self._once(f"{code} {about}", code, text)

    def _once(self, key: str, code: str, text: str) -> None:
        told = self._memory.told
        if key not in told and len(told) < MAX_TOLD:
            told.add(key)
            self._note(code, text)
