"""A server that floods its client below the application: TLS 1.3 KeyUpdates or session tickets without end. And the
client that floods a server (`flood_server`).

    python -m tests.servers.tls_flood CERTIFICATE KEY key_updates|tickets|handshake|at_once|between [HEX]

Prints its port. No library sends these on demand, so after the handshake the records are made by hand
(RFC 8446 §4.6, §5.2, §7): OpenSSL tells the traffic secret by its key log. Speaks RTMP up to Publish.Start first;
`at_once` says nothing, and `between` has a few bytes (`BETWEEN`, or as given) between its KeyUpdates. `handshake`
floods before the handshake is done, with records of a byte.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import ssl
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from camcast_rtmp.server import ConnectAsked, PublishAsked, Server

_HANDSHAKE, _APPLICATION = 22, 23
_NEW_SESSION_TICKET, _KEY_UPDATE = 4, 24
_BATCH = 200
BETWEEN = b"\r\n" * 100
"""Which means nothing in a protocol of lines."""


class Records:
    """What one end sends after the handshake."""

    def __init__(self, secret: bytes, cipher: str) -> None:
        self._hash = hashlib.sha384 if "SHA384" in cipher else hashlib.sha256
        self._key_size = 32 if "256_GCM" in cipher else 16
        self._begin(secret)

    def _begin(self, secret: bytes) -> None:
        self._secret, self._number = secret, 0
        self._sealer = AESGCM(self._expand(secret, b"key", self._key_size))
        self._iv = self._expand(secret, b"iv", 12)

    def _expand(self, secret: bytes, label: bytes, size: int) -> bytes:
        """HKDF-Expand-Label with an empty context, of at most one block (RFC 8446 §7.1)."""
        label = b"tls13 " + label
        info = size.to_bytes(2) + bytes((len(label),)) + label + b"\0"
        return hmac.digest(secret, info + b"\x01", self._hash)[:size]

    def record(self, kind: int, content: bytes) -> bytes:
        inner = content + bytes((kind,))
        head = b"\x17\x03\x03" + (len(inner) + 16).to_bytes(2)
        nonce = (int.from_bytes(self._iv) ^ self._number).to_bytes(12)
        self._number += 1
        return head + self._sealer.encrypt(nonce, inner, head)

    def application(self, data: bytes) -> bytes:
        return b"".join(self.record(_APPLICATION, data[at : at + 16384]) for at in range(0, len(data), 16384))

    def key_update(self) -> bytes:
        made = self.record(_HANDSHAKE, bytes((_KEY_UPDATE, 0, 0, 1, 1)))
        self._begin(self._expand(self._secret, b"traffic upd", self._hash().digest_size))
        return made

    def tickets(self, count: int) -> bytes:
        """As many session tickets as short as can be, in one record (§4.6.1)."""
        body = (7200).to_bytes(4) + bytes(4) + b"\x00" + (1).to_bytes(2) + b"t" + bytes(2)
        one = bytes((_NEW_SESSION_TICKET,)) + len(body).to_bytes(3) + body
        return self.record(_HANDSHAKE, one * count)


class Peer:
    """One connection."""

    def __init__(self, certificate: str, key: str, log: Path, flood: str, between: bytes = BETWEEN) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.num_tickets = 0
        context.load_cert_chain(certificate, key)
        context.keylog_filename = str(log)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)
        self._log = log
        self._flood, self._between = flood, between

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self._flood == "handshake":
                await reader.read(1)
                while True:
                    writer.write(b"\x14\x03\x03\x00\x01\x01" * 1000)
                    await writer.drain()
            await self._talk(reader, writer)
        except (OSError, ssl.SSLError):
            pass  # cut off, which is what is tested
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not self._shaken():
            writer.write(self._out.read())
            self._in.write(await reader.read(65536))
        writer.write(self._out.read())
        secret = self._log.read_text().rpartition("SERVER_TRAFFIC_SECRET_0 ")[2].split()[1]
        cipher = self._tls.cipher()
        assert cipher is not None
        records = Records(bytes.fromhex(secret), cipher[0])
        server, live = Server(), self._flood in ("at_once", "between")
        while not live:
            for event in server.feed(await self._read(reader)):
                if isinstance(event, ConnectAsked):
                    server.accept(event)
                elif isinstance(event, PublishAsked):
                    server.accept_publish(event)
                    live = True
            writer.write(records.application(b"".join(server.outgoing())))
        while True:
            if self._flood == "tickets":
                writer.write(records.tickets(_BATCH))
            elif self._flood == "between":
                writer.write(b"".join(records.key_update() for _ in range(_BATCH)) + records.application(self._between))
            else:
                writer.write(b"".join(records.key_update() for _ in range(_BATCH)))
            await writer.drain()

    def _shaken(self) -> bool:
        return _shaken(self._tls)

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        while True:
            try:
                return self._tls.read(65536)
            except ssl.SSLWantReadError:
                self._in.write(await reader.read(65536))


def _shaken(tls: ssl.SSLObject) -> bool:
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


async def flood_server(port: int, began: Callable[[], object] = lambda: None, *, between: bytes = b"") -> int:
    """Connect to a server of TLS 1.3 on this machine, shake hands, and send KeyUpdates until it hangs up.

    How many bytes it took. `began` is told of each batch; what is `between` is said behind each.
    """
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "keys"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.keylog_filename = str(log)
        coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(coming, going)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        sent = 0
        try:
            while not _shaken(tls):
                writer.write(going.read())
                data = await reader.read(65536)
                if not data:
                    return 0
                coming.write(data)
            writer.write(going.read())
            secret = log.read_text().rpartition("CLIENT_TRAFFIC_SECRET_0 ")[2].split()[1]
            cipher = tls.cipher()
            assert cipher is not None
            records = Records(bytes.fromhex(secret), cipher[0])
            while True:
                batch = b"".join(records.key_update() for _ in range(_BATCH)) + records.application(between)
                writer.write(batch)
                await writer.drain()
                began()
                sent += len(batch)
                # A client that is told of the end stops.
                if writer.is_closing() or reader.at_eof():
                    return sent
                await asyncio.sleep(0)
        except OSError:
            return sent
        finally:
            writer.transport.abort()


async def main(certificate: str, key: str, flood: str, between: str = BETWEEN.hex()) -> None:
    with tempfile.TemporaryDirectory() as directory:
        numbers = itertools.count()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            log = Path(directory) / str(next(numbers))
            await Peer(certificate, key, log, flood, bytes.fromhex(between)).serve(reader, writer)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
