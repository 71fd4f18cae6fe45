"""Types for what is built from `run.c`; for its classes see `__init__.py`."""

from collections.abc import Callable
from typing import Any

FORM: int

def setup(in_python: Callable[..., int], nearly_full: int, /) -> None: ...
def __getattr__(name: str) -> Any: ...
