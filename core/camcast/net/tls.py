"""TLS for clients: settings and their checks, contexts, pinned certificates, and errors in plain words.

Rules: the certificate is verified and its name checked by default, with SNI. A pinned fingerprint replaces that: then
exactly this certificate is right, compared whole. `insecure` accepts any, because the user asked. TLS 1.2 is the
oldest version, and without finite-field Diffie-Hellman (`tls_bounds.CIPHERS`).
"""

from __future__ import annotations

import hmac
import os
import re
import ssl
from functools import lru_cache

import attrs

from camcast.errors import MisconfiguredError, NetworkError, RefusedError, TransportError
from camcast.net.certificate import fingerprint
from camcast.net.tls_bounds import CIPHERS
from camcast.target import Target

_SHA256_DIGITS = 64
_NOT_YET = 9
_WHY = {
    _NOT_YET: "is not valid yet; check the clocks of both machines",
    10: "has expired",
    18: "is self-signed",
    19: "comes from an unknown certificate authority (self-signed chain)",
    20: "comes from an unknown certificate authority",
    21: "comes from an unknown certificate authority (incomplete chain)",
    23: "has been revoked",
    62: "is for another host name",
    64: "is for another address",
}
"""OpenSSL's X509_V_ERR numbers."""
_UNKNOWN_AUTHORITY = (18, 19, 20, 21)
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL")
"""What OpenSSL says of a peer whose first bytes are no TLS."""
_WANTS_CERTIFICATE = ("CERTIFICATE_REQUIRED", "PEER_DID_NOT_RETURN_A_CERTIFICATE")
"""TLS 1.3's alert (RFC 8446 §6.2), which comes after the handshake. TLS 1.2 has none of its own."""
_MAYBE_WANTS_CERTIFICATE = ("HANDSHAKE_FAILURE",)
_REFUSES_CERTIFICATE = ("BAD_CERTIFICATE", "UNKNOWN_CA", "CERTIFICATE_UNKNOWN", "ACCESS_DENIED", "CERTIFICATE_EXPIRED")
"""Alerts of a peer that does not like ours."""


@attrs.frozen(kw_only=True)
class TlsSettings:
    """Whom to trust, and who we are. Files are PEM."""

    ca_file: str | None = None
    """Authorities to trust instead of the system's."""
    fingerprint: str | None = None
    """SHA-256 of the only certificate to accept: 64 hex digits, with or without colons."""
    insecure: bool = False
    client_certificate: str | None = None
    """Our certificate, for servers that ask for one, with what it is signed by behind it."""
    client_key: str | None = None
    """Its key, without a passphrase; None = in the same file."""

    @classmethod
    def of(cls, target: Target) -> TlsSettings:
        return cls(
            ca_file=target.ca_file,
            fingerprint=target.fingerprint,
            insecure=target.insecure,
            client_certificate=target.client_certificate,
            client_key=target.client_key,
        )

    @property
    def files(self) -> tuple[str, ...]:
        """Keys that name files."""
        return tuple(name for name in ("ca_file", "client_certificate", "client_key") if getattr(self, name))

    @property
    def verified(self) -> bool:
        """Whether authorities and the name decide."""
        return not self.insecure and self.fingerprint is None

    @property
    def pin(self) -> str | None:
        """The fingerprint as plain hex digits."""
        return None if self.fingerprint is None else self.fingerprint.replace(":", "").strip().lower()


def check(settings: TlsSettings, *, encrypted: bool, scheme: str) -> None:
    """Raises `ValueError` when `settings` cannot work or say things that contradict each other.

    `scheme` is that of encrypted URLs, without "://", for the text.
    """
    given = [field.name for field in attrs.fields(TlsSettings) if getattr(settings, field.name)]
    if settings.pin is not None and not re.fullmatch(rf"[0-9a-f]{{{_SHA256_DIGITS}}}", settings.pin):
        raise ValueError("fingerprint: expected the SHA-256 of the certificate, 64 hex digits with or without colons")
    if given and not encrypted:
        raise ValueError(f"{', '.join(given)}: only for {scheme}://, this URL is not encrypted")
    if settings.insecure and (settings.ca_file or settings.fingerprint):
        raise ValueError("insecure accepts any certificate, so ca_file or fingerprint beside it would do nothing")
    if settings.ca_file and settings.fingerprint:
        raise ValueError("fingerprint accepts one certificate whoever signed it, so ca_file beside it would do nothing")
    if settings.client_key and not settings.client_certificate:
        raise ValueError("client_key without client_certificate does nothing: give both")
    for name in settings.files:
        path = getattr(settings, name)
        if not os.path.isfile(path):
            raise ValueError(f"{name}: there is no file {path}")


def context(settings: TlsSettings) -> ssl.SSLContext:
    """The TLS context, shared by all with the same settings. Raises `MisconfiguredError`."""
    asked = settings if settings.verified else attrs.evolve(settings, ca_file=None)
    files = (asked.ca_file, asked.client_certificate, asked.client_key)
    try:
        modified = tuple(os.stat(path).st_mtime_ns if path else 0 for path in files)
        return _context(attrs.evolve(asked, fingerprint=None, insecure=not settings.verified), modified)
    except (OSError, ssl.SSLError, ValueError) as error:
        names = ("ca_file", "client_certificate", "client_key")
        said = ", ".join(f"{name} {path}" for name, path in zip(names, files, strict=True) if path)
        raise MisconfiguredError(f"{said}: {file_error(error)}", stage="tls") from error


@lru_cache(maxsize=16)
def _context(settings: TlsSettings, modified: tuple[int, ...]) -> ssl.SSLContext:
    """Loading certificate authorities takes 10 ms and half a megabyte, too much for each attempt."""
    if settings.insecure:
        found = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        found.check_hostname = False
        found.verify_mode = ssl.CERT_NONE
    else:
        found = ssl.create_default_context(cafile=settings.ca_file)
    found.set_ciphers(CIPHERS)
    # A server could otherwise ask for handshake after handshake within one TLS 1.2 connection.
    found.options |= ssl.OP_NO_RENEGOTIATION
    show_ours(found, settings.client_certificate, settings.client_key)
    return found


def show_ours(found: ssl.SSLContext, certificate: str | None, key: str | None) -> None:
    """Have `found` show this certificate (None: none) to whoever asks. Raises `OSError`, `ValueError`: `file_error`."""
    if certificate:
        found.load_cert_chain(certificate, key, password=_no_passphrase)


def _no_passphrase() -> str:
    # Without this OpenSSL would ask on the terminal, and hold everything up.
    raise ValueError("the key has a passphrase; give one without")


def file_error(error: OSError | ValueError) -> str:
    """What is wrong with a certificate's or key's file, in words."""
    if isinstance(error, ssl.SSLError):
        if error.reason == "KEY_VALUES_MISMATCH":
            return "the key does not belong to the certificate"
        return f"not in PEM form, or damaged ({error.reason or error})"
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def check_pin(certificate: bytes | None, settings: TlsSettings) -> None:
    """Raises `MisconfiguredError` unless `certificate` (DER) is the pinned one, or none is pinned."""
    if settings.pin is None:
        return
    found = fingerprint(certificate or b"")
    if not hmac.compare_digest(found.encode(), settings.pin.encode()):
        raise MisconfiguredError(
            f"the server's certificate is not the pinned one: expected SHA-256 {settings.fingerprint}, got {found}. "
            "If the server has a new certificate on purpose, put its fingerprint into the configuration",
            stage="tls",
        )


def explained(
    error: OSError | ValueError, host: str, settings: TlsSettings, *, plain: str, certificate: bytes = b""
) -> TransportError:
    """What a failed handshake with `host` means. `plain` is the scheme without TLS, for the text; `certificate` (DER)
    is what the server showed, where that is known."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = _WHY.get(error.verify_code, f"cannot be verified ({error.verify_message})")
        text = f"the certificate of {host} {why}"
        if error.verify_code in _UNKNOWN_AUTHORITY:
            text += "; name its authority in ca_file, or pin the certificate with fingerprint"
            if certificate:
                shown = fingerprint(certificate)
                text += f" (the one that it shows is {shown}: compare that with the server's own before you trust it)"
        # A machine that has just been switched on may not know what time it is: that mends itself.
        return (NetworkError if error.verify_code == _NOT_YET else RefusedError)(text, stage="tls")
    if isinstance(error, ssl.SSLError):
        reason = error.reason or ""
        if reason in _NO_TLS:
            return NetworkError(
                f"the server does not speak TLS on this port; {plain}:// may be what is meant", stage="tls"
            )
        return certificate_demanded(error, settings) or NetworkError(
            f"TLS handshake failed ({reason or type(error).__name__})", stage="tls"
        )
    if isinstance(error, ValueError):
        return MisconfiguredError(f"TLS cannot use the host name {host!r}: {error}", stage="tls")
    return NetworkError(f"the server closed the connection during the TLS handshake{unsaid(settings)}", stage="tls")


def unsaid(settings: TlsSettings) -> str:
    """What a server may mean that ends an encrypted connection without a word, and before it has said anything."""
    if settings.client_certificate:
        return "; it may not take our client_certificate"
    return "; it may want a certificate of ours (client_certificate)"


def certificate_refused(error: OSError) -> bool:
    """Whether the peer says that it does not take the certificate that it was shown (RFC 8446 §6.2)."""
    return isinstance(error, ssl.SSLError) and (error.reason or "").endswith(_REFUSES_CERTIFICATE)


def certificate_demanded(error: OSError, settings: TlsSettings, who: str = "the server") -> TransportError | None:
    """The error for a server that wants a certificate of ours, or another one; None if that is not what it says.

    In TLS 1.3 it says so after the handshake, to the first that reads. `who`: what the text calls it.
    """
    reason = (error.reason or "") if isinstance(error, ssl.SSLError) else ""
    if not reason:
        return None
    if settings.client_certificate is None:
        if reason.endswith(_WANTS_CERTIFICATE):
            return RefusedError(
                f"{who} wants a certificate of ours: set client_certificate (and client_key)", stage="tls"
            )
        if reason.endswith(_MAYBE_WANTS_CERTIFICATE):
            return NetworkError(
                f"{who} broke off the TLS handshake: it may want a certificate of ours (client_certificate), or "
                "know no cipher that we do",
                stage="tls",
            )
        return None
    if reason.endswith((*_REFUSES_CERTIFICATE, *_WANTS_CERTIFICATE)):
        what = reason.rpartition("ALERT_")[2].lower().replace("_", " ")
        return RefusedError(f"{who} does not take our client_certificate ({what})", stage="tls")
    return None
