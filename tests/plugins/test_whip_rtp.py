"""RTP of WHIP: H.264 payloads as aiortc reads them, packets, repeats, reports; pacing and liveness by a given clock."""

from __future__ import annotations

import random
import time

import pytest
from aiortc.codecs.h264 import h264_depayload
from aiortc.rtp import HeaderExtensionsMap, RtcpPacket, RtcpSrPacket, RtpPacket, unwrap_rtx
from hypothesis import given
from hypothesis import strategies as st

from camcast.media import MediaKind
from camcast_whip import h264
from camcast_whip.liveness import FIRST, Liveness
from camcast_whip.pacer import BURST, Pacer
from camcast_whip.repeats import FEW, HISTORY, REPEATS_PER_SECOND, SCARCE
from camcast_whip.rtp import Parameters, Report, RtpStream
from camcast_whip.track import OutgoingTrack

SIZES = st.lists(
    st.one_of(st.integers(2, 60), st.integers(490, 510), st.integers(990, 1010), st.integers(2, 9000)), max_size=14
)


@given(SIZES, st.integers(100, 1400))
def test_units_come_out_as_they_went_in(sizes: list[int], limit: int) -> None:
    rng = random.Random(sum(sizes))
    units = [bytes((rng.choice((0x65, 0x41, 0x67, 0x06, 0x01)),)) + rng.randbytes(size - 1) for size in sizes]
    made = h264.payloads(units, limit)
    assert all(0 < len(payload) <= limit for payload in made)
    out = b"".join(h264_depayload(payload) for payload in made)
    assert out == b"".join(b"\0\0\0\1" + unit for unit in units)


def test_small_units_share_and_large_ones_are_cut_evenly() -> None:
    units = [bytes((0x67,)) + bytes(20), bytes((0x68,)) + bytes(4), bytes((0x65,)) + bytes(3000)]
    together, *pieces = h264.payloads(units, 1200)
    assert together[0] == 0x60 | h264.STAP_A
    assert [piece[1] for piece in pieces] == [0x85, 0x05, 0x45]
    assert {len(piece) for piece in pieces} == {1002}


def stream(**more: int) -> RtpStream:
    return RtpStream(Parameters(ssrc=7, payload_type=96, clock_rate=90_000, mid="0", **more))


def test_packets_as_another_implementation_reads_them() -> None:
    extensions = HeaderExtensionsMap()
    extensions._HeaderExtensionsMap__ids.mid = 3  # type: ignore[attr-defined]
    own = stream(mid_extension=3)
    first = [RtpPacket.parse(data, extensions) for data in own.packets([b"a" * 100, b"b"], 0, 101)]
    second = [RtpPacket.parse(data, extensions) for data in own.packets([b"c"], 3600, 1)]
    assert [packet.payload for packet in first + second] == [b"a" * 100, b"b", b"c"]
    assert [packet.marker for packet in first + second] == [0, 1, 1]
    assert [packet.sequence_number - first[0].sequence_number for packet in first + second] == [0, 1, 2]
    assert (second[0].timestamp - first[0].timestamp) & 0xFFFFFFFF == 3600
    assert {packet.ssrc for packet in first + second} == {7}
    assert {packet.extensions.mid for packet in first + second} == {"0"}
    assert first[0].sequence_number < 1 << 15


def test_a_clock_that_is_set_pulls_sound_and_picture_not_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Receivers play them together by what sender reports say of their clocks."""
    parameters = Parameters(ssrc=7, payload_type=96, clock_rate=90_000, mid="0")
    track = OutgoingTrack(
        MediaKind.VIDEO, "h264", parameters, 1200,
        send=lambda packet: None, keyframe_wanted=lambda: None, heard=lambda: None, offence=lambda text: None,
    )  # fmt: skip

    def told() -> float:
        report, _ = RtcpPacket.parse(track.report("us", 0.0))
        assert isinstance(report, RtcpSrPacket)
        return report.sender_info.ntp_timestamp / 2**32

    before, real = told(), time.time
    assert before == pytest.approx(real() + 2_208_988_800, abs=1)
    monkeypatch.setattr("camcast_whip.track.time.time", lambda: real() + 3600)
    assert 0 <= told() - before < 60


def test_repeats_with_and_without_rtx() -> None:
    own = stream()
    (sent,) = own.packets([b"hello"], 0, 5)
    number = RtpPacket.parse(sent).sequence_number
    assert own.repeats.packet(number, 0.0) == sent
    assert own.repeats.packet(number + 1, 0.0) is None
    rtx = stream(repeat_ssrc=9, repeat_payload_type=97, mid_extension=1)
    (sent,) = rtx.packets([b"hello"], 0, 5)
    number = RtpPacket.parse(sent).sequence_number
    again = rtx.repeats.packet(number, 0.0)
    assert again is not None
    packet = RtpPacket.parse(again)
    assert (packet.ssrc, packet.payload_type) == (9, 97)
    unwrapped = unwrap_rtx(packet, payload_type=96, ssrc=7)
    assert (unwrapped.payload, unwrapped.sequence_number) == (b"hello", number)


def test_repeats_are_bounded_by_age_and_rate() -> None:
    own = stream()
    first = RtpPacket.parse(own.packets([b"x"], 0, 1)[0]).sequence_number
    for _ in range(HISTORY):
        own.packets([b"y"], 1, 1)
    assert own.repeats.packet(first, 0.0) is None
    last = (first + HISTORY) & 0xFFFF
    given_out = [own.repeats.packet(last, 1.0) for _ in range(REPEATS_PER_SECOND + 50)]
    assert sum(packet is not None for packet in given_out) == REPEATS_PER_SECOND
    assert own.repeats.refused == 51
    assert own.repeats.packet(last, 2.1) is not None


def test_repeats_are_scarce_where_they_make_nothing_good() -> None:
    """They would take the room of what is sent, of sound as well."""
    own = stream()
    given = []
    for second in range(8):
        for _ in range(500):
            (sent,) = own.packets([b"x"], second, 1)
        last = RtpPacket.parse(sent).sequence_number
        own.reported(report(last, fraction_lost=128 if 1 <= second <= 5 else 0), 0)
        given.append(sum(own.repeats.packet(last, 1.0 + second) is not None for _ in range(400)))
    assert given == [400, 400, 400, *[round(SCARCE * 500)] * 3, 400, 400]
    assert FEW < SCARCE * 500


def report(highest: int, **more: int) -> Report:
    values = {"fraction_lost": 0, "packets_lost": 0, "jitter": 0, "last_report": 0, "delay": 0, **more}
    return Report(highest_sequence=highest, **values)


def test_a_report_acknowledges_up_to_its_highest_number_even_over_the_wrap() -> None:
    own = stream()
    numbers = []
    for size in range(70_000):
        numbers.append(RtpPacket.parse(own.packets([b"x"], size, 10)[0]).sequence_number)
        if size % 1000 == 999:
            assert own.reported(report(numbers[-3]), 0)
            assert own.acked == (size - 1) * 10
    assert own.reported(report(numbers[-1] | 1 << 16), 0)
    assert own.acked == 700_000
    assert not own.outstanding


def test_a_number_that_was_not_sent_acknowledges_nothing() -> None:
    own = stream()
    (sent,) = own.packets([b"x"], 0, 10)
    number = RtpPacket.parse(sent).sequence_number
    assert not own.reported(report(number + 5), 0)
    assert not own.reported(report(number - 5), 0)
    assert own.acked == 0


def test_round_trip_loss_and_what_was_left_out() -> None:
    own = stream()
    (sent,) = own.packets([b"x"], 0, 10)
    own.leave_out(90)
    number = RtpPacket.parse(sent).sequence_number
    now = 1000 << 32
    sent_at = now - (1 << 31)  # half a second ago; the receiver kept it for a quarter
    own.reported(
        report(number, last_report=sent_at >> 16 & 0xFFFFFFFF, delay=65536 // 4, fraction_lost=64, jitter=900), now
    )
    assert own.acked == 100
    assert own.round_trip == pytest.approx(0.25)
    assert own.fraction_lost == 0.25
    assert own.jitter == pytest.approx(0.01)


def test_losses_that_last_are_more_than_repeats_make_good() -> None:
    own = stream()
    told = []
    for lost in (0, 200, 200, 10, 60, 60, 60, 60, 0):
        (sent,) = own.packets([b"x"], 0, 10)
        own.reported(report(RtpPacket.parse(sent).sequence_number, fraction_lost=lost), 0)
        told.append(own.impaired)
    # Not after a moment without link, but after three reports in a row; and it ends with the losses.
    assert told == [False, False, False, False, False, False, True, True, False]


def test_a_keyframe_takes_half_of_a_frame_and_a_small_picture_none() -> None:
    pacer = Pacer()
    now = 10.0
    assert pacer.allowed(now) == BURST
    pacer.picture(200, 0.04)
    left, began = 200, now
    while left:
        count = min(left, pacer.allowed(now))
        pacer.take(count)
        left -= count
        now += pacer.wait
    assert 0.017 <= now - began <= 0.023
    pacer.picture(5, 0.04)
    assert pacer.allowed(now + 0.02) >= 5


def test_a_late_timer_does_not_make_a_burst() -> None:
    pacer = Pacer()
    pacer.allowed(0.0)
    pacer.take(BURST)
    assert pacer.allowed(5.0) <= 20


def test_silence_counts_by_the_peers_habit() -> None:
    alive = Liveness(0.0)
    assert not alive.silent(FIRST - 0.1)
    assert alive.silent(FIRST + 0.1)
    for second in range(1, 9):
        alive.heard(float(second))
    assert alive.grace == 2.0
    assert not alive.silent(9.9)
    assert alive.silent(10.1)
    alive.resumed(20.0)
    assert not alive.silent(21.5)
    slow = Liveness(0.0)
    for turn in range(1, 5):
        slow.heard(5.0 * turn)
    assert slow.grace == FIRST
