"""SRT's account of what libsrt has, holds and gave up, with a library that does as it is told."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import attrs
import pytest

from camcast_srt import backlog
from camcast_srt.backlog import GROUP, LIMIT, OPENING, PICTURES, WINDOW, Backlog
from camcast_srt.link import Link


@attrs.define
class Library:
    """What of a link a backlog uses."""

    takes: int = 1000
    """Hand-overs."""
    held: int = 0
    gone: int = 0
    """Given up as too late, of those that it was handed."""
    behind: float = 0.0
    got: list[bytes] = attrs.field(factory=list)
    groups: int = 0
    asked: int = 0
    answered: int = 0
    """Acknowledgements that came, and reports of losses."""
    missing: int = 0
    """Packets reported as lost."""

    def send(self, payloads: Sequence[bytes]) -> bool:
        if self.groups >= self.takes:
            return False
        self.groups += 1
        self.got += payloads
        self.held += sum(map(len, payloads))
        return True

    def unacknowledged(self) -> int:
        self.asked += 1
        return self.held

    def dropped(self) -> int:
        return self.gone

    def answers(self) -> int:
        return self.answered

    def lost(self) -> int:
        return self.missing

    def waiting(self) -> float:
        return self.behind


@pytest.fixture
def library() -> Library:
    return Library()


@pytest.fixture
def one(library: Library, monkeypatch: pytest.MonkeyPatch) -> Backlog:
    """It asks as often as it is asked."""
    monkeypatch.setattr(backlog, "_ASK_EVERY", 0.0)
    return Backlog(cast("Link", library), 100)


def test_a_stream_goes_in_payloads_and_what_is_not_taken_waits(one: Backlog, library: Library) -> None:
    library.takes = 1
    one.add(bytes(200))
    one.add(bytes(150))
    one.add(bytes(100))
    one.push()
    assert [len(data) for data in library.got] == [100, 100, 100, 50], "a short payload ends what goes together"
    assert (bool(one), one.end, one.pending, one.unsent, one.acked) == (True, 450, 450, 100, 0)
    library.takes = 2
    one.push()
    assert [len(data) for data in library.got] == [100, 100, 100, 50, 100]
    assert (bool(one), one.end, one.pending, one.unsent) == (False, 450, 450, 0)


def test_what_goes_together_has_a_bound(one: Backlog, library: Library) -> None:
    one.add(bytes(100 * (GROUP + 1)))
    one.push()
    assert (library.groups, len(library.got)) == (2, GROUP + 1)


def test_what_the_library_holds_no_more_has_been_acknowledged(one: Backlog, library: Library) -> None:
    one.add(bytes(300))
    one.push()
    library.held = 100
    assert (one.acked, one.pending) == (200, 100)
    library.held = 0
    assert (one.acked, one.pending) == (300, 0)


def test_what_was_given_up_is_pending_until_a_later_byte_is_acknowledged(one: Backlog, library: Library) -> None:
    """A peer that stands still is seen to do so although the library's buffer empties by itself."""
    one.add(bytes(300))
    one.push()
    library.held, library.gone = 0, 300
    assert (one.acked, one.pending) == (0, 300)
    one.add(bytes(100))
    one.push()
    assert (one.acked, one.pending) == (0, 400)
    library.held = 0
    assert (one.acked, one.pending) == (400, 0)


def test_what_is_held_for_too_long_counts_as_unsent(one: Backlog, library: Library) -> None:
    one.add(bytes(400))
    one.push()
    library.behind = 0.5
    assert one.unsent == 200


def test_of_a_link_that_is_gone_nothing_more_is_asked(one: Backlog, library: Library) -> None:
    one.add(bytes(300))
    one.push()
    library.held = 100
    assert one.acked == 200
    one.freeze()
    library.held, asked = 0, library.asked
    assert (one.acked, one.pending, library.asked) == (200, 100, asked)
    one.clear()
    assert not one


def test_the_library_is_asked_now_and_then(library: Library) -> None:
    one = Backlog(cast("Link", library), 100)
    for _ in range(1000):
        _ = one.pending
    assert library.asked < 500


def test_it_has_a_bound(one: Backlog, library: Library) -> None:
    library.takes = 0
    one.add(bytes(LIMIT))
    assert not one.full
    one.add(bytes(1))
    assert one.full


def test_when_something_was_last_offered(one: Backlog, library: Library) -> None:
    one.push()
    assert one.pushed_at == 0.0, "nothing was"
    one.add(bytes(100))
    one.push()
    assert one.pushed_at > 0.0


def test_what_was_given_up_is_settled_when_the_peer_acknowledges_anything(one: Backlog, library: Library) -> None:
    """Over a queue of more than a second every acknowledgement is of something that was given up before."""
    one.add(bytes(300))
    one.push()
    library.held, library.gone = 0, 300
    assert one.acked == 0
    library.answered = 1
    assert (one.acked, one.pending) == (300, 0)
    one.add(bytes(200))
    one.push()
    library.held, library.gone = 0, 500
    assert (one.acked, one.pending) == (300, 200)


def test_at_a_pace_the_rest_waits_with_us(one: Backlog, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 50.0
    monkeypatch.setattr(backlog, "clock", SimpleNamespace(monotonic=lambda: now))
    one.add(bytes(100))
    one.push()
    library.got.clear()
    now += OPENING
    one.limit = 1000.0
    one.add(bytes(1000))
    one.push()
    assert (len(library.got), one.unsent, one.waited) == (1, 900, True)
    for _ in range(45):
        now += 0.01
        one.push()
    assert len(library.got) == 5
    one.waited, one.limit = False, None
    one.push()
    assert (len(library.got), one.unsent, one.waited) == (10, 0, False)


def test_what_was_refused_has_used_up_nothing(one: Backlog, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 50.0
    monkeypatch.setattr(backlog, "clock", SimpleNamespace(monotonic=lambda: now))
    one.add(bytes(100))
    one.push()
    now += OPENING
    one.limit, library.takes = 10_000.0, library.groups
    one.add(bytes(5000))
    one.push()
    assert one.unsent == 5000, "there was no room"
    library.takes = 1000
    one.push()
    assert one.unsent == 4500, "a burst of 0.05 s of the pace, as if it had not been offered before"


def test_a_connection_begins_with_as_much_as_is_acknowledged(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """All at once, what it begins with would overflow the queues on the way."""
    now = 50.0
    monkeypatch.setattr(backlog, "clock", SimpleNamespace(monotonic=lambda: now))
    one = Backlog(cast("Link", library), 1000)
    for _ in range(400):
        one.add(bytes(2500))
    one.push()
    assert library.held == pytest.approx(WINDOW, abs=2500)
    assert one.paced
    assert one.unsent == 1_000_000 - library.held
    for _ in range(3):
        before, now = library.held, now + 0.1
        library.held = 0  # all is acknowledged
        one.push()
        assert library.held > 1.9 * before
    now += OPENING
    one.push()
    assert one.unsent == 0
    assert not one.paced


def test_a_window_is_as_large_as_some_pictures(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many come within a second, whatever there is room for."""
    monkeypatch.setattr(backlog, "clock", SimpleNamespace(monotonic=lambda: 50.0))
    one = Backlog(cast("Link", library), 1000)
    for size in (60_000, 20_000, 500) * 20:  # the last one is sound
        one.add(bytes(size))
    one.push()
    assert library.held == pytest.approx(PICTURES * 40_000, abs=1000)


def test_where_the_window_was_too_large_nothing_waits_for_acknowledgements(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None comes until what was lost is made good, and meanwhile more and more would wait."""
    now = 50.0
    monkeypatch.setattr(backlog, "clock", SimpleNamespace(monotonic=lambda: now))
    one = Backlog(cast("Link", library), 1000)
    for _ in range(400):
        one.add(bytes(2500))
    one.push()
    assert one.unsent > 900_000
    library.missing, now = 1, now + 0.1
    one.push()
    assert one.unsent == 0


def test_a_peer_that_says_what_it_lacks_is_there(one: Backlog, library: Library) -> None:
    one.add(bytes(500))
    one.push()
    library.held, library.gone = 300, 200
    assert one.acked == 0
    library.answered = 1
    assert one.acked == 200
    assert one.acked == 200
    library.answered = 2
    assert one.acked == 201, "a sign of life"
    library.held = 0
    assert one.acked == 500
    library.answered = 3
    assert one.acked == 500
