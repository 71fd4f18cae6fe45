"""The current group of pictures: what a viewer or an encoder that comes now needs to show the present."""

from __future__ import annotations

import attrs

from camcast.media import Packet
from camcast.native.states import GroupState

MAX_GROUP_BYTES = 16 * 1024 * 1024
MAX_GROUP_PACKETS = 4096


@attrs.define(eq=False)
class Group(GroupState):
    """The current group of pictures: video packets since the last keyframe, that one first.

    Empty until a keyframe came, or when the group outgrew its bound.
    """

    packets: list[Packet] = attrs.field(factory=list, init=False)
    bytes: int = attrs.field(default=0, init=False)
    sounds: int = attrs.field(default=0, init=False)
    """Packets of sound since the keyframe. They are not kept: sound cannot be squeezed as pictures can."""

    def has_room(self, size: int) -> bool:
        """Whether a picture of `size` bytes that is no keyframe can be added to those that there are."""
        packets = self.packets
        return bool(packets) and self.bytes + size <= MAX_GROUP_BYTES and len(packets) < MAX_GROUP_PACKETS

    def add(self, packet: Packet) -> None:
        if packet.keyframe:
            self.packets = [packet]
            self.bytes = len(packet.payload)
            self.sounds = 0
        elif self.packets:
            self.bytes += len(packet.payload)
            if self.bytes > MAX_GROUP_BYTES or len(self.packets) >= MAX_GROUP_PACKETS:
                self.packets = []
                self.bytes = 0
            else:
                self.packets.append(packet)
