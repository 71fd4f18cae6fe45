"""The servers themselves do what other tests rely on; FFmpeg publishes here, never camcast."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import pytest

from tests.compare import Media, compare
from tests.media import clip, made
from tests.programs import beside
from tests.servers.certificates import Authority, Certificate
from tests.servers.nginx import Nginx
from tests.servers.nms import NodeMediaServer
from tests.servers.process import ServerProcess
from tests.servers.stream_reader import Listener, Player

FFMPEG = (imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error")


def publish(source: Path, url: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [*FFMPEG, *arguments, "-i", str(source), "-c", "copy", "-f", "flv", url]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=30, check=False, env=os.environ | environment
    )


@pytest.mark.parametrize("name", ["h264_b_aac", "h264_aac_ts", "bikes.mp4"])
def test_nginx_records_every_packet(nginx: Nginx, name: str) -> None:
    source = clip(name) if "." in name else made(name)
    done = publish(source, nginx.url("cam"))
    assert done.returncode == 0, done.stderr
    found = compare(source, nginx.recording("cam"))
    assert found.frames == (250 if name == "bikes.mp4" else 100)


@pytest.mark.parametrize("app", ["denied", "hooked", "unknown"])
def test_nginx_refuses(nginx: Nginx, app: str) -> None:
    assert publish(made("h264_aac"), nginx.url("cam", app)).returncode != 0
    assert [call["name"] for call in nginx.hook_calls] == (["cam"] if app == "hooked" else [])


def test_nginx_restarts_on_its_port_and_drops_a_publisher(start_nginx: Callable[..., Nginx]) -> None:
    server = start_nginx()
    for _ in range(2):
        with beside(
            [*FFMPEG, "-re", "-i", str(made("h264_aac")), "-c", "copy", "-f", "flv", server.url("cam", "live")],
            stderr=subprocess.DEVNULL,
        ) as client:
            server.wait_publishing("cam")
            server.drop("cam")
            client.wait(10)
        server.kill()
        assert not server.running
        server.start()


@pytest.mark.parametrize("name", ["h264_b_aac", "hevc_b_aac", "av1_aac"])
def test_node_media_server_records_and_plays_every_packet(node_media_server: NodeMediaServer, name: str) -> None:
    server = node_media_server
    with Player(server.directory / "player", server.http_flv_url("cam")) as player:
        server.wait_player("cam")
        done = publish(made(name), server.url("cam"), "-readrate", "4")
        assert done.returncode == 0, done.stderr
        expected = Media.read(made(name))
        player.wait_packets(len(expected.video) + len(expected.audio))
        compare(expected, player.so_far())
    compare(expected, server.recording("cam"))


@pytest.mark.parametrize("name", ["h264_b_aac", "hevc_aac", "av1_aac"])
def test_the_listener_keeps_every_packet(tmp_path: Path, name: str) -> None:
    with Listener(tmp_path) as listener:
        done = publish(made(name), listener.url("any", "thing"))
        assert done.returncode == 0, done.stderr
        compare(made(name), listener.received())


def verification_error(port: int, name: str, ca_file: Path) -> str:
    """What Python's own TLS says of the server on `port`, "" if it is content."""
    context = ssl.create_default_context(cafile=ca_file)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        try:
            with context.wrap_socket(connection, server_hostname=name):
                return ""
        except ssl.SSLCertVerificationError as error:
            return error.verify_message


@pytest.mark.parametrize("kind", [Nginx, NodeMediaServer])
def test_tls_with_right_and_wrong_certificates(tmp_path: Path, kind: type[Nginx | NodeMediaServer]) -> None:
    authority, other = Authority(tmp_path / "ca"), Authority(tmp_path / "ca", "Other Authority")
    cases = {
        "": authority.issue(),
        "Hostname mismatch": authority.issue("elsewhere.example"),
        "unable to get local issuer": other.issue(),
        "certificate has expired": authority.issue(expired=True),
    }
    for number, (expected, certificate) in enumerate(cases.items()):
        with kind(tmp_path / str(number), certificate=certificate) as server:
            found = verification_error(server.tls_port, "localhost", authority.ca_file)
            assert found == expected or (expected and expected in found)


def test_rtmps_to_both_servers(tmp_path: Path, authority: Authority, certificate: Certificate) -> None:
    source = made("h264_aac")
    with (
        Nginx(tmp_path / "nginx", certificate=certificate) as nginx,
        NodeMediaServer(tmp_path / "nms", certificate=certificate) as nms,
    ):
        for server in (nginx, nms):
            done = publish(source, server.tls_url("cam"), SSL_CERT_FILE=str(authority.ca_file))
            assert done.returncode == 0, done.stderr
            compare(source, server.recording("cam"))


def test_no_server_outlives_its_block(tmp_path: Path) -> None:
    def ports_taken(server: ServerProcess) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", server.port)) == 0

    for kind in (Nginx, NodeMediaServer):
        with kind(tmp_path / kind.__name__) as server:
            assert ports_taken(server)
        assert not server.running
        assert not ports_taken(server)
