"""Who makes room among strangers, and what counts as one place that they come from."""

from __future__ import annotations

import attrs
import pytest

from camcast.net import admission


@attrs.define(eq=False)
class Caller:
    address: str
    spoke: bool = False


def test_room_is_made_by_the_oldest_silent_one_from_where_most_come() -> None:
    few = [Caller("192.0.2.1"), Caller("192.0.2.1", spoke=True)]
    flood = [Caller("198.51.100.7", spoke=True), *(Caller("198.51.100.7") for _ in range(4))]
    there = [*few, *flood]
    assert admission.displaced(there, "192.0.2.2") is flood[1]
    assert admission.displaced([*few, flood[0]], "192.0.2.2") is few[0]
    assert admission.displaced(few[1:], "192.0.2.2") is few[1]
    assert admission.displaced([], "192.0.2.2") is None


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
    ],
)
def test_a_host_with_a_whole_network_of_addresses_is_one(address: str, origin: str) -> None:
    assert admission.origin(address) == origin
