"""Records survive being written, and what is none of them is an error that can be told."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camcast.coordinators import Card, Desired, Hold, Holder, Line
from camcast.errors import CoordinatorError
from camcast.fleet_records import decode, encode

CARD = Card(
    holder=Holder("hall-1", "a3"),
    capacity=2.5,
    lease=10.0,
    labels={"site": "Zürich"},
    hold=Hold.FOREVER,
    running=3,
    on_air=2,
    troubled=(4, 9),
)
RECORDS: list[Card | Desired | Holder | Line] = [
    CARD,
    Desired(version=3, mapping={"cameras": [{"name": "Größe", "streams": [1, 2.5, None, True]}]}, by="me", at=1.25),
    Holder("a", "b"),
    Line(at=1.5, member="a", code="moved", text="…", camera_id=4),
    Line(at=1.5, member="a", code="moved", text="…"),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda one: type(one).__name__)
def test_a_record_is_read_as_it_was_written(record: Card | Desired | Holder | Line) -> None:
    assert decode(type(record), encode(record)) == record


def test_what_a_newer_version_adds_is_passed_over() -> None:
    data = {**json.loads(encode(CARD)), "colour": "red"}
    assert decode(Card, json.dumps(data).encode()) == CARD


@given(st.binary(max_size=40) | st.recursive(st.none() | st.text(), st.lists).map(lambda one: json.dumps(one).encode()))
def test_what_is_no_record_is_told(data: bytes) -> None:
    with pytest.raises(CoordinatorError, match="cannot be read"):
        decode(Card, data)


def test_a_hold_that_is_none_is_told() -> None:
    with pytest.raises(CoordinatorError, match="Card"):
        decode(Card, encode(CARD).replace(b"forever", b"never"))


@pytest.mark.parametrize("number", ["9" * 401, "9" * 5000])
def test_a_number_that_is_too_large_is_told(number: str) -> None:
    data = json.dumps({**json.loads(encode(CARD)), "lease": 0}).replace('"lease": 0', f'"lease": {number}')
    with pytest.raises(CoordinatorError, match="a Card that cannot be read"):
        decode(Card, data.encode())
