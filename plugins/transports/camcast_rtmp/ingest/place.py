"""What one source takes of a listener."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

from camcast_kit_ingest.effort import Effort
from camcast_kit_ingest.refusals import Refusals
from camcast_kit_ingest.rests import Rests
from camcast_rtmp.messages import Message

if TYPE_CHECKING:
    from camcast_rtmp.ingest.publisher import Publisher


@attrs.define(eq=False)
class Place:
    """Publications to `app` and `key`, one at a time."""

    app: str
    key: str = attrs.field(repr=False)
    takeover: bool
    timeout: float
    max_rate: int
    """kbit/s."""
    on_begin: Callable[[], object]
    on_media: Callable[[Message], object]
    on_end: Callable[[str], object]
    """Told why."""
    on_refused: Callable[[str], object]
    """Told why, at most once a second; the first place of a listener also of those who named none."""
    on_counted: Callable[[str, int], object]
    """Told the same at once: a reason of `refusals`, and how many."""
    effort: Effort = attrs.field(factory=lambda: Effort(time.monotonic()))
    """Of all publishers together: whoever is cut off comes again."""
    publisher: Publisher | None = None
    rests: Rests = attrs.field(factory=lambda: Rests(time.monotonic()), init=False)
    refusals: Refusals = attrs.field(init=False)
    """Of those who named this place."""

    def __attrs_post_init__(self) -> None:
        self.refusals = Refusals(lambda text: self.on_refused(text), lambda *what: self.on_counted(*what))

    def began(self, publisher: Publisher) -> None:
        self.publisher = publisher
        self.on_begin()

    def media(self, message: Message) -> None:
        self.on_media(message)

    def left(self, publisher: Publisher, why: str) -> None:
        """`why` it was cut off; "" = it went by itself."""
        if self.publisher is publisher:
            self.publisher = None
            if why:
                self.rests.cut_off(time.monotonic())
            self.on_end(f"the publisher was cut off: {why}" if why else "the publisher has gone")

    def silent(self) -> None:
        publisher, self.publisher = self.publisher, None
        if publisher is not None:
            self.on_end(f"the publisher sent nothing for {self.timeout:g} s and was cut off")
