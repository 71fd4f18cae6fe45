"""Peers that know our secret and say it back, in every way that they can, wherever a text of theirs may be shown.

Each is a coroutine that speaks with one connection, and notes in `spoken` what it has said. That is `MARK`, the number
of the way, and the secret.
"""

from __future__ import annotations

import asyncio
import datetime
import html
import re
import ssl
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from camcast_rtmp.server import ConnectAsked, PublishAsked, Server
from tests.hostile.cameras import sdp

KEY = "Zq7-Kx9_Vw3"
MARK = "heard"
WAYS: tuple[Callable[[str], str], ...] = (
    str,
    lambda key: quote(key, safe=""),
    lambda key: "".join(f"%{ord(sign):02x}" for sign in key),
    lambda key: "".join(f"%25{ord(sign):02X}" for sign in key),
    lambda key: "".join(f"&#{ord(sign)};" for sign in key),
    lambda key: html.escape(html.escape(f'"{key}"')),
    lambda key: b64encode(b"u:" + key.encode() + b"!").decode(),
    lambda key: key.encode().hex(" "),
    lambda key: f"{key[:5]} {key[5:]}",
    lambda key: f"{key[:6]}\x1b[1m{key[6:]}",
    lambda key: "x " * 140 + key,
    lambda key: f"rtmp://host/live/{key}",
)


def said(number: int) -> str:
    return f"{MARK} {number} {WAYS[number](KEY)}"


def one_line(number: int) -> str:
    return said(number).replace("\n", " ")


def host(number: int) -> str:
    """The secret as far as a host's name can hold it."""
    return re.sub(r"[^A-Za-z0-9.-]", "-", WAYS[number](KEY).replace("\x1b[1m", ""))[-60:].strip("-.") + ".example"


Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter


async def rtmp(spoken: set[str], reader: Reader, writer: Writer) -> None:
    """The application's name says what to do: refuse it, refuse to publish, redirect, or end what is published."""
    server, number = Server(), 0
    while data := await reader.read(65536):
        for event in server.feed(data):
            if isinstance(event, ConnectAsked):
                what, _, rest = event.app.partition("-")
                number = int(rest)
                code = "NetConnection.Connect.Rejected" + (f".{said(number)}" if what == "code" else "")
                if what in ("connect", "code"):
                    server.refuse_connect(event, code, said(number))
                elif what == "redirect":
                    url = f"rtmp://{host(number)}/{KEY}/x"
                    server.refuse_connect(event, code, said(number), ex={"code": 302.0, "redirect": url})
                else:
                    server.accept(event)
            elif isinstance(event, PublishAsked):
                if what == "publish":
                    server.refuse_publish(event, "NetStream.Publish.Denied", said(number))
                elif what == "moves":
                    server.accept_publish(event)
                    server.request_reconnect(f"rtmp://{host(number)}/{KEY}")
                else:
                    server.accept_publish(event)
                    server.status(event.stream_id, "error", "NetStream.Failed", said(number))
            if what in ("connect", "code", "redirect") or isinstance(event, PublishAsked):
                spoken.add(f"rtmp {what} {number}")
        writer.write(b"".join(server.outgoing()))


async def whip(spoken: set[str], reader: Reader, writer: Writer) -> None:
    """The path says how to answer."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    if head.startswith("OPTIONS"):
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        return
    what, number = head.split()[1].split("/")[1:3]
    text = one_line(int(number))
    answers = {
        "text": f"HTTP/1.1 403 {text}\r\nContent-Type: text/plain\r\n\r\n{said(int(number))}",
        "json": f'HTTP/1.1 500 {text}\r\nContent-Type: application/json\r\n\r\n{{"error": "{text}"}}',
        "kind": f"HTTP/1.1 201 Created\r\nContent-Type: {text}\r\nLocation: http://{host(int(number))}/{KEY}\r\n\r\n",
        "sdp": f"HTTP/1.1 201 Created\r\nContent-Type: application/sdp\r\n\r\nv=0\nm={text} 9 x 96\nm={text} 9 x 96\n",
        "redirect": f"HTTP/1.1 302 {text}\r\nLocation: http://{host(int(number))}/{KEY}\r\n\r\n",
        "raw": WAYS[int(number)](KEY) + "\r\n\r\n",
    }
    writer.write(answers[what].encode())
    spoken.add(f"whip {what} {number}")


async def proxy(spoken: set[str], reader: Reader, writer: Writer) -> None:
    """An HTTP proxy that does not connect. The host that it is asked for says which way to speak."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    number = int(head.split()[1].partition(".")[0].removeprefix("w"))
    writer.write(f"HTTP/1.1 502 {one_line(number)}\r\n\r\n".encode())
    spoken.add(f"proxy {number}")


async def rtsp(spoken: set[str], reader: Reader, writer: Writer) -> None:
    """The path says what is odd."""
    while True:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, url, _ = lines[0].split()
        cseq = next(line.partition(":")[2].strip() for line in lines if line.lower().startswith("cseq"))
        what, digits = url.split("/")[3:5]
        number = int(digits)
        text, head, body = one_line(number), f"RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\nServer: {one_line(number)}\r\n", b""
        if what == "status":
            head = f"RTSP/1.0 454 {text}\r\nCSeq: {cseq}\r\nSession: {text}\r\n"
        elif what == "challenge":
            head = f"RTSP/1.0 401 {text}\r\nCSeq: {cseq}\r\nWWW-Authenticate: {text.replace(' ', '_')} a=b\r\n"
        elif what == "length":
            head += f"Content-Length: {text}\r\n"
        elif what == "redirect":
            head = f"RTSP/1.0 302 {text}\r\nCSeq: {cseq}\r\nLocation: rtsp://{host(number)}/{KEY}\r\n"
        elif method == "DESCRIBE" and what == "description":
            body = f"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 {text.replace('/', '')}/90000\r\n".encode()
        elif method == "DESCRIBE":
            body = sdp(f"a=tool:{text}\r\n")
        elif method == "SETUP":
            head += f"Transport: RTP/AVP/TCP;interleaved=0-1;{text}\r\nSession: {text}\r\n"
        elif method == "PLAY":
            head = f"RTSP/1.0 551 {text}\r\nCSeq: {cseq}\r\nUnsupported: {text}\r\n"
        if body:
            head += f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        writer.write(head.encode() + b"\r\n" + body)
        await writer.drain()
        if what != "play" or method == "PLAY":
            spoken.add(f"rtsp {what} {number}")


def certificate(number: int, directory: Path) -> Path:
    """One that has the secret wherever a name can stand, signed by itself; with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    text = one_line(number).encode("ascii", "replace").decode()
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, text[-64:]),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, text[-64:]),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, host(number)[-64:]),
        ]
    )
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(KEY.encode()))
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host(number))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = directory / f"{number}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


def tls(spoken: set[str], number: int, directory: Path) -> ssl.SSLContext:
    """A server's, with that certificate; whoever asks for another name than localhost is told that there is none."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate(number, directory))
    made.set_alpn_protocols([WAYS[number](KEY)[:200]])

    def asked(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, context: ssl.SSLContext) -> int | None:
        spoken.add(f"tls {name or 'unnamed'} {number}")
        return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME if name == "localhost" else None

    made.sni_callback = asked
    return made


async def over_tls(context: ssl.SSLContext, reader: Reader, writer: Writer) -> None:
    """Shakes hands, and says the secret instead of any protocol; an alert is sent before all ends."""
    coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(coming, going, server_side=True)
    try:
        while True:
            try:
                session.do_handshake()
                break
            except ssl.SSLWantReadError:
                writer.write(going.read())
                data = await reader.read(65536)
                if not data:
                    return
                coming.write(data)
        session.write(b"\r\n".join(way(KEY).encode() for way in WAYS))
    except ssl.SSLError:
        return  # its alert is in what is still going out
    finally:
        writer.write(going.read())
        await writer.drain()


class Srt(asyncio.DatagramProtocol):
    """Says each datagram back, a handshake with the stream's name in it, which is the secret; and has words for each,
    also where libsrt waits for an acknowledgement."""

    def __init__(self, spoken: set[str]) -> None:
        self._spoken = spoken

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        self._spoken.add("srt echo 0")
        self._transport.sendto(data, address)
        self._transport.sendto(data[:16] + KEY.encode() * 20, address)
