"""TLS of cameras: contexts that are shared, and a handshake that costs a camera's own connection only."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import time

import attrs
import pytest
from tests.servers.certificates import Authority, Certificate

from camcast.errors import SourceError
from camcast_rtsp.options import RtspOptions
from camcast_rtsp.tls import encrypted, tls_context


def test_authorities_are_loaded_once_for_all_cameras_that_trust_them(authority: Authority) -> None:
    trusted = RtspOptions(ca_file=str(authority.ca_file))
    first = tls_context(trusted)
    assert tls_context(attrs.evolve(trusted, connect_timeout=3)) is first
    assert tls_context(attrs.evolve(trusted, legacy_tls=True)) is not first
    os.utime(authority.ca_file, ns=(0, 0))
    assert tls_context(trusted) is not first  # the file is another one
    with pytest.raises(SourceError, match="ca_file cannot be read"):
        tls_context(attrs.evolve(trusted, ca_file="/nowhere"))


async def test_a_dear_agreement_of_keys_takes_none_of_the_loops_time(
    authority: Authority, certificate: Certificate
) -> None:
    """The camera chooses it, among those that we know: 8192 bits take 0.1 s of CPU [measured]."""
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate.cert_file, certificate.key_file)
    theirs.set_ecdh_curve("ffdhe8192")
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> str:
            connection, _ = listening.accept()
            with theirs.wrap_socket(connection, server_side=True) as camera:
                return camera.version() or ""

        serving = asyncio.create_task(asyncio.to_thread(serve))
        where = {"host": "127.0.0.1", "port": listening.getsockname()[1]}
        trust = tls_context(RtspOptions(ca_file=str(authority.ca_file)))
        own, all_of_it = time.thread_time(), time.process_time()
        made = await encrypted(where, trust, "localhost", 30)
        own, all_of_it = time.thread_time() - own, time.process_time() - all_of_it
        made["sock"].close()
        assert await serving == "TLSv1.3"
    assert own < all_of_it / 4, (own, all_of_it)
