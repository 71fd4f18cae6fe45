"""H.264 and H.265 encoders by what comes out of them: timestamps, groups of pictures, bitrates, sizes."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import attrs
import av
import pytest
from tests.plugins.nal_kit import frames, pictures

from camcast.contracts import Encoder, EncoderSettings
from camcast.errors import EncoderError
from camcast.kinds import CodecKind, EncoderKind
from camcast.media import NS_PER_S, RAW, Frame, MediaKind, Packet, Track
from camcast.pyav import HardwareOptions
from camcast_h264 import CODEC as H264
from camcast_h264.encoders import KINDS as H264_KINDS
from camcast_h264.encoders import X264Options
from camcast_h265 import CODEC as H265
from camcast_h265.encoders import KINDS as H265_KINDS
from camcast_h265.encoders import X265Options

X264, X265 = H264_KINDS[0], H265_KINDS[0]
BOTH = pytest.mark.parametrize(("kind", "codec"), [(X264, H264), (X265, H265)], ids=["x264", "x265"])
FAST = {"libx264": X264Options(preset="ultrafast"), "libx265": X265Options(preset="ultrafast")}
SETTINGS = EncoderSettings(width=320, height=240, frame_rate=25, bitrate=800_000, gop=1.0)


def run(
    kind: EncoderKind, settings: EncoderSettings, count: int, act: Callable[[Encoder, int], object], *, noise: int = 40
) -> list[Packet]:
    encoder = kind.open(attrs.evolve(settings, options=settings.options or FAST[kind.name]))
    packets = []
    for number, frame in enumerate(frames(count, noise=noise)):
        act(encoder, number)
        packets += encoder.encode(frame)
    packets += encoder.flush()
    encoder.close()
    return packets


def idle(encoder: Encoder, number: int) -> None:
    """Nothing."""


@BOTH
def test_zero_latency_and_exact_times(kind: EncoderKind, codec: CodecKind) -> None:
    encoder = kind.open(attrs.evolve(SETTINGS, options=FAST[kind.name]))
    for number, frame in enumerate(frames(60)):
        (packet,) = encoder.encode(frame)
        assert packet.pts == packet.dts == frame.pts
        assert packet.arrival == frame.arrival
        assert packet.keyframe == (number % 25 == 0)
        assert packet.track.codec == codec.name
    assert encoder.flush() == []
    encoder.close()
    assert (packet.track.width, packet.track.height, packet.track.frame_rate) == (320, 240, 25.0)
    assert (packet.track.bitrate, packet.track.reorder) == (800_000, 0)
    with pytest.raises(EncoderError, match=f"{kind.name} is closed"):
        encoder.encode(frame)


@BOTH
def test_packets_decode_to_the_pictures(kind: EncoderKind, codec: CodecKind) -> None:
    packets = run(kind, attrs.evolve(SETTINGS, b_frames=2, bitrate=4_000_000), 40, idle, noise=8)
    assert codec.decoder is not None
    decoder = codec.decoder(packets[0].track)
    shown = [frame for packet in packets for frame in decoder.decode(packet)] + decoder.flush()
    sent = list(frames(40, noise=8))
    assert [frame.pts for frame in shown] == [frame.pts for frame in sent]
    assert [frame.arrival for frame in shown] == [frame.arrival for frame in sent]
    assert {frame.track for frame in shown} == {shown[0].track}
    assert (shown[0].track.codec, shown[0].track.width, shown[0].track.frame_rate) == (RAW, 320, 25.0)
    for frame, original in zip(shown, sent, strict=True):
        difference = frame.data.to_ndarray().astype(int) - original.data.to_ndarray()
        assert abs(difference).mean() < 2.5


@BOTH
def test_b_frames_when_asked_for(kind: EncoderKind, codec: CodecKind) -> None:
    packets = run(kind, attrs.evolve(SETTINGS, b_frames=2), 60, idle)
    assert len(packets) == 60
    assert sorted(packet.pts for packet in packets) == [frame.pts for frame in frames(60)]
    assert all(packet.dts <= packet.pts for packet in packets)
    assert all(first.dts < second.dts for first, second in itertools.pairwise(packets))
    assert any(packet.dts < packet.pts for packet in packets)
    assert packets[0].track.reorder > 0
    assert {packet.arrival for packet in packets} == set(range(1, 61))
    # Each decode time is the display time of some frame, so nothing drifts.
    shift = packets[0].pts - packets[0].dts
    times = {packet.pts for packet in packets}
    assert sum(packet.dts in times for packet in packets) >= 60 - round(shift / 40_000_000)
    # Closed groups: nothing behind a keyframe is shown before it.
    for index, packet in enumerate(packets):
        if packet.keyframe:
            assert all(later.pts > packet.pts for later in packets[index + 1 :])


@BOTH
def test_keyframes_on_request_and_by_time(kind: EncoderKind, codec: CodecKind) -> None:
    packets = run(kind, SETTINGS, 70, lambda encoder, number: encoder.request_keyframe() if number == 10 else None)
    assert [index for index, packet in enumerate(packets) if packet.keyframe] == [0, 10, 35, 60]
    # A camera that gives half the frames still has a keyframe every second.
    encoder = kind.open(attrs.evolve(SETTINGS, options=FAST[kind.name]))
    packets = [packet for frame in list(frames(80))[::2] for packet in encoder.encode(frame)]
    encoder.close()
    assert [packet.pts // NS_PER_S for packet in packets if packet.keyframe] == [7, 8, 9, 10]


@BOTH
@pytest.mark.parametrize("control", ["cbr", "vbr", "avbr"])
def test_bitrate_changes_while_running(kind: EncoderKind, codec: CodecKind, control: str) -> None:
    """Asked for 2.0, 0.8, 1.6 Mbit/s, 3 s each: the bytes of each last 2 s."""
    asked = (2_000_000, 800_000, 1_600_000)
    settings = attrs.evolve(SETTINGS, bitrate=asked[0], max_bitrate=asked[0], rate_control=control)
    if control == "avbr":
        settings = attrs.evolve(settings, options=attrs.evolve(FAST[kind.name], crf=10.0))

    def act(encoder: Encoder, number: int) -> None:
        if number % 75 == 0:
            encoder.set_bitrate(asked[number // 75])

    packets = run(kind, settings, 225, act)
    assert len(packets) == 225
    assert [packet.pts for packet in packets] == [frame.pts for frame in frames(225)]
    got = [sum(len(packet.payload) for packet in packets[end - 50 : end]) * 4 for end in (75, 150, 225)]
    for bitrate, wanted in zip(got, asked, strict=True):
        assert 0.6 * wanted < bitrate < 1.25 * wanted, f"asked for {asked}, got {got}"
    # No keyframes but those that were due, and no new headers where the bytes need not change.
    assert [index for index, packet in enumerate(packets) if packet.keyframe] == list(range(0, 225, 25))
    if control != "avbr":
        assert len({id(packet.track) for packet in packets}) == 1


def test_bitrate_limits() -> None:
    encoder = X264.open(SETTINGS)
    with pytest.raises(EncoderError, match="bitrate 0 bit/s: expected a positive number"):
        encoder.set_bitrate(0)
    encoder.close()


@BOTH
def test_a_decoders_picture_types_are_not_taken_for_orders(kind: EncoderKind, codec: CodecKind) -> None:
    """Pictures from a decoder say that they were I or B; the new stream has its own groups."""
    encoder = kind.open(attrs.evolve(SETTINGS, options=FAST[kind.name]))
    packets = []
    for frame in frames(10):
        assert isinstance(frame.data, av.VideoFrame)
        frame.data.pict_type = av.video.frame.PictureType.I
        packets += encoder.encode(frame)
    assert [packet.keyframe for packet in packets] == [True] + [False] * 9


@BOTH
def test_any_picture_is_made_to_fit(kind: EncoderKind, codec: CodecKind) -> None:
    """Size and pixel format follow the settings; without a size, the first picture's, made even."""
    raw = Track(kind=MediaKind.VIDEO, codec=RAW, width=323, height=181)
    picture = next(pictures(1, 324, 182)).reformat(323, 181, "rgb24")
    for size, expected in (((0, 0), (322, 180)), ((640, 360), (640, 360))):
        settings = EncoderSettings(width=size[0], height=size[1], options=FAST[kind.name])
        encoder = kind.open(settings)
        packets = [*encoder.encode(Frame(raw, 0, picture)), *encoder.flush()]
        assert [(packet.track.width, packet.track.height) for packet in packets] == [expected]
        encoder.close()


@BOTH
def test_ten_bits_and_colours_pass_through(kind: EncoderKind, codec: CodecKind) -> None:
    picture = next(pictures(1)).reformat(format="yuv420p10le")
    picture.color_primaries, picture.color_trc, picture.colorspace = 9, 16, 9
    settings = attrs.evolve(SETTINGS, pixel_format="yuv420p10le", options=FAST[kind.name])
    encoder = kind.open(settings)
    (packet,) = encoder.encode(Frame(Track(kind=MediaKind.VIDEO, codec=RAW), 0, picture))
    details = packet.track.details
    assert (details["bit_depth"], details["primaries"], details["transfer"], details["matrix"]) == (10, 9, 16, 9)


@BOTH
def test_full_range_and_rgb_pictures_are_told_as_what_they_become(kind: EncoderKind, codec: CodecKind) -> None:
    """A webcam's JPEG pictures use all values; RGB is converted to what players of HD pictures assume."""
    jpeg = next(pictures(1)).reformat(format="yuvj420p")
    jpeg.color_range = 2
    rgb = next(pictures(1)).reformat(format="rgb24")
    raw = Track(kind=MediaKind.VIDEO, codec=RAW)
    for picture, expected in ((jpeg, (True, 2)), (rgb, (False, 1))):
        encoder = kind.open(attrs.evolve(SETTINGS, options=FAST[kind.name]))
        (packet,) = encoder.encode(Frame(raw, 0, picture))
        assert (packet.track.details["full_range"], packet.track.details["primaries"]) == expected


@BOTH
def test_a_jump_of_the_clock_goes_through(kind: EncoderKind, codec: CodecKind) -> None:
    """Timestamps leave as they came, forward by an hour and back; nothing stalls or piles up."""
    encoder = kind.open(attrs.evolve(SETTINGS, options=FAST[kind.name]))
    sizes = []
    for number, frame in enumerate(frames(24)):
        frame.pts += 3600 * NS_PER_S * (10 <= number < 20)
        (packet,) = encoder.encode(frame)
        assert packet.pts == packet.dts == frame.pts
        sizes.append(len(packet.payload))
    encoder.close()
    assert max(sizes[10:]) < 2 * max(sizes[1:10])


@pytest.mark.parametrize("kind", [*H264_KINDS, *H265_KINDS], ids=lambda kind: kind.name)
def test_every_encoder_works_or_says_why_not(kind: EncoderKind) -> None:
    refusal = ""
    try:
        kind.probe()
    except EncoderError as error:
        refusal = str(error)
    if not refusal:
        encoder = kind.open(SETTINGS)
        assert len([packet for frame in frames(5) for packet in encoder.encode(frame)] + encoder.flush()) == 5
        encoder.close()
        return
    assert kind.hardware
    assert refusal.startswith(
        (f"{kind.name} does not open for 640x360", f"this build of FFmpeg has no encoder {kind.name}")
    )
    assert "; it needs " in refusal
    with pytest.raises(EncoderError, match=kind.name):
        kind.open(attrs.evolve(SETTINGS, options=HardwareOptions(parameters={"gpu": "0"})))


def test_open_errors_name_the_settings() -> None:
    with pytest.raises(EncoderError, match="libx264 does not open for 320x240 yuv420p, cbr, 800000 bit/s"):
        X264.open(attrs.evolve(SETTINGS, options=X264Options(profile="fancy")))
    with pytest.raises(ValueError, match="'preset' must be in"):
        X265Options(preset="sluggish")
    encoder = X264.open(SETTINGS)
    sound = Frame(Track(kind=MediaKind.AUDIO, codec=RAW), 0, av.AudioFrame(samples=10))
    with pytest.raises(EncoderError, match="libx264 encodes pictures, not AudioFrame"):
        encoder.encode(sound)


def test_priorities_put_hardware_first() -> None:
    for kinds in (H264_KINDS, H265_KINDS):
        software = [kind.priority for kind in kinds if not kind.hardware]
        assert all(kind.priority > max(software) for kind in kinds if kind.hardware)
