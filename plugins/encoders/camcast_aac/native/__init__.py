"""The C form of the parser's ordinary way, where it was built, and what the class of its state derives from.

As in `camcast.native`: where it is missing, the class below is empty, and all is done in Python.
"""

from __future__ import annotations

from camcast.native import part

FORM = 1
"""What the C form and the Python beside it agree on."""


class ParserState:
    """`AacParser`."""

    __slots__ = ()


extension = part("camcast_aac.native._frames", FORM)
if extension is not None:
    globals()["ParserState"] = extension.ParserState
