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
        self._once(ODD, text)

    def warn(self, code: str, text: str) -> None:
        """Something that costs the user media, or that he should mend."""
        self._once(code, text)

    def _once(self, code: str, text: str) -> None:
        told = self._memory.told
        if text not in told and len(told) < MAX_TOLD:
            told.add(text)
            self._note(code, text)
