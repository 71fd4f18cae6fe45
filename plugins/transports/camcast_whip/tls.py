"""TLS of the HTTP side: verified by default, or one pinned certificate, or none because the user asked."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache

import aiohttp

from camcast.errors import MisconfiguredError
from camcast.target import Target


def tls_for(target: Target) -> ssl.SSLContext | aiohttp.Fingerprint:
    """What aiohttp is given as `ssl`. Raises `MisconfiguredError`."""
    if target.fingerprint:
        return aiohttp.Fingerprint(bytes.fromhex(target.fingerprint.replace(":", "").strip()))
    try:
        modified = os.stat(target.ca_file).st_mtime_ns if target.ca_file and not target.insecure else 0
        return _context(target.ca_file, modified, not target.insecure)
    except (OSError, ssl.SSLError) as error:
        raise MisconfiguredError(f"ca_file {target.ca_file}: {error}", stage="tls") from error


@lru_cache(maxsize=16)
def _context(ca_file: str | None, modified: int, trust: bool) -> ssl.SSLContext:
    """Loading certificate authorities takes 10 ms and half a megabyte, too much for each attempt."""
    context = ssl.create_default_context(cafile=ca_file) if trust else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not trust:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
