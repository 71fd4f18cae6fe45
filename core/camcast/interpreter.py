"""How this program starts Python, by this and nothing else, and how the threads of its processes take turns."""

from __future__ import annotations

import sys


def interpreter() -> list[str]:
    """This interpreter, looking for modules nowhere but where this process may: never in the working directory."""
    flags = [("-I", sys.flags.isolated), ("-E", sys.flags.ignore_environment), ("-s", sys.flags.no_user_site)]
    return [sys.executable, "-P", *(flag for flag, given in flags if given)]


SWITCH = 0.001
"""Seconds after which a thread that computes lets another one go on, instead of Python's 0.005."""


def take_turns() -> None:
    """For processes of our own only, as it concerns all threads: those that compute hold the loop up less.

    Each call to the system gives the interpreter away. Where another thread computes meanwhile, a loop with ten things
    to send waits ten times as long as a switch takes before it has sent them: with sixteen servers that flood WebRTC,
    and Python's setting, others' pictures are late by half a second; with this by half of that, or less [measured].
    """
    sys.setswitchinterval(SWITCH)
