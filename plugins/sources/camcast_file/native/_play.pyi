"""Types for what is built from `play.c`; for its classes see `__init__.py`."""

from collections.abc import Callable
from typing import Any

FORM: int

def memory(in_python: Callable[..., Any], /) -> None: ...
def player(
    *,
    in_python: Callable[..., Any],
    audio: object,
    late: int,
    ahead: int,
    gap: int,
    back: int,
) -> None: ...
def __getattr__(name: str) -> Any: ...
