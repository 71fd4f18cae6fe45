"""State that lies in C: the same as any other to Python, and nothing can be put there that C must not follow."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from typing import Any

import attrs
import pytest
from tests.core.world import AUDIO, VIDEO

from camcast.group import Group
from camcast.media import MediaKind, Packet
from camcast.stream.clock import Clock, Line
from camcast.stream.fastpath import Way
from camcast.stream.flow import FlowCounters, KindCounts
from camcast.stream.hub import Hub
from camcast.stream.present import Present
from camcast.stream.pulse import Pulse
from camcast.stream.rendition import PacketPacker


def test_values_are_read_written_compared_copied_and_pickled_as_ever() -> None:
    counters = FlowCounters()
    counters.sent.add(MediaKind.VIDEO, 3)
    counters.drop(MediaKind.AUDIO, "why")
    assert counters.sent == KindCounts(3, 0) != KindCounts(0, 3)
    for other in (copy.deepcopy(counters), pickle.loads(pickle.dumps(counters))):
        assert attrs.asdict(other) == attrs.asdict(counters)
        other.sent.video += 1
        assert (counters.sent.video, other.sent.video) == (3, 4)


def test_what_is_not_known_is_none() -> None:
    hub = Hub(PacketPacker())
    assert hub.latest_video is None
    hub.latest_video = -1
    assert (hub.latest_video, hub.latest_audio) == (-1, None)
    hub.latest_video = None
    assert hub.latest_video is None


@pytest.mark.native
@pytest.mark.parametrize(
    ("of", "name", "value", "error"),
    [
        (Present(), "group", [], "group is a list, expected camcast.native._fastpath.GroupState"),
        (Present(), "group", None, "group is a NoneType"),
        (Way.__new__(Way), "line", KindCounts(), "line is a KindCounts, expected .*LineState"),
        (FlowCounters(), "sent", 1, "sent is a int"),
        (Line(0, 0, 0, 0), "dts", 2**63, "too (large|big)"),
        (Line(0, 0, 0, 0), "dts", "1", "str"),
        (Pulse(), "awaited", 1, "bool"),
        (Hub(PacketPacker()), "latest_audio", 2**63, "too (large|big)"),
        (Hub(PacketPacker()), "latest_audio", "x", "str"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(of: Any, name: str, value: object, error: str) -> None:
    before = getattr(of, name, "nothing")
    with pytest.raises((TypeError, OverflowError), match=error):
        setattr(of, name, value)
    assert getattr(of, name, "nothing") is before or getattr(of, name) == before


@pytest.mark.native
@pytest.mark.parametrize(("of", "name"), [(Present(), "group"), (Hub(PacketPacker()), "latest_video")])
def test_what_is_there_cannot_be_deleted(of: Any, name: str) -> None:
    with pytest.raises(TypeError, match="deleted"):
        delattr(of, name)


@pytest.mark.native
def test_what_was_never_set_is_an_attribute_error() -> None:
    for of, name in ((Group.__new__(Group), "packets"), (Way.__new__(Way), "line")):
        with pytest.raises(AttributeError, match=name):
            getattr(of, name)


def test_circles_through_state_are_collected() -> None:
    class Told:
        pass

    clock, present = Clock(), Present()
    told = Told()
    told.present = present  # type: ignore[attr-defined]
    present.sound = told  # type: ignore[assignment]
    clock.broken = {present}  # type: ignore[arg-type]
    present.group.packets.append(clock)  # type: ignore[arg-type]
    gone = weakref.ref(told)
    del clock, present, told
    gc.collect()
    assert gone() is None


def test_a_track_of_another_kind_is_no_line() -> None:
    clock = Clock()
    assert clock.line(VIDEO.kind) is None
    clock.stamp(Packet(VIDEO, 0, 0, True, b"x", arrival=1))
    assert clock.line(VIDEO.kind) is not None
    assert clock.line(AUDIO.kind) is None
