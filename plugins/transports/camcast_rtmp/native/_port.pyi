"""Types for what is built from `port.c`; for its classes see `__init__.py`."""

from typing import Any

FORM: int
table: object

def setup(audio: int, video: int) -> None: ...
def __getattr__(name: str) -> Any: ...
