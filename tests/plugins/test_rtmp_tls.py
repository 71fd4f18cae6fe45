"""RTMPS: verified by default, with SNI; errors in plain words; back-pressure over records."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.compare import compare
from tests.media import made
from tests.plugins.rtmp_kit import AUDIO, VIDEO, Events, attempt, drained, publish_all, tags_of
from tests.servers.certificates import Authority, Certificate
from tests.servers.demanding import demanding, refusing
from tests.servers.process import free_port

from camcast.errors import MisconfiguredError, NetworkError, RefusedError, TransportError
from camcast.media import Tag, TagType
from camcast.session.resolver import NameResolver
from camcast_rtmp.options import RtmpOptions
from camcast_rtmp.receiver import Receiver


def context(certificate: Certificate) -> ssl.SSLContext:
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(certificate.cert_file, certificate.key_file)
    return found


async def publish(receiver: Receiver, *, host: str = "localhost", key: str = "cam", **fields: Any) -> Events:
    transport, events = attempt(receiver.url("live", key, host=host), **fields)
    await publish_all(transport, [Tag(TagType.VIDEO, 0, b"\x27\x01\0\0\0", bytes(100_000))], tracks=())
    assert receiver.of(key)[-1].size == 100_005
    return events


async def refusal(receiver: Receiver, **fields: Any) -> TransportError:
    with pytest.raises(TransportError) as caught:
        await publish(receiver, **fields)
    assert caught.value.stage == "tls"
    assert not receiver.recordings
    return caught.value


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_the_right_certificate(authority: Authority, certificate: Certificate, host: str) -> None:
    names: list[str | None] = []
    tls = context(certificate)
    tls.sni_callback = lambda sock, name, _: names.append(name)
    async with Receiver(tls=tls) as receiver:
        events = await publish(receiver, host=host, ca_file=str(authority.ca_file))
    assert names == (["localhost"] if host == "localhost" else [None])
    assert events.notes == []


async def test_the_roots_dot_is_no_part_of_the_name(authority: Authority, certificate: Certificate) -> None:
    """`rtmps://host./app/key`: no certificate is for a name that ends with a dot."""
    names: list[str | None] = []
    tls = context(certificate)
    tls.sni_callback = lambda sock, name, _: names.append(name)

    def look_up(host: str, port: int, family: int) -> list[tuple[int, tuple[Any, ...]]]:
        assert host == "localhost."
        return [(socket.AF_INET, ("127.0.0.1", port))]

    async with Receiver(tls=tls) as receiver:
        resolver = NameResolver(look_up)
        await publish(receiver, host="localhost.", ca_file=str(authority.ca_file), resolver=resolver)
    assert names == ["localhost"]


async def test_it_is_told_when_the_certificate_expires(authority: Authority, certificate: Certificate) -> None:
    """Of one that is verified; of one that is pinned or taken as it is, nobody has looked at that."""
    async with Receiver(tls=context(certificate)) as receiver:
        for fields, told in (({"ca_file": str(authority.ca_file)}, True), ({"insecure": True}, False)):
            transport, _ = attempt(receiver.url("live", f"cam{told}", host="localhost"), **fields)
            await transport.connect()
            found = transport.stats().get("certificate_expires")
            await transport.close()
            assert (found is not None) is told
            if found is not None:
                assert 9 < (found - time.time()) / 86_400 < 11


async def test_wrong_ones_are_refused_in_plain_words(authority: Authority, tmp_path: Path) -> None:
    ca = str(authority.ca_file)
    async with Receiver(tls=context(authority.issue("elsewhere.example"))) as receiver:
        error = await refusal(receiver, ca_file=ca)
        assert str(error) == "the certificate of localhost is for another host name"
        error = await refusal(receiver, ca_file=ca, host="127.0.0.1")
        assert str(error) == "the certificate of 127.0.0.1 is for another address"
    async with Receiver(tls=context(authority.issue(expired=True))) as receiver:
        error = await refusal(receiver, ca_file=ca)
        assert str(error) == "the certificate of localhost has expired"
        assert isinstance(error, RefusedError)
    async with Receiver(tls=context(authority.issue(early=True))) as receiver:
        error = await refusal(receiver, ca_file=ca)
        assert str(error) == "the certificate of localhost is not valid yet; check the clocks of both machines"
        assert isinstance(error, NetworkError), "the clock of a machine that was just switched on is soon set"
    unknown = authority.issue()
    async with Receiver(tls=context(unknown)) as receiver:
        for fields in ({}, {"ca_file": str(Authority(tmp_path / "other", "Another").ca_file)}):
            error = await refusal(receiver, **fields)
            assert str(error).startswith("the certificate of localhost comes from an unknown certificate authority")
            assert str(error).endswith(
                "; name its authority in ca_file, or pin the certificate with fingerprint (the one that it shows is "
                f"{unknown.fingerprint}: compare that with the server's own before you trust it)"
            )


async def test_a_pin_is_the_only_right_certificate(authority: Authority, certificate: Certificate) -> None:
    pin = certificate.fingerprint
    spelled = ":".join(pin[i : i + 2].upper() for i in range(0, 64, 2))
    async with Receiver(tls=context(certificate)) as receiver:
        await publish(receiver, fingerprint=pin)
        await publish(receiver, fingerprint=spelled, host="127.0.0.1")
    async with Receiver(tls=context(authority.issue())) as receiver:
        error = await refusal(receiver, fingerprint=pin)
        assert isinstance(error, MisconfiguredError)
        assert f"expected SHA-256 {pin}, got " in str(error)


async def test_insecure_only_when_asked_and_with_a_note(certificate: Certificate) -> None:
    async with Receiver(tls=context(certificate)) as receiver:
        events = await publish(receiver, insecure=True)
    assert [code for code, _ in events.notes] == ["tls_insecure"]


async def test_a_ca_file_that_is_none(tmp_path: Path, certificate: Certificate) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    async with Receiver(tls=context(certificate)) as receiver:
        for name in ("empty.pem", "missing.pem"):
            error = await refusal(receiver, ca_file=str(tmp_path / name))
            assert isinstance(error, MisconfiguredError)
            assert name in str(error)


async def test_plain_and_tls_mixed_up(certificate: Certificate) -> None:
    async with Receiver() as receiver:
        url = f"rtmps://localhost:{receiver.port}/live/k"
        with pytest.raises(NetworkError) as caught:
            await attempt(url, connect_timeout=1)[0].connect()
        assert caught.value.stage == "tls"
    async with Receiver(tls=context(certificate)) as receiver:
        url = f"rtmp://localhost:{receiver.port}/live/k"
        with pytest.raises(NetworkError, match=r"rtmps:// may be what is meant|during the handshake"):
            await attempt(url, connect_timeout=1)[0].connect()


async def test_a_silent_tls_server() -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", port := free_port())
    try:
        with pytest.raises(NetworkError, match=r"no TLS handshake within 0\.2 s") as caught:
            await attempt(f"rtmps://127.0.0.1:{port}/live/k", connect_timeout=0.2)[0].connect()
        assert caught.value.stage == "tls"
    finally:
        server.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_media_arrives_bit_for_bit(
    authority: Authority, certificate: Certificate, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    tls = context(certificate)
    tls.minimum_version = tls.maximum_version = version
    source = made("h264_b_aac")
    async with Receiver(tls=tls) as receiver:
        transport, _ = attempt(receiver.url("live", "cam", host="localhost"), ca_file=str(authority.ca_file))
        await publish_all(transport, tags_of(source))
        (tmp_path / "received.flv").write_bytes(receiver.recordings[0].flv())
        assert receiver.recordings[0].clean
    compare(source, tmp_path / "received.flv")


async def test_back_pressure_over_records(authority: Authority, certificate: Certificate) -> None:
    async with Receiver(tls=context(certificate)) as receiver:
        transport, events = attempt(
            receiver.url("live", "cam", host="localhost"),
            ca_file=str(authority.ca_file),
            options=RtmpOptions(chunk_size=4096),
        )
        await transport.connect()
        await transport.publish((VIDEO, AUDIO))
        recording = await receiver.recording("cam")
        receiver.pause()
        bodies = [bytes([index]) * (1000 + 997 * index) for index in range(250)]
        for index, body in enumerate(bodies):
            transport.send(Tag(TagType.VIDEO, index, b"\x27\x01\0\0\0", body), index)
        assert transport.stats()["unsent_bytes"] > 1 << 20
        assert transport.pending > 1 << 20
        receiver.ping(5)
        receiver.resume()
        await drained(transport)
        assert transport.acked > sum(map(len, bodies))
        await receiver.until(lambda: recording.counts[TagType.VIDEO] == len(bodies))
        assert [tag.body[5:] for tag in recording.tags] == bodies
        await transport.close()
        await receiver.until(lambda: list(receiver.pings) == [5])
        assert recording.clean
        assert not events.errors


# --- certificates of ours -----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_server_that_wants_to_know_who_we_are(
    authority: Authority, certificate: Certificate, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    ca = str(authority.ca_file)
    mine = authority.issue("camera", client=True)
    both = tmp_path / "both.pem"
    both.write_bytes(mine.cert_file.read_bytes() + mine.key_file.read_bytes())
    other = Authority(tmp_path / "other", "Another").issue("camera", client=True)
    tls = demanding(certificate, authority, version)
    known = {"client_certificate": str(mine.cert_file), "client_key": str(mine.key_file)}
    async with Receiver(tls=tls) as receiver:
        await publish(receiver, ca_file=ca, key="apart", **known)
        await publish(receiver, ca_file=ca, key="together", client_certificate=str(both))
    with refusing(tls) as port:
        transport, _ = attempt(f"rtmps://localhost:{port}/live/k", ca_file=ca)
        with pytest.raises(TransportError) as caught:
            await transport.connect()
        assert caught.value.stage == "tls"
        assert "want" in str(caught.value)
        assert "a certificate of ours" in str(caught.value)
        assert "client_certificate" in str(caught.value)
        strange: dict[str, Any] = {"client_certificate": str(other.cert_file), "client_key": str(other.key_file)}
        transport, _ = attempt(f"rtmps://localhost:{port}/live/k", ca_file=ca, **strange)
        with pytest.raises(RefusedError, match=r"the server does not take our client_certificate \(unknown ca\)"):
            await transport.connect()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_server_that_wants_to_know_it_and_just_hangs_up(
    authority: Authority, certificate: Certificate, version: ssl.TLSVersion
) -> None:
    """Some proxies send no alert: they end the connection once they see that no certificate came."""
    tls = demanding(certificate, authority, version)
    tls.verify_mode = ssl.CERT_OPTIONAL
    mine = authority.issue("camera", client=True)
    with refusing(tls, hang_up=True) as port:
        url = f"rtmps://localhost:{port}/live/k"
        transport, _ = attempt(url, ca_file=str(authority.ca_file))
        with pytest.raises(NetworkError, match=r"is it an RTMP server\?; it may want .* \(client_certificate\)$"):
            await transport.connect()
        known: dict[str, Any] = {"client_certificate": str(mine.cert_file), "client_key": str(mine.key_file)}
        transport, _ = attempt(url, ca_file=str(authority.ca_file), **known)
        with pytest.raises(NetworkError, match=r"is it an RTMP server\?; it may not take our client_certificate$"):
            await transport.connect()


# --- hostile servers ----------------------------------------------------------------------------------------


@asynccontextmanager
async def flooding(certificate: Certificate, flood: str) -> AsyncIterator[int]:
    """A server in a process of its own, so that making the flood costs this loop nothing."""
    arguments = [str(certificate.cert_file), str(certificate.key_file), flood]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.servers.tls_flood", *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()


@pytest.mark.parametrize(
    ("flood", "copies"), [("key_updates", 1), ("key_updates", 4), ("tickets", 1), ("handshake", 1)]
)
async def test_a_flood_below_the_application_costs_a_good_session_nothing(
    authority: Authority, certificate: Certificate, flood: str, copies: int
) -> None:
    async with Receiver() as receiver, flooding(certificate, flood) as port:
        good, _ = attempt(receiver.url("live", "good"))
        await good.connect()
        await good.publish((VIDEO,))
        recording = await receiver.recording("good")

        async def attack() -> TransportError:
            bad, events = attempt(f"rtmps://localhost:{port}/live/bad", ca_file=str(authority.ca_file))
            try:
                await bad.connect()
                await bad.publish((VIDEO,))
                while not events.errors:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
                return events.errors[0]
            except TransportError as error:
                return error
            finally:
                await bad.close()

        # CPU of the loop's thread, and not time, which on a busy machine is others' as well.
        most_at_once, sent, last = 0.0, 0, time.thread_time()
        attacks = asyncio.gather(*(attack() for _ in range(copies)))
        async with asyncio.timeout(20):
            while not attacks.done() or sent < 20:
                good.send(Tag(TagType.VIDEO, sent * 10, b"\x27\x01\0\0\0", bytes(2000)), sent * 10)
                sent += 1
                await asyncio.sleep(0.01)
                now = time.thread_time()
                most_at_once, last = max(most_at_once, now - last), now
        await receiver.until(lambda: recording.counts[TagType.VIDEO] == sent)
        for error in await attacks:
            if flood == "handshake":
                assert error.stage == "tls"
            else:
                assert str(error).startswith("cut off: the server sends a publisher over 65536 bytes at once")
        assert most_at_once < 0.1
        await good.close()
