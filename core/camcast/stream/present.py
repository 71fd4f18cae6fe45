"""What a stream shows at this moment: what a viewer or an encoder that comes now begins with."""

from __future__ import annotations

import attrs

from camcast.group import Group
from camcast.media import MediaKind, Packet
from camcast.native.states import PresentState


@attrs.define(eq=False)
class Present(PresentState):
    """The current group of pictures and the newest sound, on the stream's timeline. The feed fills it itself."""

    group: Group = attrs.field(factory=Group, init=False)
    sound: Packet | None = attrs.field(default=None, init=False)

    def forget(self, kind: MediaKind) -> None:
        """What comes of this kind is something else now."""
        if kind is MediaKind.VIDEO:
            self.group = Group()
        else:
            self.sound = None
