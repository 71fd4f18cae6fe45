"""Cameras and servers that let in only whom they know, by a certificate of ours: shown, or asked for in words."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from camcast.errors import SourceError
from camcast.session.resolver import NameResolver
from camcast_rtmp.ingest.kind import RtmpIngest
from camcast_rtmp.ingest.options import RtmpSourceOptions
from camcast_rtsp.options import RtspOptions
from camcast_rtsp.tls import tls_context
from tests.cameras import clips, rtp
from tests.cameras.script import Script
from tests.cameras.server import Camera
from tests.plugins.rtsp_kit import Run, find_codec, running
from tests.plugins.source_kit import Sink, context
from tests.servers.certificates import Authority, Certificate
from tests.servers.demanding import demanding, refusing

VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])


def shown(certificate: Certificate) -> dict[str, Any]:
    return {"client_certificate": str(certificate.cert_file), "client_key": str(certificate.key_file)}


@VERSIONS
async def test_a_camera_that_asks_who_we_are_is_told(
    authority: Authority, certificate: Certificate, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    mine = authority.issue("recorder", client=True)
    both = tmp_path / "both.pem"
    both.write_bytes(mine.cert_file.read_bytes() + mine.key_file.read_bytes())
    trusted = str(authority.ca_file)
    script = Script([rtp.video_track(clips.video("h264", frames=50))])
    async with Camera(script, tls=demanding(certificate, authority, version)) as camera:
        for options in (shown(mine), {"client_certificate": str(both)}):
            async with running(camera.url, ca_file=trusted, **options) as run:
                await run.until(lambda: run.video)


@VERSIONS
async def test_a_camera_that_knows_us_not_is_named(
    authority: Authority, certificate: Certificate, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    trusted = str(authority.ca_file)
    strange = Authority(tmp_path / "other", "Another").issue("recorder", client=True)
    with refusing(demanding(certificate, authority, version)) as port:
        url = f"rtsps://127.0.0.1:{port}/stream-one"
        async with running(url, ca_file=trusted) as run:
            text = str(await run.failure())
            assert "want" in text
            assert "a certificate of ours" in text
            assert "client_certificate" in text
            assert "_ssl.c" not in text
        async with running(url, ca_file=trusted, **shown(strange)) as run:
            # The end of the connection may overtake the words about it.
            text = str(await run.failure())
            assert "does not take our client_certificate (unknown ca)" in text or "may not take our client" in text


async def test_a_camera_that_hangs_up_on_whom_it_does_not_know(authority: Authority, certificate: Certificate) -> None:
    tls = demanding(certificate, authority, ssl.TLSVersion.TLSv1_3)
    tls.verify_mode = ssl.CERT_OPTIONAL
    mine = authority.issue("recorder", client=True)
    with refusing(tls, hang_up=True) as port:
        url, trusted = f"rtsps://127.0.0.1:{port}/stream-one", str(authority.ca_file)
        async with running(url, ca_file=trusted) as run:
            assert "; it may want a certificate of ours (client_certificate)" in str(await run.failure())
        async with running(url, ca_file=trusted, **shown(mine)) as run:
            assert "; it may not take our client_certificate" in str(await run.failure())


async def test_a_server_whose_stream_is_played_is_answered_likewise(
    authority: Authority, certificate: Certificate
) -> None:
    with refusing(demanding(certificate, authority, ssl.TLSVersion.TLSv1_3)) as port:
        options = RtmpSourceOptions(ca_file=str(authority.ca_file))
        # The end of the connection may overtake the words about it.
        text = await played(port, options)
        assert "the server wants a certificate of ours" in text or "reset" in text
    with refusing(demanding(certificate, authority, ssl.TLSVersion.TLSv1_2)) as port:
        options = RtmpSourceOptions(ca_file=str(authority.ca_file), **shown(authority.issue("recorder", client=True)))
        # It has let us in, and ends what follows.
        assert "certificate" not in await played(port, options)
        strict = RtmpSourceOptions()
        assert "the certificate of 127.0.0.1 comes from an unknown certificate authority" in await played(port, strict)


async def played(port: int, options: RtmpSourceOptions) -> str:
    """Why it ends."""
    asked = context(f"rtmps://127.0.0.1:{port}/live/k", options, codec=find_codec, resolver=NameResolver())
    return str(await Run(RtmpIngest().kind().build(asked), Sink()).failure())  # type: ignore[arg-type]


def test_files_that_are_none_are_named(authority: Authority, tmp_path: Path) -> None:
    mine = authority.issue("recorder", client=True)
    other = authority.issue("another", client=True)
    empty = tmp_path / "empty.pem"
    empty.touch()
    for options, reason in (
        ({"client_certificate": "/nowhere"}, "client_certificate cannot be read: No such file"),
        ({"client_certificate": str(empty)}, "client_certificate cannot be used: not in PEM form"),
        ({**shown(mine), "client_key": str(other.key_file)}, "cannot be used: the key does not belong to the certif"),
        ({"ca_file": str(empty)}, "ca_file cannot be read: not in PEM form"),
    ):
        with pytest.raises(SourceError, match=reason):
            tls_context(RtspOptions(**options))
    with pytest.raises(ValueError, match="client_key without client_certificate does nothing"):
        RtspOptions(client_key="mine.key")


def test_another_certificate_in_the_file_is_shown_at_the_next_connection(authority: Authority, tmp_path: Path) -> None:
    path = tmp_path / "mine.pem"
    first, second = (authority.issue("recorder", client=True) for _ in range(2))
    path.write_bytes(first.cert_file.read_bytes() + first.key_file.read_bytes())
    before = tls_context(RtspOptions(client_certificate=str(path)))
    assert tls_context(RtspOptions(client_certificate=str(path))) is before
    path.write_bytes(second.cert_file.read_bytes() + second.key_file.read_bytes())
    assert tls_context(RtspOptions(client_certificate=str(path))) is not before
