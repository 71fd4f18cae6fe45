"""Aggregate messages and data in AMF3's form: what FFmpeg wrote as FLV, in one message, is what comes one by one."""

from __future__ import annotations

import io

import av
import pytest
from tests.media import made

from camcast.media import TagType
from camcast_rtmp.aggregate import plain
from camcast_rtmp.chunk import ChunkReader, TooManyPieces
from camcast_rtmp.messages import Message, ProtocolError, Type

HEADER, BEHIND = 13, 4
MOVED = (1 << 32) - 500
"""ms: the times of what is in it wrap around."""


@pytest.fixture(scope="module")
def flv() -> bytes:
    """The tags of a file that FFmpeg has written."""
    file = io.BytesIO()
    with av.open(str(made("h264_b_aac"))) as clip, av.open(file, "w", format="flv") as out:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in clip.streams}
        for packet in clip.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
    return file.getvalue()[HEADER:]


def tags(flv: bytes) -> list[tuple[int, int, bytes]]:
    """Type, time and body of each."""
    found, at = [], 0
    while at < len(flv):
        size = int.from_bytes(flv[at + 1 : at + 4], "big")
        time = int.from_bytes(flv[at + 7 : at + 8] + flv[at + 4 : at + 7], "big")
        found.append((flv[at], time, flv[at + 11 : at + 11 + size]))
        at += 11 + size + BEHIND
    return found


def split(payload: bytes, time: int = 0, allowed: int = 10_000) -> list[Message]:
    reader = ChunkReader()
    reader.messages_allowed = allowed
    return [*plain([Message(Type.AGGREGATE, time, 1, payload)], reader)]


def test_what_is_in_one_comes_one_by_one_on_its_timeline(flv: bytes) -> None:
    want = tags(flv)
    assert {kind for kind, _, _ in want} == {one.value for one in TagType}
    got = split(flv, MOVED)
    assert [(one.type, one.payload) for one in got] == [(kind, body) for kind, _, body in want]
    assert [one.time for one in got] == [(MOVED + time - want[0][1]) % (1 << 32) for _, time, _ in want]
    assert got[-1].time < 1 << 31, "they have wrapped around"
    assert {one.stream_id for one in got} == {1}


def test_the_size_behind_the_last_one_may_be_missing(flv: bytes) -> None:
    assert len(split(flv[:-BEHIND])) == len(tags(flv))


def test_one_that_is_cut_off_is_told(flv: bytes) -> None:
    with pytest.raises(ProtocolError, match="ends within a message"):
        split(flv[: len(flv) - BEHIND - 1])


def test_each_counts_as_if_it_had_come_alone(flv: bytes) -> None:
    count = len(tags(flv))
    assert len(split(flv, allowed=count)) == count
    with pytest.raises(TooManyPieces):
        split(flv, allowed=count - 1)


def test_data_in_the_other_form_is_data() -> None:
    (one,) = plain([Message(Type.DATA_AMF3, 7, 1, b"\0\2\0\1a")], ChunkReader())
    assert (one.type, one.time, one.payload) == (Type.DATA, 7, b"\2\0\1a")
