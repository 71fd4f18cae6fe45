"""Types for what is built from `push.c`; for its classes see `__init__.py`."""

from collections.abc import Callable
from typing import Any

FORM: int

def setup(
    *,
    in_python: Callable[..., bool],
    video: object,
    audio: object,
    damaged: type[Exception],
    small: int,
) -> None: ...
def __getattr__(name: str) -> Any: ...
