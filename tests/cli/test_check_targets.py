"""`camcast check --targets` and `--publish-test`, against real servers: what is found, and what is said of faults."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.test_check import run
from tests.media import made
from tests.servers.certificates import Authority, Certificate
from tests.servers.nginx import Nginx
from tests.servers.nms import NodeMediaServer
from tests.servers.process import free_port
from tests.servers.srt import LiveTransmit
from tests.servers.whip import WhipServer

TEST = {"type": "testsrc"}
KEY = "S3cretKey-of-this-test"


def check(tmp_path: Path, *words: str, source: dict[str, Any] = TEST, **outputs: dict[str, Any]) -> tuple[int, str]:
    """Exit status, and what is said of each output."""
    path = tmp_path / "config.json"
    encoder = (
        {"encoder": {"type": "H264_CBR", "width": 320, "height": 240, "framerate": 15, "bitrate": 300}}
        if source is TEST
        else {}
    )
    stream = {"name": "main", "source": source, "outputs": outputs, **encoder}
    path.write_text(json.dumps({"cameras": [{"camera_id": 0, "streams": [stream]}]}))
    status, out, err = run("check", str(path), *words)
    assert KEY not in out + err
    return status, out.partition("fast path: ")[2].partition("\n")[2] + err


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_servers_say_who_they_are(tmp_path: Path, nginx: Nginx, node_media_server: NodeMediaServer) -> None:
    status, said = check(
        tmp_path,
        "--targets",
        one={"url": nginx.url(KEY)},
        two={"url": node_media_server.url(KEY)},
        lost={"url": f"rtmp://127.0.0.1:{free_port()}/live/{KEY}"},
    )
    assert status == 1
    one, two, lost = said.split("cam0_main/")[1:]
    assert one.splitlines() == [
        f"one: rtmp://{nginx.address}/record/***: answers; ready to publish",
        '  the server accepts the application: "Connection succeeded." from "FMS/3,0,1,123"',
        "  by its answer it is nginx-rtmp-module",
        "  it takes h264, aac, g711a, g711u, mp3",
    ]
    assert "  by its answer it is Node-Media-Server 4" in two.splitlines()
    assert lost.startswith("lost: rtmp://127.0.0.1:")
    assert ": connect: cannot connect to 127.0.0.1:" in lost
    assert "Connection refused" in lost


def test_a_certificate_that_nobody_vouches_for(
    tmp_path: Path, start_nginx: Callable[..., Nginx], certificate: Certificate
) -> None:
    server = start_nginx(certificate=certificate)
    status, said = check(tmp_path, "--targets", one={"url": server.tls_url(KEY)})
    assert status == 1
    assert ": tls: the certificate of localhost comes from an unknown certificate authority" in said
    assert f"(the one that it shows is {certificate.fingerprint}: compare that with the server's own" in said
    pinned = {"url": server.tls_url(KEY), "fingerprint": certificate.fingerprint}
    status, said = check(tmp_path, "--targets", one=pinned)
    assert status == 0
    assert "  localhost is " in said
    (tls,) = [line for line in said.splitlines() if "SHA-256" in line]
    assert tls.startswith("  TLSv1.")
    assert f", certificate SHA-256 {certificate.fingerprint}, expires 20" in tls
    assert tls.endswith(" (in 10 days), the pinned one")


def test_ports_that_speak_something_else(tmp_path: Path, nginx: Nginx, silent: int) -> None:
    plain = {"url": f"rtmps://127.0.0.1:{nginx.port}/live/{KEY}", "connect_timeout": 1}
    mute = {"url": f"rtmp://127.0.0.1:{silent}/live/{KEY}", "connect_timeout": 1}
    status, said = check(tmp_path, "--targets", plain=plain, mute=mute)
    assert status == 1
    assert "rtmp:// is what is meant" in said or "rtmp:// may be what is meant" in said
    assert "handshake" in said.partition("cam0_main/mute")[2]


def test_srt(tmp_path: Path) -> None:
    with LiveTransmit(tmp_path / "srt", query="passphrase=0123456789ab") as server:
        wrong = {"url": server.url(), "options": {"passphrase": KEY}, "connect_timeout": 2}
        status, said = check(tmp_path, "--targets", one=wrong)
        assert status == 1
        assert "passphrase" in said
        right = {"url": server.url(), "options": {"passphrase": "0123456789ab"}}
        status, said = check(tmp_path, "--targets", one=right)
        assert status == 0
        assert "answers; ready to publish" in said


def test_whip(tmp_path: Path, authority: Authority, certificate: Certificate) -> None:
    with WhipServer(tmp_path / "whip", certificate=certificate) as server:
        status, said = check(tmp_path, "--targets", one={"url": server.url(), "ca_file": str(authority.ca_file)})
    assert status == 0
    assert f"certificate SHA-256 {certificate.fingerprint}" in said
    assert "(in 10 days), verified" in said
    assert "  OPTIONS is answered with 2" in said


def test_publishing_for_real(tmp_path: Path, nginx: Nginx) -> None:
    clip = {"type": "file", "url": str(made("h264_only")), "options": {"loop": True}}
    status, said = check(
        tmp_path,
        "--publish-test",
        "4",
        source=clip,
        one={"url": nginx.url(KEY)},
        wrong={"url": nginx.url(KEY, app="denied")},
        sound={"url": nginx.url(KEY + "2"), "server": "youtube"},
    )
    assert status == 1
    one, sound, wrong = said.split("cam0_main/")[1:]
    assert one.startswith("one: published to rtmp://")
    assert " kB acknowledged" in one
    assert wrong.startswith("wrong: not published to rtmp://")
    assert sound.startswith("sound: published to rtmp://")
    assert " and 0 packets of sound sent" in one
    assert " and 0 packets of sound sent" not in sound
    status, said = check(tmp_path, "--publish-test", "3", source=clip, one={"url": nginx.url(KEY + "3")})
    assert status == 0
