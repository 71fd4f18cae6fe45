"""Cameras whose TLS is as old as they are: refused with words that help, taken when asked to."""

from __future__ import annotations

import socket
import ssl
import warnings

import pytest

from camcast_rtsp.options import RtspOptions
from camcast_rtsp.source import RtspSource
from camcast_rtsp.tls import tls_context
from tests.cameras import clips, rtp
from tests.cameras.script import Script
from tests.cameras.server import Camera
from tests.plugins.rtsp_kit import Run, find_codec, running
from tests.plugins.source_kit import Sink, context
from tests.servers.certificates import Authority, Certificate

OLD = {
    "TLS 1.0": (ssl.TLSVersion.TLSv1, "ALL:@SECLEVEL=0"),
    "TLS 1.1": (ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0"),
    "RSA key exchange and CBC": (ssl.TLSVersion.TLSv1_2, "AES128-SHA:@SECLEVEL=0"),
    "Camellia": (ssl.TLSVersion.TLSv1_2, "CAMELLIA128-SHA:@SECLEVEL=0"),
    "CCM without an exchange of keys": (ssl.TLSVersion.TLSv1_2, "AES128-CCM:@SECLEVEL=0"),
}


def server(certificate: Certificate, version: ssl.TLSVersion, ciphers: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # First, as it also says which keys are too short.
    context.set_ciphers(ciphers)
    context.load_cert_chain(certificate.cert_file, certificate.key_file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = min(version, ssl.TLSVersion.TLSv1_2)
        context.maximum_version = version
    return context


def camera(tls: ssl.SSLContext) -> Camera:
    return Camera(Script([rtp.video_track(clips.video("h264", frames=50))]), tls=tls)


@pytest.mark.parametrize("name", OLD)
async def test_old_tls_is_refused_in_words_and_taken_when_asked(name: str, authority: Authority) -> None:
    async with camera(server(authority.issue(with_rsa=True), *OLD[name])) as old:
        async with running(old.url, ca_file=str(authority.ca_file)) as run:
            text = str(await run.failure())
            assert "it speaks only old TLS (TLSv1" in text
            assert "set legacy_tls to take it all the same" in text
            assert "_ssl.c" not in text
        async with running(old.url, insecure=True) as run:
            await run.until(lambda: run.video)
        async with running(old.url, legacy_tls=True, ca_file=str(authority.ca_file)) as run:
            await run.until(lambda: run.video)
        async with running(old.url, legacy_tls=True) as run:
            assert "certificate is not trusted" in str(await run.failure())


class TwoAddresses:
    """A resolver whose every name has two of this machine's addresses, at the second of which nobody listens."""

    async def resolve(self, host: str, port: int, family: str = "both") -> list[tuple[int, tuple[str, int]]]:
        return [(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET, ("127.0.0.9", port))]


async def test_a_name_of_several_addresses_is_refused_in_the_same_words(authority: Authority) -> None:
    async with camera(server(authority.issue(with_rsa=True), *OLD["TLS 1.1"])) as old:
        asked = context(
            old.url.replace("127.0.0.1", "camera.example"),
            RtspOptions(ca_file=str(authority.ca_file)),
            codec=find_codec,
            resolver=TwoAddresses(),
        )
        run = Run(RtspSource(asked), Sink())
        assert "it speaks only old TLS (TLSv1" in str(await run.failure())


async def test_a_certificate_with_a_short_key_is_refused_in_words_and_taken_when_asked(authority: Authority) -> None:
    short = server(authority.issue(with_rsa=True, bits=1024), ssl.TLSVersion.TLSv1_2, "ALL:@SECLEVEL=0")
    trusted = str(authority.ca_file)
    async with camera(short) as old:
        async with running(old.url, ca_file=trusted) as run:
            text = str(await run.failure())
            assert "its certificate is as weak as those of old cameras are" in text
            assert "set legacy_tls to take it all the same" in text
        for options in ({"legacy_tls": True, "ca_file": trusted}, {"insecure": True}):
            async with running(old.url, **options) as run:
                await run.until(lambda: run.video)
        async with running(old.url, legacy_tls=True) as run:
            assert "certificate is not trusted" in str(await run.failure())


async def test_a_port_without_tls_is_told_as_such() -> None:
    plain = Camera(Script([rtp.video_track(clips.video("h264", frames=10))]))
    async with plain, running(plain.url.replace("rtsp:", "rtsps:"), connect_timeout=1.0) as run:
        text = str(await run.failure())
    assert "does it speak TLS on this port? If not, use rtsp:// instead of rtsps://" in text


def test_old_tls_never_goes_without_a_certificate() -> None:
    """Suites of anonymous keys would let anybody stand in between, however the certificate is verified."""
    offered = tls_context(RtspOptions(legacy_tls=True)).get_ciphers()
    assert [cipher["name"] for cipher in offered if "Kx=RSA" in cipher["description"]]
    assert not [cipher["name"] for cipher in offered if "Au=None" in cipher["description"]]
