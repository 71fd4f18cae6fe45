"""`camcast check --targets` and `--publish-test`, against real servers: what is found, and what is said of faults."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.test_check import run
from tests.media import encode, made
from tests.servers.certificates import Authority, Certificate
from tests.servers.nginx import Nginx
from tests.servers.nms import NodeMediaServer
from tests.servers.process import free_port
from tests.servers.srt import LiveTransmit
from tests.servers.whip import WhipServer

TEST = {"type": "testsrc"}
KEY = "S3cretKey-of-this-test"


def check(
    tmp_path: Path,
    *words: str,
    source: dict[str, Any] = TEST,
    interface: str | None = None,
    **outputs: dict[str, Any],
) -> tuple[int, str]:
    """Exit status, and what is said of each output."""
    path = tmp_path / "config.json"
    encoder = (
        {"encoder": {"type": "H264_CBR", "width": 320, "height": 240, "framerate": 15, "bitrate": 300}}
        if source is TEST
        else {}
    )
    stream = {"name": "main", "source": source, "outputs": outputs, **encoder}
    system = {"uplinks": {"lte": {"interface": interface}}} if interface is not None else {}
    path.write_text(json.dumps({"system": system, "cameras": [{"camera_id": 0, "streams": [stream]}]}))
    status, out, err = run("check", str(path), *words)
    assert KEY not in out + err
    return status, out.partition("fast path: ")[2].partition("\n")[2] + err


@pytest.mark.parametrize(
    ("output", "lines"),
    [
        ({"url": "rtmp://server.example/live/k"}, []),
        (
            {"url": f"rtmps://a.rtmps.youtube.com/live2/{KEY}"},
            ["silent aac is added where the source has no sound: YouTube Live wants sound"],
        ),
        ({"url": "rtmp://server.example/live/k", "audio": "none"}, ["no sound is sent"]),
        (
            {"url": "rtmp://server.example/live/k", "server": "facebook", "audio": "none"},
            ["no sound is sent, though Facebook Live wants it"],
        ),
        (
            {"url": "rtmp://server.example/live/k", "audio": "silent"},
            ["silent aac is sent instead of the source's sound"],
        ),
        (
            {"url": "rtmp://server.example/live/k", "audio": "opus"},
            ["sound is sent as opus, transcoded where it is anything else"],
        ),
    ],
)
def test_what_is_added_or_left_out_is_said(tmp_path: Path, output: dict[str, Any], lines: list[str]) -> None:
    assert _plan(tmp_path, output, "H264_CBR") == lines


@pytest.mark.parametrize(
    ("server", "more", "line"),
    [
        ("twitch", {}, "h265 is transcoded to h264: this target does not take it"),
        ("twitch", {"on_unsupported": "fail"}, "this target does not take h265 (on_unsupported: fail)"),
        ("generic", {}, "nobody can say whether this target takes h265 (on_unconfirmed: warn)"),
        (
            "generic",
            {"on_unconfirmed": "transcode"},
            "h265 is transcoded to h264: nobody can say whether this target takes it",
        ),
    ],
)
def test_what_is_transcoded_is_said(tmp_path: Path, server: str, more: dict[str, Any], line: str) -> None:
    assert _plan(tmp_path, {"url": f"rtmp://server.example/live/{KEY}", "server": server, **more}, "H265_CBR") == [line]


def _plan(tmp_path: Path, output: dict[str, Any], encoder: str) -> list[str]:
    """What `camcast check` says below the only target, but for how long a platform lets it be there."""
    path = tmp_path / "config.json"
    stream = {"source": TEST, "encoder": {"type": encoder}, "outputs": {"o": output}}
    path.write_text(json.dumps({"cameras": [{"camera_id": 0, "streams": [stream]}]}))
    status, out, _ = run("check", str(path))
    assert status == 0
    return [line.strip() for line in out.splitlines() if line.startswith("      ") and "rotate_every" not in line]


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


def test_an_uplinks_interface_is_gone_through(tmp_path: Path, nginx: Nginx) -> None:
    over = {"url": nginx.url(KEY), "uplink": "lte"}
    status, said = check(tmp_path, "--targets", interface="lo", one=over)
    assert (status, "answers; ready to publish" in said) == (0, True), said
    status, said = check(tmp_path, "--targets", interface="wwan77", one=over)
    assert status == 1
    assert "wwan77" in said.partition("connect: ")[2], said


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
        assert re.search(r"^  the peer's SRT library is 1\.\d+\.\d+$", said, re.MULTILINE), said


def test_what_waits_for_callers_is_not_tried(tmp_path: Path) -> None:
    """Its port may be a live run's; and nobody calls."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as live:
        live.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{live.getsockname()[1]}"
        one = {"url": f"srt://{place}?mode=listener&streamid={KEY}", "bind": "eth0"}
        status, said = check(tmp_path, "--targets", one=one)
    assert (status, said) == (0, f"cam0_main/one: srt://{place}/***: waits for callers; not tried\n")
    assert (
        "note: cameras[0].streams[0].outputs.one.url: `bind` changes nothing for a listener"
        in run("check", str(tmp_path / "config.json"))[1]
    )


def test_each_port_has_its_own_turn_of_connects(tmp_path: Path) -> None:
    """As sessions count: two servers on one host wait for each other no more than two hosts."""
    outputs = {f"o{number}": {"url": f"rtmp://127.0.0.1:{free_port()}/live/k"} for number in range(2)}
    config = {
        "system": {"max_connects_per_second": 0.1},
        "cameras": [{"camera_id": 0, "streams": [{"source": TEST, "outputs": outputs}]}],
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    begun = time.monotonic()
    status, out, _ = run("check", str(tmp_path / "config.json"), "--targets")
    assert time.monotonic() - begun < 9, "ten seconds apart at one port"
    assert (status, out.count("Connection refused")) == (1, 2)


def test_keyframes_that_hardly_come_are_told(tmp_path: Path) -> None:
    """Also where there is but one, so that no distance is known."""
    clip = tmp_path / "rare.mp4"
    encode(clip, size=(160, 120), fps=10, seconds=6.5, gop=60.0, audio=None, video_options={"sc_threshold": "0"})
    source = {"type": "file", "url": str(clip), "options": {"loop": True}}
    status, said = check(
        tmp_path, "--sources", "--seconds", "6", source=source, o={"url": "rtmp://127.0.0.1:1/l/k", "server": "youtube"}
    )
    assert status == 0
    assert re.search(r", no keyframe for the last [56]\.\d s", said)
    assert re.search(r"keyframes are [56]\.\d s apart at least; YouTube Live wants 4 s or less: set", said)


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
