"""Complete files are told to each plugin by itself: one that hangs or raises keeps no other from hearing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import attrs
import pytest
from tests.core.world import until

from camcast.events import SegmentFinished, SessionKey
from camcast.hooks import hookimpl
from camcast.host import PluginHost
from camcast.session import segments
from camcast.session.segments import LONG, SegmentHooks


def file(number: int) -> SegmentFinished:
    name = f"{number}.mp4"
    key = SessionKey(0, 0, "archive")
    return SegmentFinished(label="cam0", key=key, path=f"/v/{name}", shown=name, begin=0, end=1, size=1, frames=1)


class Hangs:
    """Until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.told: list[str] = []

    @hookimpl
    def camcast_segment(self, segment: SegmentFinished) -> None:
        self.told.append(segment.shown)
        self.upload()

    def upload(self) -> None:
        self.go.wait()


@attrs.define(eq=False)
class Raises:
    told: list[str] = attrs.field(factory=list)

    @hookimpl
    def camcast_segment(self, segment: SegmentFinished) -> None:
        self.told.append(segment.shown)
        raise ValueError("of the archive")


@attrs.define(eq=False)
class Good:
    told: list[str] = attrs.field(factory=list)

    @hookimpl
    def camcast_segment(self, segment: SegmentFinished) -> None:
        self.told.append(segment.shown)


@attrs.define(eq=False)
class Place:
    hangs: Hangs = attrs.field(factory=Hangs)
    raises: Raises = attrs.field(factory=Raises)
    good: Good = attrs.field(factory=Good)
    now: float = 0.0
    hooks: SegmentHooks = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        host = PluginHost(entry_points=False)
        for name in ("hangs", "raises", "good"):
            host.register(getattr(self, name), name)
        self.hooks = SegmentHooks(host, now=lambda: self.now)


@pytest.fixture
def place() -> Iterator[Place]:
    place = Place()
    yield place
    place.hangs.go.set()


async def test_one_that_hangs_keeps_no_other_from_hearing_and_hears_the_rest_later(place: Place) -> None:
    for number in range(3):
        place.hooks.tell(file(number))
    names = ["0.mp4", "1.mp4", "2.mp4"]
    await until(lambda: place.good.told == place.raises.told == names)
    assert place.hangs.told == names[:1]
    place.hangs.go.set()
    await place.hooks.settle(20)
    assert place.hangs.told == names


async def test_the_end_waits_for_those_that_are_told_and_no_longer_than_it_may(place: Place) -> None:
    place.hooks.tell(file(0))
    await place.hooks.settle(0.1)
    assert (place.hangs.told, place.hangs.go.is_set()) == (["0.mp4"], False)


async def test_one_that_takes_very_long_is_named_once_with_its_line(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    def told() -> list[str]:
        return [text for text in caplog.messages if "is not done" in text]

    place.hooks.tell(file(0))
    await until(lambda: place.hangs.told and place.good.told)
    place.now = LONG
    place.hooks.tell(file(1))
    assert told() == []
    place.now = LONG + 1
    for number in (2, 3):
        place.hooks.tell(file(number))
    (line,) = told()
    assert line.startswith("Plugin hangs has been told of 0.mp4 10 min ago and is not done: it is in test_segments.py:")
    assert line.endswith("in upload; 2 files wait")
    place.hangs.go.set()
    await place.hooks.settle(20)
    place.hooks.tell(file(4))
    await place.hooks.settle(20)
    assert len(told()) == 1, "one that waited for long is not late itself"


async def test_what_waits_is_bounded_and_told_by_its_plugin(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(segments, "MOST", 2)
    place.hooks.tell(file(0))
    await until(lambda: place.hangs.told)
    with caplog.at_level(logging.ERROR):
        for number in (1, 2, 3):
            place.hooks.tell(file(number))
            await until(lambda number=number: len(place.good.told) == len(place.raises.told) == number + 1)  # type: ignore[misc]
    errors = [text for text in caplog.messages if "not told" in text]
    assert errors == ["camcast_segment of hangs: 2 files wait to be told, 3.mp4 is not told"]
    place.hangs.go.set()
    await place.hooks.settle(20)
    assert place.hangs.told == ["0.mp4", "1.mp4", "2.mp4"]
