"""The C form of how a file's packets are taken and played, where it was built.

As in `camcast.native`: where it is missing, the classes below are empty, and all is done in Python.
"""

from __future__ import annotations

from camcast.native import part

FORM = 2
"""What the C form and the Python beside it agree on."""


class MemoryState:
    """`MemoryFeed`."""

    __slots__ = ()


class PlayerState:
    """`Player`."""

    __slots__ = ()


extension = part("camcast_file.native._play", FORM)
if extension is not None:
    for _name in [name for name in globals() if name.endswith("State")]:
        globals()[_name] = getattr(extension, _name)
