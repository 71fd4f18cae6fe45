"""Further cameras of the field whose packets are cut, marked, numbered or timed in ways of their own, in all codecs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import pytest
import pytest_asyncio

from tests.cameras import clips, rtp
from tests.cameras.script import NEVER, Script
from tests.cameras.shared import watched_together
from tests.cameras.test_field import changed, cut, from_another
from tests.cameras.watch import Watched

pytestmark = pytest.mark.xdist_group("cameras-field_units")
"""What all tests here share is made once."""

FRAMES = 60
SECONDS = FRAMES / clips.FPS
BOTH = ("h264", "h265")


def camera(video: rtp.Track, **settings: Any) -> Script:
    return Script([video, rtp.aac_track(clips.sound("aac", seconds=SECONDS))], **settings)


def picture(codec: str = "h264", **settings: Any) -> rtp.Track:
    return rtp.video_track(clips.video(codec, frames=FRAMES), **settings)


def repacked(codec: str, change: Callable[[list[rtp.Payload]], list[rtp.Payload]]) -> Script:
    """What becomes of all its payloads."""
    video = picture(codec)
    return camera(attrs.evolve(video, payloads=change(list(video.payloads))))


def kind(codec: str, payload: bytes) -> int:
    return payload[0] & 0x1F if codec == "h264" else payload[0] >> 1 & 0x3F


def is_fragment(codec: str, payload: bytes) -> bool:
    return kind(codec, payload) == {"h264": 28, "h265": 49}[codec]


def flags(codec: str) -> int:
    """Where a fragment says whether it begins or ends a unit."""
    return {"h264": 1, "h265": 2}[codec]


def fragments(codec: str, change: Callable[[bytes, int], bytes]) -> Script:
    """What becomes of each fragment; its flags stand at the place that is told."""
    at = flags(codec)
    return repacked(
        codec,
        lambda payloads: [
            attrs.evolve(p, data=change(p.data, at)) if is_fragment(codec, p.data) else p for p in payloads
        ],
    )


# --- marks and times ----------------------------------------------------------------------------------------


def later_within(codec: str, each: int) -> Script:
    """Each packet of a picture has a time of its own, a little later than the one before."""

    def change(payloads: list[rtp.Payload]) -> list[rtp.Payload]:
        made, before, place = [], -1, 0
        for payload in payloads:
            goes_on = is_fragment(codec, payload.data) and not payload.data[flags(codec)] & 0x80
            place = place + 1 if payload.time == before and goes_on else 0
            before = payload.time
            made.append(attrs.evolve(payload, time=payload.time + each * place))
        return made

    return repacked(codec, change)


def told_first(codec: str, gap: int) -> Script:
    """SEI in a packet of its own that is marked as a picture's last, in front of each keyframe's parameter sets."""
    message = b"\x06\x05\x02ab\x80" if codec == "h264" else b"\x4e\x01\x05\x02ab\x80"
    first = {"h264": 7, "h265": 32}[codec]

    def change(payloads: list[rtp.Payload]) -> list[rtp.Payload]:
        made = []
        for payload in payloads:
            if kind(codec, payload.data) == first:
                made.append(rtp.Payload(payload.at, max(0, payload.time - gap), message))
            made.append(payload)
        return made

    return repacked(codec, change)


def marked_behind(codec: str) -> Script:
    """The mark that ends a picture comes in a packet of its own that holds nothing."""

    def change(payloads: list[rtp.Payload]) -> list[rtp.Payload]:
        made = []
        for payload in payloads:
            made.append(attrs.evolve(payload, marker=False))
            if payload.marker:
                made.append(rtp.Payload(payload.at, payload.time, b""))
        return made

    return repacked(codec, change)


def a_tick_back(codec: str) -> Script:
    """Every fifth picture's packets: the later ones are a tick earlier (Tapo)."""

    def change(payloads: list[rtp.Payload]) -> list[rtp.Payload]:
        return [
            attrs.evolve(p, time=p.time - 1)
            if p.marker and p.time // 3600 % 5 == 4 and is_fragment(codec, p.data)
            else p
            for p in payloads
        ]

    return repacked(codec, change)


APART = "its packets of one picture have different times"
TIMES: dict[str, tuple[Script, str]] = {
    **{f"{codec}: times within a picture": (later_within(codec, 1), APART) for codec in BOTH},
    **{f"{codec}: times far apart within a picture": (later_within(codec, 90), APART) for codec in BOTH},
    **{f"{codec}: a tick back": (a_tick_back(codec), APART) for codec in BOTH},
    **{f"{codec}: words marked as a picture": (told_first(codec, 0), "") for codec in BOTH},
    **{f"{codec}: words of a time of their own": (told_first(codec, 900), "") for codec in BOTH},
}

# --- units --------------------------------------------------------------------------------------------------


def other_types(data: bytes, at: int) -> bytes:
    """Only a unit's first fragment says what it is a fragment of."""
    return data if data[at] & 0x80 else data[:at] + bytes((data[at] & 0xC0 | 1,)) + data[at + 1 :]


def other_importance(data: bytes, at: int) -> bytes:
    """Fragments behind the first are called unimportant, or of another layer."""
    if data[at] & 0x80:
        return data
    return bytes((data[0] & 0x1F,)) + data[1:] if at == 1 else data[:1] + bytes((data[1] + 1,)) + data[2:]


def never_ends(data: bytes, at: int) -> bytes:
    return data[:at] + bytes((data[at] & ~0x40,)) + data[at + 1 :]


def padded(codec: str, behind: bytes) -> Script:
    """Bytes at the end of each unit that belong to nothing."""

    def packetise(unit: bytes) -> list[bytes]:
        made: list[bytes] = []
        for nal in rtp.nals(unit):
            data = nal + behind
            if len(data) <= rtp.MTU:
                made.append(data)
            else:
                made += rtp.fu_a(data[0], data[1:]) if codec == "h264" else rtp.fu(data[:2], data[2:])
        return made

    return camera(picture(codec, packetise=packetise))


def longer_sets(codec: str) -> Script:
    """Bytes behind its sequence parameter set that belong to no set (macro-video, Reolink)."""
    wanted = {"h264": 7, "h265": 33}[codec]

    def packetise(unit: bytes) -> list[bytes]:
        nals = [nal + b"\x02\x80" if kind(codec, nal) == wanted else nal for nal in rtp.nals(unit)]
        return {"h264": rtp.h264, "h265": rtp.h265}[codec](b"".join(b"\0\0\0\1" + nal for nal in nals))

    return camera(picture(codec, packetise=packetise))


def all_in_one(codec: str) -> Script:
    """A keyframe's units, with start codes, in the fragments of what its first one is."""

    def packetise(unit: bytes) -> list[bytes]:
        first, *others = rtp.nals(unit)
        data = b"\0\0\0\1".join([first, *others])
        if len(data) <= rtp.MTU:
            return [data]
        return rtp.fu_a(data[0], data[1:]) if codec == "h264" else rtp.fu(data[:2], data[2:])

    return camera(picture(codec, packetise=packetise))


def prefixed(nals: list[bytes]) -> list[bytes]:
    """Each slice with what a scalable stream says of it in front (Annex G)."""
    made = []
    for nal in nals:
        if nal[0] & 0x1F in (1, 5):
            made.append(bytes((nal[0] & 0x60 | 14, 0x40, 0x80, 0x07)))
        made += [nal] if len(nal) <= rtp.MTU else rtp.fu_a(nal[0], nal[1:])
    return made


def vendor(nals: list[bytes]) -> list[bytes]:
    """Units of a type that means nothing, with something in them (VStarcam)."""
    made = [b"\x1f" + bytes(range(40)), b"\x1e\1\2\3"]
    return made + [piece for nal in nals for piece in ([nal] if len(nal) <= rtp.MTU else rtp.fu_a(nal[0], nal[1:]))]


def dressed_265(nals: list[bytes]) -> list[bytes]:
    """A delimiter in front; a filler, both ends, a suffix and a vendor's unit behind."""
    made = [b"\x46\x01\x50", b"\x4e\x01\x05\x02ab\x80"]
    made += [piece for nal in nals for piece in ([nal] if len(nal) <= rtp.MTU else rtp.fu(nal[:2], nal[2:]))]
    return [*made, b"\x50\x01\x05\x02ab\x80", b"\x4c\x01\xff\xff\x80", b"\x48\x01", b"\x4a\x01", b"\x60\x01\0\1\x46"]


def upside_down(nals: list[bytes]) -> list[bytes]:
    """Its parameter sets in the order in which nobody needs them."""
    sets = [nal for nal in nals if nal[0] >> 1 & 0x3F in (32, 33, 34)]
    others = [nal for nal in nals if nal not in sets]
    return [
        piece
        for nal in [*reversed(sets), *others]
        for piece in ([nal] if len(nal) <= rtp.MTU else rtp.fu(nal[:2], nal[2:]))
    ]


def sets_often(codec: str) -> Script:
    """Parameter sets in front of each picture, twice."""
    sets = rtp.nals(clips.video(codec, frames=FRAMES).units[0].data)[: 2 if codec == "h264" else 3]

    def packetise(unit: bytes) -> list[bytes]:
        cut_up = {"h264": rtp.h264, "h265": rtp.h265}[codec]
        own = [nal for nal in rtp.nals(unit) if nal not in sets]
        return cut_up(b"".join(b"\0\0\0\1" + nal for nal in [*sets, *sets, *own]))

    return camera(picture(codec, packetise=packetise))


def one_and_more(nals: list[bytes]) -> list[bytes]:
    """Each unit in an aggregate of one, whatever its size."""
    return [rtp.stap_a([nal]) for nal in nals]


def one_and_more_265(nals: list[bytes]) -> list[bytes]:
    return [rtp.aggregate([nal]) for nal in nals]


TOLD_CODES = "its units hold start codes"
UNITS: dict[str, tuple[Script, str]] = {
    **{f"{codec}: fragments of other types": (fragments(codec, other_types), "") for codec in BOTH},
    **{f"{codec}: fragments of other importance": (fragments(codec, other_importance), "") for codec in BOTH},
    **{f"{codec}: fragments that never end": (fragments(codec, never_ends), "") for codec in BOTH},
    **{f"{codec}: zeros behind units": (padded(codec, b"\0\0\0"), "") for codec in BOTH},
    **{f"{codec}: bytes behind parameter sets": (longer_sets(codec), "") for codec in BOTH},
    **{f"{codec}: a keyframe in one unit": (all_in_one(codec), TOLD_CODES) for codec in BOTH},
    **{f"{codec}: parameter sets all the time": (sets_often(codec), "") for codec in BOTH},
    "prefixes of a scalable stream": (cut(prefixed), ""),
    "units of a vendor's": (cut(vendor), ""),
    "h265: delimiters, fillers, ends": (cut(dressed_265, "h265"), ""),
    "h265: parameter sets upside down": (cut(upside_down, "h265"), ""),
    "aggregates of one": (cut(one_and_more), ""),
    "h265: aggregates of one": (cut(one_and_more_265, "h265"), ""),
}

# --- packets ------------------------------------------------------------------------------------------------


def first_of_another(place: int, data: bytes) -> list[bytes]:
    """The first packet names a sender of which nothing more is heard."""
    return [from_another(data, 0xA0C6)] if not place else [data]


def moving(place: int, data: bytes) -> list[bytes]:
    """While it turns, packets of a type of their own come in between, all with one number."""
    foreign = bytes((data[0], 50)) + b"\x12\x34" + data[4:12] + b"PTZ"
    return [data, foreign] if place % 3 == 0 else [data]


def one_number(place: int, data: bytes) -> list[bytes]:
    """It never counts its packets."""
    return [data[:2] + b"\0\0" + data[4:]]


def counted_by_two(place: int, data: bytes) -> list[bytes]:
    number = 1000 + 2 * place & 0xFFFF
    return [data[:2] + number.to_bytes(2, "big") + data[4:]]


def every_other(first: int, place: int, data: bytes) -> list[bytes]:
    return [] if place >= first and (place - first) % 2 == 0 else [data]


def reported(place: int, data: bytes) -> list[bytes]:
    """Receiver reports and descriptions among its media."""
    report = b"\x80\xc9\0\1" + data[8:12] + b"\x81\xca\0\3" + data[8:12] + b"\1\2ab\0\0\0\0"
    return [data, report] if place % 9 == 0 else [data]


def another_type(payload_type: int) -> Script:
    """Its packets have a number that its description does not name."""
    return patient(changed(lambda n, data: [data[:1] + bytes((data[1] & 0x80 | payload_type,)) + data[2:]]))


def patient(script: Script) -> Script:
    """It takes some packets until it is known what they are, so it waits for nobody to see them."""
    script.beginning = NEVER
    return script


UNNUMBERED = "its packets' numbers (RTP) do not go on"
PACKETS: dict[str, tuple[Script, str]] = {
    "the first packet of another": (changed(first_of_another), ""),
    "packets of a type of their own": (changed(moving), ""),
    "one number for all packets": (patient(changed(one_number)), UNNUMBERED),
    "numbers two by two": (patient(changed(counted_by_two)), UNNUMBERED),
    "reports among media": (changed(reported), "its reports come among its media"),
    "a type that nothing names": (another_type(98), "it sends another payload type than its description names"),
    "a static type that nothing names": (another_type(35), "it sends another payload type than its description names"),
}

# --- AV1 ----------------------------------------------------------------------------------------------------


def leb(value: int) -> bytes:
    made = bytearray()
    while value >= 0x80:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*made, value))


def av1_sized(unit: bytes) -> list[bytes]:
    """OBUs that keep their own sizes, with the delimiter, each with its length in front (W = 0)."""
    obus = [b"\x12\0", *(with_size(obu) for obu in rtp.obus(unit))]
    return in_pieces(b"".join(leb(len(obu)) + obu for obu in obus), obus)


def with_size(obu: bytes) -> bytes:
    head = 2 if obu[0] & 4 else 1
    return bytes((obu[0] | 2,)) + obu[1:head] + leb(len(obu) - head) + obu[head:]


def in_pieces(data: bytes, obus: list[bytes]) -> list[bytes]:
    """One packet where it fits, else one of each element, in pieces."""
    if len(data) < rtp.MTU:
        return [b"\0" + data]
    return [piece for obu in obus for piece in av1_pieces(obu)]


def av1_pieces(obu: bytes) -> list[bytes]:
    pieces = [obu[at : at + rtp.MTU] for at in range(0, len(obu), rtp.MTU)]
    last = len(pieces) - 1
    return [bytes(((n > 0) << 7 | (n < last) << 6 | 0x10,)) + piece for n, piece in enumerate(pieces)]


def av1_counted(unit: bytes) -> list[bytes]:
    """All OBUs of a unit in one packet, their number told (W)."""
    obus = rtp.obus(unit)
    if sum(map(len, obus)) > rtp.MTU or len(obus) > 3:
        return [piece for obu in obus for piece in av1_pieces(obu)]
    return [bytes((len(obus) << 4,)) + b"".join(leb(len(obu)) + obu for obu in obus[:-1]) + obus[-1]]


def av1_sized_though_counted(unit: bytes) -> list[bytes]:
    """Each OBU alone, its number told (W = 1), and its size all the same (FFmpeg)."""
    return [
        piece
        for obu in rtp.obus(unit)
        for piece in ([b"\x10" + leb(len(obu)) + obu] if len(obu) < rtp.MTU else av1_pieces(obu))
    ]


def av1_padded(unit: bytes) -> list[bytes]:
    """A padding OBU behind each unit, and metadata that nobody knows in front."""
    obus = [b"\x28\x7f\1\2\x80", *rtp.obus(unit), b"\x78" + bytes(19) + b"\x80"]
    return [piece for obu in obus for piece in av1_pieces(obu)]


def av1_layered(unit: bytes) -> list[bytes]:
    """Every OBU says of which layer it is, as a scalable stream's do: the lowest."""
    obus = [bytes((obu[0] | 4, 0)) + obu[1:] if obu[0] >> 3 != 1 else obu for obu in rtp.obus(unit)]
    return [piece for obu in obus for piece in av1_pieces(obu)]


def av1(packetise: rtp.Packetise, **changes: Any) -> Script:
    video = picture("av1", packetise=packetise)
    return camera(attrs.evolve(video, payloads=[attrs.evolve(payload, **changes) for payload in video.payloads]))


AV1: dict[str, tuple[Script, str]] = {
    "AV1 with sizes and delimiters": (av1(av1_sized), ""),
    "AV1 whose OBUs are counted": (av1(av1_counted), ""),
    "AV1 counted, with sizes": (
        av1(av1_sized_though_counted),
        "its AV1 has sizes where its packets say that there are none",
    ),
    "AV1 with padding": (av1(av1_padded), ""),
    "AV1 of a layer": (av1(av1_layered), ""),
}
UNENDED = {
    "AV1 without marks": (av1(rtp.av1, marker=False), ""),
    **{f"{codec}: marks apart": (marked_behind(codec), "") for codec in BOTH},
}
"""Nothing in the packets says that the last picture has ended."""
ALL = {**TIMES, **UNITS, **PACKETS, **AV1}
LOSSY: dict[str, tuple[Script, int]] = {
    "every other packet": (patient(changed(partial(every_other, 0))), 0),
    "every other packet but the first": (patient(changed(partial(every_other, 1))), 0),
    "every other packet from the third group on": (changed(partial(every_other, 39)), 24),
}
"""What is lost, and how many pictures can be shown before that."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Watched]:
    scripts = {name: script for name, (script, _) in (ALL | UNENDED | LOSSY).items()}
    return await watched_together(tmp_path_factory, "field_units", scripts)


@pytest.mark.parametrize("name", [*ALL, *UNENDED])
def test_it_plays_and_what_is_odd_is_told_once(name: str, watched: dict[str, Watched]) -> None:
    one, odd = watched[name], (ALL | UNENDED)[name][1]
    frames = FRAMES - (name in UNENDED)
    if "AV1" in name:
        # What no other picture needs is left out of the group that is shown at once.
        assert [number for number in one.numbers if (number or 0) >= 12] == list(range(12, frames)), one.numbers
    else:
        assert one.whole(frames), (one.numbers, one.reasons, one.notes)
    assert one.steps() == {40}, sorted(one.steps())
    assert one.heard > one.lasting - 0.5, one.notes
    assert [odd in note for note in one.notes] == [True] * bool(odd), one.notes


@pytest.mark.parametrize("name", LOSSY)
def test_what_is_lost_is_not_taken_for_another_way_of_counting(name: str, watched: dict[str, Watched]) -> None:
    one = watched[name]
    assert not [note for note in one.notes if UNNUMBERED in note]
    # Who came late to the first group sees the next one.
    assert one.numbers in [list(range(begin, LOSSY[name][1])) for begin in (0, 12)]
