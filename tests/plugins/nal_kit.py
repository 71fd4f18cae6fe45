"""What the tests of NAL-unit codecs share: streams from FFmpeg's encoders in every flavour, and pictures."""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from functools import cache

import attrs
import av
import numpy as np

from camcast.media import NS_PER_S, RAW, Frame, MediaKind, Track


@attrs.frozen
class Unit:
    """One packet of FFmpeg's, times in frames."""

    data: bytes = attrs.field(repr=False)
    pts: int
    dts: int
    keyframe: bool


@attrs.frozen
class Stream:
    units: list[Unit] = attrs.field(repr=False)
    extradata: bytes = attrs.field(repr=False)


@cache
def stream(
    codec: str,
    parameters: str = "",
    *,
    size: tuple[int, int] = (320, 240),
    fps: Fraction = Fraction(25),
    frames: int = 12,
    gop: int = 5,
    pixel_format: str = "yuv420p",
    global_header: bool = False,
    colour: tuple[int, int, int] = (2, 2, 2),
    profile: str = "",
) -> Stream:
    """A stream straight from FFmpeg's encoder: Annex B, with the sets in the stream unless `global_header`."""
    context = av.CodecContext.create(codec, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height = size
    context.pix_fmt = pixel_format
    context.framerate, context.time_base = fps, 1 / fps
    context.gop_size = gop
    context.color_primaries, context.color_trc, context.colorspace = colour
    if global_header:
        context.flags |= av.codec.context.Flags.global_header
    own = codec.removeprefix("lib")
    quiet = "log-level=none:" if own == "x265" else ""
    context.options = {"preset": "ultrafast", f"{own}-params": (quiet + parameters).strip(":")}
    if profile:
        context.options = {**context.options, "profile": profile}
    packets = []
    for number, picture in enumerate(pictures(frames, *size)):
        picture = picture.reformat(format=pixel_format)
        picture.pts, picture.time_base = number, 1 / fps
        packets += context.encode(picture)
    packets += context.encode(None)
    units = [Unit(bytes(packet), packet.pts or 0, packet.dts or 0, packet.is_keyframe) for packet in packets]
    return Stream(units, context.extradata or b"")


def pictures(count: int, width: int = 320, height: int = 240, *, noise: int = 40) -> Iterator[av.VideoFrame]:
    """Moving pictures with noise, so that every bit asked for finds a use. The same ones each time."""
    random = np.random.default_rng(1)
    still = random.integers(16, 16 + max(1, noise), (height * 3 // 2, width), dtype=np.uint8)
    for number in range(count):
        moved = np.roll(still, number * 3, axis=1).copy()
        moved[: height // 2] += random.integers(0, max(1, noise), (height // 2, width), dtype=np.uint8)
        yield av.VideoFrame.from_ndarray(moved, format="yuv420p")


def frames(
    count: int, width: int = 320, height: int = 240, *, fps: int = 25, start: int = 7 * NS_PER_S, noise: int = 40
) -> Iterator[Frame]:
    """The same as frames of a source; `arrival` counts from 1."""
    raw = Track(kind=MediaKind.VIDEO, codec=RAW, width=width, height=height, frame_rate=fps)
    for number, picture in enumerate(pictures(count, width, height, noise=noise)):
        yield Frame(raw, start + number * NS_PER_S // fps, picture, number + 1)


def units_of(payload: bytes) -> list[bytes]:
    """The NAL units of a payload with 4-byte sizes, read independently of the code under test."""
    units = []
    while payload:
        length = int.from_bytes(payload[:4], "big")
        assert 0 < length <= len(payload) - 4
        units.append(payload[4 : 4 + length])
        payload = payload[4 + length :]
    return units


def prefixed(*units: bytes, size: int = 4) -> bytes:
    return b"".join(len(unit).to_bytes(size, "big") + unit for unit in units)


def annexb(*units: bytes) -> bytes:
    return b"".join(b"\x00\x00\x00\x01" + unit for unit in units)


def ffmpeg_view(made_stream: Stream, codec: str) -> av.VideoCodecContext:
    """What FFmpeg's mp4 muxer makes of it, and then its decoder."""
    buffer = io.BytesIO()
    decoder = av.CodecContext.create(codec, "r")
    assert isinstance(decoder, av.VideoCodecContext)
    with av.open(buffer, "w", "mp4") as out:
        target = out.add_stream_from_template(_raw_stream(made_stream, codec))
        for unit in made_stream.units:
            packet = av.Packet(unit.data)
            packet.pts, packet.dts, packet.is_keyframe = unit.pts, unit.dts, unit.keyframe
            packet.time_base, packet.stream = Fraction(1, 25), target
            out.mux(packet)
    buffer.seek(0)
    with av.open(buffer, "r") as back:
        video = back.streams.video[0]
        decoder.extradata = video.codec_context.extradata
        for packet in back.demux(video):  # type: ignore[assignment]
            decoder.decode(packet)
    return decoder


def _raw_stream(made_stream: Stream, codec: str) -> av.VideoStream:
    raw = io.BytesIO(b"".join(unit.data for unit in made_stream.units))
    return av.open(raw, format=codec).streams.video[0]
