"""When a certificate ends is read as OpenSSL reads it."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from tests.servers.certificates import Authority

from camcast_kit_http.certificate import expires

KEY = ec.generate_private_key(ec.SECP256R1())


def written(path: Path, ends: datetime.datetime, name: str = "gate") -> Path:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime(1990, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(ends)
        .sign(KEY, hashes.SHA256())
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return path


@given(st.datetimes(datetime.datetime(1991, 1, 1), datetime.datetime(2300, 1, 1)), st.text(max_size=60, min_size=1))
def test_any_certificate(tmp_path_factory: pytest.TempPathFactory, ends: datetime.datetime, name: str) -> None:
    ends = ends.replace(microsecond=0, tzinfo=datetime.UTC)
    name = "".join(filter(str.isalnum, name)).encode()[:60].decode(errors="ignore")  # 64 bytes are a name's most
    path = written(tmp_path_factory.mktemp("c") / "c.pem", ends, name or "x")
    assert expires(path) == ends.timestamp()


def test_the_first_of_a_chain_counts(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    own = authority.issue("localhost")
    chain = tmp_path / "chain.pem"
    chain.write_bytes(b"a comment\n" + own.cert_file.read_bytes() + authority.ca_file.read_bytes())
    assert expires(chain) == expires(own.cert_file) < expires(authority.ca_file)


@given(st.binary(max_size=300))
def test_what_is_none_is_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    import base64

    path = tmp_path_factory.mktemp("c") / "c.pem"
    body = base64.b64encode(data)
    for text in (data, b"-----BEGIN CERTIFICATE-----\n" + body + b"\n-----END CERTIFICATE-----\n"):
        path.write_bytes(text)
        with pytest.raises(ValueError):
            expires(path)
