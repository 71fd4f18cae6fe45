"""TLS as cameras speak it: verified, or with `insecure` whatever they have had since their firmware was written."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import warnings
from functools import lru_cache
from typing import Any

from camcast.errors import SourceError
from camcast.net.tls import TlsSettings, certificate_demanded, file_error, show_ours, unsaid
from camcast.net.tls_bounds import shake_hands

from .options import RtspOptions

HANDSHAKE = 0.8
"""Of `connect_timeout`."""
PROBE = 3.0
"""Seconds for finding out what a camera speaks, after it was refused."""
ASK = "does it speak TLS on this port? If not, use rtsp:// instead of rtsps://"
_WEAK = (66, 67, 68)
"""OpenSSL's X509_V_ERR_EE_KEY_TOO_SMALL, CA_KEY_TOO_SMALL, CA_MD_TOO_WEAK."""
NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE")
"""OpenSSL's names for an answer that is no TLS."""


def tls_context(options: RtspOptions) -> ssl.SSLContext:
    """Shared by all cameras with the same options; raises a fatal `SourceError` when a file cannot be used."""
    asked = TlsSettings(
        ca_file=options.ca_file,
        insecure=options.insecure,
        client_certificate=options.client_certificate,
        client_key=options.client_key,
    )
    modified = tuple(_modified(name, getattr(asked, name)) for name in asked.files)
    return _context(asked, modified, options.legacy_tls)


def _modified(name: str, path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError as error:
        raise SourceError(f"{name} cannot be read: {error.strerror or error}", fatal=True) from None


@lru_cache(maxsize=16)
def _context(asked: TlsSettings, modified: tuple[int, ...], legacy: bool) -> ssl.SSLContext:
    """Loading the authorities takes 10 ms and more of the event loop, too much for each connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if asked.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif asked.ca_file:
        try:
            context.load_verify_locations(asked.ca_file)
        except OSError as error:
            raise SourceError(f"ca_file cannot be read: {file_error(error)}", fatal=True) from None
    else:
        context.load_default_certs()
    if asked.insecure or legacy:
        _take_old(context)
    _show_ours(context, asked.client_certificate, asked.client_key)
    return context


def _show_ours(context: ssl.SSLContext, certificate: str | None, key: str | None) -> None:
    try:
        show_ours(context, certificate, key)
    except (OSError, ValueError) as error:
        raise SourceError(f"client_certificate cannot be used: {file_error(error)}", fatal=True) from None


def demanded(error: OSError, options: RtspOptions) -> str:
    """What a camera says that wants a certificate of ours, or another one; "" if it does not say that."""
    told = certificate_demanded(error, TlsSettings(client_certificate=options.client_certificate), "the camera")
    return str(told or "")


def _take_old(context: ssl.SSLContext) -> None:
    """RSA key exchange, CBC, SHA-1 and short keys are all that cameras from before 2015 have."""
    # Not those that know no certificate: whoever stands in between could ask for one of them.
    context.set_ciphers("ALL:!aNULL:!eNULL:@SECLEVEL=0")
    # OP_LEGACY_SERVER_CONNECT has a name from Python 3.12 on.
    context.options |= getattr(ssl, "OP_LEGACY_SERVER_CONNECT", 0x4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1


def failed_in_tls(error: OSError) -> bool:
    """Whether a connection may have failed for what kind of TLS was offered: many devices just hang up."""
    if isinstance(error, ssl.SSLError):
        return not isinstance(error, ssl.SSLCertVerificationError) and error.reason not in NO_TLS
    return isinstance(error, ConnectionResetError)


def tls_reason(error: OSError) -> str:
    """What went wrong in a handshake, and what to do about it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _WEAK:
            return (
                f"its certificate is as weak as those of old cameras are ({error.verify_message}); set legacy_tls to "
                "take it all the same"
            )
        return f"its certificate is not trusted ({error.verify_message}); set ca_file, or insecure to accept any"
    if isinstance(error, ConnectionAbortedError) or (isinstance(error, ssl.SSLError) and error.reason in NO_TLS):
        return f"no TLS comes of it: {ASK}"
    reason = error.reason if isinstance(error, ssl.SSLError) else "it hung up"
    return f"the TLS handshake failed ({(reason or 'no reason given').replace('_', ' ').lower()})"


async def encrypted(where: dict[str, Any], context: ssl.SSLContext, name: str, timeout: float) -> dict[str, Any]:
    """`where` to connect, as asyncio wants it, once hands are shaken within `timeout` seconds. Raises `OSError`."""
    loop = asyncio.get_running_loop()
    sock = where.get("sock")
    if sock is None:
        found = await loop.getaddrinfo(where["host"], where["port"], type=socket.SOCK_STREAM)
        family, _, _, _, address = found[0]
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)
    try:
        if "sock" not in where:
            await loop.sock_connect(sock, address)
        try:
            async with asyncio.timeout(timeout):
                shaken = await shake_hands(context, sock, name)
        except TimeoutError:
            raise ConnectionAbortedError from None
    except BaseException:
        sock.close()
        raise
    return {"sock": sock, "ssl": shaken.context, "server_hostname": name}


def old_tls(spoken: Any) -> str:
    """What a connection speaks, if that is old: "TLSv1, AES128-SHA". `spoken`: its `ssl_object`, or None."""
    if spoken is None or not spoken.cipher():
        return ""
    # Without an exchange of keys of its own (DHE), whoever gets the camera's key can read what was said before.
    modern = spoken.version() == "TLSv1.3" or (spoken.version() == "TLSv1.2" and "DHE" in spoken.cipher()[0])
    return "" if modern else _spoken(spoken)


def _spoken(connection: Any) -> str:
    return f"{connection.version()}, {connection.cipher()[0]}"


def maybe_demanded(options: RtspOptions) -> str:
    """What one may mean that hangs up before it has said anything."""
    return unsaid(TlsSettings(client_certificate=options.client_certificate))


async def only_old(host: str, port: int, name: str, options: RtspOptions) -> str:
    """What old TLS a camera speaks that refused ours: "TLSv1, AES128-SHA"; "" if that is not it.

    A handshake with anything, verified by nothing, over which nothing is sent.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _take_old(context)
    _show_ours(context, options.client_certificate, options.client_key)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(PROBE):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
            family, _, _, _, address = found[0]
            with socket.socket(family, socket.SOCK_STREAM) as sock:
                sock.setblocking(False)
                await loop.sock_connect(sock, address)
                return _spoken((await shake_hands(context, sock, name)).tls)
    except (OSError, TimeoutError):
        return ""
