"""How this program starts Python: every child is started by this and nothing else."""

from __future__ import annotations

import sys


def interpreter() -> list[str]:
    """This interpreter, looking for modules nowhere but where this process may: never in the working directory."""
    flags = [("-I", sys.flags.isolated), ("-E", sys.flags.ignore_environment), ("-s", sys.flags.no_user_site)]
    return [sys.executable, "-P", *(flag for flag, given in flags if given)]
