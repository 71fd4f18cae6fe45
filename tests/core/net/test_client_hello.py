"""What a client offers, as OpenSSL says it, and whatever else may stand there."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camcast.net.client_hello import P_256, P_384, X25519, offered_groups


def hello(group: str = "") -> bytes:
    """The first bytes of a client, whose only group this is; "" = OpenSSL's usual ones."""
    context = ssl.create_default_context()
    if group:
        context.set_ecdh_curve(group)
    out = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="camera.example").do_handshake()
    return out.read()


@pytest.mark.parametrize(("group", "number"), [("prime256v1", P_256), ("X25519", X25519), ("secp384r1", P_384)])
def test_the_only_one_is_found(group: str, number: int) -> None:
    assert offered_groups(hello(group)) == frozenset((number,))


def test_all_of_them_are_found_and_no_sooner_than_they_are_there() -> None:
    whole = hello()
    found = offered_groups(whole + b"more")
    assert found is not None
    assert found >= {P_256, X25519, P_384}
    assert all(offered_groups(whole[:size]) is None for size in range(len(whole)))


@given(st.binary(max_size=200), st.integers(0, 600))
def test_what_is_no_such_message_offers_nothing_or_little(junk: bytes, at: int) -> None:
    whole = HELLO[:at] + junk + HELLO[at + len(junk) :]
    for data in (junk, whole):
        found = offered_groups(data)
        assert found is None or len(found) <= len(data) / 2


HELLO = hello()
