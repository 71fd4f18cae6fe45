"""The order in which H.264 pictures are shown, by all three ways to count it, as frames and as fields."""

from __future__ import annotations

import pytest
from tests.cameras import clips, uncompressed
from tests.plugins.rtmp_kit import host

from camcast_h264.order import H264Order

FRAMES = 45
"""More than one group, and more numbers than the shortest count has."""
SHAPES = {
    f"type {order}, {'fields' if fields else 'frames'}, {'out of order' if reorder else 'in order'}": (
        uncompressed.Shape((160, 96), order, fields, reorder, gop=40)
    )
    for order in (0, 1, 2)
    for fields in (False, True)
    for reorder in (False, True)
    if not (order == 2 and reorder)
}


@pytest.mark.parametrize("name", SHAPES)
def test_pictures_have_their_places(name: str) -> None:
    shape = SHAPES[name]
    parser = host().codec("h264").parser(b"")
    units = list(uncompressed.stream([clips.picture(number) for number in range(FRAMES)], shape))
    packets = [parser.parse(unit, number, number) for number, unit in enumerate(units)]
    places = []
    order: H264Order | None = None
    for packet in packets:
        assert packet is not None
        order = order or H264Order(packet.track)
        places.append(order.place(packet))
    shown = uncompressed.display_order(FRAMES, shape)
    assert sorted(range(FRAMES), key=places.__getitem__) == shown
    assert len(set(places)) == FRAMES
