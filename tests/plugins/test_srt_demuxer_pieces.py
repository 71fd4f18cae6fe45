"""Pictures and sound as encoders pack them that put one into several PES packets, or say only now and then when."""

from __future__ import annotations

import struct
from collections.abc import Callable

import av
import pytest
from tests.plugins.test_srt_demuxer import AUDIO, VIDEO, Taken, ours, packets, pid

from camcast.media import NS_PER_MS, NS_PER_S
from camcast_srt.psi import TS_PACKET


def repacked(stream: bytes, kind: int, pieces: Callable[[bytes], list[bytes]]) -> bytes:
    """The same with each PES packet of one stream_id's first four bits made `pieces` of, in front of what follows."""
    carried: dict[int, list[bytes]] = {}
    out: list[bytes] = []
    counters: dict[int, int] = {}

    def put(number: int, payload: bytes, starts: bool) -> None:
        counters[number] = (counters.get(number, -1) + 1) & 0x0F
        head = bytes((0x47, 0x40 * starts | number >> 8, number & 0xFF))
        if (room := TS_PACKET - 4 - len(payload)) > 0:
            stuffing = bytes((room - 1,)) + (b"\0" + b"\xff" * (room - 2) if room > 1 else b"")
            out.append(head + bytes((0x30 | counters[number],)) + stuffing + payload)
        else:
            out.append(head + bytes((0x10 | counters[number],)) + payload)

    def flush(number: int) -> None:
        for piece in pieces(b"".join(carried.pop(number, []))):
            for at in range(0, len(piece), TS_PACKET - 4):
                put(number, piece[at : at + TS_PACKET - 4], starts=not at)

    for packet in packets(stream):
        number = pid(packet)
        payload = packet[4 + (1 + packet[4] if packet[3] & 0x20 else 0) :]
        starts = bool(packet[1] & 0x40)
        if starts and number in carried:
            flush(number)
        if starts and payload[:3] == b"\0\0\1" and payload[3] >> 4 == kind:
            carried[number] = [payload]
        elif number in carried:
            carried[number].append(payload)
        else:
            out.append(packet)
    for number in [*carried]:
        flush(number)
    return b"".join(out)


def told(data: bytes, *, like: bytes, timed: bool) -> bytes:
    """One whose length is told, with the times of another or without any."""
    times = like[9 : 9 + like[8]] if timed else b""
    flags = bytes((like[6], like[7] if timed else 0, len(times)))
    return like[:4] + struct.pack(">H", 3 + len(times) + len(data)) + flags + times + data


def split_pictures(piece: bytes) -> list[bytes]:
    """As encoders do that always tell a length: up to 65,000 bytes each, and a time in the first one only."""
    media_bytes = piece[9 + piece[8] :]
    parts = [media_bytes[at : at + 65_000] for at in range(0, len(media_bytes), 65_000)]
    return [told(part, like=piece, timed=not number) for number, part in enumerate(parts)]


def slices(piece: bytes) -> list[bytes]:
    """As encoders do that send what they have: in three, which end anywhere, and a time in the first one only."""
    begin = 9 + piece[8]
    third = max(1, (len(piece) - begin) // 3)
    later = piece[:4] + b"\0\0" + bytes((piece[6], 0, 0))
    cuts = (begin + third, begin + 2 * third)
    return [piece[: cuts[0]], later + piece[cuts[0] : cuts[1]], later + piece[cuts[1] :]]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A stream with keyframes of more than 130 kB."""
    path = tmp_path_factory.mktemp("large") / "large.ts"
    with av.open(str(path), "w", format="mpegts") as out:
        stream = out.add_stream("libx264", rate=25, options={"preset": "ultrafast", "qp": "1", "g": "5"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        noise = bytes(range(256)) * (1280 * 720 // 256)
        for number in range(10):
            frame = av.VideoFrame(1280, 720, "yuv420p")
            for plane in frame.planes:
                plane.update((noise[number * 7 :] + noise)[: plane.buffer_size])
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path.read_bytes()


@pytest.mark.parametrize("way", [split_pictures, slices])
def test_a_picture_in_several_packets_is_one(large: bytes, way: Callable[[bytes], list[bytes]]) -> None:
    want = Taken().feed(large).end()
    assert max(map(len, want.payloads(VIDEO))) > 130_000
    got = Taken().feed(repacked(large, 0xE, way)).end()
    assert got.payloads(VIDEO) == want.payloads(VIDEO)
    assert [packet.pts for packet in got.sink.of(VIDEO)] == [packet.pts for packet in want.sink.of(VIDEO)]
    assert got.sink.drops == {}


def test_a_small_picture_whose_length_is_told_waits_for_nothing() -> None:
    stream = repacked(ours("h264_only"), 0xE, split_pictures)
    taken = Taken().feed(stream)
    taken.intake.settle(taken.now + 2 * NS_PER_S)
    before = len(taken.payloads(VIDEO))
    assert before == len(Taken().feed(stream).end().payloads(VIDEO)), "the last is there without an end"


def test_sound_without_a_time_goes_on_from_the_sound_before() -> None:
    numbered = iter(range(1_000_000))

    def every_fifth(piece: bytes) -> list[bytes]:
        return [told(piece[9 + piece[8] :], like=piece, timed=next(numbered) % 5 == 0)]

    stream = ours("h264_aac")
    want = Taken().feed(stream).end()
    got = Taken().feed(repacked(stream, 0xC, every_fifth)).end()
    assert got.payloads(AUDIO) == want.payloads(AUDIO)
    for one, other in zip(got.sink.of(AUDIO), want.sink.of(AUDIO), strict=True):
        assert abs(one.dts - other.dts) < 2 * NS_PER_MS
    assert got.sink.drops == {}
