"""What a camera may send in a second, counted without one."""

from __future__ import annotations

import socket
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
from tests.hostile.datagrams import packet
from tests.plugins.source_kit import until

from camcast.media import NS_PER_S
from camcast_rtsp import udp
from camcast_rtsp.limits import (
    MAX_MESSAGES,
    MAX_PACKETS,
    MAX_REPORTS,
    MAX_UNITS,
    MAX_USELESS,
    REPORT_SIZE,
    SECONDS,
    Meter,
    Offence,
)
from camcast_rtsp.rtp import HEADER, HOLD, RtpReceiver
from camcast_rtsp.session import Session
from camcast_rtsp.udp import MAX_DATAGRAMS, UdpPair


@attrs.define
class Track:
    received: int = 0
    counts: Counter[str] = attrs.field(factory=Counter)


@pytest.fixture
def track() -> Track:
    return Track()


@pytest.fixture
def meter(track: Track) -> Meter:
    made = Meter()
    made.watch(track)
    made.check(NS_PER_S)
    return made


def second(number: int) -> int:
    return (number + 2) * NS_PER_S


def test_packets_that_carry_nothing_end_the_session_after_some_seconds(meter: Meter, track: Track) -> None:
    for number in range(SECONDS - 1):
        track.counts["late or duplicate"] += MAX_USELESS
        track.counts["stray"] += 1
        meter.check(second(number))
    track.counts["late or duplicate"] += MAX_USELESS + 1
    total = track.counts["late or duplicate"]
    with pytest.raises(
        Offence, match=rf"2000 packets in a second that carry nothing .*: {total} late or duplicate, 2 s"
    ):
        meter.check(second(SECONDS - 1))


def test_what_is_empty_carries_nothing_though_it_is_received(meter: Meter, track: Track) -> None:
    def seconds() -> None:
        for number in range(SECONDS):
            track.received += 2 * MAX_USELESS
            track.counts["empty"] += 2 * MAX_USELESS
            meter.check(second(number))

    with pytest.raises(Offence, match="carry nothing of its media: 12000 empty"):
        seconds()


def test_a_network_that_doubles_every_packet_is_no_offence(meter: Meter, track: Track) -> None:
    for number in range(3 * SECONDS):
        track.received += 2 * MAX_USELESS
        track.counts["late or duplicate"] += 2 * MAX_USELESS
        meter.check(second(number))


def test_a_quiet_second_begins_the_count_anew(meter: Meter, track: Track) -> None:
    for number in range(4 * SECONDS):
        if number % SECONDS:
            track.counts["stray"] += 2 * MAX_USELESS
        meter.check(second(number))


def test_what_was_only_noticed_is_no_offence(meter: Meter, track: Track) -> None:
    for number in range(2 * SECONDS):
        track.counts["reordered"] += MAX_PACKETS
        track.counts["restart"] += MAX_PACKETS
        meter.check(second(number))


def test_too_many_packets_are_an_offence_whatever_they_carry(meter: Meter, track: Track) -> None:
    def seconds() -> None:
        for number in range(SECONDS):
            track.received += MAX_PACKETS + 1
            meter.check(second(number))

    with pytest.raises(Offence, match="more than 25000 packets"):
        seconds()


@pytest.mark.parametrize("size", [8, 1400])
def test_reports_count_by_number_and_by_size(meter: Meter, size: int) -> None:
    count = MAX_REPORTS // (1 + size // REPORT_SIZE)

    def seconds(numbers: range, count: int) -> None:
        for number in numbers:
            for _ in range(count):
                meter.heard(size)
            meter.check(second(number))

    seconds(range(2 * SECONDS), count)
    with pytest.raises(Offence, match="more than 500 RTCP reports"):
        seconds(range(2 * SECONDS, 3 * SECONDS), count + 1)


def test_frames_of_channels_that_nobody_set_up_carry_nothing(meter: Meter) -> None:
    def seconds() -> None:
        for number in range(SECONDS):
            meter.passed_over(0, (number + 1) * (MAX_USELESS + 1))
            meter.check(second(number))

    with pytest.raises(Offence, match="of channels that nobody set up"):
        seconds()


def test_rubbish_between_media_counts_by_the_second(meter: Meter) -> None:
    for number in range(3):
        meter.passed_over((number + 1) * 20_000, 0)
        meter.check(second(number))
    meter.passed_over(80_001, 0)
    with pytest.raises(Offence, match="rubbish between its media"):
        meter.check(second(3))


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (packet(1, 1, b""), "empty"),
        (bytes(64), "damaged"),
        (packet(0, 0, b"x"), "late or duplicate"),
        (packet(60000, 0, b"x"), "stray"),
        (packet(9, 9, b"x", ssrc=9), "stray"),
        (packet(9, 9, b"x")[:1] + b"\x0d" + packet(9, 9, b"x")[2:], "other payload type"),
    ],
)
def test_each_way_of_carrying_nothing_is_counted(sent: bytes, reason: str) -> None:
    receiver = RtpReceiver(96, lambda payload, time, marker: None, lambda count: None)
    receiver.feed(packet(0, 0, b"x"), 1)
    receiver.feed(sent, 2)
    assert receiver.counts == {reason: 1}


def test_what_is_empty_is_counted_in_whatever_order_it_comes() -> None:
    receiver = RtpReceiver(96, lambda payload, time, marker: None, lambda count: None)
    for number in (0, 2, 1, 3):
        receiver.feed(packet(number, 0, b""), 1)
    assert receiver.received == 4
    assert receiver.counts == {"empty": 4, "reordered": 1}


async def test_strangers_datagrams_are_left_to_the_kernel() -> None:
    await strangers(filtered=True)


async def test_without_the_kernels_help_strangers_are_told_by_their_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udp, "only_from", lambda sock, senders: False)
    await strangers(filtered=False)


async def strangers(*, filtered: bool) -> None:
    taken: list[bytes] = []
    offences: list[str] = []

    def take(data: memoryview, now: int) -> None:
        taken.append(bytes(data))

    pair = UdpPair(socket.AF_INET, ("127.0.0.1", 0), "127.0.0.1", take, take, Meter(), offences.append)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as camera, socket.socket(type=socket.SOCK_DGRAM) as other:
        camera.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.2", 0))
        try:
            for port in (pair.port, pair.port + 1):
                other.sendto(b"stranger", ("127.0.0.1", port))
                camera.sendto(b"camera", ("127.0.0.1", port))
            await until(lambda: len(taken) == 2)
            assert taken == [b"camera"] * 2
            assert pair.foreign == (0 if filtered else 2)
            # The camera may say that its media comes from elsewhere.
            pair.comes_from("127.0.0.2")
            for port in (pair.port, pair.port + 1):
                camera.sendto(b"camera", ("127.0.0.1", port))
                other.sendto(b"stranger", ("127.0.0.1", port))
            await until(lambda: len(taken) == 4)
            assert taken[2:] == [b"stranger"] * 2
            assert not offences
        finally:
            pair.close()


async def test_a_packet_that_waits_to_be_read_is_not_lost() -> None:
    """This loop stood still: what a hold was begun for lies in the socket, behind more than one reading takes."""
    payloads: list[bytes] = []
    losses: list[int] = []
    receiver = RtpReceiver(96, lambda payload, time, marker: payloads.append(bytes(payload)), losses.append)
    pair = UdpPair(socket.AF_INET, ("127.0.0.1", 0), "127.0.0.1", receiver.feed, ignored, Meter(), ignored)
    session: Any = SimpleNamespace(pairs=[pair], media=[SimpleNamespace(receiver=SimpleNamespace(receiver=receiver))])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as camera:
        camera.connect(("127.0.0.1", pair.port))
        try:
            for number in (1, 3):
                camera.send(rtp(number))
            await until(lambda: receiver.held)
            for number in [3] * MAX_DATAGRAMS + [2]:
                camera.send(rtp(number))
            time.sleep(2 * HOLD / NS_PER_S)  # noqa: ASYNC251  as a loop that stands still
            while not Session.all_read(session):
                assert receiver.held
            receiver.tick(time.monotonic_ns())
            assert (payloads, losses) == ([b"1", b"2", b"3"], [])
            assert Session.all_read(session), "nothing is missing"
        finally:
            pair.close()


def ignored(*what: object) -> None: ...


def rtp(number: int) -> bytes:
    return HEADER.pack(0x80, 96, number, 0, 7) + str(number).encode()


def test_the_limits_are_those_of_the_page() -> None:
    page = " ".join((Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8").split())
    assert f"more than {MAX_MESSAGES} RTSP messages in a second; for three seconds in a row" in page
    assert f"more than {MAX_UNITS:,} pictures and frames of sound, {MAX_USELESS:,} packets that carry nothing" in page
    assert f"{MAX_PACKETS:,} packets or {MAX_REPORTS} reports" in page
    assert SECONDS == 3
