"""What was learnt of a camera on earlier connections, for as long as the program runs."""

from __future__ import annotations

from collections import OrderedDict

import attrs

MAX_CAMERAS = 4096
"""Remembered; the one not asked for longest is forgotten."""


@attrs.define(eq=False)
class Memory:
    """Of one camera."""

    transport: str = ""
    """"tcp", "udp" or "multicast": what brought media; "" = not known."""
    login: tuple[str, str, bool] | None = None
    """The answer to a challenge that it accepted; see `auth.Challenge.way`."""
    no_options: bool = False
    """It hung up at OPTIONS."""
    keepalives: dict[str, str] = attrs.field(factory=dict)
    """Requests that are no use as signs of life, and why; see `keepalive.KeepAlive`."""
    lost_at_sound: int = 0
    """Connections that ended when sound was asked for, since it was set up last."""
    barren: int = 0
    """Connections in a row that brought no media at all."""
    told: set[str] = attrs.field(factory=set)
    """Oddities that an operator has been told."""


class Memories:
    """By the camera's address and path."""

    def __init__(self) -> None:
        self._cameras: OrderedDict[str, Memory] = OrderedDict()

    def of(self, request: str) -> Memory:
        """The memory of the camera with this request URL."""
        memory = self._cameras.pop(request, None) or Memory()
        self._cameras[request] = memory
        if len(self._cameras) > MAX_CAMERAS:
            self._cameras.popitem(last=False)
        return memory
