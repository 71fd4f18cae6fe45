"""TLS as cameras speak it: verified, or with `insecure` whatever they have had since their firmware was written."""

from __future__ import annotations

import ssl
import warnings

from camcast.errors import SourceError

from .options import RtspOptions

_OLD = ("UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS_AVAILABLE", "TLSV1_ALERT_PROTOCOL_VERSION", "WRONG_SSL_VERSION")
_WEAK = (
    "SSLV3_ALERT_HANDSHAKE_FAILURE",
    "NO_SHARED_CIPHER",
    "DH_KEY_TOO_SMALL",
    "EE_KEY_TOO_SMALL",
    "CA_MD_TOO_WEAK",
    "WRONG_SIGNATURE_TYPE",
    "WRONG_CIPHER_RETURNED",
    "UNSAFE_LEGACY_RENEGOTIATION_DISABLED",
    "TLSV1_ALERT_INSUFFICIENT_SECURITY",
    "BAD_ECPOINT",
)
"""OpenSSL's names for what is too weak for it."""


def tls_context(options: RtspOptions) -> ssl.SSLContext:
    """For one camera; raises a fatal `SourceError` when `ca_file` cannot be read."""
    try:
        context = ssl.create_default_context(cafile=options.ca_file)
    except OSError as error:
        raise SourceError(f"ca_file cannot be read: {error.strerror or error}", fatal=True) from None
    if options.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if options.insecure or options.legacy_tls:
        # RSA key exchange, CBC, SHA-1 and short keys are all that cameras from before 2015 have.
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.options |= getattr(ssl, "OP_LEGACY_SERVER_CONNECT", 0x4)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
    return context


def tls_reason(error: ssl.SSLError) -> str:
    """What went wrong, and what to do about it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message}); set ca_file, or insecure to accept any"
    reason = error.reason or ""
    if reason in _OLD:
        return "it speaks only old TLS (before 1.2), which protects little; set legacy_tls to take it all the same"
    if reason in _WEAK:
        return "it offers only old, weak encryption (old TLS); set legacy_tls to take it all the same"
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"):
        return "it does not speak TLS on this port: use rtsp:// instead of rtsps://, or another port"
    return f"TLS failed ({reason.replace('_', ' ').lower() or 'no reason given'})"
