"""Several tracks in one FLV, written by us and read by FFmpeg: every packet of every track, by hash."""

from __future__ import annotations

import hashlib
import io

import av
import pytest
from tests.plugins.codec_kit import our_tags

from camcast.flv.multitrack import TRACK_FORM, TrackTags
from camcast.flv.tag import file_header, file_tag
from camcast.host import PluginHost
from camcast.media import Tag, TagType


def hashes(source: object) -> dict[str, list[list[str]]]:
    """Of each track's packets, in order, by kind of media."""
    with av.open(source, "r") as container:
        streams = {"video": container.streams.video, "audio": container.streams.audio}
        found: dict[int, list[str]] = {stream.index: [] for stream in container.streams}
        for packet in container.demux(*streams["video"], *streams["audio"]):
            if packet.size:
                found[packet.stream_index].append(hashlib.sha256(bytes(packet)).hexdigest())
        return {media: [found[stream.index] for stream in streams[media]] for media in streams}


@pytest.mark.parametrize("names", [("h264_aac", "h264_b_aac"), ("h264_b_aac", "hevc_aac", "av1_opus")])
def test_ffmpeg_reads_every_track(names: tuple[str, ...]) -> None:
    host = PluginHost()
    alone = [our_tags(names[0], host)[0]]
    alone += [our_tags(name, host, h264=TRACK_FORM, aac=TRACK_FORM)[0] for name in names[1:]]
    tags: list[Tag] = list(alone[0])
    for number, of_one in enumerate(alone[1:], 1):
        of_track = TrackTags(number)
        tags += [tag for tag in map(of_track.of, of_one) if tag is not None]
    tags.sort(key=lambda tag: tag.time)  # stable: headers stay in front
    got = hashes(io.BytesIO(file_header(audio=True, video=True) + b"".join(map(file_tag, tags))))
    for media, type in (("video", TagType.VIDEO), ("audio", TagType.AUDIO)):
        sent = [[tag.body for tag in of_one if tag.packet is not None and tag.type is type] for of_one in alone]
        # FFmpeg numbers its streams as they begin.
        assert sorted(got[media]) == sorted([hashlib.sha256(body).hexdigest() for body in bodies] for bodies in sent)
