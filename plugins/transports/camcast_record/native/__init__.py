"""The C form of how a recording takes what comes, where it was built, and what the class of its state derives from.

As in `camcast.native`: where it is missing, the class below is empty, and all is done in Python.
"""

from __future__ import annotations

from camcast.native import part

FORM = 1
"""What the C form and the Python beside it agree on."""


class BatchState:
    """`Batch`."""

    __slots__ = ()


extension = part("camcast_record.native._batch", FORM)
if extension is not None:
    BatchState = extension.BatchState  # type: ignore[misc]
