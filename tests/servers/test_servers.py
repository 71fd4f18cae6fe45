"""The servers themselves do what other tests rely on; FFmpeg publishes here, never camcast."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import av
import imageio_ffmpeg
import pytest

from tests.media import made
from tests.servers.nginx import Nginx

FFMPEG = (imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error")


def publish(source: Path, url: str, *arguments: str, timeout: float = 30) -> subprocess.CompletedProcess[str]:
    command = [*FFMPEG, *arguments, "-i", str(source), "-c", "copy", "-f", "flv", url]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def test_nginx_records_every_packet(nginx: Nginx) -> None:
    done = publish(made("h264_b_aac"), nginx.url("cam"))
    assert done.returncode == 0, done.stderr
    with av.open(str(nginx.recording("cam"))) as recorded, av.open(str(made("h264_b_aac"))) as source:
        counts = [sum(bool(packet.size) for packet in container.demux(video=0)) for container in (recorded, source)]
    assert counts[0] == counts[1] == 100


@pytest.mark.parametrize("app", ["denied", "hooked", "unknown"])
def test_nginx_refuses(nginx: Nginx, app: str) -> None:
    assert publish(made("h264_aac"), nginx.url("cam", app)).returncode != 0
    assert [call["name"] for call in nginx.hook_calls] == (["cam"] if app == "hooked" else [])


def test_nginx_restarts_on_its_port_and_drops_a_publisher(start_nginx: Callable[..., Nginx]) -> None:
    server = start_nginx()
    for _ in range(2):
        with subprocess.Popen(
            [*FFMPEG, "-re", "-i", str(made("h264_aac")), "-c", "copy", "-f", "flv", server.url("cam", "live")],
            stderr=subprocess.DEVNULL,
        ) as client:
            server.wait_publishing("cam")
            server.drop("cam")
            client.wait(10)
        server.kill()
        assert not server.running
        server.start()
