"""Transport-wide feedback, by the words of draft-holmer-rmcat-transport-wide-cc-extensions-01."""

from __future__ import annotations

import struct

import pytest
from aiortc.rtp import RtcpPacket, RtcpReceiverInfo, RtcpRrPacket, RtpPacket
from hypothesis import given
from hypothesis import strategies as st

from camcast_whip.rtp import Parameters, RtpStream
from camcast_whip.transport_wide import FORMAT, MAX_SENT, TRANSPORT_FEEDBACK, Feedback, Numbering, read, separate


def feedback(first: int, count: int, *chunks: int, deltas: bytes = b"") -> bytes:
    """The body of one: section 3.1."""
    return struct.pack(f"!HHI{len(chunks)}H", first, count, 0x123456_07, *chunks) + deltas


def rtcp(kind: int, count: int, body: bytes, *, padding: int = 0) -> bytes:
    body += bytes(padding - 1) + bytes((padding,)) if padding else b""
    assert len(body) % 4 == 0
    return struct.pack("!BBH", 0x80 | (0x20 if padding else 0) | count, kind, len(body) // 4) + body


def test_a_run_is_one_status_of_many() -> None:
    # Section 3.1.3: 0, two bits of status, 13 of length.
    assert read(feedback(7, 300, 0 << 13 | 100, 1 << 13 | 200)) == Feedback(7, [False] * 100 + [True] * 200)


def test_a_vector_of_one_bit_and_of_two() -> None:
    # Section 3.1.4: the examples' bits.
    one = read(feedback(0, 14, 0b1_0_01111100011101))
    assert "".join("01"[came] for came in one.came) == "01111100011101"
    # A large delta (10), and one without a time (11), have come as well.
    two = read(feedback(0, 7, 0b1_1_00_01_10_11_00_01_00))
    assert two.came == [False, True, True, True, False, True, False]


def test_what_a_list_says_beyond_its_count_counts_for_nothing() -> None:
    assert read(feedback(0, 3, 0b1_0_11111111111111)).came == [True] * 3
    assert read(feedback(0, 3, 1 << 13 | 0x1FFF)).came == [True] * 3


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0" * 7,
        feedback(0, 20, 1 << 13 | 10),
        feedback(0, 1, 0x2000)[:-1],
        feedback(0, MAX_SENT + 1, *[1 << 13 | 0x1FFF] * 8),
    ],
)
def test_what_is_cut_off_or_about_more_than_was_sent_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="transport-wide feedback"):
        read(body)


@given(st.binary(max_size=60))
def test_whatever_comes_is_read_or_refused(body: bytes) -> None:
    try:
        found = read(body)
    except ValueError:
        return
    assert len(found.came) == int.from_bytes(body[2:4], "big")


def test_it_is_taken_out_of_what_comes_along_with_it() -> None:
    """Padded, it would cost the receiver report beside it: aiortc refuses the whole datagram."""
    info = RtcpReceiverInfo(ssrc=7, fraction_lost=3, packets_lost=4, highest_sequence=5, jitter=6, lsr=7, dlsr=8)
    report = bytes(RtcpRrPacket(ssrc=1, reports=[info]))
    body = feedback(9, 1, 1 << 13 | 1, deltas=b"\4")
    padded = rtcp(TRANSPORT_FEEDBACK, FORMAT, struct.pack("!LL", 1, 7) + body, padding=1)
    nack = rtcp(TRANSPORT_FEEDBACK, 1, struct.pack("!LLHH", 1, 7, 11, 0))
    rest, bodies = separate(report + padded + nack)
    assert rest == report + nack
    assert [read(one) for one in bodies] == [Feedback(9, [True])]
    assert len(RtcpPacket.parse(rest)) == 2


@given(st.binary(max_size=80))
def test_nothing_of_what_comes_is_lost(data: bytes) -> None:
    rest, bodies = separate(data)
    assert len(rest) <= len(data)
    assert bodies or rest == data


class Track:
    """Two packets a unit, of 100 bytes each, numbered."""

    def __init__(self, numbering: Numbering, ssrc: int = 7) -> None:
        self.stream = RtpStream(
            Parameters(ssrc=ssrc, payload_type=96, clock_rate=90_000, mid="0", mid_extension=1, wide_extension=2)
        )
        self.numbering = numbering

    def send(self, now: float) -> list[RtpPacket]:
        made = self.stream.packets([bytes(100), bytes(100)], 0, 200)
        return [RtpPacket.parse(self.numbering.number(one, len(one) - self.stream.start, now)) for one in made]


def test_every_packet_of_a_connection_has_the_next_number() -> None:
    numbering = Numbering()
    one, other = Track(numbering), Track(numbering, 8)
    sent = [*one.send(0.0), *other.send(0.0), *one.send(0.0)]
    # What aiortc has no name for it leaves out, so it is read here: one-byte form, id 2, two bytes (RFC 8285 §4.2).
    again = [Track(numbering).stream.packets([b"x"], 0, 1)[0] for _ in range(1)]
    assert all(packet.payload == bytes(100) for packet in sent)
    assert again[0][12:14] == b"\xbe\xde"
    numbers = [int.from_bytes(numbering.number(again[0], 1, 0.0)[17:19], "big") for _ in range(2)]
    assert again[0][16] == 2 << 4 | 1
    assert numbers == [6, 7]


def test_an_answer_tells_of_each_track_what_came() -> None:
    numbering = Numbering()
    one, other = Track(numbering), Track(numbering, 8)
    first = one.send(1.0)
    second = other.send(1.1)
    told = numbering.answer(Feedback(0, [True, False, True]), 1.5)
    assert told is not None
    assert (told.tracks[7].newest, told.tracks[7].lost) == (first[1].sequence_number, 100)
    assert (told.tracks[8].newest, told.tracks[8].lost) == (second[0].sequence_number, 0)
    assert told.trip == pytest.approx(0.4)
    assert one.stream.answered(told.tracks[7].newest, told.tracks[7].lost)
    assert (one.stream.acked, one.stream.lost) == (200, 100)
    # Half a unit is not acknowledged.
    assert not other.stream.answered(told.tracks[8].newest, 0)
    assert other.stream.acked == 0


def test_what_is_sent_again_says_nothing_of_how_far_they_have_come() -> None:
    """Where repeats go as they were (no RFC 4588), under their first sequence number."""
    numbering = Numbering()
    track = Track(numbering)
    first, *_ = track.stream.packets([bytes(100)], 0, 100)
    numbering.number(first, 100, 0.0)
    last = track.send(0.0)[-1]
    numbering.number(first, 100, 0.1)
    told = numbering.answer(Feedback(0, [False, True, True, True]), 0.5)
    assert told is not None
    assert (told.tracks[7].newest, told.tracks[7].lost) == (last.sequence_number, 100)
    numbering.number(first, 100, 0.6)
    again = numbering.answer(Feedback(4, [False]), 0.7)
    assert again is not None
    assert not again.tracks
    assert numbering.answered == 5


def test_a_receiver_that_answers_for_each_packet_is_asked_for_nothing_else() -> None:
    """Else what its path is known to be alive by would count as an answer for all that was sent."""
    stream = Track(Numbering()).stream
    assert not stream.told
    stream.packets([bytes(100)], 0, 100)
    stream.answered(stream._sequence - 1 & 0xFFFF, 0)
    assert stream.told


def test_where_an_answer_was_lost_nobody_knows_of_a_loss() -> None:
    numbering = Numbering()
    track = Track(numbering)
    track.send(0.0)
    track.send(0.0)
    told = numbering.answer(Feedback(3, [True]), 0.1)
    assert told is not None
    assert told.tracks[7].lost == 0
    assert numbering.answered == 4


def test_of_packets_that_were_not_sent_nothing_is_believed() -> None:
    numbering = Numbering()
    assert numbering.answer(Feedback(0, [True]), 0.0) is None
    track = Track(numbering)
    track.send(0.0)
    assert numbering.answer(Feedback(2, [True]), 0.1) is None
    assert numbering.answer(Feedback(0, []), 0.1) is None
    assert numbering.answer(Feedback(0, [True, True]), 0.1) is not None
    # The same again.
    assert numbering.answer(Feedback(0, [True, True]), 0.2) is None


def test_what_nobody_waits_for_is_not_read() -> None:
    """20 bytes may be a list of 8192: the like of them, 70 in a datagram, would take 10 ms of all attempts' thread."""
    numbering = Numbering()
    unreadable = feedback(0, 2, 0)
    assert numbering.take(unreadable, 0.0) is None
    track = Track(numbering)
    track.send(0.0)
    with pytest.raises(ValueError, match="transport-wide feedback"):
        numbering.take(unreadable, 0.1)
    assert numbering.take(feedback(0, 2, 1 << 13 | 2), 0.1) is not None
    assert numbering.take(unreadable, 0.2) is None
    assert numbering.take(feedback(9, 2, 0), 0.2) is None
    track.send(0.3)
    assert numbering.take(feedback(2, 2, 1 << 13 | 2), 0.4) is not None


def test_numbers_begin_again() -> None:
    numbering = Numbering()
    track = Track(numbering)
    for _ in range(1 << 14):
        track.send(0.0)
        numbering.answer(Feedback(numbering.answered & 0xFFFF, [True, True]), 0.0)
    for _ in range(1 << 15):
        track.send(0.0)
        told = numbering.answer(Feedback(numbering.answered & 0xFFFF, [True, False]), 0.0)
        assert told is not None
        assert told.tracks[7].lost == 100
