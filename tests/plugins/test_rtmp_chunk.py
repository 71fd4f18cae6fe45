"""The chunk stream: golden bytes, everything a peer may write, and everything it may not."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camcast_rtmp.chunk import ChunkReader, ChunkWriter, TooManyPieces
from camcast_rtmp.messages import Message, ProtocolError, Type

BODY = bytes(range(200))


def joined(buffers: list[bytes | memoryview]) -> bytes:
    return b"".join(buffers)


def read(data: bytes, reader: ChunkReader | None = None) -> list[tuple[int, int, int, bytes]]:
    found = (reader or ChunkReader()).feed(data)
    return [(message.type, message.time, message.stream_id, message.payload) for message in found]


def header(form: int, stream: int, time: int, length: int, type: int, stream_id: int = 1) -> bytes:
    """A chunk header of any form, for a chunk stream below 64 and a time below 0xFFFFFF."""
    parts = [time.to_bytes(3, "big"), length.to_bytes(3, "big") + bytes((type,)), struct.pack("<I", stream_id)]
    return bytes((form << 6 | stream,)) + b"".join(parts[: (3, 2, 1, 0)[form]])


# --- writing ------------------------------------------------------------------------------------------------


@given(st.integers(1, 300), st.integers(1, 5000), st.sampled_from([8, 9, 18, 22]))
def test_what_is_too_large_and_not_needed_is_passed_over(chunk: int, cut: int, type: int) -> None:
    writer = ChunkWriter()
    writer.chunk_size = chunk
    wire = b"".join(
        b"".join(writer.message(4, kind, 0, 1, b"", body))
        for kind, body in ((20, b"first"), (type, bytes(2000)), (type, b"small"), (20, b"last"))
    )
    reader = ChunkReader(1000, needed={20})
    reader.chunk_size = chunk
    found = [message for at in range(0, len(wire), cut) for message in reader.feed(wire[at : at + cut])]
    assert [(message.type, message.payload) for message in found] == [(20, b"first"), (type, b"small"), (20, b"last")]
    assert reader.passed_over == 1
    assert reader._held == 0


def test_a_command_that_is_too_large_is_refused_where_others_are_passed_over() -> None:
    with pytest.raises(ProtocolError, match="a message of 2000 bytes is not accepted, 1000 at most"):
        ChunkReader(1000, needed={20}).feed(header(0, 3, 0, 2000, 20))


def test_a_delta_in_two_chunks() -> None:
    writer = ChunkWriter()
    writer.message(6, Type.VIDEO, 1000, 1, BODY)
    out = joined(writer.message(6, Type.VIDEO, 1040, 1, BODY[:5], BODY[5:]))
    assert out == bytes.fromhex("46 000028 0000C8 09") + BODY[:128] + b"\xc6" + BODY[128:]


def test_an_absolute_extended_time_is_repeated_on_the_continuation() -> None:
    out = joined(ChunkWriter().message(6, Type.VIDEO, 0x01000000, 1, b"", BODY))
    assert (
        out
        == bytes.fromhex("06 FFFFFF 0000C8 09 01000000 01000000")
        + BODY[:128]
        + bytes.fromhex("C6 01000000")
        + BODY[128:]
    )


def test_a_small_message_is_one_header_and_the_body_itself() -> None:
    writer = ChunkWriter()
    writer.chunk_size = 60000
    body = bytes(50000)
    first, second = writer.message(6, Type.VIDEO, 0, 1, b"\x17\x01\0\0\0", body)
    assert second is body
    assert first == bytes.fromhex("06 000000 00c355 09 01000000 1701000000")


def test_a_large_body_is_sliced_not_copied() -> None:
    writer = ChunkWriter()
    writer.chunk_size = 60000
    body = bytes(130000)
    pieces = writer.message(6, Type.VIDEO, 0, 1, b"\x17\x01\0\0\0", body)
    assert [len(piece) for piece in pieces] == [17, 59995, 1, 60000, 1, 10005]
    assert all(piece.obj is body for piece in pieces if isinstance(piece, memoryview))


@pytest.mark.parametrize(
    ("times", "forms"),
    [
        ([0, 0, 40, 80], [0, 1, 1, 1]),
        ([100, 60], [0, 0]),
        ([0, 0xFFFFFE, 2 * 0xFFFFFE + 1], [0, 1, 0]),
        ([0xFFFFF0, 0x1000010], [0, 1]),
        ([0x7FFFFFF0, 0x80000010], [0, 1]),
        ([0xFFFFFFF0, 0x100000010], [0, 1]),
    ],
    ids=["usual", "back", "too far", "0xFFFFFF", "2^31", "2^32"],
)
def test_header_types_and_times(times: list[int], forms: list[int]) -> None:
    writer, reader = ChunkWriter(), ChunkReader()
    written = [joined(writer.message(6, Type.VIDEO, time, 1, BODY)) for time in times]
    assert [data[0] >> 6 for data in written] == forms
    assert [message.time for message in reader.feed(b"".join(written))] == [time % 2**32 for time in times]


def test_another_message_stream_begins_anew() -> None:
    writer = ChunkWriter()
    assert [joined(writer.message(3, Type.COMMAND, 0, stream, b"x"))[0] >> 6 for stream in (0, 0, 1, 1)] == [0, 1, 0, 1]


@given(
    st.lists(
        st.tuples(st.sampled_from([4, 5, 6]), st.integers(0, 2**33), st.binary(max_size=8), st.binary(max_size=700)),
        max_size=12,
    ),
    st.sampled_from([1, 7, 128, 300, 60000]),
    st.integers(1, 200),
)
def test_what_is_written_is_read_again(
    messages: list[tuple[int, int, bytes, bytes]], chunk_size: int, piece: int
) -> None:
    writer, reader = ChunkWriter(), ChunkReader()
    writer.chunk_size = reader.chunk_size = chunk_size
    data = b"".join(joined(writer.message(cs, cs + 4, time, 1, head, body)) for cs, time, head, body in messages)
    found: list[Message] = []
    for start in range(0, len(data), piece):
        found += reader.feed(data[start : start + piece])
    assert [(m.type, m.time, m.payload) for m in found] == [
        (cs + 4, time % 2**32, head + body) for cs, time, head, body in messages
    ]


MANY_STREAMS = b"".join(
    [header(0, stream, 0, 0, 9) for stream in range(2, 64)] + [bytes((0, stream)) + bytes(11) for stream in (1, 2, 3)]
)


# --- reading ------------------------------------------------------------------------------------------------


def test_all_four_header_types() -> None:
    data = (
        header(0, 6, 1000, 3, 9) + b"abc" + header(1, 6, 40, 2, 8) + b"de" + header(2, 6, 20, 0, 0) + b"fg" + b"\xc6hi"
    )
    assert read(data) == [(9, 1000, 1, b"abc"), (8, 1040, 1, b"de"), (8, 1060, 1, b"fg"), (8, 1080, 1, b"hi")]


def test_type_3_after_type_0_adds_the_absolute_time_as_the_specification_says() -> None:
    assert [time for _, time, _, _ in read(header(0, 6, 10, 1, 9) + b"a" + b"\xc6b" + b"\xc6c")] == [10, 20, 30]


def test_interleaved_messages() -> None:
    reader = ChunkReader()
    reader.chunk_size = 4
    data = header(0, 6, 0, 8, 9) + b"vide" + header(0, 4, 0, 6, 8) + b"audi" + b"\xc6o..!" + b"\xc4o!"
    assert read(data, reader) == [(9, 0, 1, b"video..!"), (8, 0, 1, b"audio!")]


@pytest.mark.parametrize(("wire", "number"), [("00 00", 64), ("00 ff", 319), ("01 00 00", 64), ("01 ff ff", 65599)])
def test_long_chunk_stream_numbers(wire: str, number: int) -> None:
    data = bytes.fromhex(wire) + header(0, 2, 7, 2, 9)[1:] + b"ab"
    reader = ChunkReader()
    assert read(data, reader) == [(9, 7, 1, b"ab")]
    assert list(reader._streams) == [number]


def test_an_extended_delta_and_its_continuation() -> None:
    extended = bytes.fromhex("01000000")
    data = header(0, 6, 5, 1, 9) + b"a" + header(1, 6, 0xFFFFFF, 200, 9) + extended + BODY[:128] + b"\xc6" + extended
    assert read(data + BODY[128:])[1] == (9, 0x01000005, 1, BODY)


@pytest.mark.parametrize("repeated", [b"", (0x01234567).to_bytes(4, "big")])
def test_an_extended_time_that_is_not_repeated_inside_a_message(repeated: bytes) -> None:
    """Some servers leave it out, which shows by what stands in its place."""
    payload = bytes(range(1, 251)) * 2
    wire = (
        bytes((3,)) + b"\xff\xff\xff" + (500).to_bytes(3, "big") + b"\x14" + bytes(4) + (0x01234567).to_bytes(4, "big")
    )
    wire += payload[:128]
    for at in range(128, 500, 128):
        wire += b"\xc3" + repeated + payload[at : at + 128]
    (message,) = ChunkReader().feed(wire)
    assert (message.time, message.payload) == (0x01234567, payload)


def test_chunk_size_changes_at_once_and_abort_forgets() -> None:
    size = header(0, 2, 0, 4, Type.SET_CHUNK_SIZE, 0) + struct.pack(">I", 500)
    assert read(size + header(0, 6, 0, 200, 9) + BODY) == [(9, 0, 1, BODY)]
    abort = header(0, 2, 0, 4, Type.ABORT, 0) + struct.pack(">I", 6)
    data = header(0, 6, 0, 200, 9) + BODY[:128] + abort + header(1, 6, 1, 2, 9) + b"ok"
    assert read(data) == [(9, 1, 1, b"ok")]


def test_a_zero_length_message() -> None:
    assert read(header(0, 4, 3, 0, 8) + header(1, 4, 1, 1, 8) + b"x") == [(8, 3, 1, b""), (8, 4, 1, b"x")]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xc6", "chunk stream 6 begins with header type 3, expected 0"),
        (header(2, 6, 0, 0, 0), "begins with header type 2"),
        (header(0, 6, 0, 200, 9) + BODY[:128] + header(0, 6, 0, 1, 9), "header type 0 in the middle of a message"),
        (header(0, 6, 0, 2**20 + 1, 9), "a message of 1048577 bytes is not accepted, 1048576 at most"),
        (header(0, 2, 0, 4, 1, 0) + b"\0\0\0\0", "a chunk size of 0 is not possible"),
        (header(0, 2, 0, 4, 1, 0) + b"\xff\0\0\0", "a chunk size of 4278190080"),
        (header(0, 2, 0, 2, 1, 0) + b"\0\0", "Set Chunk Size has 2 bytes, expected 4"),
        (MANY_STREAMS, "more than 64 chunk streams"),
    ],
    ids=["fresh 3", "fresh 2", "mid-message", "too large", "size 0", "size sign", "short", "streams"],
)
def test_broken_streams(data: bytes, text: str) -> None:
    with pytest.raises(ProtocolError, match=text):
        ChunkReader().feed(data)


def test_an_abort_that_says_nothing_is_passed_over() -> None:
    assert read(header(0, 2, 0, 2, 2, 0) + b"\0\0" + header(0, 4, 3, 1, 8) + b"x") == [(8, 3, 1, b"x")]


@pytest.mark.parametrize("pieces", [b"\xc4" * 100, header(0, 5, 0, 1, 8) + b"x"], ids=["of one byte", "whole"])
def test_chunks_are_counted_however_small(pieces: bytes) -> None:
    reader = ChunkReader()
    reader.feed(header(0, 4, 0, 0, 8))
    reader.allowed = 50
    if pieces.startswith(b"\xc4"):
        with pytest.raises(TooManyPieces):
            reader.feed(pieces)
    else:
        reader.feed(pieces * 50)
        assert reader.allowed == 0
        with pytest.raises(TooManyPieces):
            reader.feed(pieces)


@pytest.mark.parametrize("time", [0xFFFFFE, 0xFFFFFF, 0x1000000])
def test_the_extended_timestamp_begins_exactly_where_24_bits_end(time: int) -> None:
    """RTMP 1.0 §5.3.1.3: a field of 0xFFFFFF says that four bytes follow, so that very time needs them too."""
    data = b"".join(ChunkWriter().message(6, 9, time, 1, b"", bytes(200)))
    field, extended = data[1:4], data[12:16]
    if time < 0xFFFFFF:
        assert field == time.to_bytes(3)
        assert data[12:140] == bytes(128)
    else:
        assert (field, extended) == (b"\xff\xff\xff", time.to_bytes(4))
        assert data[16 + 128 :][:5] == b"\xc6" + time.to_bytes(4)
    assert read(data) == [(9, time, 1, bytes(200))]


def test_unfinished_messages_are_bounded() -> None:
    reader = ChunkReader(max_message=1000)
    data = b"".join(header(0, stream, 0, 1000, 9) + bytes(128) for stream in range(4, 40))
    with pytest.raises(ProtocolError, match="over 2000 bytes of unfinished messages"):
        reader.feed(data)


def test_what_is_aborted_counts_no_longer_as_unfinished() -> None:
    reader = ChunkReader(max_message=1000)
    abort = header(0, 2, 0, 4, Type.ABORT, 0) + struct.pack(">I", 6)
    for _ in range(100):
        assert reader.feed(header(0, 6, 0, 1000, 9) + bytes(128) + abort) == []


@given(st.binary(max_size=2000), st.integers(1, 500))
def test_any_bytes_are_read_or_refused(data: bytes, piece: int) -> None:
    reader = ChunkReader(max_message=5000)
    with contextlib.suppress(ProtocolError):
        for start in range(0, len(data), piece):
            for message in reader.feed(data[start : start + piece]):
                assert len(message.payload) <= 5000
    assert reader._held <= 10000
