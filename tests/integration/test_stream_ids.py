"""Stream ids of SRT as servers' documentations and their users write them, by a process with a configuration file.

The server is an `srt` source of the same process, which takes each caller by its stream id and publishes what it sends:
pictures arrive where the id came over as it was meant.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from camcast.media import TagType
from camcast_rtmp.receiver import Receiver
from tests.command_run import command_run
from tests.integration.kit import until
from tests.integration.test_odd_servers import CLIP, SOME
from tests.media import made
from tests.plugins.srt_processes import end_fork_servers
from tests.servers.process import free_port

PASSPHRASE = "correct-horse-battery"
WRITTEN: Mapping[str, tuple[str, str]] = {
    # In the URL's query, and what the server is to get.
    "SRS": ("streamid=#!::r=live/srs,m=publish", "#!::r=live/srs,m=publish"),
    "SRS with a host and a token": (
        "latency=200&streamid=#!::h=v.example,r=live/two?secret=x,m=publish",
        "#!::h=v.example,r=live/two?secret=x,m=publish",
    ),
    "SRS in part encoded": ("streamid=%23!::r=live/three,m=publish&latency=200", "#!::r=live/three,m=publish"),
    "SRS all of it encoded": ("streamid=%23%21%3A%3Ar%3Dlive%2Ffour%2Cm%3Dpublish", "#!::r=live/four,m=publish"),
    "MediaMTX": ("streamid=publish:five:user:p%26ss", "publish:five:user:p&ss"),
    "OvenMediaEngine": (
        "streamid=srt%3A%2F%2Fo.example%3A9999%2Fapp%2Fsix%3Fpolicy%3DeyJ9%26signature%3Dab_-",
        "srt://o.example:9999/app/six?policy=eyJ9&signature=ab_-",
    ),
    "srt-live-server": ("streamid=input/live/seven", "input/live/seven"),
    "srtrelay": ("streamid=publish/eight/pass%20word", "publish/eight/pass word"),
    "plus and equals": ("streamid=bmluZQ==/a+b", "bmluZQ==/a+b"),
    "letters of other scripts": ("streamid=%D0%BA%D0%B0%D0%BC-ü", "кам-ü"),
    "the name in capitals": ("StreamId=eleven", "eleven"),
    "the name as FFmpeg has it": ("srt_streamid=twelve", "twelve"),
    "before a passphrase": (f"streamid=thirteen&passphrase={PASSPHRASE}&pbkeylen=32", "thirteen"),
    "the longest": (f"streamid={'x' * 512}", "x" * 512),
}


@pytest.fixture(autouse=True)
def nothing_rests() -> Iterator[None]:
    yield
    end_fork_servers()


async def test_a_stream_id_comes_over_as_it_is_meant(tmp_path: Path) -> None:
    port = free_port(kind=socket.SOCK_DGRAM)
    place = f"srt://127.0.0.1:{port}"
    async with Receiver() as receiver:
        source = {"type": "file", "url": str(made(CLIP)), "options": {"loop": True}}
        outputs = {
            f"o{number}": {"url": f"{place}?{written}", "retry_policy": {"initial_delay": 0.2, "max_delay": 1}}
            for number, (written, _) in enumerate(WRITTEN.values())
        }
        cameras: list[dict[str, Any]] = [{"camera_id": 0, "streams": [{"source": source, "outputs": outputs}]}]
        for number, (written, meant) in enumerate(WRITTEN.values()):
            options = {"streamid": meant, **({"passphrase": PASSPHRASE} if "passphrase" in written else {})}
            taken = {"type": "srt", "url": f"{place}?mode=listener", "options": options}
            output = {"url": receiver.url("live", f"k{number}")}
            cameras.append({"camera_id": number + 1, "streams": [{"source": taken, "outputs": {"o": output}}]})
        with command_run(tmp_path, {"system": {"max_cameras": len(cameras)}, "cameras": cameras}) as command:

            def missing() -> list[str]:
                counts = (sum(one.counts[TagType.VIDEO] for one in receiver.of(f"k{n}")) for n in range(len(WRITTEN)))
                return [name for name, count in zip(WRITTEN, counts, strict=True) if count < SOME]

            try:
                await until(lambda: not missing(), 60)
            except TimeoutError:
                raise AssertionError("\n".join([f"nothing came: {missing()}", command.log])) from None
            await asyncio.to_thread(command.end)
        log = command.log
    assert "bmluZQ" not in log, "a stream id is often a key"
    assert "p&ss" not in log
