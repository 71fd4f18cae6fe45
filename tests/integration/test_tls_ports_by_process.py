"""`camcast run` that listens with TLS: clients that offer one of the usual agreements of keys alone are served."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from tests.command_run import command_run
from tests.servers.certificates import Authority
from tests.servers.process import free_port, wait_for

GREETING = b"\x03" + bytes(1536)
"""C0 and C1 of RTMP; S0, S1 and S2 come back."""
ASKS = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def answer(port: int, authority: Authority, group: str, said: bytes) -> bytes:
    """What a client that offers this group alone hears first."""
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    context.set_ecdh_curve(group)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20) as sock,
        context.wrap_socket(sock, server_hostname="localhost") as tls,
    ):
        tls.sendall(said)
        return tls.recv(4096)


def listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def test_cameras_and_browsers_with_one_agreement_of_keys_are_served(tmp_path: Path, authority: Authority) -> None:
    one = authority.issue()
    files = {"certificate": str(one.cert_file)}
    cameras, browsers = free_port(), free_port()
    options = {"mode": "listen", **files, "private_key": str(one.key_file)}
    source = {"type": "rtmp", "url": f"rtmps://127.0.0.1:{cameras}/live/key", "options": options}
    stream = {"source": source, "outputs": {"out": {"url": "rtmp://127.0.0.1:1/live/x"}}}
    http = {"port": browsers, **files, "certificate_key": str(one.key_file)}
    with command_run(tmp_path, {"cameras": [{"streams": [stream]}], "services": {"http": http}}) as command:
        wait_for(lambda: listens(cameras) and listens(browsers), timeout=60, why=command.log)
        for group in ("prime256v1", "X25519", "secp384r1"):
            assert answer(cameras, authority, group, GREETING)[:1] == b"\x03", group
            assert answer(browsers, authority, group, ASKS).startswith(b"HTTP/1.1 "), group
        for port, said in ((cameras, GREETING), (browsers, ASKS)):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                answer(port, authority, "ffdhe8192", said)
        command.end()
