"""What the codec tests share: a clip's packets through our parsers and our packer."""

from __future__ import annotations

from typing import Any

import av
from tests.media import made

from camcast.flv.packer import TagPacker, to_ms
from camcast.host import PluginHost
from camcast.kinds import FlvForm
from camcast.media import NS_PER_S, MediaKind, Tag


def our_tags(name: str, host: PluginHost, **chosen: str) -> tuple[list[Tag], TagPacker, dict[str, int]]:
    """Headers at the time of the first packet and a tag for each of the clip's packets; the packer; parsers' counts.

    `chosen`: FLV form by codec, where it is not the preferred one.
    """
    packets: list[Any] = []
    counts: dict[str, int] = {}
    forms: dict[MediaKind, FlvForm] = {}
    with av.open(str(made(name))) as source:
        kinds = {stream.index: host.codec(stream.codec_context.name) for stream in source.streams}
        parsers = {
            stream.index: kinds[stream.index].parser(bytes(stream.codec_context.extradata or b""))
            for stream in source.streams
        }
        for raw in source.demux():
            if not raw.size:
                continue
            assert raw.dts is not None
            assert raw.pts is not None
            scale = raw.time_base * NS_PER_S
            packet = parsers[raw.stream_index].parse(bytes(raw), round(raw.dts * scale), round(raw.pts * scale))
            assert packet is not None
            packets.append(packet)
        for index, kind in kinds.items():
            forms[kind.media] = kind.flv[chosen.get(kind.name) or next(iter(kind.flv))]
            counts.update(parsers[index].counts)
    tracks = {packet.track.kind: packet.track for packet in reversed(packets)}
    packer = TagPacker(tuple(tracks.values()), forms)
    first = min(to_ms(packet.dts) for packet in packets)
    return packer.headers(first) + [packer.tag(packet) for packet in packets], packer, counts
