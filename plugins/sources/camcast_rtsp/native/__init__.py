"""The C form of what happens with the packets of an ordinary picture, where it was built.

As in `camcast.native`: where it is missing, the classes below are empty, and all is done in Python.
"""

from __future__ import annotations

from camcast.native import part

FORM = 1
"""What the C form and the Python beside it agree on."""


class ReceiverState:
    """`RtpReceiver`."""

    __slots__ = ()


class AssemblerState:
    """`NalAssembler`."""

    __slots__ = ()


class RunState:
    """`FragmentRun`."""

    __slots__ = ()


extension = part("camcast_rtsp.native._run", FORM)
if extension is not None:
    for _name in [name for name in globals() if name.endswith("State")]:
        globals()[_name] = getattr(extension, _name)
