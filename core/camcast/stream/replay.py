"""How a new attempt shows the present at once: the current group of pictures, squeezed in time.

A decoder needs every picture since the keyframe, a viewer only the newest. So the group is sent with its
pictures a millisecond apart, in display order, ending where the live edge begins:

* disposable pictures whose time has passed are left out, as nothing refers to them;
* pictures that are shown after the live edge (B-frames make decode and display order differ) keep their own
  time, so that the order on screen stays right across the seam;
* decode times are a millisecond apart as well, and never later than the time of showing.

Sound is not replayed: it starts at the live edge.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from camcast.media import NS_PER_MS, MediaKind, Packet


def squeeze(group: Sequence[Packet], live: int) -> list[Packet]:
    """Copies of the group's pictures (payloads shared) with new times; `live` is the next picture's dts in ns."""
    video = [packet for packet in group if packet.track.kind is MediaKind.VIDEO]
    kept = [packet for packet in video if not packet.disposable or packet.pts >= live]
    past = sorted((packet for packet in kept if packet.pts < live), key=lambda packet: packet.pts)
    shown = {id(packet): live - (len(past) - rank) * NS_PER_MS for rank, packet in enumerate(past)}
    first = live - 2 * len(kept) * NS_PER_MS
    return [
        attrs.evolve(packet, dts=first + index * NS_PER_MS, pts=shown.get(id(packet), packet.pts))
        for index, packet in enumerate(kept)
    ]
