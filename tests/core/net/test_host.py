"""Hosts that are one and the same are spelled alike, others are not."""

from __future__ import annotations

import pytest

from camcast.errors import NetworkError
from camcast.net.host import address_of, canonical


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("Ingest.Example", "ingest.example"),
        ("ingest.example.", "ingest.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("2001:DB8::A", "2001:db8::a"),
        ("FE80::1%eth0", "fe80::1%eth0"),
        ("", ""),
    ],
)
def test_one_spelling(host: str, expected: str) -> None:
    assert canonical(host) == expected


@pytest.mark.parametrize("zone", ["\u00b2", "25\u0663", "", "lo\u00b2", "9" * 5000, "none-such"])
def test_a_zone_that_is_no_interface_is_told(zone: str) -> None:
    if not zone:
        assert address_of("fe80::1%", 80) == (10, ("fe80::1", 80, 0, 0))
        return
    with pytest.raises(NetworkError, match="no network interface"):
        address_of(f"fe80::1%{zone}", 80)
