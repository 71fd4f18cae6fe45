"""What packing costs: CPU µs per frame from an encoder's or camera's packet to an FLV tag.

Ours is timed in its two parts: parse (the codec's parser: framing, flags, parameter sets) and tag (head and time).
Its result goes to a socket as it is, head and body, without a copy. Beside it PyAV's flv muxer, given the same
packets; that one cannot but write, so it writes to memory. For comparison, "write" is what it would take us to write
the same file to memory. Reach: parse and tag take at most half of the muxer's CPU.

    python -m bench.packing [--rounds 7]
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import av
from tests.media import RECIPES, encode, made

from camcast.flv.packer import TagPacker
from camcast.flv.tag import file_tag
from camcast.host import PluginHost
from camcast.kinds import CodecKind
from camcast.media import NS_PER_S, Packet, Tag


def _camera(path: Path, video: str, **options: str) -> None:
    """Three seconds as a good camera sends them: 1080p30 at 4 Mbit/s."""
    encode(
        path,
        video=video,
        size=(1920, 1080),
        fps=30,
        seconds=3,
        bitrate=4_000_000,
        gop=2,
        noise=6,
        video_options=options,
        audio=None,
    )


RECIPES["camera_1080p_hevc"] = (
    ".mp4",
    lambda path: _camera(path, "libx265", **{"preset": "ultrafast", "x265-params": "log-level=1"}),
)
RECIPES["camera_1080p_av1"] = (".mp4", lambda path: _camera(path, "libsvtav1", preset="12"))
RECIPES["camera_1080p_vp9"] = (
    ".mkv",
    lambda path: _camera(path, "libvpx-vp9", **{"deadline": "realtime", "cpu-used": "8", "row-mt": "1"}),
)

CLIPS = (
    ("h264", "camera_1080p", "video"),
    ("hevc", "camera_1080p_hevc", "video"),
    ("av1", "camera_1080p_av1", "video"),
    ("vp9", "camera_1080p_vp9", "video"),
    ("h264 small", "h264_aac", "video"),
    ("aac", "h264_aac", "audio"),
    ("opus", "h264_opus", "audio"),
    ("g711a", "h264_pcma", "audio"),
)
REACH = 0.5


@attrs.frozen
class Raw:
    """One packet of the clip, times in ns."""

    data: bytes
    dts: int
    pts: int


@attrs.frozen
class Row:
    label: str
    frames: int
    frame_bytes: float
    parse: float
    """µs per frame, like the others."""
    tag: float
    write: float
    muxer: float

    @property
    def ratio(self) -> float:
        return (self.parse + self.tag) / self.muxer


def measure(label: str, clip: str, media: str, host: PluginHost, rounds: int) -> Row:
    raws, extradata, kind = _read(clip, media, host)
    parse, tag, write = [], [], []
    for _ in range(rounds):
        parser = kind.parser(extradata)
        packets: list[Packet] = []
        parse.append(_cpu(partial(_parse, parser.parse, raws, packets)))
        packer = TagPacker((packets[0].track,), {kind.media: next(iter(kind.flv.values()))})
        tags: list[Tag] = []
        tag.append(_cpu(partial(_tag, packer.tag, packets, tags)))
        write.append(_cpu(partial(_write, tags)))
    muxer = [_mux(clip, media) for _ in range(rounds)]
    count = len(raws)
    scale = 1e6 / count
    return Row(
        label,
        count,
        sum(len(raw.data) for raw in raws) / count,
        min(parse) * scale,
        min(tag) * scale,
        min(write) * scale,
        min(muxer) * scale,
    )


def _read(clip: str, media: str, host: PluginHost) -> tuple[list[Raw], bytes, CodecKind]:
    with av.open(str(made(clip))) as source:
        stream = next(stream for stream in source.streams if stream.type == media)
        raws = []
        for packet in source.demux(stream):
            if packet.size and packet.dts is not None and packet.pts is not None:
                scale = packet.time_base * NS_PER_S
                raws.append(Raw(bytes(packet), round(packet.dts * scale), round(packet.pts * scale)))
        context = stream.codec_context
        return raws, bytes(context.extradata or b""), host.codec(context.name)


def _parse(parse: Callable[[bytes, int, int], Packet | None], raws: Sequence[Raw], into: list[Packet]) -> None:
    into.extend(packet for raw in raws if (packet := parse(raw.data, raw.dts, raw.pts)) is not None)


def _tag(tag: Callable[[Packet], Tag], packets: Sequence[Packet], into: list[Tag]) -> None:
    into.extend(map(tag, packets))


def _write(tags: Sequence[Tag]) -> None:
    io.BytesIO().writelines(map(file_tag, tags))


def _mux(clip: str, media: str) -> float:
    """CPU seconds of muxing alone: reading and opening are not counted."""
    sink = io.BytesIO()
    with av.open(str(made(clip))) as source, av.open(sink, "w", "flv") as out:
        stream = next(stream for stream in source.streams if stream.type == media)
        target = out.add_stream_from_template(stream, opaque=True)
        packets = [packet for packet in source.demux(stream) if packet.size]
        for packet in packets:
            packet.stream = target
        out.start_encoding()
        return _cpu(partial(_mux_all, out, packets))


def _mux_all(out: av.container.OutputContainer, packets: Sequence[av.Packet[Any]]) -> None:
    for packet in packets:
        out.mux(packet)


def _cpu(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="the best of so many counts")
    rounds = parser.parse_args().rounds
    host = PluginHost()
    print(f"{'codec':15} {'frames':>6} {'bytes':>7} {'parse':>7} {'tag':>6} {'write':>6} {'muxer':>7}  ours/muxer")
    for label, clip, media in CLIPS:
        row = measure(label, clip, media, host, rounds)
        verdict = "pass" if row.ratio <= REACH else "FAIL"
        print(
            f"{row.label:15} {row.frames:6} {row.frame_bytes:7.0f} {row.parse:7.2f} {row.tag:6.2f} {row.write:6.2f}"
            f" {row.muxer:7.2f}  {row.ratio:5.2f} {verdict}"
        )
    print(f"µs of CPU per frame, best of {rounds}; reach: ours at most {REACH} of the muxer's")


if __name__ == "__main__":
    main()
