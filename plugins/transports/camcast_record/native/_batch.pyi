"""Types for what is built from `batch.c`; for its class see `__init__.py`."""

from typing import Any

FORM: int
table: object

def __getattr__(name: str) -> Any: ...
