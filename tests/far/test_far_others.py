"""Other ways to a server far away than plain RTMP with large buffers, by a process with a configuration file."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path as File
from typing import Any

import pytest

from tests.compare import compare
from tests.far.clips import FPS, GOP, LONGEST, clip
from tests.far.journey import camcast, left_out
from tests.far.path import Path
from tests.far.test_far_rtmp import Journey
from tests.servers.certificates import Authority
from tests.servers.nginx import Nginx

ROUND_TRIP = 0.3


@pytest.mark.parametrize("way", ["rtmps", "librtmp"])
def test_every_picture_arrives(way: str, tmp_path: File) -> None:
    wanted = clip("medium", LONGEST)
    with Path(round_trip=ROUND_TRIP, near=True) as path:
        authority = Authority(tmp_path / "authority")
        certificate = authority.issue(path.address)
        with Nginx(tmp_path / "nginx", host=path.address, prefix=path.prefix, certificate=certificate) as nginx:
            more: dict[str, Any] = {"transport": "librtmp"}
            url = nginx.url("cam")
            if way == "rtmps":
                more, url = {"ca_file": str(authority.ca_file)}, nginx.tls_url("cam", host=path.address)
            with camcast(tmp_path, path, wanted, url, **more) as sender, path.there():
                nginx.wait_publishing("cam", "record", least=1_000_000, timeout=40)
                time.sleep(3)
                (session,) = json.loads(sender.end())["sessions"]
                recorded = nginx.recording("cam")
    assert left_out(session) == {}
    assert (sender.process.returncode, session["state"], session["attempts"]) == (0, "connected", 1)
    # Without the first group, which is sent squeezed to show the present.
    assert compare(wanted, recorded, from_keyframe=1).frames > session["video_sent"] - GOP * FPS


def test_a_server_that_takes_little_at_a_time_is_no_congestion(tmp_path: File) -> None:
    """Its buffer bounds what may be under way: at this distance to less than three times what the stream needs."""
    with Path(round_trip=ROUND_TRIP, near=True) as path:
        sizes = "net.ipv4.tcp_rmem=4096 65536 65536"
        subprocess.run([*path.prefix, "sysctl", "-qw", sizes], check=True, timeout=20)
        journey = Journey(tmp_path, path, "small").run(6.0)
    assert journey.pictures.missing == []
    assert left_out(journey.figures) == {}
    assert (journey.status, journey.figures["attempts"]) == (0, 1)
