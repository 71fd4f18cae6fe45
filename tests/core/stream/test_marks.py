"""Marks of what is under way: the C form and the Python form do the same to whoever uses them."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camcast.media import MediaKind
from camcast.stream.marks import Mark, Marks

KINDS = (MediaKind.VIDEO, MediaKind.AUDIO, None)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 5000)),
        st.tuples(st.just("settle"), st.integers(-3000, 3000)),
        st.tuples(st.sampled_from(["clear", "settle all", "settle none"]), st.just(0)),
    ),
    max_size=120,
)


def settled(plain: deque[Mark], done: int) -> Mark | None:
    newest = None
    while plain and plain[0][0] <= done:
        newest = plain.popleft()
    return newest


@given(STEPS)
def test_they_are_a_queue_that_is_settled_from_its_beginning(steps: list[tuple[str, int]]) -> None:
    marks, plain = Marks(), deque[Mark]()
    end = 0
    for number, (what, by) in enumerate(steps):
        if what == "append":
            end += by
            mark = (end, number * 40 - 100, number / 3, number * 10**9, KINDS[number % 3])
            marks.append(mark)
            plain.append(mark)
        elif what == "clear":
            marks.clear()
            plain.clear()
        else:
            done = {"settle": end + by, "settle all": 2**80, "settle none": -(2**80)}[what]
            assert marks.settle(done) == settled(plain, done)
        assert len(marks) == len(plain)
        assert bool(marks) == bool(plain)
        assert [*marks] == [*plain]
        assert [*reversed(marks)] == [*reversed(plain)]
        if plain:
            assert (marks[0], marks[-1]) == (plain[0], plain[-1])
            assert {type(one) for one in marks[0][:2]} == {int}


def test_they_are_compared_by_what_they_hold() -> None:
    mark: Mark = (1, 2, 3.0, 4, None)
    one, other = Marks(), Marks()
    assert one == other
    one.append(mark)
    assert one != other
    other.append(mark)
    assert one == other
    assert "(1, 2, 3.0, 4, None)" in repr(one)


def test_there_is_none_beyond_the_ends() -> None:
    marks = Marks()
    for at in (0, -1, 1):
        with pytest.raises(IndexError):
            marks[at]


@pytest.mark.native
@pytest.mark.parametrize("mark", [(1, 2), [1, 2, 3.0, 4, None], (2**64, 0, 0.0, 0, None), (1, 2, 3.0, 4, "video")])
def test_what_is_no_mark_is_refused(mark: Any) -> None:
    marks = Marks()
    with pytest.raises((TypeError, OverflowError)):
        marks.append(mark)
    assert not marks
