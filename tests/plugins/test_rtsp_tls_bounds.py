"""TLS of a camera within bounds: what it sends arrives whole, in records of any size; what is not for us has an end."""

from __future__ import annotations

import asyncio
import os
import random
import ssl
import sys
import time

import attrs
import pytest
from tests.servers.certificates import Authority, Certificate

from camcast.errors import SourceError
from camcast_rtsp.options import RtspOptions
from camcast_rtsp.tls import tls_context
from camcast_rtsp.tls_bounds import BoundedContext


def context(authority: Authority) -> BoundedContext:
    made = BoundedContext(ssl.PROTOCOL_TLS_CLIENT)
    made.load_verify_locations(authority.ca_file)
    return made


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_records_of_any_size_arrive_whole(
    authority: Authority, certificate: Certificate, version: ssl.TLSVersion
) -> None:
    rng = random.Random(7)
    parts = [rng.randbytes(rng.choice((1, 2, 40, 1400, 16384, 70_000))) for _ in range(600)]
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.maximum_version = version
    server_side.load_cert_chain(certificate.cert_file, certificate.key_file)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(5) == b"hello"
        for part in parts:
            writer.write(part)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0, ssl=server_side) as server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context(authority), server_hostname="localhost"
        )
        writer.write(b"hello")
        assert await asyncio.wait_for(reader.read(-1), 30) == b"".join(parts)
        assert writer.get_extra_info("ssl_object").version() == version.name.replace("_", ".")
        writer.close()


async def everything(port: int, trust: BoundedContext) -> bytes:
    reader, _ = await asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname="localhost")
    return await asyncio.wait_for(reader.read(-1), 30)


async def test_what_is_not_for_us_has_an_end(authority: Authority, certificate: Certificate) -> None:
    arguments = [str(certificate.cert_file), str(certificate.key_file), "at_once"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.servers.tls_flood", *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        began = time.process_time()
        with pytest.raises(OSError, match="over 20 KiB of TLS that carry nothing"):
            await everything(port, context(authority))
        assert time.process_time() - began < 1.0
    finally:
        process.kill()
        await process.wait()


def test_authorities_are_loaded_once_for_all_cameras_that_trust_them(authority: Authority) -> None:
    trusted = RtspOptions(ca_file=str(authority.ca_file))
    first = tls_context(trusted)
    assert tls_context(attrs.evolve(trusted, connect_timeout=3)) is first
    assert tls_context(attrs.evolve(trusted, legacy_tls=True)) is not first
    os.utime(authority.ca_file, ns=(0, 0))
    assert tls_context(trusted) is not first  # the file is another one
    with pytest.raises(SourceError, match="ca_file cannot be read"):
        tls_context(attrs.evolve(trusted, ca_file="/nowhere"))
