"""What is read of a certificate, against what cryptography reads; and of what is none."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st
from tests.servers.certificates import Authority

from camcast.net import certificate


@pytest.mark.parametrize("with_rsa", [False, True])
def test_it_is_read_as_others_read_it(tmp_path: Path, with_rsa: bool) -> None:
    issued = Authority(tmp_path).issue(with_rsa=with_rsa)
    found = x509.load_pem_x509_certificate(issued.cert_file.read_bytes())
    data = found.public_bytes(serialization.Encoding.DER)
    assert certificate.fingerprint(data) == issued.fingerprint
    assert certificate.expires(data) == found.not_valid_after_utc.timestamp()
    day = found.not_valid_after_utc.date().isoformat()
    assert certificate.described(data) == f"certificate SHA-256 {issued.fingerprint}, expires {day} (in 10 days)"
    assert all(certificate.expires(data[:size]) is None for size in range(1, len(data) - 1, 7))


def test_one_that_has_expired(tmp_path: Path) -> None:
    issued = Authority(tmp_path).issue(expired=True)
    found = x509.load_pem_x509_certificate(issued.cert_file.read_bytes())
    data = found.public_bytes(serialization.Encoding.DER)
    assert " (1 days ago)" in certificate.described(data)
    assert (certificate.expires(data) or 0) < time.time()


@given(st.binary(max_size=200))
def test_what_is_none(data: bytes) -> None:
    assert certificate.expires(data) is None
    assert certificate.described(b"") == ""
