"""How a fleet's records are written: as JSON, for coordinators that keep bytes.

What a newer camcast adds is passed over by an older one, so that a fleet can be brought up to date one by one.
"""

from __future__ import annotations

import json
from typing import TypeVar

import cattrs

from camcast.coordinators import Card, Desired, Holder, Line
from camcast.errors import CoordinatorError

__all__ = ["decode", "encode"]

R = TypeVar("R", bound=Card | Desired | Holder | Line)

_converter = cattrs.Converter(detailed_validation=False)
_NONE = (
    *(ValueError, TypeError, KeyError, AttributeError, RecursionError),
    OverflowError,  # a number of four hundred digits, where one with a fraction is meant
    cattrs.BaseValidationError,
)


def encode(record: Card | Desired | Holder | Line) -> bytes:
    """A record as JSON, in UTF-8."""
    return json.dumps(_converter.unstructure(record), ensure_ascii=False, separators=(",", ":")).encode()


def decode(kind: type[R], data: bytes) -> R:
    """A record of this kind again. Raises `CoordinatorError` for what is none: others may have written it."""
    try:
        return _converter.structure(json.loads(data), kind)
    except _NONE as error:
        why = f"{type(error).__name__} in {len(data)} bytes"
        raise CoordinatorError(f"the store has a {kind.__name__} that cannot be read: {why}") from None
