"""What a program hands over as a configuration: an object of the right kind, or an error as for a file."""

from __future__ import annotations

from typing import TypeVar

from camcast.errors import ConfigError
from camcast.structure import described

T = TypeVar("T")


def given(value: object, kind: type[T], instead: str = "") -> T:
    """`value`. Raises `ConfigError` where it is not a `kind`; `instead` says how to make one."""
    if not isinstance(value, kind):
        raise ConfigError(f"expected a {kind.__name__}, got {described(value)}" + (f"; {instead}" if instead else ""))
    return value
