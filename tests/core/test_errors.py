"""Errors that are kept as values hold on to nothing else."""

from __future__ import annotations

import gc
import weakref

from camcast.errors import NetworkError, untraced


class Held:
    """What a frame has at hand."""


def kept() -> tuple[NetworkError, list[weakref.ref[Held]]]:
    first, second = Held(), Held()
    refs = [weakref.ref(first), weakref.ref(second)]

    def deep(own: Held = second) -> None:
        raise OSError("refused")

    try:
        try:
            deep()
        except OSError as error:
            raise NetworkError("cannot connect") from error
    except NetworkError as error:
        return untraced(error), refs
    raise AssertionError


def test_what_an_error_came_through_is_free_as_soon_as_it_is_a_value() -> None:
    gc.disable()
    try:
        error, refs = kept()
        assert [ref() for ref in refs] == [None, None]
    finally:
        gc.enable()
    assert str(error) == "cannot connect"
    assert isinstance(error.__cause__, OSError)


def test_errors_in_a_circle_are_gone_through_once() -> None:
    one, two = NetworkError("one"), NetworkError("two")
    one.__context__, two.__context__ = two, one
    assert untraced(one) is one
