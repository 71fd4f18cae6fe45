"""New parameters in mid-stream: a header at that keyframe, only when its bytes changed, and FFmpeg follows."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import av
import pytest
from tests.media import encode

from camcast.bitstream.nal import join_prefixed, split_annexb
from camcast.contracts import CodecParser
from camcast.flv.packer import TagPacker, to_ms
from camcast.flv.tag import file_header, file_tag
from camcast.flv.unpack import Part, Unpacker
from camcast.host import PluginHost
from camcast.media import NS_PER_S, MediaKind, Tag, TagType, Track

CODECS = {
    "h264": ("libx264", ".mp4", {"preset": "ultrafast", "tune": "zerolatency"}),
    "h265": ("libx265", ".mp4", {"preset": "ultrafast", "x265-params": "log-level=1:bframes=0"}),
    "av1": ("libsvtav1", ".mp4", {"preset": "12"}),
    "vp9": ("libvpx-vp9", ".mkv", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}),
}
SIZES = [(480, 270), (256, 144), (256, 144)]


@pytest.mark.parametrize("codec", list(CODECS))
def test_a_change_of_size(codec: str, tmp_path: Path) -> None:
    """Three clips one behind the other, of which the second alone differs from its predecessor."""
    encoder, suffix, options = CODECS[codec]
    kind = PluginHost(allow=[codec]).codec(codec)
    parser: CodecParser | None = None
    packer: TagPacker | None = None
    track: Track | None = None
    tags: list[Tag] = []
    for number, size in enumerate(SIZES):
        path = tmp_path / f"{number}{suffix}"
        encode(path, video=encoder, size=size, seconds=0.4, audio=None, video_options=options, noise=0)
        with av.open(str(path)) as source:
            stream = source.streams.video[0]
            parser = parser or kind.parser(bytes(stream.codec_context.extradata or b""))
            for raw in source.demux(stream):
                if not raw.size or raw.pts is None:
                    continue
                # The new record comes in the stream only, as from a camera.
                pts = round((raw.pts * raw.time_base + number) * NS_PER_S)
                packet = parser.parse(in_band(raw, codec), pts, pts)
                assert packet
                if packer is None:
                    packer = TagPacker([packet.track], {MediaKind.VIDEO: next(iter(kind.flv.values()))})
                    tags += packer.headers(0)
                elif packet.track is not track:
                    tags += packer.change(packet.track, to_ms(packet.dts))
                track = packet.track
                tags.append(packer.tag(packet))
    assert packer
    assert (packer.tracks[0].width, packer.tracks[0].height) == SIZES[-1]
    unpacker = Unpacker([kind])
    media = [(tag, unpacker.unpack(tag.type, tag.head + tag.body)[0]) for tag in tags if tag.type is TagType.VIDEO]
    headers = [tag.time for tag, piece in media if piece.part is Part.HEADER]
    assert headers == [0, 1000]
    assert [tag.time for tag, piece in media if piece.part is Part.FRAME and piece.keyframe] == [0, 1000, 2000]
    with av.open(io.BytesIO(file_header(audio=False, video=True) + b"".join(map(file_tag, tags))), "r") as container:
        shown = [(frame.width, frame.height) for frame in container.decode(video=0)]
    assert shown == [size for size in SIZES for _ in range(10)]


def in_band(raw: av.Packet[Any], codec: str) -> bytes:
    """A packet as a camera sends it: with its parameter sets on keyframes."""
    if codec not in ("h264", "h265") or not raw.is_keyframe:
        return bytes(raw)
    filter_name = "h264_mp4toannexb" if codec == "h264" else "hevc_mp4toannexb"
    context = av.bitstream.BitStreamFilterContext(filter_name, raw.stream)
    (annexb,) = context.filter(raw)
    return join_prefixed(split_annexb(bytes(annexb)))
