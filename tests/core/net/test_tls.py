"""TLS settings: what contradicts itself, what a pin accepts, and errors in plain words. Handshakes are the plugins'."""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from tests.servers.certificates import Authority, Certificate

from camcast.errors import MisconfiguredError
from camcast.net.tls import TlsSettings, check, check_pin, context
from camcast.target import Target

DER = b"a certificate"
PIN = hashlib.sha256(DER).hexdigest()


def test_settings_are_the_targets() -> None:
    fields = {"ca_file": "a", "fingerprint": "b", "insecure": True, "client_certificate": "c", "client_key": "d"}
    assert TlsSettings.of(Target(url="x://h", **fields)) == TlsSettings(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("spelling", [PIN, PIN.upper(), ":".join(PIN[i : i + 2] for i in range(0, 64, 2)), f" {PIN} "])
def test_the_pinned_certificate_is_accepted_in_every_spelling(spelling: str) -> None:
    check_pin(DER, TlsSettings(fingerprint=spelling))
    check(TlsSettings(fingerprint=spelling), encrypted=True, scheme="xs")


@given(st.integers(0, 63), st.sampled_from("0123456789abcdef"))
def test_a_pin_is_compared_whole(place: int, digit: str) -> None:
    """One digit anywhere, as somebody could find a certificate that shares the first eight with any other."""
    other = PIN[:place] + digit + PIN[place + 1 :]
    if other == PIN:
        check_pin(DER, TlsSettings(fingerprint=other))
        return
    with pytest.raises(MisconfiguredError, match=f"expected SHA-256 {other}, got {PIN}"):
        check_pin(DER, TlsSettings(fingerprint=other))


@pytest.mark.parametrize("pin", [PIN[:8], PIN[:8] + "0" * 56, PIN[:32] * 2, PIN[:63], ""])
def test_a_beginning_is_no_pin(pin: str) -> None:
    with pytest.raises(MisconfiguredError, match="is not the pinned one"):
        check_pin(DER, TlsSettings(fingerprint=pin))
    with pytest.raises(MisconfiguredError, match="is not the pinned one"):
        check_pin(None, TlsSettings(fingerprint=PIN))


@pytest.mark.parametrize(
    ("fields", "encrypted", "text"),
    [
        ({"ca_file": __file__}, False, "ca_file: only for xs://, this URL is not encrypted"),
        ({"client_certificate": __file__, "insecure": True}, False, "insecure, client_certificate: only for xs://"),
        ({"fingerprint": "ab"}, True, "fingerprint: expected the SHA-256 of the certificate, 64 hex digits"),
        ({"fingerprint": "x" * 64}, True, "fingerprint: expected the SHA-256"),
        ({"insecure": True, "fingerprint": PIN}, True, "ca_file or fingerprint beside it would do nothing"),
        ({"insecure": True, "ca_file": __file__}, True, "ca_file or fingerprint beside it would do nothing"),
        ({"ca_file": __file__, "fingerprint": PIN}, True, "so ca_file beside it would do nothing"),
        ({"client_key": __file__}, True, "client_key without client_certificate does nothing"),
        ({"ca_file": "/no/ca.pem"}, True, "ca_file: there is no file /no/ca.pem"),
        ({"client_certificate": "/no/me.pem"}, True, "client_certificate: there is no file /no/me.pem"),
        ({"client_certificate": __file__, "client_key": "/no/k"}, True, "client_key: there is no file /no/k"),
    ],
)
def test_what_contradicts_itself_is_said(fields: dict[str, Any], encrypted: bool, text: str) -> None:
    with pytest.raises(ValueError) as caught:
        check(TlsSettings(**fields), encrypted=encrypted, scheme="xs")
    assert text in str(caught.value)


def test_what_is_fine_passes() -> None:
    check(TlsSettings(), encrypted=False, scheme="xs")
    check(TlsSettings(ca_file=__file__, client_certificate=__file__), encrypted=True, scheme="xs")
    check(TlsSettings(fingerprint=PIN, client_certificate=__file__, client_key=__file__), encrypted=True, scheme="xs")


def test_contexts_verify_unless_told_otherwise_and_are_shared(authority: Authority) -> None:
    usual = context(TlsSettings())
    assert (usual.verify_mode, usual.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context(TlsSettings()) is usual
    own = context(TlsSettings(ca_file=str(authority.ca_file)))
    assert own is not usual
    assert [entry["subject"] for entry in own.get_ca_certs()] != []
    for settings in (TlsSettings(insecure=True), TlsSettings(fingerprint=PIN)):
        assert context(settings).verify_mode is ssl.CERT_NONE
    assert context(TlsSettings(fingerprint=PIN)) is context(TlsSettings(fingerprint="other"))


def test_a_ca_file_that_changes_is_read_anew(tmp_path: Path, authority: Authority) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(authority.ca_file.read_bytes())
    first = context(TlsSettings(ca_file=str(file)))
    file.write_bytes(Authority(tmp_path / "new", "New").ca_file.read_bytes())
    assert context(TlsSettings(ca_file=str(file))).get_ca_certs() != first.get_ca_certs()


def test_costly_key_agreements_of_the_servers_choice_are_not_offered() -> None:
    """With 8192 bits of finite-field Diffie-Hellman one handshake takes half a second of CPU."""
    for settings in (TlsSettings(), TlsSettings(insecure=True)):
        made = context(settings)
        assert [cipher["name"] for cipher in made.get_ciphers() if cipher["name"].startswith("DHE")] == []
        assert made.options & ssl.OP_NO_RENEGOTIATION
        assert made.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_files_that_are_none_say_so(tmp_path: Path, authority: Authority, certificate: Certificate) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    other = authority.issue("other")
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"passphrase"),
        )
    )
    mine = str(certificate.cert_file)
    for settings, text in (
        (TlsSettings(ca_file=str(empty)), f"ca_file {empty}: not in PEM form, or damaged"),
        (TlsSettings(ca_file="/no/ca.pem"), "ca_file /no/ca.pem: No such file or directory"),
        (TlsSettings(client_certificate=str(empty)), f"client_certificate {empty}: not in PEM form"),
        (TlsSettings(client_certificate=mine, client_key=str(other.key_file)), "does not belong to the certificate"),
        (TlsSettings(client_certificate=mine, client_key=str(locked)), "the key has a passphrase; give one without"),
    ):
        with pytest.raises(MisconfiguredError) as caught:
            context(settings)
        assert text in str(caught.value)
        assert caught.value.stage == "tls"
