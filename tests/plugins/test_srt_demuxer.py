"""What comes out of a transport stream: all of what real muxers put in, and nothing but a refusal of what is none."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from time import thread_time
from typing import Any

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.media import made
from tests.plugins.source_kit import Sink
from tests.plugins.test_srt_mpegts import mux, ticks
from tests.plugins.transport_harness import codecs, load, longer

from camcast.bitstream.nal import split_prefixed
from camcast.media import NS_PER_MS, NS_PER_S, MediaKind, Packet
from camcast_kit_ingest import effort
from camcast_srt.ingest import demuxer, media
from camcast_srt.ingest.demuxer import Demuxer
from camcast_srt.ingest.elementary import MAX_UNIT
from camcast_srt.ingest.errors import StreamError
from camcast_srt.ingest.frames import MAX_FRAMES, AdtsSplitter, OpusSplitter
from camcast_srt.ingest.media import TsIntake
from camcast_srt.ingest.programme import Elementary
from camcast_srt.mpegts import TsMuxer
from camcast_srt.psi import TS_PACKET, crc32

VIDEO, AUDIO = MediaKind.VIDEO, MediaKind.AUDIO
NAMES = ["h264_aac", "h264_b_aac", "h264_only", "h264_opus", "hevc_aac", "hevc_b_aac", "h264_aac_mono_16k"]


class Taken:
    """A source's intake with a sink that remembers."""

    def __init__(self, **options: str) -> None:
        self.sink = Sink()
        self.notes: list[tuple[str, str]] = []
        self.intake = TsIntake(codecs().codec, self.sink, lambda *note: self.notes.append(note), **options)
        self.intake.begin(0)
        self.now = 0

    def feed(self, stream: bytes, *, at_once: int = 7 * TS_PACKET) -> Taken:
        """As a socket brings it, at 2 Mbit/s."""
        for at in range(0, len(stream), at_once):
            self.now += at_once * 4_000
            self.intake.feed(stream[at : at + at_once], self.now)
        return self

    def end(self) -> Taken:
        self.intake.end(self.now)
        self.intake.settle(self.now + 5 * NS_PER_S)
        return self

    def payloads(self, kind: MediaKind) -> list[bytes]:
        return [packet.payload for packet in self.sink.of(kind)]

    def codecs(self) -> list[list[str]]:
        return [[track.codec for track in tracks] for tracks in self.sink.announced]


def ours(name: str) -> bytes:
    """A clip in packets of our own muxer."""
    return b"".join(part for _, part in mux(load(made(name))))


def ffmpegs(name: str, path: Path, **options: str) -> bytes:
    """The same in FFmpeg's."""
    with av.open(str(made(name))) as was, av.open(str(path), "w", format="mpegts", options=options) as out:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in was.streams}
        for packet in was.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
    return path.read_bytes()


def units(found: Iterable[Packet]) -> list[list[bytes]]:
    """What is in each packet, but for H.265's prefix SEI: FFmpeg repeats the encoder's, which MP4 has in its header."""
    return [
        [unit for unit in split_prefixed(packet.payload) if unit[0] >> 1 != 39]
        if packet.track.codec == "h265"
        else [packet.payload]
        for packet in found
    ]


def packets(stream: bytes) -> list[bytes]:
    return [stream[at : at + TS_PACKET] for at in range(0, len(stream), TS_PACKET)]


def pid(packet: bytes) -> int:
    return (packet[1] & 0x1F) << 8 | packet[2]


def same(taken: Taken, name: str) -> None:
    """Every unit, in order, at the times that it has in the clip."""
    was = load(made(name)).packets
    assert taken.sink.drops == {}
    assert taken.sink.breaks == 0
    assert len(taken.codecs()) == 1
    shift = taken.sink.of(VIDEO)[0].pts - next(packet.pts for packet in was if packet.track.kind is VIDEO)
    for kind in MediaKind:
        want = [packet for packet in was if packet.track.kind is kind]
        assert units(taken.sink.of(kind)) == units(want)
        for got, one in zip(taken.sink.of(kind), want, strict=True):
            assert got.keyframe == one.keyframe
            assert abs(got.pts - one.pts - shift) < 2 * NS_PER_MS
            assert abs(got.dts - one.dts - shift) < 2 * NS_PER_MS


# --- what real muxers make --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_what_our_own_muxer_makes_comes_frame_by_frame(name: str) -> None:
    same(Taken().feed(ours(name)).end(), name)


@pytest.mark.parametrize("name", NAMES)
def test_what_ffmpegs_muxer_makes_comes_frame_by_frame(name: str, tmp_path: Path) -> None:
    same(Taken().feed(ffmpegs(name, tmp_path / "a.ts")).end(), name)


@pytest.mark.parametrize("size", [1, 187, 1456, 65_536])
def test_it_may_be_cut_anywhere(size: int) -> None:
    same(Taken().feed(ours("h264_b_aac")[: 2000 * TS_PACKET], at_once=size).end(), "h264_b_aac")


def test_times_go_on_where_33_bits_end(tmp_path: Path) -> None:
    offset = (1 << 33) / 90_000 - 2.0
    taken = Taken().feed(ffmpegs("h264_b_aac", tmp_path / "a.ts", output_ts_offset=f"{offset:.3f}")).end()
    same(taken, "h264_b_aac")
    assert max(packet.dts for packet in taken.sink.packets) > (1 << 33) * NS_PER_S // 90_000


def test_sound_that_is_cut_across_packets_is_put_together() -> None:
    annexb = codecs().codec("aac").annexb
    assert annexb is not None
    frames = [annexb(packet) for packet in load(made("h264_aac")).packets if packet.track.kind is AUDIO]
    stream = b"".join(frames[:20])
    splitter = AdtsSplitter()
    found = [splitter.split(stream[at : at + 900]) for at in range(0, len(stream), 900)]
    assert [frame for part in found for frame, _ in part] == frames[:20]
    lasts = 1024 * NS_PER_S // 48_000
    for part in found:
        whens = [when for _, when in part]
        assert whens == [whens[0] + number * lasts for number in range(len(whens))]
        # Behind the first packet each begins with the end of a frame, which is that much older than the packet's time.
        assert whens[0] == (0 if part is found[0] else -lasts)
    assert splitter.damaged == 0


def test_several_opus_packets_behind_one_time_follow_each_other() -> None:
    packet = bytes.fromhex("fcfffe")  # 20 ms
    trimmed = b"\x7f\xf8\x03" + b"\0\0\0\0" + packet
    found = OpusSplitter().split(trimmed + b"\x7f\xe0\x03" + packet + b"\x7f\xe0\xff\x01" + packet + bytes(253))
    assert [(len(frame), when) for frame, when in found] == [(3, 0), (3, 20 * NS_PER_MS), (256, 40 * NS_PER_MS)]


# --- what goes wrong --------------------------------------------------------------------------------------


def test_behind_a_gap_the_picture_goes_on_at_the_next_keyframe() -> None:
    was = load(made("h264_aac"))
    parts = mux(was)
    gone = next(n for n, (packet, _) in enumerate(parts) if packet.track.kind is VIDEO and n > 20)
    stream = b"".join(part[: -7 * TS_PACKET] if n == gone else part for n, (_, part) in enumerate(parts))
    taken = Taken().feed(stream).end()
    assert taken.sink.drops[VIDEO, "ts loss"] == 1
    assert taken.sink.drops[VIDEO, "until keyframe"] > 0
    assert (AUDIO, "ts loss") not in taken.sink.drops
    want = [packet for packet in was.packets if packet.track.kind is VIDEO]
    pictures = [packet.payload for packet in want]
    number = pictures.index(parts[gone][0].payload)
    again = next(n for n, packet in enumerate(want) if n > number and packet.keyframe)
    assert taken.payloads(VIDEO) == pictures[:number] + pictures[again:]


def test_a_packet_may_be_sent_twice() -> None:
    stream = b"".join(
        packet * 2 if pid(packet) >= 0x100 and packet[3] & 0x10 else packet for packet in packets(ours("h264_aac"))
    )
    same(Taken().feed(stream).end(), "h264_aac")


def test_what_lies_between_packets_is_passed_over() -> None:
    every = packets(ours("h264_aac"))
    stream = b"".join([*every[:40], b"\x47" + bytes(500), *every[40:]])
    taken = Taken().feed(b"GET / HTTP/1.1\r\n\r\n" + stream).end()
    assert taken.codecs() == [["h264", "aac"]]
    assert len(taken.payloads(VIDEO)) > 50
    assert set(taken.payloads(VIDEO)) <= {packet.payload for packet in load(made("h264_aac")).packets}


def test_what_is_no_transport_stream_is_left() -> None:
    clip = made("h264_aac").read_bytes()
    with pytest.raises(StreamError, match="no MPEG-TS"):
        Taken().feed(clip * (1 + demuxer.MAX_GARBAGE // len(clip)) + clip)
    with pytest.raises(StreamError, match="no MPEG-TS"):
        Taken().feed(b"\x47" * 3 + bytes(demuxer.MAX_GARBAGE + 1000))


@pytest.mark.parametrize(("mark", "at", "reason"), [(0x80, 1, "damaged"), (0x80, 3, "scrambled")])
def test_what_is_marked_as_damaged_or_scrambled_is_counted(mark: int, at: int, reason: str) -> None:
    every = [bytearray(packet) for packet in packets(ours("h264_only"))]
    for packet in every:
        if pid(bytes(packet)) == 0x100:
            packet[at] |= mark
    taken = Taken().feed(b"".join(every)).end()
    assert taken.sink.packets == []
    assert taken.sink.drops[VIDEO, reason] > 0


def test_a_clock_that_runs_at_three_times_its_speed_is_told_and_replaced() -> None:
    clip = load(made("h264_only"))
    muxer, taken = TsMuxer(clip.tracks), Taken()
    annexb = codecs().codec("h264").annexb
    assert annexb is not None
    for packet in longer(clip, 75):
        taken.now = packet.dts // 3
        times = ticks(packet.dts), ticks(packet.pts)
        taken.intake.feed(muxer.mux(VIDEO, annexb(packet), *times, packet.keyframe), taken.now)
    assert [code for code, _ in taken.notes] == ["clock_wrong"]
    assert "runs at 3 times the real speed" in taken.notes[0][1]
    assert taken.sink.breaks == 1
    first, second = taken.sink.packets[-2:]
    assert second.dts - first.dts == pytest.approx(40 * NS_PER_MS / 3, rel=0.01)


def test_times_that_begin_anew_while_tracks_are_waited_for_do_so_in_their_place() -> None:
    first = pes(0x101, b"\xff\xf1\x4c\x80\1\x1f\xfc\0\0", 900_000, stream=0xC0, length=True)
    breaks: list[int] = []
    taken = Taken()
    taken.sink.on_media = lambda: breaks.append(taken.sink.breaks)
    both = tables((0x1B, 0x100, b""), (0x0F, 0x101, b""))
    again = pes(0x101, b"\xff\xf1\x4c\x80\1\x1f\xfc\0\0", 9_000, stream=0xC0, length=True, first=1)
    taken.feed(both + first + again).end()
    assert breaks == [0, 1]


# --- programmes -------------------------------------------------------------------------------------------


def section(table: int, number: int, body: bytes, version: int = 0) -> bytes:
    rest = struct.pack(">HBBB", number, 0xC1 | version << 1, 0, 0) + body
    whole = struct.pack(">BH", table, 0xB000 | len(rest) + 4) + rest
    return whole + crc32(whole).to_bytes(4, "big")


def in_packet(pid: int, whole: bytes, counter: int = 0) -> bytes:
    return (struct.pack(">BHB", 0x47, 0x4000 | pid, 0x10 | counter & 15) + b"\0" + whole).ljust(TS_PACKET, b"\xff")


def tables(*tracks: tuple[int, int, bytes], version: int = 0, programme: int = 1) -> bytes:
    """PAT and PMT of tracks of a type, a PID and descriptors."""
    body = struct.pack(">HH", 0xE100, 0xF000)
    for stream_type, track, descriptors in tracks:
        body += struct.pack(">BHH", stream_type, 0xE000 | track, 0xF000 | len(descriptors)) + descriptors
    pat = section(0, 1, struct.pack(">HH", programme, 0xE000 | 0x1000), version)
    return in_packet(0, pat) + in_packet(0x1000, section(2, programme, body, version))


def pes(
    track: int,
    data: bytes,
    pts: int = 0,
    *,
    stream: int = 0xE0,
    told: bool = True,
    length: bool = False,
    first: int = 0,
) -> bytes:
    """One in as many packets as it needs, counted from `first` on."""
    time = struct.pack(">BHH", 0x21 | pts >> 29 & 0x0E, pts >> 14 & 0xFFFE | 1, pts << 1 & 0xFFFE | 1) if told else b""
    size = 3 + len(time) + len(data) if length else 0
    head = struct.pack(">4sHBBB", b"\0\0\1" + bytes((stream,)), size, 0x80, 0x80 if told else 0, len(time))
    whole, out = head + time + data, b""
    for number, at in enumerate(range(0, len(whole), 184)):
        part = whole[at : at + 184]
        fill = 184 - len(part)
        field = b"" if not fill else bytes((fill - 1,)) + (b"\0" + b"\xff" * (fill - 2) if fill > 1 else b"")
        start, control = 0 if at else 0x4000, 0x30 if fill else 0x10
        out += struct.pack(">BHB", 0x47, start | track, control | first + number & 15) + field + part
    return out


def test_another_codec_in_the_same_programme_is_followed(tmp_path: Path) -> None:
    first, second = (
        ffmpegs("h264_aac", tmp_path / "a.ts"),
        ffmpegs("hevc_aac", tmp_path / "b.ts", tables_version="1"),
    )
    taken = Taken().feed(first + second).end()
    assert taken.codecs()[0] == ["h264", "aac"]
    assert taken.codecs()[-1] == ["h265", "aac"]
    for name, codec in (("h264_aac", "h264"), ("hevc_aac", "h265")):
        got = [packet for packet in taken.sink.of(VIDEO) if packet.track.codec == codec]
        assert units(got) == units(packet for packet in load(made(name)).packets if packet.track.kind is VIDEO)


def test_what_is_not_taken_is_told_by_its_name() -> None:
    ac3 = (0x81, 0x101, b"")
    dvb = (0x06, 0x102, b"\x7a\0")
    av1 = (0x06, 0x103, b"\5\4AV01")
    surround = (0x06, 0x104, b"\5\4Opus\x7f\2\x80\6")
    klv = (0x06, 0x105, b"\5\4KLVA")
    taken = Taken().feed(tables((0x1B, 0x100, b""), ac3, dvb, av1, surround, klv, (0x1B, 0x106, b"")))
    texts = [text for _, text in taken.notes]
    assert [code for code, _ in taken.notes] == ["codec_unknown"] * 4 + ["track_left_out"]
    for name, text in zip(("AC-3", "E-AC-3", "AV1", "Opus with 6 channels"), texts, strict=False):
        assert f"comes in {name}, which" in text
        assert text.endswith("taken are h264, h265, aac, opus")
    assert texts[4] == "a second video comes in H.264 (PID 262); the first is taken"


def test_the_first_programme_with_anything_in_it_is_taken() -> None:
    pat = section(0, 1, struct.pack(">HHHHHH", 0, 0xE010, 7, 0xF000, 8, 0xF001))
    radio = section(2, 7, struct.pack(">HHBHH", 0xE100, 0xF000, 0x81, 0xE000 | 0x100, 0xF000))
    picture = section(2, 8, struct.pack(">HHBHH", 0xE200, 0xF000, 0x1B, 0xE000 | 0x200, 0xF000))
    wanted = Calls()
    one = Demuxer(wanted, {"h264"}, 0.0)
    one.feed(in_packet(0, pat) + in_packet(0x1000, radio) + in_packet(0x1001, picture), 0.0)
    assert [[track.pid for track in tracks] for tracks, _ in wanted.programmes] == [[], [0x200]]
    # The other one's tables are of no interest any more, until the programme goes.
    one.feed(in_packet(0x1000, section(2, 7, struct.pack(">HHBHH", 0xE100, 0xF000, 0x1B, 0xE300, 0xF000))), 0.0)
    assert len(wanted.programmes) == 2


class Calls:
    """Takes what a demuxer says."""

    def __init__(self) -> None:
        self.programmes: list[tuple[Sequence[Elementary], Sequence[Elementary]]] = []
        self.units: list[tuple[bytes, int | None, int | None]] = []
        self.came: list[float] = []
        self.reasons: list[str] = []

    def programme(self, taken: Sequence[Elementary], left_out: Sequence[Elementary]) -> None:
        self.programmes.append((taken, left_out))

    def unit(self, track: Elementary, data: bytes, pts: int | None, dts: int | None, came: float) -> None:
        self.units.append((data, pts, dts))
        self.came.append(came)

    def lost(self, track: Elementary, reason: str) -> None:
        self.reasons.append(reason)


def demuxed(stream: bytes) -> Calls:
    calls = Calls()
    one = Demuxer(calls, {"h264", "aac"}, 0.0)
    one.feed(tables((0x1B, 0x100, b"")) + stream, 0.0)
    one.end()
    return calls


def test_a_table_with_a_wrong_sum_is_none() -> None:
    good = tables((0x1B, 0x100, b""))
    wanted = Calls()
    Demuxer(wanted, {"h264"}, 0.0).feed(good[:TS_PACKET] + good[TS_PACKET:].replace(b"\x1b\xe1\0", b"\x1b\xe2\0"), 0.0)
    assert wanted.programmes == []


def test_a_length_that_is_told_ends_a_unit_at_once() -> None:
    calls = Calls()
    one = Demuxer(calls, {"h264"}, 0.0)
    one.feed(tables((0x1B, 0x100, b"")) + pes(0x100, bytes(500), 90, length=True), 0.0)
    assert calls.units == [(bytes(500), 90, None)]


def test_one_came_when_its_last_bytes_did() -> None:
    """Not when the next one begins, by which it is known to be whole: that may be long after."""
    calls = Calls()
    one = Demuxer(calls, {"h264"}, 0.0)
    first = pes(0x100, bytes(500), 90)
    one.feed(tables((0x1B, 0x100, b"")) + first[:TS_PACKET], 1.0)
    one.feed(first[TS_PACKET:], 2.0)
    one.feed(pes(0x100, b"x", 7, first=len(first) // TS_PACKET), 10.0)
    one.end()
    assert calls.units == [(bytes(500), 90, None), (b"x", 7, None)]
    assert calls.came == [2.0, 10.0]


def test_one_that_is_shorter_than_it_says_is_damaged() -> None:
    short = pes(0x100, bytes(500), length=True)[:TS_PACKET]
    calls = demuxed(short + pes(0x100, b"x", 7, first=1))
    assert calls.reasons == ["damaged"]
    assert calls.units == [(b"x", 7, None)]


def test_one_without_a_time_is_counted() -> None:
    taken = Taken().feed(tables((0x1B, 0x100, b"")) + pes(0x100, b"\0\0\1\x65", told=False)).end()
    assert taken.sink.drops == {(VIDEO, "without a time"): 1}


# --- what a sender may cost -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "begin",
    [pes(0x100, b""), pes(0x100, bytes(65_000), length=True)],
    ids=["of any length", "of a length behind which more may come"],
)
def test_a_unit_that_never_ends_is_given_up(begin: bytes) -> None:
    calls = Calls()
    one = Demuxer(calls, {"h264"}, 0.0)
    one.feed(tables((0x1B, 0x100, b"")) + begin, 0.0)
    first = len(begin) // TS_PACKET
    for number in range(first, first + MAX_UNIT // 184 + 100):
        one.feed(struct.pack(">BHB", 0x47, 0x100, 0x10 | number & 15) + bytes(184), 0.0)
    assert calls.reasons == ["too large"]
    one.end()
    assert calls.units == []


@pytest.mark.parametrize("second", [0x1001, 0x1000], ids=["on another PID", "on the same PID"])
def test_where_the_programme_goes_another_one_is_taken(second: int) -> None:
    def associated(version: int, *programmes: tuple[int, int]) -> bytes:
        body = b"".join(struct.pack(">HH", number, 0xE000 | table) for number, table in programmes)
        return in_packet(0, section(0, 1, body, version))

    def table(number: int, table: int) -> bytes:
        return in_packet(
            table, section(2, number, struct.pack(">HHBHH", 0xE100, 0xF000, 0x1B, 0xE100 + number, 0xF000))
        )

    wanted = Calls()
    one = Demuxer(wanted, {"h264"}, 0.0)
    both = table(1, 0x1000) + table(2, second)
    one.feed((associated(0, (1, 0x1000), (2, second)) + both) * 3, 0.0)
    one.feed((associated(1, (2, second)) + both) * 3, 1.0)
    assert [[track.pid for track in tracks] for tracks, _ in wanted.programmes] == [[0x101], [0x102]]


def test_tables_of_several_programmes_may_share_a_pid() -> None:
    programmes = range(1, 9)
    pat = section(0, 1, b"".join(struct.pack(">HH", number, 0xE000 | 0x1000) for number in programmes))
    every = in_packet(0, pat) + b"".join(
        in_packet(0x1000, section(2, number, struct.pack(">HHBHH", 0xE100, 0xF000, 0x1B, 0xE100 + number, 0xF000)))
        for number in programmes
    )
    wanted = Calls()
    one = Demuxer(wanted, {"h264"}, 0.0)
    for tenth in range(100):
        one.feed(every, tenth / 10)
    assert [[track.pid for track in tracks] for tracks, _ in wanted.programmes] == [[0x101]]


def test_tables_that_change_all_the_time_end_the_connection() -> None:
    with pytest.raises(StreamError, match="change more than 50 times a second"):
        Taken().feed(
            b"".join(tables((0x1B, 0x100, b""), version=number % 32) for number in range(200)), at_once=1 << 20
        )
    # The same again and again is what a sender should do.
    assert Taken().feed(tables((0x1B, 0x100, b"")) * 2000, at_once=1 << 20).notes == []


@pytest.mark.parametrize(
    "flood",
    [
        lambda: b"".join(pes(0x100, b"\0\0\1\x65", length=True, first=number) for number in range(3000)),
        lambda: pes(0x101, b"\xff\xf1\x4c\x80\x01\x00\xfc\x00" * 200, length=True, stream=0xC0) * 20,
    ],
    ids=["pictures", "sound"],
)
def test_more_units_than_any_camera_sends_end_the_connection(flood: Callable[[], bytes]) -> None:
    taken = Taken().feed(tables((0x1B, 0x100, b""), (0x0F, 0x101, b"")))
    with pytest.raises(StreamError, match="more pictures and sound in a second"):
        taken.feed(flood(), at_once=1 << 20)


class Counted(bytes):
    """Counts how often a byte of it, or a piece, is looked at."""

    looks = 0

    def __getitem__(self, at: Any) -> Any:
        Counted.looks += 1
        return super().__getitem__(at)


def test_sound_that_is_none_costs_little_however_much_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    aac = AdtsSplitter()
    assert aac.split(b"\xff\xf1" * 100_000) == []
    assert aac.damaged == MAX_FRAMES + 1, "the places that were looked at, and the rest"
    monkeypatch.setattr(Counted, "looks", 0)
    opus = OpusSplitter()
    assert opus.split(Counted(b"\x7f\xe0" + b"\xff" * 200_000)) == []
    assert opus.damaged == 1
    assert 0 < Counted.looks < 5_000


def test_tracks_that_are_left_out_are_told_a_few_times_only() -> None:
    taken = Taken()
    for number in range(60):
        taken.now += NS_PER_S
        taken.feed(tables((0x81, 0x100 + number, b""), version=number % 32))
    assert len(taken.notes) == media.MAX_TOLD


@cache
def short() -> bytes:
    return ours("h264_aac")[: 300 * TS_PACKET]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A real stream with bytes changed, cut out and put in."""
    stream = bytearray(short())
    for _ in range(draw(st.integers(1, 12))):
        at = draw(st.integers(0, len(stream) - 1))
        match draw(st.integers(0, 2)):
            case 0:
                stream[at] = draw(st.integers(0, 255))
            case 1:
                del stream[at : at + draw(st.integers(1, 400))]
            case _:
                stream[at:at] = draw(st.binary(max_size=200))
        stream = stream or bytearray(1)
    return bytes(stream)


@settings(max_examples=60, deadline=None)
@given(stream=damaged(), size=st.sampled_from([100, 1316, 1 << 16]))
def test_whatever_comes_the_sink_gets_what_it_may(stream: bytes, size: int) -> None:
    taken = Taken().feed(stream, at_once=size).end()
    last: dict[MediaKind, int] = {}
    for packet in taken.sink.packets:
        assert taken.sink.breaks or packet.dts >= last.get(packet.track.kind, packet.dts)
        last[packet.track.kind] = packet.dts
    for kind in MediaKind:
        first = next(iter(taken.sink.of(kind)), None)
        assert first is None or first.keyframe


def test_a_sender_that_costs_too_much_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effort, "SHARE", 1e-6)
    with pytest.raises(StreamError, match="takes more than 0% of a processor"):
        Taken().feed(ours("h264_aac"))


def test_a_sender_is_not_cut_off_for_those_to_whom_it_is_sent_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effort, "SHARE", 0.2)
    taken = Taken()

    def send_on() -> None:
        until = thread_time() + 0.01
        while thread_time() < until:
            pass

    taken.sink.on_media = send_on
    taken.feed(ours("h264_aac")).end()
    # More than it may take itself in twice the time that it was fed.
    assert len(taken.sink.packets) * 0.01 > 2 * 0.2 * (taken.now / NS_PER_S + 2)
