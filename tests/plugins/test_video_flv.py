"""H.264 and H.265 in FLV, put together by hand and read back by FFmpeg: the same units at the same times."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from functools import partial
from typing import Any

import attrs
import av
import pytest
from tests.plugins.nal_kit import Stream, stream, units_of

from camcast.kinds import CodecKind, FlvForm
from camcast.media import NS_PER_MS, Packet
from camcast_h264 import CODEC as H264
from camcast_h265 import CODEC as H265

MS = 40

CASES = {
    "h264 with B-frames": (H264, "legacy", partial(stream, "libx264", "bframes=2:b-adapt=0:aud=1", frames=20)),
    "h264 10-bit": (H264, "legacy", partial(stream, "libx264", "", pixel_format="yuv420p10le")),
    "h265": (H265, "enhanced", partial(stream, "libx265", "bframes=0")),
    "h265 with B-frames": (H265, "enhanced", partial(stream, "libx265", "bframes=3:b-adapt=0", frames=20)),
    "h265 10-bit": (H265, "enhanced", partial(stream, "libx265", "bframes=2", pixel_format="yuv420p10le")),
    "h265 legacy": (H265, "legacy", partial(stream, "libx265", "bframes=2", frames=20)),
}


def packets_of(codec: CodecKind, made: Stream, start: int = 0) -> list[Packet]:
    """The stream as packets whose first dts is `start` ms."""
    parser = codec.parser(b"")
    first = made.units[0].dts
    packets = [
        parser.parse(
            unit.data, ((unit.dts - first) * MS + start) * NS_PER_MS, ((unit.pts - first) * MS + start) * NS_PER_MS
        )
        for unit in made.units
    ]
    return [packet for packet in packets if packet is not None]


def flv(form: FlvForm, packets: Sequence[Packet]) -> bytes:
    out = bytearray(b"FLV\x01\x01\x00\x00\x00\x09\x00\x00\x00\x00")

    def tag(time: int, body: bytes) -> None:
        header = b"\x09" + len(body).to_bytes(3, "big") + (time & 0xFFFFFF).to_bytes(3, "big")
        out.extend(header + (time >> 24).to_bytes(1, "big") + b"\0\0\0" + body + (len(body) + 11).to_bytes(4, "big"))

    track = None
    for packet in packets:
        time = packet.dts // NS_PER_MS
        if packet.track is not track:
            track = packet.track
            tag(time, form.header(track))
        tag(time, form.head(track, packet.keyframe, packet.pts // NS_PER_MS - time) + packet.payload)
    tag(time, form.end)
    return bytes(out)


def hashes(payload: bytes) -> list[str]:
    return [hashlib.sha256(unit).hexdigest() for unit in units_of(payload)]


def read_back(data: bytes) -> tuple[list[av.Packet[Any]], bytes, list[tuple[int, int]]]:
    """FFmpeg's packets, its configuration record, and the sizes of the pictures that it decodes."""
    with av.open(io.BytesIO(data), "r", format="flv") as container:
        video = container.streams.video[0]
        record = bytes(video.codec_context.extradata or b"")
        packets = [packet for packet in container.demux(video) if packet.size]
        decoder = av.CodecContext.create(video.codec_context.name, "r")
        decoder.extradata = record
        pictures = [picture for packet in [*packets, None] for picture in decoder.decode(packet)]  # type: ignore[attr-defined]
    return packets, record, [(picture.width, picture.height) for picture in pictures]


@pytest.mark.parametrize("name", CASES)
def test_round_trip(name: str) -> None:
    codec, form_name, make = CASES[name]
    form = codec.flv[form_name]
    packets = packets_of(codec, make())
    back, record, sizes = read_back(flv(form, packets))
    assert record == packets[0].track.config
    assert [(packet.dts, packet.pts) for packet in back] == [
        (packet.dts // NS_PER_MS, packet.pts // NS_PER_MS) for packet in packets
    ]
    assert [hashes(bytes(packet)) for packet in back] == [hashes(packet.payload) for packet in packets]
    assert [packet.is_keyframe for packet in back] == [packet.keyframe for packet in packets]
    assert sizes == [(320, 240)] * len(packets)


@pytest.mark.parametrize(("codec", "form"), [(H264, "legacy"), (H265, "enhanced"), (H265, "legacy")])
def test_clips_whose_pts_come_before_their_dts(codec: CodecKind, form: str) -> None:
    packets = packets_of(codec, stream(f"libx{codec.name[1:]}", "bframes=0"), start=1000)
    early = [attrs.evolve(packet, pts=packet.pts - 3 * NS_PER_MS) for packet in packets]
    back, _, _ = read_back(flv(codec.flv[form], early))
    assert [packet.pts - packet.dts for packet in back] == [-3] * len(packets)  # type: ignore[operator]


@pytest.mark.parametrize(("codec", "form"), [(H264, "legacy"), (H265, "enhanced"), (H265, "legacy")])
def test_a_new_size_in_mid_stream_is_seen(codec: CodecKind, form: str) -> None:
    encoder = f"libx{codec.name[1:]}"
    first, second = stream(encoder, "bframes=0"), stream(encoder, "bframes=0", size=(322, 182))
    parser = codec.parser(b"")
    packets = []
    for number, unit in enumerate(first.units + second.units):
        packet = parser.parse(unit.data, number * MS * NS_PER_MS, number * MS * NS_PER_MS)
        assert packet is not None
        packets.append(packet)
    assert len({id(packet.track) for packet in packets}) == 2
    _, _, sizes = read_back(flv(codec.flv[form], packets))
    assert sizes == [(320, 240)] * len(first.units) + [(322, 182)] * len(second.units)
