"""Further cameras of the field: where their pictures can begin, for whoever joins in the middle."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import attrs
import pytest
import pytest_asyncio

from tests.cameras import clips, rtp
from tests.cameras.script import Script
from tests.cameras.shared import watched_together
from tests.cameras.watch import Watched

pytestmark = pytest.mark.xdist_group("cameras-field_beginnings")
"""What all tests here share is made once."""

FRAMES = 84
GOP = 12
JOINED = 6
"""The first picture that comes."""
OPEN_264 = f"scenecut=0:keyint={GOP}:min-keyint=1:bframes=2:b-adapt=0:open-gop=1:sliced-threads=0"
OPEN_265 = f"bframes=2:b-adapt=0:keyint={GOP}:min-keyint={GOP}:scenecut=0:open-gop=1"
QUIET = "log-level=none:pools=none:frame-threads=1"


def clip(codec: str = "h264", **settings: Any) -> clips.Clip:
    return clips.video(codec, frames=FRAMES, gop=GOP, **settings)


def opened(codec: str) -> clips.Clip:
    """Groups that begin with a picture behind which some are shown earlier that need the group before."""
    if codec == "h264":
        return clip(b_frames=2, options={"x264-params": OPEN_264, "tune": "fastdecode"})
    return clip("h265", b_frames=2, options={"x265-params": f"{QUIET}:{OPEN_265}"})


def changed(found: clips.Clip, change: Callable[[int, list[bytes]], list[bytes]]) -> clips.Clip:
    """What becomes of each picture's units."""
    units = []
    for number, unit in enumerate(found.units):
        data = b"".join(b"\0\0\0\1" + nal for nal in change(number, rtp.nals(unit.data)))
        units.append(attrs.evolve(unit, data=data))
    return attrs.evolve(found, units=tuple(units))


def joined(found: clips.Clip, at: int = JOINED, **settings: Any) -> rtp.Track:
    """From the picture `at` on (in decode order)."""
    first = found.units[at].dts
    units = tuple(attrs.evolve(unit, dts=unit.dts - first, pts=unit.pts - first) for unit in found.units[at:])
    return rtp.video_track(attrs.evolve(found, units=units), **settings)


def camera(video: rtp.Track, **settings: Any) -> Script:
    return Script(
        [video, rtp.aac_track(clips.sound("aac", seconds=FRAMES / clips.FPS))], **{"beginning": 0.6, **settings}
    )


def kinds(codec: str, nal: bytes) -> int:
    return nal[0] & 0x1F if codec == "h264" else nal[0] >> 1 & 0x3F


def without(codec: str, *left_out: int) -> Callable[[int, list[bytes]], list[bytes]]:
    return lambda number, nals: [nal for nal in nals if kinds(codec, nal) not in left_out]


def sets_told(found: clips.Clip) -> str:
    sets = [nal for nal in rtp.nals(found.units[0].data) if kinds("h264", nal) in (7, 8)]
    return "packetization-mode=1;sprop-parameter-sets=" + ",".join(b64encode(nal).decode() for nal in sets)


def sets_late(number: int, nals: list[bytes]) -> list[bytes]:
    """Parameter sets stand in front of the fourth picture of a group, not in front of its first."""
    plain = [nal for nal in nals if kinds("h264", nal) not in (7, 8)]
    return SETS + plain if number % GOP == 3 else plain


def unmarked(track: rtp.Track) -> rtp.Track:
    track.payloads = [attrs.evolve(payload, marker=False) for payload in track.payloads]
    return track


SETS = [nal for nal in rtp.nals(clips.video("h264", frames=FRAMES, gop=GOP).units[0].data) if nal[0] & 0x1F in (7, 8)]
BARE = changed(clip(), without("h264", 7, 8))

FOUR_SLICES = f"scenecut=0:keyint={GOP}:min-keyint={GOP}:bframes=0:slices=4:sliced-threads=0"

BEGINNINGS: dict[str, Script] = {
    "open groups": camera(joined(opened("h264"))),
    "h265: open groups": camera(joined(opened("h265"))),
    "parameter sets in the description alone": camera(joined(BARE, fmtp=sets_told(clip()))),
    "parameter sets behind the keyframe": camera(joined(changed(clip(), sets_late))),
    "no markers": camera(unmarked(joined(clip()))),
    "h265: no markers": camera(unmarked(joined(clip("h265")))),
    "words behind each picture": camera(joined(changed(clip(), lambda n, nals: [*nals, b"\x06\x05\x02ab\x80"]))),
    "every picture a keyframe": camera(rtp.video_track(clips.video("h264", frames=FRAMES, gop=1))),
    "a keyframe of four slices": camera(joined(clip(options={"x264-params": FOUR_SLICES}))),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Watched]:
    return await watched_together(tmp_path_factory, "field_beginnings", BEGINNINGS)


@pytest.mark.parametrize("name", BEGINNINGS)
def test_it_begins_with_a_group_and_goes_on(name: str, watched: dict[str, Watched]) -> None:
    one = watched[name]
    begin = one.numbers[0] if one.numbers else None
    assert begin is not None, (one.reasons, one.notes)
    assert begin % (1 if "every" in name else GOP) == 0, one.numbers
    assert begin <= 4 * GOP
    # Nothing in the packets says that the last picture has ended.
    end = FRAMES - 1 if "markers" in name else FRAMES
    wanted = list(range(begin, end))
    if "open" in name:
        # What others do not need is left out of the group that is shown at once.
        first = [number for number in one.numbers if number is not None and number < begin + GOP]
        assert set(first) <= set(range(begin, begin + GOP))
        wanted = first + list(range(begin + GOP, end))
    assert one.numbers == wanted, (one.numbers, one.notes)
    assert one.steps() == {40}, sorted(one.steps())
