"""The guide's program runs: the old calls' successors publish what an encoder gives."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from av.bitstream import BitStreamFilterContext
from tests.media import made
from tests.servers.nginx import Nginx

GUIDE = Path(__file__).parents[3] / "docs" / "migration.md"


def encoded_pictures(nginx: Nginx) -> Iterator[tuple[bytes, bool]]:
    """A clip's access units in Annex B at the pace of an encoder, until the server has a second of them."""
    deadline = time.monotonic() + 20
    with av.open(str(made("h264_only"))) as container:
        stream = container.streams.video[0]
        to_annexb = BitStreamFilterContext("h264_mp4toannexb", stream)
        units = [
            (bytes(unit), unit.is_keyframe)
            for packet in container.demux(stream)
            for unit in to_annexb.filter(packet if packet.size else None)
        ]
    while nginx.publishing("live").get("stream1", 0) < 60_000:
        assert time.monotonic() < deadline, "nothing arrives"
        for unit, is_key in units:
            yield unit, is_key
            time.sleep(0.02)
            if nginx.publishing("live").get("stream1", 0) >= 60_000:
                return


def test_the_program_of_the_guide(nginx: Nginx) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    old, new = "rtmp://192.168.10.97/live/stream1", nginx.url("stream1", "live")
    assert old in program
    names = {"encoded_pictures": lambda: encoded_pictures(nginx)}
    exec(compile(program.replace(old, new), str(GUIDE), "exec"), names)
    assert nginx.publishing("live") == {}


@pytest.mark.parametrize("key", ["enable", "main_url", "sub_url", "venc1.name", "sensor1.name", "rtsp.port"])
def test_the_guide_names_every_old_key(key: str) -> None:
    assert key in GUIDE.read_text()
