"""RTP, RTCP and depacketising without a camera: order, loss, damage; FFmpeg's packetiser as an independent writer."""

from __future__ import annotations

import random
import socket
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from struct import pack

import av
import imageio_ffmpeg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.media import made
from tests.plugins.rtsp_kit import find_codec
from tests.plugins.source_kit import Sink
from tests.programs import beside

from camcast.errors import MediaError
from camcast.media import NS_PER_MS, NS_PER_S, MediaKind
from camcast_rtsp import formats, rtcp, sdp
from camcast_rtsp.clock import Timeline, TrackClock
from camcast_rtsp.depacketise import aac, latm
from camcast_rtsp.depacketise.av1 import Av1Depacketiser, leb128
from camcast_rtsp.depacketise.common import Depacketiser, UnitSink
from camcast_rtsp.depacketise.h264 import H264Depacketiser, parameter_sets
from camcast_rtsp.depacketise.h265 import H265Depacketiser
from camcast_rtsp.depacketise.jpeg import JpegDepacketiser
from camcast_rtsp.depacketise.pictures import (
    H263Depacketiser,
    Mpeg4Depacketiser,
    MpegAudioDepacketiser,
    OldH263Depacketiser,
    Vp8Depacketiser,
)
from camcast_rtsp.depacketise.plain import PlainDepacketiser
from camcast_rtsp.depacketise.vp9 import Vp9Depacketiser
from camcast_rtsp.limits import Meter
from camcast_rtsp.reports import Report, Reports
from camcast_rtsp.rtp import HOLD, MAX_HELD, RIVAL, RtpReceiver
from camcast_rtsp.track import TrackReceiver


class Units:
    def __init__(self) -> None:
        self.got: list[tuple[bytes, int]] = []
        self.reasons: Counter[str] = Counter()

    def unit(self, data: bytes, timestamp: int) -> None:
        self.got.append((data, timestamp))

    def odd(self, text: str) -> None: ...

    def runs_at(self, rate: int) -> None: ...

    def missing(self, reason: str) -> None:
        self.reasons[reason] += 1


def prefixed(*nals: bytes) -> bytes:
    return b"".join(len(nal).to_bytes(4, "big") + nal for nal in nals)


# --- RTP ------------------------------------------------------------------------------------------------------


def packet(
    sequence: int,
    payload: bytes = b"x",
    *,
    timestamp: int = 0,
    ssrc: int = 7,
    first: int = 0x80,
    marker: bool = False,
) -> bytes:
    return pack("!BBHII", first, marker << 7 | 96, sequence & 0xFFFF, timestamp, ssrc) + payload


class Received:
    def __init__(self) -> None:
        self.order: list[int] = []
        self.gaps: list[int] = []
        self.receiver = RtpReceiver(
            96, lambda payload, timestamp, marker: self.order.append(timestamp), self.gaps.append
        )


@given(st.integers(0, 0xFFFF), st.randoms(use_true_random=False), st.sets(st.integers(1, 150), max_size=20))
def test_packets_come_out_in_order_and_every_gap_is_counted(start: int, rng: random.Random, lost: set[int]) -> None:
    sent = [number for number in range(200) if number not in lost]
    # Each packet may be late by a few places, and some come twice.
    shuffled = sorted(sent, key=lambda number: number + rng.uniform(0, 6) * (number > 0))
    arriving = [number for number in shuffled for _ in range(1 + (rng.random() < 0.1))]
    received = Received()
    for number in arriving:
        received.receiver.feed(packet(start + number, timestamp=number), 0)
    received.receiver.tick(2 * HOLD)
    assert received.order == sent
    assert sum(received.gaps) == len(lost)
    assert received.receiver.highest & 0xFFFF == (start + 199) & 0xFFFF
    assert received.receiver.highest >> 16 == (start + 199) >> 16


def test_a_gap_is_waited_for_only_so_long_and_only_for_so_many() -> None:
    received = Received()
    received.receiver.feed(packet(1, timestamp=1), 0)
    received.receiver.feed(packet(3, timestamp=3), 10)
    assert received.order == [1]
    received.receiver.feed(packet(4, timestamp=4), 10 + HOLD)
    assert (received.order, received.gaps) == ([1, 3, 4], [1])
    for number in range(6, 6 + MAX_HELD):
        received.receiver.feed(packet(number, timestamp=number), 20 + HOLD)
    assert len(received.order) == 3 + MAX_HELD
    assert received.gaps == [1, 1]


def test_headers_with_extension_sources_and_padding() -> None:
    payloads: list[bytes] = []
    receiver = RtpReceiver(96, lambda payload, timestamp, marker: payloads.append(bytes(payload)), lambda count: None)
    extension = b"\xbe\xde\x00\x01abcd"
    receiver.feed(packet(0, b"1234" + extension + b"data" + b"\0\0\3", first=0xB1), 0)
    # What cannot be padding is none.
    receiver.feed(packet(1, b"data\x09", first=0xA0), 0)
    receiver.feed(packet(2, b"data\x00", first=0xA0), 0)
    receiver.feed(b"short", 0)
    receiver.feed(packet(3, first=0x40), 0)
    assert payloads == [b"data", b"data\x09", b"data\x00"]
    assert receiver.counts["damaged"] == 2


class Numbers:
    """A receiver over a connection, and what it tells."""

    def __init__(self) -> None:
        self.told = 0
        self.lost: list[int] = []
        self.got: list[int] = []
        self.receiver = RtpReceiver(96, self._packet, self.lost.append, on_unnumbered=self._unnumbered)

    def _packet(self, payload: memoryview | bytes, timestamp: int, marker: bool) -> None:
        self.got.append(payload[0])

    def _unnumbered(self) -> None:
        self.told += 1


def in_pictures(sizes: Sequence[int], numbers: Callable[[int], int]) -> list[bytes]:
    """Packets of pictures that have so many each, at 25 a second; of the n-th the number."""
    places = [(picture, place == size - 1) for picture, size in enumerate(sizes) for place in range(size)]
    return [
        packet(numbers(n), bytes((n % 256,)), timestamp=3600 * picture, marker=last)
        for n, (picture, last) in enumerate(places)
    ]


MIXED = [6, 1, 1, 2, *[1] * 8, 8, *[1] * 11, 7, *[1] * 11] * 8
"""Keyframes in pieces, and small pictures."""


@pytest.mark.parametrize(
    ("numbers", "unnumbered"),
    [(lambda n: 7, True), (lambda n: 2 * n, True), (lambda n: n * 7919, True), (lambda n: n, False)],
)
def test_numbers_that_never_go_on_are_not_used_where_order_is_kept(
    numbers: Callable[[int], int], unnumbered: bool
) -> None:
    run = Numbers()
    sent = in_pictures(MIXED, numbers)
    for number, data in enumerate(sent):
        run.receiver.feed(data, number * NS_PER_MS)
    assert run.told == unnumbered
    assert run.got[-200:] == [data[12] for data in sent[-200:]]


@pytest.mark.parametrize("beginning", [0, 1, 30])
@pytest.mark.parametrize("sizes", [MIXED, [1] * 300, [3, 2, 4] * 60, [7, 5] * 40], ids=["mixed", "one", "few", "many"])
def test_every_other_packet_lost_is_loss(sizes: Sequence[int], beginning: int) -> None:
    """Also where it is so from the beginning, or from the second packet on."""
    run = Numbers()
    sent = in_pictures(sizes, lambda n: n)
    kept = [data for n, data in enumerate(sent) if n < beginning or (n - beginning) % 2]
    for number, data in enumerate(kept):
        run.receiver.feed(data, number * 40 * NS_PER_MS)
    run.receiver.finish()
    assert not run.told
    assert run.got == [data[12] for data in kept]
    assert sum(run.lost) == int.from_bytes(kept[-1][2:4], "big") - int.from_bytes(kept[0][2:4], "big") + 1 - len(kept)


@pytest.mark.parametrize("every", [2, 5, 40])
def test_packets_that_lack_are_not_taken_for_a_camera_that_does_not_number(every: int) -> None:
    run = Numbers()
    for number in range(400):
        if number % (every + 1) != every:
            run.receiver.feed(packet(number), number * 40 * NS_PER_MS)
    run.receiver.finish()
    assert not run.told
    assert sum(run.lost) == 399 // (every + 1)


def test_a_stray_packet_throws_nothing_off_but_a_restart_is_followed() -> None:
    received = Received()
    for number, sequence in enumerate((10, 11, 40_000, 12, 30_000, 30_001, 30_002)):
        received.receiver.feed(packet(sequence, timestamp=number), 0)
    assert received.order == [0, 1, 3, 4, 5, 6]
    assert received.gaps == [1]
    received.receiver.feed(packet(30_003, ssrc=8, timestamp=7), 0)
    received.receiver.feed(packet(30_004, ssrc=8, timestamp=8), 0)
    assert received.order[-1] == 8
    assert received.receiver.ssrc == 8


def test_a_sender_under_another_name_loses_nothing() -> None:
    received = Received()
    for number in range(6):
        received.receiver.feed(packet(number, ssrc=7 if number < 3 else 8, timestamp=number), 0)
    assert received.order == [0, 1, 2, 3, 4, 5]
    assert not received.gaps
    assert received.receiver.ssrc == 8


def test_of_two_senders_at_once_one_is_kept_to_until_it_stops() -> None:
    received = Received()
    receiver = received.receiver
    for number in range(3):
        receiver.feed(packet(number, timestamp=number), number)
    for number in range(2):
        receiver.feed(packet(500 + number, ssrc=8, timestamp=100 + number), 3)
    for number in range(20):
        receiver.feed(packet(3 + number, timestamp=3 + number), 4 + number)
        receiver.feed(packet(502 + number, ssrc=8, timestamp=102 + number), 4 + number)
    assert received.order == [0, 1, 2, *range(100, 122)]
    assert receiver.counts["another sender"] == 20
    # The second one has gone.
    for number in range(3):
        receiver.feed(packet(900 + number, timestamp=200 + number), 30 + 2 * RIVAL)
    assert received.order[-3:] == [200, 201, 202]


@given(st.lists(st.binary(max_size=40) | st.binary(max_size=30).map(lambda rest: b"\x80\x60" + rest), max_size=60))
def test_any_packets_are_survived(packets: list[bytes]) -> None:
    received = Received()
    for number, data in enumerate(packets):
        received.receiver.feed(data, number * HOLD // 3)
    received.receiver.tick(10**12)
    assert len(received.order) <= len(packets)


# --- RTCP -----------------------------------------------------------------------------------------------------


def test_reports_both_ways() -> None:
    sender = pack("!BBHIIIIII", 0x80, 200, 6, 7, 3_900_000_000, 1 << 31, 90_000, 5, 6)
    bye = pack("!BBHI", 0x81, 203, 1, 7)
    report, goodbye = rtcp.parse(sender + bye)
    assert report == rtcp.SenderReport(7, 3_900_000_000_500_000_000, 90_000, (3_900_000_000 & 0xFFFF) << 16 | 0x8000)
    assert goodbye == rtcp.Goodbye((7,))
    reporter = rtcp.Reporter(1)
    reporter.heard(report, 0)
    data = reporter.receiver_report(7, 0x10005, received=90, lost=10, now=1_000_000_000)
    assert data[:8] == bytes.fromhex("81c90007 00000001")
    about, loss, highest, _, middle, delay = (int.from_bytes(data[8 + 4 * i : 12 + 4 * i], "big") for i in range(6))
    assert (about, loss, highest) == (7, 25 << 24 | 10, 0x10005)
    assert (middle, delay) == (report.middle, 65536)
    assert data[32:36] == bytes.fromhex("81ca0004")
    assert len(data) == 52


def test_the_wall_clock_goes_on_where_its_seconds_begin_anew() -> None:
    """On 7 February 2036 (RFC 5905 §6): it was not set, though it says 1900."""
    reports, second = Reports(), 90_000
    set_so = []
    for number in range(10):
        seconds = (2**32 - 5 + number) % 2**32
        (report,) = rtcp.parse(pack("!BBHIIIIII", 0x80, 200, 6, 7, seconds, 1 << 31, number * second, 1, 2))
        assert isinstance(report, rtcp.SenderReport)
        last = report.ntp
        set_so.append(reports.heard(Report(last, number * 10**9), number * 10**9))
    assert not any(set_so)
    assert reports.media(last) == 9 * 10**9


@pytest.mark.parametrize(
    ("fraction", "tells"),
    [(0, False), (999_999, False), (1_000_000, True), (2**31, True), (2**32 - 1, True)],
)
def test_a_report_of_whole_seconds_or_microseconds_tells_no_time(fraction: int, tells: bool) -> None:
    (report,) = rtcp.parse(pack("!BBHIIIIII", 0x80, 200, 6, 7, 3_900_000_000, fraction, 90_000, 1, 2))
    assert isinstance(report, rtcp.SenderReport)
    assert report.tells_time is tells


def test_a_report_before_the_first_packet_is_as_old_as_it_is() -> None:
    """What our report says of the camera's last one counts from when that came (RFC 3550 §6.4.1, DLSR)."""
    ways = formats.choose(sdp.Media(MediaKind.AUDIO, (sdp.Format(96, "L16", 48_000),), ""), find_codec)
    track = TrackReceiver(ways, Sink(), lambda packet: None, TrackClock(48_000, Timeline()), Meter())
    track.rtcp(pack("!BBHIIIIII", 0x80, 200, 6, 7, 3_900_000_000, 0, 0, 0, 0), NS_PER_S)
    for number in range(2):
        track.rtp(packet(number, bytes(960), timestamp=480 * number), 3 * NS_PER_S)
    answer = track.receiver_report(4 * NS_PER_S)
    assert answer is not None
    assert int.from_bytes(answer[28:32], "big") == 3 * 65536


@given(st.binary(max_size=200))
def test_any_rtcp_is_survived(data: bytes) -> None:
    assert len(list(rtcp.parse(data))) <= len(data)


# --- H.264 and H.265 --------------------------------------------------------------------------------------------

IDR, SLICE = b"\x65\x88" + bytes(range(1, 200)) * 20, b"\x41\x9a" + bytes(range(50)) * 3
SPS, PPS = b"\x67\x42\x00\x0a\xf8", b"\x68\xce\x38\x80"


def fragments(nal: bytes, size: int) -> list[bytes]:
    pieces = [nal[at : at + size] for at in range(1, len(nal), size)]
    return [
        bytes((nal[0] & 0xE0 | 28, (number == 0) << 7 | (number == len(pieces) - 1) << 6 | nal[0] & 0x1F)) + piece
        for number, piece in enumerate(pieces)
    ]


def fragments_265(nal: bytes, size: int) -> list[bytes]:
    pieces = [nal[at : at + size] for at in range(2, len(nal), size)]
    return [
        bytes((nal[0] & 0x81 | 49 << 1, nal[1], (number == 0) << 7 | (number == len(pieces) - 1) << 6 | nal[0] >> 1))
        + piece
        for number, piece in enumerate(pieces)
    ]


def feed(depacketiser: Depacketiser, payloads: list[bytes], timestamp: int, *, marker: bool = True) -> None:
    for number, payload in enumerate(payloads):
        depacketiser.feed(memoryview(payload), timestamp, marker and number == len(payloads) - 1)


def test_h264_singles_aggregates_and_fragments() -> None:
    units = Units()
    depacketiser = H264Depacketiser(units)
    stap = b"\x78" + b"".join(len(nal).to_bytes(2, "big") + nal for nal in (SPS, PPS))
    feed(depacketiser, [stap, *fragments(IDR, 1000)], 1)
    feed(depacketiser, [SLICE], 2)
    # No marker: the next timestamp ends the picture.
    feed(depacketiser, fragments(SLICE, 40), 3, marker=False)
    feed(depacketiser, [SLICE], 4)
    # A whole Annex B sequence in one "SPS".
    feed(depacketiser, [b"\0\0\0\1".join((SPS, PPS, IDR))], 5)
    assert units.got == [
        (prefixed(SPS, PPS, IDR), 1),
        (prefixed(SLICE), 2),
        (prefixed(SLICE), 3),
        (prefixed(SLICE), 4),
        (prefixed(SPS, PPS, IDR), 5),
    ]
    assert not units.reasons


def test_h265_singles_aggregates_and_fragments() -> None:
    vps, idr, trail = b"\x40\x01\x0c", b"\x26\x01\xaf" + bytes(3000), b"\x02\x01\xd0" + bytes(30)
    units = Units()
    depacketiser = H265Depacketiser(units)
    aggregate = b"\x60\x01" + b"".join(len(nal).to_bytes(2, "big") + nal for nal in (vps, vps))
    feed(depacketiser, [aggregate, *fragments_265(idr, 900)], 1)
    feed(depacketiser, [trail], 2)
    numbered = Units()
    feed(H265Depacketiser(numbered, numbered=True), [trail[:2] + b"\0\1" + trail[2:]], 3)
    assert units.got == [(prefixed(vps, vps, idr), 1), (prefixed(trail), 2)]
    assert numbered.got == [(prefixed(trail), 3)]


@pytest.mark.parametrize("lost", range(5))
def test_a_picture_that_lacks_a_piece_is_left_out_and_only_that(lost: int) -> None:
    units = Units()
    depacketiser = H264Depacketiser(units)
    feed(depacketiser, [SLICE], 1)
    payloads = [(piece, 2, number == 4) for number, piece in enumerate(fragments(IDR, 800))]
    assert len(payloads) == 5
    for number, (payload, timestamp, marker) in enumerate(payloads):
        if number == lost:
            depacketiser.lost(1)
        else:
            depacketiser.feed(payload, timestamp, marker)
    feed(depacketiser, [SLICE], 3)
    feed(depacketiser, [SLICE], 4)
    assert units.got == [(prefixed(SLICE), 1), (prefixed(SLICE), 3), (prefixed(SLICE), 4)]
    assert units.reasons == {"rtp loss": 1}


def test_whole_pictures_lost_are_counted_at_least_once() -> None:
    units = Units()
    depacketiser = H264Depacketiser(units)
    feed(depacketiser, [SLICE], 1)
    depacketiser.lost(3)
    feed(depacketiser, [SPS, PPS, IDR], 5)
    assert len(units.got) == 2
    assert units.reasons == {"rtp loss": 1}


def test_a_marker_on_every_slice_is_found_out() -> None:
    units = Units()
    depacketiser = H264Depacketiser(units)
    second = b"\x41\x40" + SLICE[2:]
    for timestamp in range(4):
        depacketiser.feed(SLICE, timestamp, True)
        depacketiser.feed(second, timestamp, True)
    depacketiser.feed(SLICE, 4, True)
    assert units.got == [(prefixed(SLICE), 0), *((prefixed(SLICE, second), timestamp) for timestamp in (1, 2, 3))]
    assert units.reasons == {"damaged": 1}


def test_parameter_sets_of_an_sdp_and_garbled_ones() -> None:
    assert parameter_sets({"sprop-parameter-sets": "Z0IACvg=,aM44gA=="}) == b"\0\0\0\1" + SPS + b"\0\0\0\1" + PPS
    assert parameter_sets({"sprop-parameter-sets": "Z0IACvg,!!!,"}) == b"\0\0\0\1" + SPS
    (chosen,) = formats.choose(
        sdp.Media(MediaKind.VIDEO, (sdp.Format(96, "h264", 90_000, 1, {"sprop-parameter-sets": "AAAA"}),), ""),
        find_codec,
    )
    assert chosen.parser.track is None


def test_what_cannot_be_taken_is_named() -> None:
    with pytest.raises(MediaError, match="X-MOTION is not supported"):
        formats.choose(sdp.Media(MediaKind.VIDEO, (sdp.Format(26, "X-MOTION", 90_000),), ""), find_codec)


# --- sound --------------------------------------------------------------------------------------------------------

HBR = {"sizelength": "13", "indexlength": "3", "indexdeltalength": "3", "config": "1190"}


def test_aac_frames_several_one_and_in_pieces() -> None:
    units = Units()
    depacketiser = aac.AacDepacketiser(units, HBR, 1024)
    depacketiser.feed(pack("!HHH", 32, 3 << 3, 2 << 3) + b"abcde", 1000, True)
    depacketiser.feed(pack("!HH", 16, 6 << 3) + b"abc", 5000, False)
    depacketiser.feed(pack("!HH", 16, 6 << 3) + b"def", 5000, True)
    assert units.got == [(b"abc", 1000), (b"de", 2024), (b"abcdef", 5000)]
    depacketiser.lost(1)
    depacketiser.feed(pack("!HH", 16, 2 << 3) + b"ab", 5000 + 4 * 1024, True)
    depacketiser.feed(pack("!HH", 16, 9 << 3) + b"ab", 9000, True)
    depacketiser.feed(pack("!HH", 16, 9 << 3) + b"cdefghijk", 9000, True)
    assert units.reasons == {"rtp loss": 4}


def test_aac_step_is_that_of_the_core() -> None:
    assert aac.frame_step(bytes.fromhex("1190"), 48_000) == 1024
    # HE-AAC: core at 24 kHz, clock of 48 kHz.
    assert aac.frame_step(bytes.fromhex("2b098800"), 48_000) == 2048
    with pytest.raises(MediaError, match="config"):
        aac.config_of({}, 44_000, 2)
    with pytest.raises(MediaError, match="sizelength"):
        aac.AacDepacketiser(Units(), {"sizelength": "17"}, 1024)


def test_latm_configuration_and_long_frames() -> None:
    config, frames = latm.stream_config({"cpresent": "0", "config": "40002320adca00"[:14]}, 48_000, 2)
    assert frames == 1
    assert len(config) == 2
    assert latm.stream_config({"cpresent": "0", "config": ""}, 16_000, 1) == (b"\x14\x08", 1)
    assert latm.is_inside({"cpresent": "1", "config": "40"})
    assert latm.is_inside({})
    assert not latm.is_inside({"config": "40"})
    units = Units()
    depacketiser = latm.LatmDepacketiser(units, 1, 1024)
    frame = bytes(range(256)) * 2
    depacketiser.feed(b"\xff\xff\x02" + frame[:100], 5, False)
    depacketiser.feed(frame[100:], 5, True)
    assert units.got == [(frame, 5)]


# --- AV1 ----------------------------------------------------------------------------------------------------------


def obus(data: bytes) -> list[tuple[int, bytes]]:
    """(type, payload) of each OBU of a temporal unit in the low-overhead format."""
    found, at = [], 0
    while at < len(data):
        assert data[at] & 2, "an OBU without a size"
        kind, at = data[at] >> 3 & 15, at + (2 if data[at] & 4 else 1)
        size = shift = 0
        while True:
            byte = data[at]
            at += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        found.append((kind, data[at : at + size]))
        at += size
    return found


def from_ffmpeg(name: str, codec: str, feed: Callable[[bytes], object]) -> None:
    """FFmpeg sends a clip's video as RTP to us, at several times its speed.

    What another test's camera still sends to a port that is ours now has another SSRC.
    """
    ssrc = random.getrandbits(31)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inbox:
        inbox.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        inbox.bind(("127.0.0.1", 0))
        inbox.settimeout(10)
        port = inbox.getsockname()[1]
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-readrate", "8", "-i", str(made(name))]
        command += ["-map", "0:v", "-c", "copy", "-strict", "experimental", "-payload_type", "96", "-ssrc", str(ssrc)]
        with beside(
            [*command, "-f", "rtp", f"rtp://127.0.0.1:{port}?rtcpport={port}"], stdout=subprocess.DEVNULL
        ) as process:
            inbox.settimeout(0.5)
            while True:
                try:
                    data = inbox.recv(65536)
                except TimeoutError:
                    if process.poll() is not None:
                        break
                    continue
                if data[1] & 0x7F == 96 and int.from_bytes(data[8:12]) == ssrc:
                    feed(data)
            assert process.returncode == 0


def test_av1_of_ffmpegs_packetiser() -> None:
    units = Units()
    depacketiser = Av1Depacketiser(units)
    receiver = RtpReceiver(96, depacketiser.feed, depacketiser.lost)
    from_ffmpeg("av1_aac", "av1", lambda data: receiver.feed(data, 0))
    with av.open(str(made("av1_aac"))) as container:
        wanted = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    assert not units.reasons
    assert [obus(data) for data, _ in units.got] == [[obu for obu in obus(data) if obu[0] != 2] for data in wanted]


def test_av1_fragments_and_loss() -> None:
    header, frame = b"\x08" + b"seq", b"\x30" + bytes(500)
    whole = b"\x0a\x03seq" + b"\x32" + leb128(500) + bytes(500)
    packets = [
        b"\x68" + leb128(len(header)) + header + frame[:100],
        b"\xd0" + frame[100:300],
        b"\x90" + frame[300:],
    ]
    units = Units()
    depacketiser = Av1Depacketiser(units)
    feed(depacketiser, packets, 1)
    assert units.got == [(whole, 1)]
    for missing in range(3):
        depacketiser.lost(1) if missing == 0 else None
        for number, payload in enumerate(packets):
            if number == missing:
                depacketiser.lost(1)
            else:
                depacketiser.feed(payload, 2 + missing, number == 2)
    assert len(units.got) == 1
    assert units.reasons["rtp loss"] >= 2
    depacketiser.lost(1)
    feed(depacketiser, packets, 9)
    assert units.got[1:] == [(whole, 9)]


# --- VP9 ----------------------------------------------------------------------------------------------------------


def test_vp9_of_ffmpegs_packetiser() -> None:
    units = Units()
    depacketiser = Vp9Depacketiser(units)
    receiver = RtpReceiver(96, depacketiser.feed, depacketiser.lost)
    from_ffmpeg("vp9_opus", "vp9", lambda data: receiver.feed(data, 0))
    with av.open(str(made("vp9_opus"))) as container:
        wanted = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    assert not units.reasons
    assert [data for data, _ in units.got] == wanted


DESCRIPTORS = {
    "nothing": (0x00, b""),
    "a short picture number": (0x80, b"\x05"),
    "a long picture number": (0x80, b"\x85\x01"),
    "a layer": (0x20, b"\x20\x07"),
    "references": (0x50, b"\x03\x05\x02"),
    "a structure": (0x02, b"\x18\x01\x40\x00\xf0\x02\x04\x08\x08\x01\x02"),
}
"""What may stand behind the first byte, and the bits there that announce it."""


@pytest.mark.parametrize("name", DESCRIPTORS)
def test_vp9_descriptors_are_passed_over(name: str) -> None:
    flags, told = DESCRIPTORS[name]
    units = Units()
    feed(Vp9Depacketiser(units), [bytes((flags | 0x0C,)) + told + b"a frame"], 7)
    assert units.got == [(b"a frame", 7)]
    feed(Vp9Depacketiser(units), [bytes((flags | 0x0C,)) + told], 8)
    assert len(units.got) == 1
    assert units.reasons == {"damaged": 1}


def test_vp9_layers_become_a_superframe_and_loss_costs_the_picture() -> None:
    # Layer 0 in two packets, layers 1 and 2 in one each.
    packets = [b"\x28\x00\x01" + b"a" * 300, b"\x24\x00\x01" + b"b" * 100]
    packets += [b"\x2c\x02\x01" + b"c" * 20, b"\x2c\x04\x01" + b"d" * 9]
    index = b"\xca" + b"".join(size.to_bytes(2, "little") for size in (400, 20, 9)) + b"\xca"
    whole = b"a" * 300 + b"b" * 100 + b"c" * 20 + b"d" * 9 + index
    units = Units()
    depacketiser = Vp9Depacketiser(units)
    feed(depacketiser, packets, 1)
    assert units.got == [(whole, 1)]
    for missing in range(4):
        for number, payload in enumerate(packets):
            if number == missing:
                depacketiser.lost(1)
            else:
                depacketiser.feed(payload, 2 + missing, number == 3)
    assert len(units.got) == 1
    assert units.reasons["rtp loss"] >= 3
    feed(depacketiser, packets, 9)
    assert units.got[1:] == [(whole, 9)]


# --- all ------------------------------------------------------------------------------------------------------------

ALL: Mapping[str, Callable[[UnitSink], Depacketiser]] = {
    "h264": H264Depacketiser,
    "h265": H265Depacketiser,
    "h265 numbered": lambda sink: H265Depacketiser(sink, numbered=True),
    "av1": Av1Depacketiser,
    "aac": lambda sink: aac.AacDepacketiser(sink, {**HBR, "auxiliarydatasizelength": "3"}, 1024),
    "latm": lambda sink: latm.LatmDepacketiser(sink, 2, 1024),
    "plain": PlainDepacketiser,
    "jpeg": JpegDepacketiser,
    "mpeg4": Mpeg4Depacketiser,
    "h263": H263Depacketiser,
    "old h263": OldH263Depacketiser,
    "vp8": Vp8Depacketiser,
    "vp9": Vp9Depacketiser,
    "mpeg audio": MpegAudioDepacketiser,
}

steps = st.lists(
    st.tuples(
        st.binary(min_size=1, max_size=60)
        | st.sampled_from([*fragments(IDR, 900), *fragments_265(IDR, 900), SPS, SLICE]),
        st.integers(0, 3),
        st.booleans(),
        st.integers(0, 9),
    ),
    max_size=40,
)


@pytest.mark.parametrize("name", ALL)
@given(steps=steps)
def test_any_payloads_are_survived(name: str, steps: list[tuple[bytes, int, bool, int]]) -> None:
    units = Units()
    depacketiser = ALL[name](units)
    for payload, timestamp, marker, chance in steps:
        if chance == 0:
            depacketiser.lost(1)
        depacketiser.feed(memoryview(payload), timestamp, marker)
    for data, _ in units.got:
        assert data
        if name in ("h264", "h265"):
            at = 0
            while at < len(data):
                at += 4 + int.from_bytes(data[at : at + 4], "big")
            assert at == len(data)
        if name == "av1":
            assert obus(data)
