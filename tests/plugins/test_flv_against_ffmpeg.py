"""Our tags beside those of FFmpeg's flv muxer, for the same packets: byte-equal but for what is listed here.

Left out of FFmpeg's:
- script tags: FFmpeg tells more about itself and the file, we put "@setDataFrame" in front when live;
- colour information of pictures without high dynamic range: FFmpeg sends it for every Enhanced video track, even
  empty; MediaMTX disconnects on some, so we send it only where it tells something;
- the channel map (`94`) of Opus: optional, and ZLMediaKit takes it for sound;
- SEI in hvcC: x265 puts its settings there, and servers want the three parameter sets and nothing else;
- ends of sequence: compared by themselves, since FFmpeg writes one only for H.264.

Left out of ours:
- parameter sets in front of keyframes: FFmpeg leaves them in the header, we repeat them in the stream (counted), for
  servers that read no second header.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import attrs
import av
import pytest
from tests.media import made
from tests.plugins.codec_kit import our_tags

from camcast.flv.packer import to_ms
from camcast.flv.tag import FlvReader, file_header, file_tag
from camcast.flv.unpack import Part, Piece, Unpacker
from camcast.host import PluginHost
from camcast.media import Tag, TagType

CLIPS = [
    "h264_aac",
    "h264_b_aac",
    "h264_aac_mono_16k",
    "hevc_aac",
    "hevc_b_aac",
    "hevc10_aac",
    "av1_aac",
    "av1_opus",
    "vp9_opus",
    "h264_pcma",
    "h264_mp3",
]


@pytest.fixture(scope="module")
def host() -> PluginHost:
    return PluginHost()


@attrs.frozen
class Body:
    """A tag as it is compared."""

    kind: TagType
    time: int
    body: bytes = attrs.field(repr=lambda body: f"{body[:16].hex(' ')} ({len(body)} bytes)")


def ffmpeg_tags(name: str) -> tuple[list[Tag], int]:
    """FFmpeg's tags for a clip, and the ms by which it shifted the times to begin at 0."""
    buffer = io.BytesIO()
    earliest = 0.0
    with av.open(str(made(name))) as source, av.open(buffer, "w", "flv") as out:
        streams = {stream: out.add_stream_from_template(stream, opaque=True) for stream in source.streams}
        for packet in source.demux():
            if packet.size and packet.dts is not None:
                earliest = min(earliest, float(packet.dts * packet.time_base))
                packet.stream = streams[packet.stream]
                out.mux(packet)
    reader = FlvReader()
    tags = reader.feed(buffer.getvalue())
    reader.close()
    return tags, round(-earliest * 1000)


def comparable(tags: list[Tag], unpacker: Unpacker, shift: int) -> Iterator[Body]:
    """Tags in a form in which both must agree; `shift` ms are taken off the times of frames."""
    for tag in tags:
        if tag.type is TagType.SCRIPT:
            continue
        whole = tag.head + tag.body
        (piece,) = unpacker.unpack(tag.type, whole)
        if piece.part in (Part.METADATA, Part.CHANNELS, Part.END):
            continue
        head = whole[: len(whole) - len(piece.payload)]
        time = tag.time - shift if piece.part is Part.FRAME else 0
        yield Body(tag.type, time, head + _without_extras(piece))


PARAMETER_SETS = {"h264": ((7, 8), 0x1F, 0), "h265": ((32, 33, 34), 0x3F, 1)}
"""NAL unit types, and where the type stands in a unit's first byte."""
HVCC_HEAD = 22


def _without_extras(piece: Piece) -> bytes:
    if piece.codec == "h265" and piece.part is Part.HEADER:
        return _without_sei(piece.payload)
    if piece.codec in PARAMETER_SETS and piece.part is Part.FRAME:
        return _without_parameter_sets(piece.payload, *PARAMETER_SETS[piece.codec])
    return piece.payload


def _without_parameter_sets(data: bytes, types: tuple[int, ...], mask: int, shift: int) -> bytes:
    kept = b""
    while data:
        size = 4 + int.from_bytes(data[:4], "big")
        if data[4] >> shift & mask not in types:
            kept += data[:size]
        data = data[size:]
    return kept


def _without_sei(record: bytes) -> bytes:
    """An hvcC with its arrays of parameter sets only."""
    arrays, at = [], HVCC_HEAD + 1
    for _ in range(record[HVCC_HEAD]):
        start, count = at, int.from_bytes(record[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            at += 2 + int.from_bytes(record[at : at + 2], "big")
        if record[start] & 0x3F in PARAMETER_SETS["h265"][0]:
            arrays.append(record[start:at])
    return record[:HVCC_HEAD] + bytes((len(arrays),)) + b"".join(arrays)


@pytest.mark.parametrize("name", CLIPS)
def test_tags_are_ffmpegs(name: str, host: PluginHost) -> None:
    theirs, shift = ffmpeg_tags(name)
    ours, _, _ = our_tags(name, host)
    unpacker = Unpacker(host.codecs.values())
    for kind in (TagType.VIDEO, TagType.AUDIO):
        mine = [body for body in comparable(ours, unpacker, 0) if body.kind is kind]
        other = [body for body in comparable(theirs, unpacker, shift) if body.kind is kind]
        assert len(mine) == len(other) > 20
        for index, (left, right) in enumerate(zip(mine, other, strict=True)):
            assert (left.body, left.time) == (right.body, right.time), f"{kind} {index}: {left} {right}"


def test_the_end_of_sequence_is_ffmpegs(host: PluginHost) -> None:
    theirs, _ = ffmpeg_tags("h264_aac")
    _, packer, _ = our_tags("h264_aac", host)
    (end,) = packer.end()
    assert end.body == theirs[-1].body
    assert Unpacker(host.codecs.values()).unpack(TagType.VIDEO, end.body)[0].part is Part.END


@pytest.mark.parametrize("name", CLIPS)
def test_ffmpeg_reads_our_file(name: str, host: PluginHost) -> None:
    """Every packet comes back with its bytes and times, and is decoded."""
    ours, packer, _ = our_tags(name, host)
    tags = ours + packer.end()
    with av.open(io.BytesIO(file_header(audio=True, video=True) + b"".join(map(file_tag, tags))), "r") as container:
        assert (len(container.streams.video), len(container.streams.audio)) == (1, 1)
        packets = [packet for packet in container.demux() if packet.size]
        for kind, stream in ((TagType.VIDEO, container.streams.video[0]), (TagType.AUDIO, container.streams.audio[0])):
            sent = [tag for tag in ours if tag.type is kind and tag.packet]
            came = [packet for packet in packets if packet.stream is stream]
            assert [bytes(packet) for packet in came] == [tag.body for tag in sent]
            assert [packet.dts for packet in came] == [tag.time for tag in sent]
            assert [packet.is_keyframe for packet in came] == [tag.keyframe for tag in sent]
            shown = [to_ms(tag.packet.pts) for tag in sent if tag.packet]
            assert [packet.pts for packet in came] == shown
            assert sum(len(packet.decode()) for packet in came) > len(came) * 3 // 4
