"""The C form of a packet's way from the program's call on the loop to the sink, where it was built.

As in `camcast.native`: where it is missing, the classes below are empty, and all is done in Python.
"""

from __future__ import annotations

from camcast.native import part

FORM = 1
"""What the C form and the Python beside it agree on."""


class FeedState:
    """`PushFeed`."""

    __slots__ = ()


class IntakeState:
    """`Intake`."""

    __slots__ = ()


extension = part("camcast_push.native._push", FORM)
if extension is not None:
    for _name in [name for name in globals() if name.endswith("State")]:
        globals()[_name] = getattr(extension, _name)
