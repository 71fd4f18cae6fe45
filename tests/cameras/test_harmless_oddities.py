"""What is odd about a camera's packets, but lacks nothing: every picture and all sound comes out."""

from __future__ import annotations

from collections.abc import Callable
from struct import pack

import attrs
import pytest
import pytest_asyncio

from tests.cameras import clips, rtp
from tests.cameras.rtp import MTU, Packetise
from tests.cameras.script import Script
from tests.cameras.shared import watched_together
from tests.cameras.watch import Watched

pytestmark = pytest.mark.xdist_group("cameras-harmless_oddities")
"""What all tests here share is made once."""

FRAMES = 60
SECONDS = FRAMES / clips.FPS
EMPTY_LAYERED = b"\x60\x01"


def start_codes(code: bytes, first: bool = True) -> Callable[[str], Packetise]:
    """All units of a picture in one, divided by start codes; `first`: also in front of the first."""

    def make(codec: str) -> Packetise:
        def packetise(unit: bytes) -> list[bytes]:
            whole = code.join(rtp.nals(unit))
            if first:
                whole = code + whole
            if len(whole) <= MTU:
                return [whole]
            return rtp.fu_a(whole[0], whole[1:]) if codec == "h264" else rtp.fu(whole[:2], whole[2:])

        return packetise

    return make


def in_aggregates(between: bytes, behind: bytes) -> Callable[[str], Packetise]:
    """Units that fit in an aggregate, `between` in front of each and `behind` at the end; the rest in fragments."""

    def make(codec: str) -> Packetise:
        def packetise(unit: bytes) -> list[bytes]:
            units = rtp.nals(unit)
            small = [nal for nal in units if len(nal) < MTU]
            large = [nal for nal in units if len(nal) >= MTU]
            join = rtp.stap_a if codec == "h264" else rtp.aggregate
            packets = [join([between + nal for nal in small]) + behind] if small else []
            for nal in large:
                packets += rtp.fu_a(nal[0], nal[1:]) if codec == "h264" else rtp.fu(nal[:2], nal[2:])
            return packets

        return packetise

    return make


def empty_units_in_aggregates(codec: str) -> Packetise:
    plain = in_aggregates(b"", b"\0\0\0\0")(codec)

    def packetise(unit: bytes) -> list[bytes]:
        head = 1 if codec == "h264" else 2
        kind = b"\x78" if codec == "h264" else EMPTY_LAYERED
        return [p[:head] + b"\0\0" + p[head:] if p[:head] == kind else p for p in plain(unit)]

    return packetise


def empty_fragments(codec: str) -> Packetise:
    """Each fragmented unit begins and ends with a fragment that has no data, and has one inside."""

    def packetise(unit: bytes) -> list[bytes]:
        packets = []
        at = 1 if codec == "h264" else 2
        for packet in (rtp.h264 if codec == "h264" else rtp.h265)(unit):
            kind = packet[0] & 0x1F if codec == "h264" else packet[0] >> 1 & 0x3F
            if kind not in (28, 49):
                packets.append(packet)
                continue
            flags, bare = packet[at], packet[at] & 0x3F
            head = packet[:at]
            if flags & 0x80:
                packets.append(head + bytes((bare | 0x80,)))
            packets.append(head + bytes((bare,)) + packet[at + 1 :])
            packets.append(head + bytes((bare | 0x40 if flags & 0x40 else bare,)))
        return packets

    return packetise


def no_end_bit(codec: str) -> Packetise:
    def packetise(unit: bytes) -> list[bytes]:
        at = 1 if codec == "h264" else 2
        packets = []
        for packet in (rtp.h264 if codec == "h264" else rtp.h265)(unit):
            fragment = packet[0] & 0x1F == 28 if codec == "h264" else packet[0] >> 1 & 0x3F == 49
            packets.append(packet[:at] + bytes((packet[at] & 0xBF,)) + packet[at + 1 :] if fragment else packet)
        return packets

    return packetise


def meaningless_types(codec: str) -> Packetise:
    def packetise(unit: bytes) -> list[bytes]:
        if codec == "h264":
            return [b"\x1e\x01\x02\x03", *rtp.h264(unit)[:1], b"\x00", b"\x7f\x01", *rtp.h264(unit)[1:]]
        return [b"\x7e\x01\x02\x03", *rtp.h265(unit)[:1], b"\x74\x01\x00", b"\x00\x00", *rtp.h265(unit)[1:]]

    return packetise


PICTURES: dict[str, Callable[[str], Packetise]] = {
    "start codes of 3 bytes": start_codes(b"\0\0\1"),
    "start codes of 4 bytes": start_codes(b"\0\0\0\1"),
    "start codes between units": start_codes(b"\0\0\0\1", first=False),
    "start codes in aggregates": in_aggregates(b"\0\0\0\1", b""),
    "short start codes in aggregates": in_aggregates(b"\0\0\1", b""),
    "zeros behind aggregates": in_aggregates(b"", b"\0\0\0\0\0\0\0"),
    "empty units in aggregates": empty_units_in_aggregates,
    "fragments without data": empty_fragments,
    "fragments without end": no_end_bit,
    "types that mean nothing": meaningless_types,
}


def adts(unit: bytes) -> bytes:
    """A frame of stereo at 48 kHz behind its ADTS header."""
    size = len(unit) + 7
    return bytes((0xFF, 0xF1, 0x4C, 0x80 | size >> 11, size >> 3 & 0xFF, (size & 7) << 5 | 0x1F, 0xFC)) + unit


SOUND: dict[str, Packetise] = {
    "adts without headers": lambda unit: [adts(unit)],
    "adts behind headers": lambda unit: rtp.aac(adts(unit)),
    "an index that is not 0": lambda unit: [pack("!HH", 16, len(unit) << 3 | 5) + unit],
    "headers padded": lambda unit: [pack("!HHB", 24, len(unit) << 3, 0) + unit],
    "no headers": lambda unit: [pack("!H", 0) + unit],
}


def tone(packetise: Packetise = rtp.aac) -> rtp.Track:
    return rtp.aac_track(clips.sound("aac", seconds=SECONDS), packetise)


def without_config(track: rtp.Track) -> rtp.Track:
    track.media = track.media.partition(";config=")[0] + "\r\n"
    return track


def scripts() -> dict[str, Script]:
    made = {}
    for codec in ("h264", "h265"):
        clip = clips.video(codec, frames=FRAMES)
        for name, packetise in PICTURES.items():
            made[f"{codec} {name}"] = Script([rtp.video_track(clip, packetise(codec)), tone()])
        marked = rtp.video_track(clip)
        marked.payloads = [attrs.evolve(payload, marker=True) for payload in marked.payloads]
        made[f"{codec} a marker on every packet"] = Script([marked, tone()])
        unmarked = rtp.video_track(clips.video(codec, frames=FRAMES + 1))
        # The last picture is not known to be whole.
        unmarked.payloads = [attrs.evolve(payload, marker=False) for payload in unmarked.payloads]
        made[f"{codec} never a marker"] = Script([unmarked, tone()])
    picture = clips.video("h264", frames=FRAMES)
    for name, cut in SOUND.items():
        made[f"aac {name}"] = Script([rtp.video_track(picture), tone(cut)])
    made["aac without config"] = Script([rtp.video_track(picture), without_config(tone())])
    return made


def told_of(name: str) -> str:
    """What an operator is told about this camera, "" = nothing."""
    return next((text for part, text in TOLD.items() if part in name), "")


TOLD = {
    "start codes": "its units hold start codes",
    "h264 types that mean nothing": "it pads its packets with empty units",
    "zeros behind aggregates": "it pads its packets with empty units",
    "empty units": "it pads its packets with empty units",
    "fragments without data": "it sends fragments without data",
    "adts without headers": "its sound has ADTS headers, which its description does not name",
    "no headers": "its sound comes without the headers that its description promises",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Watched]:
    return await watched_together(tmp_path_factory, "oddities", scripts())


@pytest.mark.parametrize("name", scripts())
def test_nothing_is_lost(name: str, watched: dict[str, Watched]) -> None:
    one = watched[name]
    assert one.whole(FRAMES), (one.numbers, one.reasons)
    assert one.steps() == {40}
    assert one.notes == [told_of(name)] * bool(told_of(name))
    assert one.heard > one.lasting - 0.4
    assert one.sound_steps <= one.aac_steps
