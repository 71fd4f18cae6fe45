"""What the classes that hold a stream's state derive from.

In the C form these are types whose attributes lie in a C struct, under the names that the deriving class declares (C
source: `states.h`); so Python and C work on the same memory. In the Python form they are empty, and the deriving class
keeps its attributes as any other does. Numbers of the C form have 64 bits: more raises `OverflowError`.
"""

from __future__ import annotations

from camcast.native import extension


class CountsState:
    """`KindCounts`."""

    __slots__ = ()


class FeedCountersState:
    """`FeedCounters`."""

    __slots__ = ()


class FlowCountersState:
    """`FlowCounters`."""

    __slots__ = ()


class LineState:
    """`Line` of the clock."""

    __slots__ = ()


class ClockState:
    """`Clock`."""

    __slots__ = ()


class PulseState:
    """`Pulse`."""

    __slots__ = ()


class GroupState:
    """`Group`."""

    __slots__ = ()


class PresentState:
    """`Present`."""

    __slots__ = ()


class SlateState:
    """`SlateSwitch`."""

    __slots__ = ()


class RenditionsState:
    """`Renditions`."""

    __slots__ = ()


class RenditionState:
    """`Rendition`."""

    __slots__ = ()


class PackerState:
    """`TagPacker`."""

    __slots__ = ()


class HubState:
    """`Hub`."""

    __slots__ = ()


class LedgerState:
    """`Ledger`."""

    __slots__ = ()


class SenderState:
    """`Sender`."""

    __slots__ = ()


class OutletState:
    """`Outlet`."""

    __slots__ = ()


class TapState:
    """`Tap` of the fast path."""

    __slots__ = ()


class WayState:
    """`Way` of the fast path."""

    __slots__ = ()


class BranchState:
    """`Branch` of the fast path."""

    __slots__ = ()


class SteadyState:
    """`Steady` of the fast path."""

    __slots__ = ()


class PathState:
    """`FastPath`."""

    __slots__ = ()


class FeedState:
    """`Feed`."""

    __slots__ = ()


class ParserState:
    """`NalParser`."""

    __slots__ = ()


class WireState:
    """`Wire`."""

    __slots__ = ()


if extension is not None:
    for _name in [name for name in globals() if name.endswith("State")]:
        globals()[_name] = getattr(extension, _name)
