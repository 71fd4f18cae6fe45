"""Where a secret stands in a text, by a glance and by reading."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from camcast.spellings import Sought

PLAIN = st.text(alphabet="QXZqxz019 .:/-_", max_size=30)


@given(st.lists(PLAIN.filter(lambda text: len(text) >= 3), min_size=1, max_size=3), PLAIN, PLAIN, st.booleans())
def test_what_is_found_at_a_glance_is_what_is_found_by_reading(
    secrets: list[str], before: str, after: str, parted: bool
) -> None:
    """Texts without escapes are looked through at once. Nothing that reading sign by sign finds is missed."""
    secret = "-".join(secrets[0]) if parted else secrets[0].upper()
    text = f"{before}{secret}{after}"
    sought = Sought(frozenset(secrets))
    by_reading = sought.places(text + "%") if "%" not in text else []
    assert sorted(set(sought.places(text))) == sorted({place for place in by_reading if place[1] <= len(text)})
