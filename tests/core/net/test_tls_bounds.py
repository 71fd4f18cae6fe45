"""TLS within bounds: what a peer sends arrives whole, in records of any size; what is not for us has an end."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
import sys
import time
import warnings

import pytest
from tests.servers.certificates import Authority, Certificate
from tests.servers.tls_flood import BETWEEN, flood_server

from camcast.net.tls_bounds import IDLE_COST, MAX_HANDSHAKE, MAX_IDLE, BoundedContext, shake_hands

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def opened(port: int, trust: BoundedContext, *, shaken: bool) -> Streams:
    """A connection whose hands asyncio shakes, or that has been told that they are."""
    if not shaken:
        return await asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname="localhost")
    sock = socket.socket()
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    hands = await shake_hands(trust, sock, "localhost")
    return await asyncio.open_connection(sock=sock, ssl=hands.context, server_hostname="localhost")


def context(authority: Authority) -> BoundedContext:
    return BoundedContext.verifying(str(authority.ca_file))


@pytest.mark.parametrize("shaken", [False, True])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_records_of_any_size_arrive_whole(
    authority: Authority, certificate: Certificate, version: ssl.TLSVersion, shaken: bool
) -> None:
    rng = random.Random(7)
    parts = [rng.randbytes(rng.choice((1, 2, 40, 1400, 16384, 70_000))) for _ in range(600)]
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.maximum_version = version
    server_side.load_cert_chain(certificate.cert_file, certificate.key_file)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
        # It is heard as well, and the end of each side by the other.
        assert await reader.read(-1) == b"hello" * 50_000
        heard.set()
        writer.close()

    heard = asyncio.Event()

    async with await asyncio.start_server(talk, "127.0.0.1", 0, ssl=server_side) as server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await opened(port, context(authority), shaken=shaken)
        writer.write(b"hello" * 50_000)
        whole = b"".join(parts)
        async with asyncio.timeout(30):
            assert await reader.readexactly(len(whole)) == whole
            assert writer.get_extra_info("ssl_object").version() == version.name.replace("_", ".")
            writer.close()
            await writer.wait_closed()
            await heard.wait()


@pytest.mark.parametrize("flood", ["at_once", "between"])
@pytest.mark.parametrize("shaken", [False, True])
async def test_what_is_not_for_us_has_an_end(
    authority: Authority, certificate: Certificate, shaken: bool, flood: str
) -> None:
    """Also where there is something for us between: that makes up for nothing."""
    arguments = [str(certificate.cert_file), str(certificate.key_file), flood]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.servers.tls_flood", *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        began = time.process_time()
        reader, _ = await opened(port, context(authority), shaken=shaken)
        with pytest.raises(OSError, match="over 20 KiB of TLS that carry nothing"):
            await asyncio.wait_for(reader.read(-1), 30)
        assert time.process_time() - began < 1.0
    finally:
        process.kill()
        await process.wait()


@pytest.mark.parametrize("between", [b"", BETWEEN])
async def test_a_client_that_floods_us_below_the_application_is_cut_off(
    certificate: Certificate, between: bytes
) -> None:
    ours = BoundedContext.serving(str(certificate.cert_file), str(certificate.key_file))
    ends: list[BaseException | None] = []

    class Ours(asyncio.Protocol):
        def connection_lost(self, error: BaseException | None) -> None:
            ends.append(error)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(Ours, "127.0.0.1", 0, ssl=ours)
    async with server:
        took = await asyncio.wait_for(flood_server(server.sockets[0].getsockname()[1], between=between), 30)
    assert took > 0
    # So that whoever lets connections in by what they cost lets in the fewer of these.
    assert ours.spent >= MAX_IDLE * IDLE_COST
    (end,) = ends
    assert "over 20 KiB of TLS that carry nothing" in str(end)


async def test_an_empty_record_before_each_other_of_old_tls_is_no_flood(
    monkeypatch: pytest.MonkeyPatch, certificate: Certificate
) -> None:
    """As OpenSSL itself sends them in TLS 1.0; ten times as many as are allowed otherwise."""
    count = 10 * MAX_IDLE // 37
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ours.check_hostname, ours.verify_mode = False, ssl.CERT_NONE
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate.cert_file, certificate.key_file)
    for one in (ours, theirs):
        one.set_ciphers("AES:!aNULL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            one.minimum_version = one.maximum_version = ssl.TLSVersion.TLSv1
        one.options &= ~ssl.Options(0x800)  # SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS, which Python sets

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in range(count):
            writer.write(b"%06d" % number)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0, ssl=theirs) as server:
        with socket.socket() as sock:
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, server.sockets[0].getsockname())
            hands = await shake_hands(ours, sock, None)
            reader, writer = await asyncio.open_connection(sock=sock, ssl=hands.context, server_hostname="")
            assert writer.get_extra_info("ssl_object").version() == "TLSv1"
            heard = await asyncio.wait_for(reader.read(-1), 30)
            assert heard == b"".join(b"%06d" % number for number in range(count))
            writer.close()


async def test_a_handshake_without_an_end_is_cut_off(authority: Authority) -> None:
    """With records that TLS 1.3 has a peer pass over (RFC 8446 §5)."""

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        try:
            while True:
                writer.write(b"\x14\x03\x03\x00\x01\x01" * 1000)
                await writer.drain()
        except OSError:
            return

    async with await asyncio.start_server(endless, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with socket.socket() as sock:
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
            with pytest.raises(OSError, match=f"over {MAX_HANDSHAKE // 1024} KiB before its TLS handshake|UNEXPECTED"):
                await asyncio.wait_for(shake_hands(context(authority), sock, "localhost"), 30)


async def test_what_handshakes_cost_is_counted_and_dear_agreements_of_keys_are_not_taken(
    authority: Authority, certificate: Certificate
) -> None:
    ours = BoundedContext.serving(str(certificate.cert_file), str(certificate.key_file))
    async with await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0, ssl=ours) as server:
        port = server.sockets[0].getsockname()[1]
        reader, _ = await opened(port, context(authority), shaken=True)
        assert await asyncio.wait_for(reader.read(-1), 30) == b""
        spent = ours.spent
        assert 0 < spent < 1
        # Whoever offers nothing but what is dear is sent away, unsigned.
        only = context(authority)
        only.set_ecdh_curve("ffdhe8192")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await opened(port, only, shaken=True)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("group", ["prime256v1", "X25519", "secp384r1"])
async def test_clients_that_offer_one_of_the_usual_agreements_alone_are_served(
    authority: Authority, group: str, version: ssl.TLSVersion
) -> None:
    certificate = authority.issue(with_rsa=True)  # in TLS 1.2 the groups are also those of the certificate
    ours = BoundedContext.serving(str(certificate.cert_file), str(certificate.key_file))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readexactly(100_000))[::-1])
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=ours) as server:
        only = context(authority)
        only.maximum_version = version
        only.set_ecdh_curve(group)
        reader, writer = await opened(server.sockets[0].getsockname()[1], only, shaken=True)
        sent = random.Random(1).randbytes(100_000)
        writer.write(sent)
        assert await asyncio.wait_for(reader.read(-1), 30) == sent[::-1]
        assert writer.get_extra_info("ssl_object").version() == version.name.replace("_", ".")


async def test_a_client_whose_first_message_comes_in_pieces_is_served(
    authority: Authority, certificate: Certificate
) -> None:
    ours = BoundedContext.serving(str(certificate.cert_file), str(certificate.key_file))
    async with await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0, ssl=ours) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
        inner, out = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context(authority).wrap_bio(inner, out, server_hostname="localhost")
        async with asyncio.timeout(30):
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    said = out.read()
                    for at in range(0, len(said), 7):
                        writer.write(said[at : at + 7])
                        await writer.drain()
                    inner.write(await reader.read(65536))
        assert tls.version() == "TLSv1.3"
        writer.close()


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x04\x01\0\0\0", b"\x03" + bytes(1536)])
async def test_who_says_no_such_message_is_sent_away(certificate: Certificate, said: bytes) -> None:
    ours = BoundedContext.serving(str(certificate.cert_file), str(certificate.key_file))
    async with await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0, ssl=ours) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
        writer.write(said)
        assert len(await asyncio.wait_for(reader.read(-1), 30)) < 100
        writer.close()
