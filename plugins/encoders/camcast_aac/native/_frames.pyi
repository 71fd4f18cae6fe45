"""Types for what is built from `frames.c`; for its class see `__init__.py`."""

from collections.abc import Callable
from typing import Any

FORM: int

def setup(in_python: Callable[..., object], /) -> None: ...
def __getattr__(name: str) -> Any: ...
