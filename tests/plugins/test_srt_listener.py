"""The SRT source's rules that need no connection: who is told of places and when, options, and how a call ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from tests.media import made
from tests.plugins.source_kit import Sink, until
from tests.plugins.test_srt_demuxer import VIDEO, ffmpegs, units
from tests.plugins.transport_harness import codecs, load

from camcast.errors import SourceError
from camcast_srt.address import literal
from camcast_srt.ingest.access import PlaceTold, found
from camcast_srt.ingest.calling import Calling
from camcast_srt.ingest.listener import Listener
from camcast_srt.ingest.media import TsIntake
from camcast_srt.ingest.options import SrtSourceOptions
from camcast_srt.ingest.place import Place


class Silent:
    """A gate whose process says nothing by itself; remembers what it was told."""

    def __init__(self) -> None:
        self.taken: list[tuple[int, int]] = []

    def open(self, *where: object) -> None: ...

    def take(self, number: int, places: Iterable[PlaceTold]) -> None:
        self.taken.append((number, len([*places])))


def place(number: int) -> Place:
    def ignored(*said: object) -> None: ...

    return Place(
        streamid=f"{number}", passphrase="", takeover=False, timeout=1.0, max_rate=0,
        on_begin=ignored, on_data=ignored, on_end=ignored, on_refused=ignored, on_counted=ignored, on_broken=ignored,
    )  # fmt: skip


async def test_a_process_that_hangs_before_it_listens_is_told() -> None:
    listening: Any = Listener(literal("127.0.0.1", 9), lambda one: Silent(), 0.05)  # type: ignore[arg-type, return-value]
    async with asyncio.timeout(5):
        with pytest.raises(SourceError, match=r"does not answer within 0\.05 s"):
            await listening.enter(place(1))


async def test_one_telling_of_who_is_taken_is_under_way_however_many_come_at_once() -> None:
    gate = Silent()
    listening: Any = Listener(literal("127.0.0.1", 9), lambda one: gate, 5.0)  # type: ignore[arg-type, return-value]
    async with asyncio.TaskGroup() as group:
        first = group.create_task(listening.enter(place(1)))
        others = [group.create_task(listening.enter(place(number))) for number in range(2, 10)]
        await asyncio.sleep(0)
        listening.opened(gate)
        await until(lambda: gate.taken)
        await asyncio.sleep(0)
        assert gate.taken == [(1, 9)]
        listening.takes(7)  # of which nobody knows
        assert not first.done()
        listening.takes(1)
        await first
        assert gate.taken == [(1, 9), (9, 9)]
        assert not any(other.done() for other in others)
        listening.takes(9)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"passphrase": "short"}, "passphrase: expected 10 to 79 bytes, got 5"),
        ({"latency": -5}, "latency: expected 0 to"),
        ({"pbkeylen": 17}, "pbkeylen: expected"),
        ({"streamid": "a" * 513}, "streamid: expected at most 512 bytes"),
    ],
)
def test_options_that_cannot_be_are_told_before_anything_runs(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        SrtSourceOptions(**options)


class Waits:
    """An opening that is told of one gate."""

    def __init__(self) -> None:
        self.up: list[object] = []

    def opened(self, gate: object) -> None:
        self.up.append(gate)


async def test_the_last_picture_of_a_server_that_closes_is_whole(tmp_path: Path) -> None:
    clip, sink = made("h264_b_aac"), Sink()
    calling: Any = Calling(TsIntake(codecs().codec, sink, lambda *note: None))
    calling.opening = Waits()
    gate = object()
    calling.opened(gate)
    # FFmpeg says of no picture how long it is.
    stream = ffmpegs("h264_b_aac", tmp_path / "a.ts")
    for at in range(0, len(stream), 1316):
        calling.media(1, stream[at : at + 1316])
    calling.broken(gate, "gone")
    assert await calling.over == "gone"
    want = [packet for packet in load(clip).packets if packet.track.kind is VIDEO]
    assert units(sink.of(VIDEO)) == units(want)


@pytest.mark.parametrize(
    ("streamid", "meant"),
    [
        ("stage", "stage"),
        ("#!::r=stage,m=publish", "stage"),
        ("#!::m=publish,u=somebody,r=stage", "stage"),
        ("#!::r=stage,m=request", "stage"),
        ("hall", "#!::r=hall,m=publish"),
        ("#!::m=publish,r=hall", "#!::r=hall,m=publish"),
        ("#!::s=one,r=vault,m=publish", "#!::r=vault,s=one"),
        ("#!::r=vault,s=two", ""),
        ("vault", ""),
        ("#!::r=stage,u=cam,m=publish", "#!::r=stage,u=cam"),
        ("#!::u=stage,m=publish", ""),
        ("#!::", ""),
        ("", ""),
        ("stage2", ""),
    ],
)
def test_a_stream_id_means_the_place_of_which_it_says_all(streamid: str, meant: str) -> None:
    names = ["stage", "#!::r=hall,m=publish", "#!::r=vault,s=one", "#!::r=stage,u=cam", "#!::m=publish", ""]
    places = [PlaceTold(number, name, "", False, 0) for number, name in enumerate(names)]
    for order in (places, places[::-1]):
        place = found(order, streamid)
        assert place is not None
        assert place.streamid == meant
    assert found([one for one in places if one.streamid], streamid) is None or meant
