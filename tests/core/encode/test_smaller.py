"""Fewer pictures, and fewer lines."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest

from camcast.encode.smaller import AS_IT_IS, Smaller, Sparse
from camcast.encode.thread import Encode
from camcast.media import NS_PER_S, RAW, Frame, MediaKind, Packet, Track

TRACK = Track(kind=MediaKind.VIDEO, codec=RAW, width=64, height=48)


def frame(seconds: float) -> Frame:
    nothing: Any = None
    return Frame(TRACK, int(seconds * NS_PER_S), nothing)


def taken(sparse: Sparse, times: Iterable[float]) -> list[float]:
    return [time for time in times if sparse.takes(frame(time))]


def test_it_keeps_proportions_and_is_never_larger() -> None:
    assert Smaller(height=360).size(1920, 1080) == (640, 360)
    assert Smaller(height=360).size(1080, 1920) == (202, 360)
    assert Smaller(height=720).size(640, 360) == (640, 360)
    assert AS_IT_IS.size(1920, 1080) == (1920, 1080)
    assert Smaller(height=360).size(0, 0) == (0, 0), "not known yet"


def test_it_has_no_more_pictures_than_there_are() -> None:
    assert (Smaller(10).rate(30), Smaller(10).rate(5), Smaller(10).rate(0), AS_IT_IS.rate(30)) == (10, 5, 10, 30)


def test_it_says_what_it_is() -> None:
    assert [str(one) for one in (AS_IT_IS, Smaller(12.5), Smaller(height=360), Smaller(10, 360))] == [
        "",
        "12.5 pictures/s",
        "360 lines",
        "10 pictures/s, 360 lines",
    ]


@pytest.mark.parametrize(("rate", "of"), [(10, 30), (15, 30), (10, 25), (12, 50), (30, 30), (25, 20)])
def test_of_a_stream_as_many_are_taken_as_are_wanted_and_evenly(rate: int, of: int) -> None:
    times = taken(Sparse(rate), [number / of for number in range(of * 10)])
    assert len(times) == pytest.approx(min(rate, of) * 10, abs=2)
    gaps = [after - before for before, after in pairwise(times)]
    assert max(gaps) < 1 / rate + 1 / of


def test_a_clock_that_is_not_even_costs_no_picture() -> None:
    assert len(taken(Sparse(10), [number / 10 + (0.02 if number % 2 else 0) for number in range(100)])) == 100


def test_a_clock_that_is_set_back_holds_nothing_up() -> None:
    sparse = Sparse(10)
    assert len(taken(sparse, [number / 30 for number in range(300)])) in (99, 100, 101)
    assert len(taken(sparse, [number / 30 for number in range(30)])) in (9, 10, 11)


class Toy:
    def __init__(self, name: str) -> None:
        self.name = name

    def encode(self, frame: Frame) -> list[Packet]:
        return [Packet(TRACK, frame.pts, frame.pts, keyframe=True, payload=self.name.encode())]

    def flush(self) -> list[Packet]:
        return [Packet(TRACK, 0, 0, keyframe=False, payload=b"rest of " + self.name.encode())]

    def close(self) -> None:
        self.name = "closed"


def test_an_encoder_opened_anew_gets_every_second_picture() -> None:
    names = iter(("large", "small"))
    encode: Any = None

    def opened() -> Any:
        name = next(names)
        encode.sparse.rate = 15 if name == "small" else 0
        return Toy(name)

    encode = Encode(opened)
    made = [packet.payload for number in range(4) for packet in encode.step(frame(number / 30))]
    encode.anew()
    made += [packet.payload for number in range(4, 8) for packet in encode.step(frame(number / 30))]
    assert made == [b"large"] * 4 + [b"rest of large"] + [b"small"] * 2
