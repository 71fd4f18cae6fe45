"""How much of a processor a sender may take for what it sends. Pure; what is measured is passed in.

Bytes and pictures are bounded as well, but what one costs is the sender's to choose: parameter sets by the hundred, new
ones with every picture. Whoever takes more than half of a processor for long holds up all that share it, so he is cut
off. 100 Mbit/s of pictures and sound take 0.03 [measured].

What is sent on is not the sender's: to how many it goes is not for him to choose, and with very many that takes a
processor whoever he is.
"""

from __future__ import annotations

from collections.abc import Callable

from camcast_kit_ingest.purse import BURST, Purse

SHARE = 0.5
"""Of a processor; at once, as much as in `BURST` seconds."""
MAX_CHANGES, WINDOW = 20, 10
"""Times that media's parameters are others, in so many seconds."""


class TooMuch(Exception):
    """A sender does what none has reason to; the text says what, without a word of its own."""


class Effort:
    """Of one sender."""

    def __init__(self, now: float, sending_on: Callable[[], float] = lambda: 0.0) -> None:
        """`now`: seconds of any one clock, as everywhere here. `sending_on`: the CPU seconds that this took so far, of
        those that are told of."""
        self._purse = Purse(SHARE, now)
        self._sending_on = sending_on
        self._deducted = 0.0
        self._changes: list[float] = []

    def took(self, seconds: float, now: float) -> None:
        """What it sent took so many seconds of CPU, sending it on among them. Raises `TooMuch`."""
        before, self._deducted = self._deducted, self._sending_on()
        if self._purse.spend(max(0.0, seconds - (self._deducted - before)), now) > 0:
            raise TooMuch(f"what it sends takes more than {SHARE:.0%} of a processor for {BURST:g} s")

    def changed(self, now: float) -> None:
        """Its media has other parameters than before, for which all that is sent on is made anew. Raises `TooMuch`."""
        self._changes = [then for then in self._changes if now - then < WINDOW]
        self._changes.append(now)
        if len(self._changes) > MAX_CHANGES:
            raise TooMuch(f"it changes its media's parameters all the time: {len(self._changes)} times in {WINDOW} s")
