"""Calls of Python functions, counted: what work costs on a machine that others use, where time says little."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FrameType


@contextmanager
def counted(calls: Counter[str]) -> Iterator[None]:
    """Count calls of Python functions on this thread."""

    def count(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            calls[_name(frame.f_code)] += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(before)
        calls.pop(_name(counted.__wrapped__.__code__), None)  # type: ignore[attr-defined]
        calls.pop("_GeneratorContextManager.__exit__", None)


def _name(code: CodeType) -> str:
    return code.co_qualname
