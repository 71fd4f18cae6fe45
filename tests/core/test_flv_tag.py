"""FLV framing: golden bytes, reading in pieces of any size, damage, and FFmpeg as reader and writer."""

import contextlib
import io

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.media import made

from camcast.errors import MediaError
from camcast.flv.tag import FlvReader, file_header, file_tag
from camcast.media import Tag, TagType

TAGS = st.builds(
    lambda kind, time, head, body: Tag(kind, time, head, body),
    st.sampled_from(list(TagType)),
    st.integers(0, 0xFFFFFFFF),
    st.binary(max_size=8),
    st.binary(min_size=1, max_size=300),
)


def test_golden_bytes_of_file_and_tag() -> None:
    assert file_header(audio=True, video=True).hex() == "464c5601050000000900000000"
    tag = Tag(TagType.VIDEO, 0x01020304, b"\x17\x01", b"abc")
    assert file_tag(tag).hex() == "09000005020304010000001701" + b"abc".hex() + "00000010"


def test_a_file_holds_a_script_tag_without_its_head() -> None:
    assert file_tag(Tag(TagType.SCRIPT, 0, b"live only", b"\x02\x00\x01x"))[11:-4] == b"\x02\x00\x01x"


def test_a_body_over_24_bits_is_refused() -> None:
    with pytest.raises(MediaError, match="16777216 bytes: FLV takes at most 16777215"):
        file_tag(Tag(TagType.VIDEO, 0, b"12", bytes((1 << 24) - 2)))


@given(st.lists(TAGS, max_size=6), st.integers(1, 40))
def test_what_is_written_is_read_in_pieces_of_any_size(tags: list[Tag], piece: int) -> None:
    data = file_header(audio=False, video=True) + b"".join(map(file_tag, tags))
    reader = FlvReader()
    seen = [tag for at in range(0, len(data), piece) for tag in reader.feed(data[at : at + piece])]
    reader.close()
    assert not reader.audio
    assert reader.video
    assert [(tag.type, tag.time, tag.body) for tag in seen] == [
        (tag.type, tag.time, (b"" if tag.type is TagType.SCRIPT else tag.head) + tag.body) for tag in tags
    ]


HEADER = file_header(audio=True, video=True)
TAG = file_tag(Tag(TagType.AUDIO, 7, b"", b"xyz"))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"FLX", "begins with"),
        (b"FLV\x02", "version 1"),
        (b"FLV\x01\x0d\0\0\0\x09", "header flags 0x0d"),
        (b"FLV\x01\x05\0\0\0\x08", "claims 8 bytes"),
        (b"FLV\x01\x05\x40\0\0\0", "claims 1073741824 bytes"),
        (HEADER[:-1] + b"\x01" + TAG, "previous tag size is 1, expected 0"),
        (HEADER + TAG[:-4] + b"\0\0\0\x0d" + TAG, "previous tag size is 13, expected 14"),
        (HEADER + b"\x29" + TAG[1:], "tag type 41"),
        (HEADER + TAG[:10] + b"\x01" + TAG[11:], "stream id 000001"),
        (HEADER + b"\x09\xff\xff\xff" + TAG[4:], "exceeds the limit of 1000"),
    ],
)
def test_damage_is_named(data: bytes, text: str) -> None:
    with pytest.raises(MediaError, match=text):
        FlvReader(max_body=1000).feed(data)


@pytest.mark.parametrize("cut", [0, 5, len(HEADER), len(HEADER) + 3, len(HEADER + TAG) - 1])
def test_an_end_in_the_middle_is_damage(cut: int) -> None:
    reader = FlvReader()
    reader.feed((HEADER + TAG)[:cut])
    if cut == len(HEADER):
        reader.close()
        return
    with pytest.raises(MediaError, match="ends in the middle"):
        reader.close()


@given(st.binary(max_size=200), st.booleans())
def test_garbage_is_an_error_or_nothing_and_never_kept_beyond_one_tag(data: bytes, framed: bool) -> None:
    reader = FlvReader(max_body=64)
    with contextlib.suppress(MediaError):
        for tag in reader.feed((HEADER if framed else b"") + data):
            assert len(tag.body) <= 64


def test_ffmpeg_writes_what_is_read_and_reads_what_is_written() -> None:
    buffer = io.BytesIO()
    with av.open(str(made("h264_aac"))) as source, av.open(buffer, "w", "flv") as out:
        streams = {stream: out.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.size:
                packet.stream = streams[packet.stream]
                out.mux(packet)
    data = buffer.getvalue()
    reader = FlvReader()
    tags = reader.feed(data)
    reader.close()
    assert file_header(audio=True, video=True) + b"".join(map(file_tag, tags)) == data
    with av.open(io.BytesIO(data), "r") as back:
        assert sum(1 for packet in back.demux() if packet.size) == sum(
            1 for tag in tags if tag.type is not TagType.SCRIPT and tag.body[1] == 1
        )
