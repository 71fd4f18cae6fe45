"""The packets of a picture taken in C and in Python: the same units, what is missing, and state behind each read."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from functools import partial

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camcast_rtsp.depacketise.common import NalAssembler
from camcast_rtsp.depacketise.h264 import H264Depacketiser
from camcast_rtsp.depacketise.h265 import H265Depacketiser
from camcast_rtsp.fragments import FragmentRun, take_in_python
from camcast_rtsp.interleave import Deinterleaver
from camcast_rtsp.native import AssemblerState, ReceiverState
from camcast_rtsp.rtp import RtpReceiver

pytestmark = pytest.mark.native

CHANNEL, PAYLOAD_TYPE, SSRC = 2, 96, 0xDEADBEEF
CODECS: dict[str, Callable[..., NalAssembler]] = {
    "h264": H264Depacketiser,
    "h265": H265Depacketiser,
    "h265 with numbers": partial(H265Depacketiser, numbered=True),
}
FIRST, LATER = b"\x80first", b"\x40later"
"""The data of a slice that begins a picture, and of one that goes on with it."""


class Told:
    """Takes units; `refuses` at every so many."""

    def __init__(self, refuses: int) -> None:
        self.heard: list[tuple[object, ...]] = []
        self._refuses = refuses

    def unit(self, data: bytes, timestamp: int) -> None:
        self.heard.append(("unit", data, timestamp))
        if self._refuses and not len(self.heard) % self._refuses:
            raise ZeroDivisionError

    def missing(self, reason: str) -> None:
        self.heard.append(("missing", reason))

    def odd(self, text: str) -> None:
        self.heard.append(("odd", text))

    def runs_at(self, rate: int) -> None:
        self.heard.append(("rate", rate))


class Side:
    """A connection's bytes on their way to units, in one form."""

    def __init__(self, codec: str, *, native: bool, refuses: int = 0) -> None:
        self.told = Told(refuses)
        self.assembler = CODECS[codec](self.told)
        self.receiver = RtpReceiver(PAYLOAD_TYPE, self.assembler.feed, self.assembler.lost)
        self.incoming = Deinterleaver(lambda message: self.told.heard.append(("message", message)))
        self.incoming.handlers[CHANNEL] = self.receiver.feed
        run = FragmentRun(self.receiver, self.assembler)
        self.incoming.runs[CHANNEL] = run.take if native else partial(take_in_python, run)
        self.raised = 0

    def read(self, data: bytes, arrival: int) -> None:
        self.incoming.room()[: len(data)] = data
        try:
            self.incoming.filled(len(data), arrival)
        except ZeroDivisionError:
            self.raised += 1

    @property
    def state(self) -> dict[str, object]:
        receiver, assembler = self.receiver, self.assembler
        fields: list[str] = [*ReceiverState.__slots__, *AssemblerState.__slots__]
        names = [name for name in fields if name != "_sink"]
        owners = [receiver if hasattr(receiver, name) else assembler for name in names]
        found = {name: getattr(owner, name) for name, owner in zip(names, owners, strict=True)}
        more = {
            "counts": receiver.counts,
            "lost": receiver.lost,
            "cycles": receiver.cycles,
            "held": sorted(receiver.held),
        }
        return found | more | {"raised": self.raised, "rest": self.incoming._rest}


@attrs.frozen
class Piece:
    """An RTP payload, and whether the marker is set."""

    payload: bytes
    marker: bool = False


def pieces(codec: str, kind: int, data: bytes, size: int, *, fragment: bool, ends: bool = True) -> list[Piece]:
    """A NAL unit's payloads; `ends`: the last one says that it is."""
    h264 = codec == "h264"
    if not fragment:
        return [Piece((bytes((0x60 | kind,)) if h264 else bytes((kind << 1, 1))) + data)]
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    found = []
    for number, part in enumerate(parts):
        flags = (0x80 if not number else 0) | (0x40 if ends and number == len(parts) - 1 else 0)
        head = bytes((0x60 | 28, flags | kind)) if h264 else bytes((49 << 1, 1, flags | kind))
        found.append(Piece(head + part))
    return found


@st.composite
def pictures(draw: st.DrawFn, codec: str) -> list[Piece]:
    """Of one picture: perhaps something in front of it, slices in pieces or whole, mostly a marker at its end."""
    slices = {"h264": (1, 5)}.get(codec, (1, 19))
    before = {"h264": (6, 7, 9)}.get(codec, (32, 33, 39))
    found: list[Piece] = []
    for kind in draw(st.lists(st.sampled_from(before), max_size=2)):
        found += pieces(codec, kind, b"\x80before", 4, fragment=draw(st.integers(0, 4)) == 0)
    for number in range(draw(st.sampled_from((1, 1, 1, 2, 3)))):
        data = (LATER if number or draw(st.integers(0, 9)) == 0 else FIRST) + draw(st.binary(max_size=40))
        if draw(st.integers(0, 9)) == 0:
            data += b"\0\0\1\x65\x88more"
        fragment, ends = draw(st.integers(0, 4)) > 0, draw(st.integers(0, 9)) > 0
        found += pieces(
            codec, draw(st.sampled_from(slices)), data, draw(st.integers(1, 30)), fragment=fragment, ends=ends
        )
    last = found.pop()
    return [*found, Piece(last.payload, draw(st.integers(0, 9)) > 0)]


def framed(payload: bytes, number: int, time: int, marker: bool, *, first: int = 0x80, ssrc: int = SSRC) -> bytes:
    head = bytes((first, PAYLOAD_TYPE | marker << 7))
    packet = head + (number & 0xFFFF).to_bytes(2, "big") + time.to_bytes(4, "big") + ssrc.to_bytes(4, "big") + payload
    return b"$" + bytes((CHANNEL,)) + len(packet).to_bytes(2, "big") + packet


HARM = (*[""] * 6, "lost", "twice", "late", "marked", "other time", "other sender", "padded", "cut", "empty", "report",
        "message", "stray")  # fmt: skip


@st.composite
def streams(draw: st.DrawFn, codec: str) -> list[bytes]:
    """What a camera sends, frame by frame; most of it in order."""
    number, time = draw(st.sampled_from((1, 0xFFF8, 0xFFFF))), draw(st.integers(0, 0xFFFFFFFF))
    found: list[bytes] = []
    harmful = draw(st.booleans())
    for picture in draw(st.lists(pictures(codec), min_size=1, max_size=8)):
        for piece in picture:
            harm = draw(st.sampled_from(HARM)) if harmful else ""
            marker, at, payload, first, ssrc = piece.marker, time, piece.payload, 0x80, SSRC
            if harm == "marked":
                marker = True
            elif harm == "other time":
                at = time + 7 & 0xFFFFFFFF
            elif harm == "other sender":
                ssrc = 5
            elif harm == "padded":
                payload, first = payload + b"\0\0\3", 0xA0
            elif harm == "cut":
                payload = payload[: draw(st.integers(0, 3))]
            elif harm == "empty":
                payload = payload[:2]
            frame = framed(payload, number, at, marker, first=first, ssrc=ssrc)
            if harm != "lost":
                found.append(frame)
            if harm == "twice":
                found.append(frame)
            elif harm == "late" and len(found) > 1:
                found[-2:] = found[-1], found[-2]
            elif harm == "report":
                found.append(b"$\x03\0\x04\x80\xc9\0\0")
            elif harm == "message":
                found.append(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n")
            elif harm == "stray":
                found.append(b"\r\n")
            number += 1
        time = time + 3000 & 0xFFFFFFFF
    return found


def cut(data: bytes, sizes: Sequence[int]) -> list[bytes]:
    """As reads bring it."""
    found, at, number = [], 0, 0
    while at < len(data):
        size = sizes[number % len(sizes)]
        found.append(data[at : at + size])
        at, number = at + size, number + 1
    return found


@pytest.mark.parametrize("codec", CODECS)
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_both_forms_do_the_same(codec: str, data: st.DataObject) -> None:
    sides = [Side(codec, native=native) for native in (True, False)]
    stream = b"".join(data.draw(streams(codec)))
    sizes = data.draw(st.lists(st.integers(20, 300), min_size=1, max_size=5))
    for arrival, read in enumerate(cut(stream, sizes), 1):
        for side in sides:
            side.read(read, arrival)
        assert sides[0].told.heard == sides[1].told.heard
        assert sides[0].state == sides[1].state


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_ordinary_pictures_need_no_python(codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the first, whose sender is not known yet."""
    side = Side(codec, native=True)
    stream = bytearray()
    number = 0
    for picture in range(4):
        for piece in (made := pieces(codec, 1, FIRST + bytes(range(7, 200)), 50, fragment=True)):
            stream += framed(piece.payload, number, 3000 * picture, piece is made[-1])
            number += 1
        if not picture:
            side.read(bytes(stream), 1)
            stream.clear()
            assert len(side.told.heard) == 1
            monkeypatch.setattr(NalAssembler, "feed", None)
            monkeypatch.setattr(RtpReceiver, "feed", None)
    half = len(stream) // 2 + 5
    side.read(bytes(stream[:half]), 2)
    side.read(bytes(stream[half:]), 3)
    assert [told[0] for told in side.told.heard] == ["unit"] * 4
    assert len({told[1] for told in side.told.heard}) == 1
    assert side.receiver.received == number


@pytest.mark.parametrize("native", [True, False])
def test_what_a_sink_raises_is_raised(native: bool) -> None:
    side = Side("h264", native=native, refuses=1)
    side.read(framed(b"\x61\x9awhole", 0, 0, True), 1)
    made = pieces("h264", 1, FIRST + bytes(50), 20, fragment=True)
    for number, piece in enumerate(made, 1):
        side.read(framed(piece.payload, number, 3000, piece is made[-1]), 2)
    assert side.raised == 2


def test_references_are_flat() -> None:
    side = Side("h264", native=True)
    made = [pieces("h264", 1, FIRST + bytes(range(7, 200)), 50, fragment=True)] * 2
    number, before = 0, 0
    for turn in range(3000):
        for picture in made:
            for piece in picture:
                side.read(framed(piece.payload, number, 3000 * turn & 0xFFFFFFFF, piece is picture[-1]), turn + 1)
                number += 1
        side.told.heard.clear()
        if turn == 1000:
            gc.collect()
            before = sys.getallocatedblocks()
    gc.collect()
    assert sys.getallocatedblocks() - before < 200
