"""Servers that let in only whom they know: they ask for a certificate of the client's (mutual TLS)."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.servers.certificates import Authority, Certificate


def demanding(certificate: Certificate, authority: Authority, version: ssl.TLSVersion) -> ssl.SSLContext:
    """Asks for a certificate that the authority has signed."""
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(certificate.cert_file, certificate.key_file)
    found.minimum_version = found.maximum_version = version
    found.verify_mode = ssl.CERT_REQUIRED
    found.load_verify_locations(authority.ca_file)
    return found


@contextmanager
def refusing(tls: ssl.SSLContext, *, hang_up: bool = False) -> Iterator[int]:
    """A server whose OpenSSL owns the socket, as in most: asyncio's closes it before the alert is sent.

    `hang_up`: it ends the connection after the handshake, without a word.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, contextlib.suppress(ssl.SSLError), tls.wrap_socket(connection, True) as secure:
                        if not hang_up:
                            secure.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)
