"""Units by their roles: what is kept, what is counted and left out, and what is damage."""

from __future__ import annotations

import pytest

from camcast.bitstream.sorting import Sorter
from camcast.bitstream.syntax import BAD, DISPOSABLE, DROP, KEEP, KEY, REFERENCE, SET, NalSyntax
from camcast.errors import MediaError

SLICE, SPARE, IDR, PARAMETERS, DELIMITER, OTHER = b"\1s", b"\2d", b"\3k", b"\4p", b"\5a", b"\6o"
_ROLES = {1: REFERENCE, 2: DISPOSABLE, 3: KEY, 4: SET, 5: DROP}
SYNTAX = NalSyntax.build(
    type_of=lambda first: first & 0x7F,
    role_of=lambda first: BAD if first & 0x80 else _ROLES.get(first, KEEP),
    header_size=2,
    set_types=(4,),
    dropped={5: "aud"},
)
SORTER = Sorter(SYNTAX, lambda unit: unit != b"\4above")


def test_all_that_is_kept_is_told_by_one_mask() -> None:
    units = [PARAMETERS, SLICE, OTHER, SPARE, IDR]
    assert SORTER.sort(units) == (units, SET | REFERENCE | KEEP | DISPOSABLE | KEY, {})
    assert SORTER.sort([]) == ([], 0, {})


def test_what_holds_nothing_is_left_out_and_counted() -> None:
    kept, seen, counts = SORTER.sort([b"", DELIMITER, b"\1", SLICE, DELIMITER, b"\x86x"])
    assert (kept, seen) == ([SLICE], REFERENCE)
    assert counts == {"empty": 2, "aud": 2, "forbidden bit": 1}


@pytest.mark.parametrize("first", [1, 2, 3])
def test_a_slice_with_its_forbidden_bit_is_damage(first: int) -> None:
    with pytest.raises(MediaError, match=f"header 0x8{first} has its forbidden bit set"):
        SORTER.sort([SLICE, bytes((0x80 | first, 0))])


def test_parameters_of_a_layer_that_nobody_shows_are_no_parameters() -> None:
    assert SORTER.role(b"\4above") == KEEP
    assert SORTER.sets([b"\4above", PARAMETERS, SLICE]) == [PARAMETERS]
    assert SORTER.sort([b"\4above"]) == ([b"\4above"], KEEP, {})
