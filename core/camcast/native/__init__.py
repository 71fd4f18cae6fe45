"""Which form of the fast path runs: C, where it was built, or the same steps in Python.

`CAMCAST_NATIVE` in the environment: 0 leaves the C form out, 1 makes it an error that it is missing. It is read once,
as this is imported, because the classes that hold a stream's state derive from one form or the other.
"""

from __future__ import annotations

import importlib
import os
from types import ModuleType

FORM = 6
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
    found, why = _find("camcast.native._fastpath", FORM)
    if found is None and wanted == "1":
        raise NativeMissing(f"{VARIABLE} is 1, but {why}: install a C compiler and Python's headers, then camcast anew")
    return found, why


def part(name: str, form: int) -> ModuleType | None:
    """A plugin's own C module, where the C form runs and it was built; `form` is its `FORM`. Raises `NativeMissing`."""
    if extension is None:
        return None
    found, why = _find(name, form)
    if found is None and os.environ.get(VARIABLE) == "1":
        raise NativeMissing(f"{VARIABLE} is 1, but for {name} {why}: install camcast anew")
    return found


def _find(name: str, form: int) -> tuple[ModuleType | None, str]:
    """The module and "", or None and why."""
    try:
        found = importlib.import_module(name)
    except ModuleNotFoundError:
        return None, "it was not built"
    except ImportError as error:
        return None, str(error)
    if form != found.FORM:
        return None, f"it was built for another version (form {found.FORM}, expected {form})"
    return found, ""


extension, missing = load(os.environ.get(VARIABLE, ""))
"""The module, and why there is none."""


def form() -> str:
    """Which one runs, for people: "native", or "pure Python (it was not built)"."""
    return "native" if extension is not None else f"pure Python ({missing})"
