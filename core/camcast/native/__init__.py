"""Which form of the fast path runs: C, where it was built, or the same steps in Python.

`CAMCAST_NATIVE` in the environment: 0 leaves the C form out, 1 makes it an error that it is missing. It is read once,
as this is imported, because the classes that hold a stream's state derive from one form or the other.
"""

from __future__ import annotations

import os
from types import ModuleType

FORM = 1
"""What the C form and the Python beside it agree on; a change of either that the other must follow makes it another."""
VARIABLE = "CAMCAST_NATIVE"


class NativeMissing(ImportError):
    """The C form is asked for, and cannot be had."""


def load(wanted: str) -> tuple[ModuleType | None, str]:
    """The C form and "", or None and why. `wanted` is the variable's value. Raises `NativeMissing`."""
    if wanted not in ("", "0", "1"):
        raise NativeMissing(f'{VARIABLE} is "{wanted}", expected 0 (never), 1 (always) or nothing (if it was built)')
    if wanted == "0":
        return None, f"{VARIABLE} is 0"
    try:
        from camcast.native import _fastpath
    except ImportError as error:
        why = "it was not built" if "_fastpath" in str(error) else str(error)
    else:
        if _fastpath.FORM == FORM:
            return _fastpath, ""
        why = f"it was built for another version (form {_fastpath.FORM}, expected {FORM})"
    if wanted == "1":
        raise NativeMissing(f"{VARIABLE} is 1, but {why}: install a C compiler and Python's headers, then camcast anew")
    return None, why


extension, missing = load(os.environ.get(VARIABLE, ""))
"""The module, and why there is none."""


def form() -> str:
    """Which one runs, for people: "native", or "pure Python (it was not built)"."""
    return "native" if extension is not None else f"pure Python ({missing})"
