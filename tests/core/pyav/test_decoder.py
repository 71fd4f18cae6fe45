"""FFmpeg's decoders behind the contract: times, damage, changes in mid-stream."""

from __future__ import annotations

import ctypes
from typing import Any

import attrs
import pytest
from tests.plugins.nal_kit import prefixed, stream

from camcast.errors import EncoderError, MediaError
from camcast.media import NS_PER_S, RAW, MediaKind, Packet, Track
from camcast.pyav import AvDecoder
from camcast.pyav.decoder import padded
from camcast_h264.parser import H264Parser

TICK = NS_PER_S // 25


def packets(parameters: str = "bframes=2:b-adapt=0", **settings: Any) -> list[Packet]:
    parser = H264Parser()
    made = stream("libx264", parameters, **settings)
    found = [parser.parse(unit.data, unit.dts * TICK, unit.pts * TICK, arrival=unit.pts + 1) for unit in made.units]
    return [packet for packet in found if packet is not None]


def test_times_and_arrivals_follow_the_pictures() -> None:
    made = packets()
    decoder = AvDecoder(made[0].track, "h264")
    frames = [frame for packet in made for frame in decoder.decode(packet)] + decoder.flush()
    assert [frame.pts for frame in frames] == [index * TICK for index in range(len(made))]
    assert [frame.arrival for frame in frames] == [index + 1 for index in range(len(made))]
    assert {frame.track for frame in frames} == {frames[0].track}
    assert (frames[0].track.codec, frames[0].track.kind) == (RAW, MediaKind.VIDEO)


def test_no_frame_waits_where_none_is_reordered() -> None:
    made = packets("bframes=0")
    decoder = AvDecoder(made[0].track, "h264")
    assert [len(decoder.decode(packet)) for packet in made] == [1] * len(made)


def test_a_new_picture_size_in_mid_stream() -> None:
    first, second = packets("bframes=0"), packets("bframes=0", size=(322, 182))
    decoder = AvDecoder(first[0].track, "h264")
    frames = [frame for packet in first + second for frame in decoder.decode(packet)] + decoder.flush()
    assert [(frame.track.width, frame.data.width) for frame in frames] == [(320, 320)] * 12 + [(322, 322)] * 12  # type: ignore[union-attr]
    assert len({id(frame.track) for frame in frames}) == 2


def test_what_is_shown_small_looks_the_same_with_less_work() -> None:
    """Here at a quarter, as a page of many cameras shows them."""
    key = packets("bframes=0:qp=34:deblock=1,1")[0]
    seen = []
    for less in (False, True):
        decoder = AvDecoder(key.track, "h264")
        if less:
            decoder.take_less()
        picture: Any = (decoder.decode(key) + decoder.flush())[0].data
        small = picture.reformat(picture.width // 4, picture.height // 4, "gray", interpolation="AREA")
        seen.append((picture.to_ndarray(format="gray").astype(int), small.to_ndarray().astype(int)))
    (whole, small), (rough, small_rough) = seen
    assert abs(whole - rough).max() > 0, "nothing was left out"
    assert abs(small - small_rough).mean() < 1
    assert abs(small - small_rough).max() < 16


def test_damage_is_a_media_error_and_the_next_packet_does_well() -> None:
    made = packets("bframes=0")
    decoder = AvDecoder(made[0].track, "h264")
    decoder.decode(made[0])
    broken = attrs.evolve(made[1], payload=b"\xff\xff\xff\xff\x41")
    with pytest.raises(MediaError, match="decoder h264 cannot read a packet"):
        decoder.decode(broken)
    assert len(decoder.decode(made[5])) == 1


def test_what_does_not_open() -> None:
    track = packets()[0].track
    with pytest.raises(EncoderError, match="decoder nonsense does not open"):
        AvDecoder(track, "nonsense")
    decoder = AvDecoder(track, "h264")
    decoder.close()
    decoder.close()
    with pytest.raises(EncoderError, match="decoder h264 is closed"):
        decoder.decode(packets()[0])


def test_sound() -> None:
    track = Track(kind=MediaKind.AUDIO, codec="x", sample_rate=8000, channels=1)
    decoder = AvDecoder(track, "pcm_mulaw")
    payload = prefixed(b"\x7f" * 156)
    (frame,) = decoder.decode(Packet(track, 5 * NS_PER_S, 5 * NS_PER_S, True, payload, arrival=9))
    assert (frame.pts, frame.arrival, frame.data.samples) == (5 * NS_PER_S, 9, 160)  # type: ignore[union-attr]
    assert (frame.track.sample_rate, frame.track.channels, frame.track.codec) == (8000, 1, RAW)


def test_packets_have_zeros_behind_their_data() -> None:
    """FFmpeg's decoders read beyond the end: MPEG-4's damages pictures where something else stands there."""
    data = bytes(range(1, 200))
    packet = padded(data)
    assert bytes(packet) == data
    assert ctypes.string_at(packet.buffer_ptr + len(data), 64) == bytes(64)


def test_a_picture_beyond_the_bound_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few bytes can say that a picture has 16384 x 16384 points."""
    (large, *_), (small, *_) = packets("bframes=0", size=(640, 360)), packets("bframes=0")
    monkeypatch.setattr("camcast.pyav.decoder.MAX_PIXELS", 400 * 300)
    with pytest.raises(EncoderError, match="pictures of 640x360 are not decoded: expected at most"):
        AvDecoder(large.track, "h264")
    decoder = AvDecoder(small.track, "h264")
    assert len(decoder.decode(small)) == 1
    # Where the parser is not asked, the library knows it too.
    with pytest.raises((MediaError, EncoderError)):
        decoder.decode(attrs.evolve(large, track=small.track))
    assert len(decoder.decode(small)) == 1
