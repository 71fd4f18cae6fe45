"""Encoders that publish over RTMP, as odd as cameras are: what a viewer sees is whole and has its times."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from pathlib import Path

import attrs
import pytest
import pytest_asyncio

from camcast.flv import amf0
from camcast.media import TagType
from tests.cameras import clips, rtp
from tests.cameras.publishers import (
    AUDIO,
    VIDEO,
    Publisher,
    Sent,
    Stage,
    avc,
    avc_header,
    pictures,
    sized,
    sounds,
    without_sets,
)
from tests.cameras.shared import shared
from tests.cameras.watch import Watched, batched, watch_sources

pytestmark = pytest.mark.xdist_group("cameras-publishers")
"""What all tests here share is made once."""

FRAMES = 75
SECONDS = FRAMES / clips.FPS
HOUR = 3_600_000
"""ms."""
COUNTED = range(48, FRAMES - 2)
"""Pictures that are looked at: a session begins meanwhile, and the first groups are replayed in haste."""
CLIP = clips.video("h264", frames=FRAMES)
TONE = clips.sound("aac", seconds=SECONDS)


@attrs.frozen
class Case:
    """A publisher and what a viewer sees of it."""

    publisher: Publisher = attrs.field(repr=False)
    steps: tuple[int, ...] = (40,)
    """ms between pictures."""
    heard: float = 1.5
    """Seconds of sound, at the least."""
    leap: bool = False
    """Its times leap, so that one step is by arrival."""


def publisher(video: list[Sent] | None = None, audio: list[Sent] | None = None, *more: Sent) -> Publisher:
    return Publisher(
        [*(pictures(CLIP) if video is None else video), *(sounds(TONE) if audio is None else audio), *more]
    )


def each(payload: Callable[[clips.Unit], bytes], header: bytes | None = None, clip: clips.Clip = CLIP) -> list[Sent]:
    """What becomes of each picture; `header` in front, b"" = none."""
    header = avc_header(clip) if header is None else header
    head = [Sent(0.0, VIDEO, 0, header)] if header else []
    return head + [Sent(u.dts / 1000, VIDEO, u.dts, avc(u, payload(u))) for u in clip.units]


def timed(change: Callable[[int], int], audio: Callable[[int], int] | None = None) -> Publisher:
    """What becomes of the times, of sound likewise where nothing else is said."""
    audio = audio or change
    return Publisher(
        [attrs.evolve(tag, time=change(tag.time)) for tag in pictures(CLIP)]
        + [attrs.evolve(tag, time=audio(tag.time)) for tag in sounds(TONE)]
    )


def in_one(unit: clips.Unit) -> bytes:
    """All units of a picture in one, start codes between them."""
    return sized([b"\0\0\0\1".join([b"\x06\x05\x02ab\x80", *rtp.nals(unit.data)])])


def messy(unit: clips.Unit) -> bytes:
    """Each unit behind a start code that it need not have, and an empty one."""
    return sized([b"", *(b"\0\0\0\1" + nal for nal in rtp.nals(unit.data))])


SPS, PPS = rtp.nals(CLIP.units[0].data)[:2]
HALF_RECORD = b"\x01" + SPS[1:4] + b"\xff\xe0\0"
"""A configuration without a single parameter set."""


def repeated() -> list[Sent]:
    """Its header in front of each keyframe, at first another one, with the end of a sequence behind."""
    tags = []
    for unit, tag in zip(CLIP.units, pictures(CLIP)[1:], strict=True):
        if unit.keyframe:
            tags.append(attrs.evolve(tag, body=avc_header(CLIP)))
        tags.append(tag)
        if unit.keyframe:
            tags += [
                attrs.evolve(tag, body=b"\x17\2\0\0\0"),
                attrs.evolve(tag, body=b""),
                attrs.evolve(tag, body=b"\x57\0"),
            ]
    return tags


def flagged(keyframe: bool) -> list[Sent]:
    """All pictures are said to be keyframes, or none is."""
    head = [Sent(0.0, VIDEO, 0, avc_header(CLIP))]
    return head + [
        Sent(u.dts / 1000, VIDEO, u.dts, avc(u, sized(without_sets(u)), keyframe=keyframe)) for u in CLIP.units
    ]


def adts(unit: bytes) -> bytes:
    """48 kHz, stereo, LC."""
    size = len(unit) + 7
    return bytes((0xFF, 0xF1, 0x4C, 0x80 | size >> 11, size >> 3 & 0xFF, (size & 7) << 5 | 0x1F, 0xFC)) + unit


def sound_each(change: Callable[[bytes], bytes], header: bytes = b"\xaf\0" + TONE.config) -> list[Sent]:
    head = [Sent(0.0, AUDIO, 0, header)] if header else []
    return head + [Sent(u.dts / 1000, AUDIO, u.dts, b"\xaf\1" + change(u.data)) for u in TONE.units]


def later_picture() -> Publisher:
    """Two seconds of sound come before the first picture, of which it has spoken (Dahua)."""
    later = [attrs.evolve(tag, at=tag.at + 2, time=tag.time + 2000 * bool(tag.body[1])) for tag in pictures(CLIP)]
    words = metadata(videocodecid=7.0, audiocodecid=10.0)
    return Publisher([words, *later, *sounds(clips.sound("aac", seconds=SECONDS + 2))])


def metadata(**values: object) -> Sent:
    return Sent(0.0, TagType.SCRIPT, 0, amf0.encode("@setDataFrame", "onMetaData", dict(values)))


HEVC = clips.video("h265", frames=FRAMES)


def hvcc(clip: clips.Clip) -> bytes:
    """ISO 14496-15 §8.3.3.1, as far as anybody looks at it: what is not about its sets is of Main at level 3."""
    sets = rtp.nals(clip.units[0].data)[:3]
    head = b"\x01\x01\x60\0\0\0\x90\0\0\0\0\0\x5d\xf0\0\xfc\xfd\xf8\xf8\0\0\x0f\x03"
    arrays = (bytes((0x80 | 32 + n,)) + b"\0\1" + len(nal).to_bytes(2, "big") + nal for n, nal in enumerate(sets))
    return head + b"".join(arrays)


def legacy_hevc(payload: Callable[[clips.Unit], bytes], header: bytes) -> list[Sent]:
    """By the number that Chinese encoders gave H.265 in FLV."""
    head = [Sent(0.0, VIDEO, 0, b"\x1c\0\0\0\0" + header)] if header else []
    return head + [
        Sent(u.dts / 1000, VIDEO, u.dts, bytes((0x1C if u.keyframe else 0x2C, 1, 0, 0, 0)) + payload(u))
        for u in HEVC.units
    ]


def enhanced_hevc(payload: Callable[[clips.Unit], bytes], header: bytes) -> list[Sent]:
    head = [Sent(0.0, VIDEO, 0, b"\x90hvc1" + header)] if header else []
    return head + [
        Sent(u.dts / 1000, VIDEO, u.dts, (b"\x93" if u.keyframe else b"\xa3") + b"hvc1" + payload(u))
        for u in HEVC.units
    ]


def plain_hevc(unit: clips.Unit) -> bytes:
    return sized([nal for nal in rtp.nals(unit.data) if nal[0] >> 1 & 0x3F not in (32, 33, 34)])


def hevc_in_one(unit: clips.Unit) -> bytes:
    return sized([b"\0\0\1".join([b"\x4e\x01\x05\x02ab\x80", *rtp.nals(unit.data)])])


B_FRAMES = clips.video("h264", frames=FRAMES, b_frames=2)


def moved_back() -> list[Sent]:
    """Decode times so late that pictures are to be shown before they are decoded."""
    tags = [Sent(0.0, VIDEO, 0, avc_header(B_FRAMES))]
    for unit in B_FRAMES.units:
        later = attrs.evolve(unit, dts=unit.dts + 80)
        tags.append(Sent(unit.dts / 1000 + 0.1, VIDEO, later.dts, avc(later, sized(without_sets(unit)))))
    return tags


PUBLISHED: dict[str, Case] = {
    "plain": Case(publisher()),
    "B-frames": Case(publisher(each(lambda u: sized(without_sets(u)), clip=B_FRAMES))),
    "shown before they are decoded": Case(publisher(moved_back())),
    "start codes instead of sizes": Case(publisher(each(lambda u: u.data))),
    "start codes inside units": Case(publisher(each(in_one))),
    "start codes in front of units": Case(publisher(each(messy))),
    "a header with start codes": Case(
        publisher(each(lambda u: u.data, b"\x17\0\0\0\0\0\0\0\1" + SPS + b"\0\0\0\1" + PPS))
    ),
    "parameter sets in the stream alone": Case(publisher(each(lambda u: sized(rtp.nals(u.data)), b""))),
    "start codes, and no header": Case(publisher(each(lambda u: u.data, b""))),
    "an empty header": Case(publisher(each(lambda u: sized(rtp.nals(u.data)), b"\x17\0\0\0\0"))),
    "a header of nothing": Case(publisher(each(lambda u: sized(rtp.nals(u.data)), b"\x17\0\0\0\0" + HALF_RECORD))),
    "sizes of two bytes": Case(publisher(each(lambda u: sized(without_sets(u), 2), avc_header(CLIP, 2)))),
    "headers, ends and nothing in between": Case(publisher(repeated())),
    "only keyframes, it says": Case(publisher(flagged(True))),
    "no keyframe, it says": Case(publisher(flagged(False))),
    "times that step back": Case(timed(lambda t: t - (t // 40 % 3) * 15), (25, 70)),
    "two pictures with one time": Case(timed(lambda t: t // 80 * 80, lambda t: t), (1, 79)),
    "times that leap an hour": Case(timed(lambda t: t + (HOUR if t >= 2000 else 0)), leap=True),
    "times that leap an hour back": Case(timed(lambda t: t + (0 if t >= 2000 else HOUR)), leap=True),
    "sound that leaps an hour": Case(timed(lambda t: t, lambda t: t + (HOUR if t >= 1500 else 0)), heard=1.0),
    "times that wrap": Case(timed(lambda t: t + 2**32 - 1500)),
    "times beyond half of what there is": Case(timed(lambda t: t + 2**31 - 1500)),
    "times of more than three bytes": Case(timed(lambda t: t + 2**24 - 1500)),
    "sound long before the picture": Case(later_picture()),
    "sound is promised and never comes": Case(
        publisher(None, [], metadata(videocodecid=7.0, audiocodecid=10.0)), heard=0.0
    ),
    "rubbish of metadata": Case(publisher(None, None, Sent(0.1, TagType.SCRIPT, 0, b"\2\0\3abc\xff\xff"))),
    "ADTS, and no header": Case(publisher(None, sound_each(adts, b""))),
    "ADTS behind a header": Case(publisher(None, sound_each(adts))),
    "a header of sound all the time": Case(
        publisher(None, [one for tag in sounds(TONE) for one in (attrs.evolve(tag, body=b"\xaf\0" + TONE.config), tag)])
    ),
    "H.265 by number": Case(publisher(legacy_hevc(plain_hevc, hvcc(HEVC)))),
    "H.265 by number, sets in the stream": Case(publisher(legacy_hevc(lambda u: sized(rtp.nals(u.data)), b""))),
    "H.265 by name": Case(publisher(enhanced_hevc(plain_hevc, hvcc(HEVC)))),
    "H.265, start codes inside units": Case(publisher(enhanced_hevc(hevc_in_one, hvcc(HEVC)))),
    "H.265 with start codes": Case(publisher(legacy_hevc(lambda u: u.data, hvcc(HEVC)))),
}


async def published(directory: Path, some: Mapping[str, Case]) -> dict[str, Watched]:
    stage = Stage({name: case.publisher for name, case in some.items()})
    longest = max(tag.at for case in some.values() for tag in case.publisher.tags)
    return await watch_sources(directory, stage.sources(), seconds=longest + 2.5, push=stage.play)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Watched]:
    parts = {number: partial(published, some=some) for number, some in enumerate(batched(PUBLISHED))}
    outcomes = await shared(tmp_path_factory, "publishers", parts)
    return {name: one for made in outcomes.values() for name, one in made.items()}


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_is_published_is_seen_at_its_times(name: str, watched: dict[str, Watched]) -> None:
    one, case = watched[name], PUBLISHED[name]
    shown = [picture for picture in one.seen.pictures if picture.number in COUNTED]
    assert [picture.number for picture in shown] == list(COUNTED), (one.numbers, one.reasons, one.notes)
    steps = [round((after.time - before.time) * 1000) for before, after in pairwise(shown)]
    if case.leap:
        # It goes on by when it came, which a busy machine puts off.
        assert 0 < steps.pop(50 - COUNTED.start - 1) < SECONDS * 1000
    assert set(steps) <= set(case.steps), sorted(set(steps))


@pytest.mark.parametrize("name", PUBLISHED)
def test_its_sound_is_heard_beside_it(name: str, watched: dict[str, Watched]) -> None:
    one, case = watched[name], PUBLISHED[name]
    assert one.heard >= case.heard, (one.heard, one.notes)
    if case.heard:
        assert one.apart < 0.4 + one.late
