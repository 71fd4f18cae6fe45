"""How quickly the interpreter's threads give way to each other, in a process that is the command line's own.

Services run in threads, and so does whatever encodes. A thread that is busy in Python keeps all others waiting for the
interpreter's switch interval, 5 ms as Python starts: a packet that comes while an interface answers many requests would
wait so long. The setting is the whole process's, so in a program of somebody else's it is theirs.
"""

from __future__ import annotations

import sys

SWITCH = 0.0002
"""Seconds. A switch costs some 10 µs, and only where two threads want to run at once."""


def give_way_quickly() -> None:
    """Have threads of this process wait for each other at most `SWITCH`."""
    sys.setswitchinterval(SWITCH)
