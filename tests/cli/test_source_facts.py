"""What is known of a source after a look: the picture's part of it, as platforms want that."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests.core.world import AUDIO, VIDEO

from camcast.cli.source_facts import SourceFacts
from camcast.stream.flow import FeedCounters


def test_the_bitrate_is_that_of_its_pictures() -> None:
    counters = FeedCounters()
    feed: Any = SimpleNamespace(counters=counters, offers=(VIDEO, AUDIO), keyframe=None)
    facts = SourceFacts(feed)
    for number in range(51):
        counters.received.video += 1
        counters.received.audio += 1
        counters.bytes += 10_000 + 5_000
        counters.sound_bytes += 5_000
        facts.look(100.0 + number / 25)
    seen = facts.seen()
    assert seen is not None
    assert (round(seen.bitrate), round(seen.frame_rate)) == (2_000_000, 25)
    assert "; 3.00 Mbit/s" in next(facts.lines()), "all that comes is told as such"
