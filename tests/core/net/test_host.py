"""Hosts that are one and the same are spelled alike, others are not."""

from __future__ import annotations

import pytest

from camcast.net.host import canonical


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
