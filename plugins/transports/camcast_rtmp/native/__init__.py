"""The C form of this transport's part of the fast path, where it was built, and what classes of its state derive from.

As in `camcast.native`: where it is missing, the classes below are empty, and all is done in Python.
"""

from __future__ import annotations

from camcast.native import part

FORM = 3
"""What the C form and the Python beside it agree on."""


class LastState:
    """`Last` of a chunk stream."""

    __slots__ = ()


class WriterState:
    """`ChunkWriter`."""

    __slots__ = ()


class CountsState:
    """The driver's counts."""

    __slots__ = ()


class LineState:
    """`Line`."""

    __slots__ = ()


class TransportState:
    """`RtmpTransport`."""

    __slots__ = ()


class PortState:
    """`Port`."""

    __slots__ = ()


extension = part("camcast_rtmp.native._port", FORM)
if extension is not None:
    for _name in [name for name in globals() if name.endswith("State")]:
        globals()[_name] = getattr(extension, _name)
