"""Where a viewer can begin, and how long to wait for it: intra refresh, rare keyframes, slow cameras, only damage."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator

import attrs
import pytest
import pytest_asyncio

from camcast.media import NS_PER_S
from camcast_av1 import obu
from camcast_rtsp import watching
from tests.cameras import clips, rtp, uncompressed
from tests.cameras.script import NEVER, Script
from tests.cameras.shared import watched_together
from tests.cameras.watch import Watched
from tests.plugins.rtmp_kit import host

pytestmark = pytest.mark.xdist_group("cameras-entry_points")
"""What all tests here share is made once."""

CYCLE = 25
"""Pictures in which intra refresh has gone over the whole picture."""
REFRESH = {
    "h264": {"x264-params": f"intra-refresh=1:keyint={CYCLE}:scenecut=0:bframes=0:sliced-threads=0"},
    "av1": {"svtav1-params": "lp=1:scd=0:pred-struct=1:irefresh-type=1"},
    "h265": {"x265-params": f"log-level=none:pools=none:frame-threads=1:intra-refresh=1:keyint={CYCLE}:bframes=0"},
}
JOINED = 10
FRAMES = 180


def refreshed(codec: str) -> clips.Clip:
    """What refreshes its picture bit by bit; whoever joins never sees a keyframe."""
    return clips.video(codec, frames=FRAMES, gop=CYCLE, options=REFRESH[codec])


def joined(clip: clips.Clip) -> Script:
    return Script([rtp.video_track(moved(clip)), tone()], beginning=NEVER)


def with_headers(clip: clips.Clip) -> clips.Clip:
    """AV1 whose sequence header stands in front of the intra-only frames, too."""
    first = obu.split(clip.units[0].data)
    header = next(clip.units[0].data[start:end] for kind, start, _, end, *_ in first if kind == obu.SEQUENCE_HEADER)
    units = [
        attrs.evolve(unit, data=b"\x12\0" + header + unit.data.removeprefix(b"\x12\0")) if number % CYCLE == 0 else unit
        for number, unit in enumerate(clip.units)
    ]
    return attrs.evolve(clip, units=(clip.units[0], *units[1:]))


def tone(frames: int = FRAMES) -> rtp.Track:
    """As long as the pictures of whoever joins."""
    return rtp.aac_track(clips.sound("aac", seconds=(frames - JOINED) / clips.FPS))


def moved(clip: clips.Clip) -> clips.Clip:
    """Without the pictures in front of `JOINED`."""
    later = clip.units[JOINED:]
    units = [attrs.evolve(unit, dts=unit.dts - later[0].dts, pts=unit.pts - later[0].dts) for unit in later]
    return attrs.evolve(clip, units=tuple(units))


def intra_only() -> clips.Clip:
    """An IDR, then nothing but I pictures that nothing marks."""
    pictures = [clips.picture(number) for number in range(FRAMES)]
    coded = uncompressed.stream(pictures, uncompressed.Shape(clips.SIZE, gop=FRAMES))
    units = tuple(clips.Unit(data, n * clips.STEP, n * clips.STEP, n == 0) for n, data in enumerate(coded))
    return clips.Clip("h264", units)


def unmarked() -> Script:
    """Whoever joins never sees an IDR."""
    return Script([described(intra_only()), tone()], beginning=NEVER)


def described(clip: clips.Clip) -> rtp.Track:
    """What comes of a clip for whoever joins; its parameter sets are in the SDP."""
    names = {"h264": ("sprop-parameter-sets",) * 2, "h265": ("sprop-vps", "sprop-sps", "sprop-pps")}[clip.codec]
    told: dict[str, list[str]] = {}
    for name, nal in zip(names, rtp.nals(clip.units[0].data), strict=False):
        told.setdefault(name, []).append(b64encode(nal).decode())
    return rtp.video_track(moved(clip), fmtp=";".join(f"{name}={','.join(sets)}" for name, sets in told.items()))


def rare_keyframes() -> Script:
    """A smart codec: it begins in mid-group, and the next keyframe is 2.4 s away."""
    clip = clips.video("h264", frames=100, gop=70)
    return Script([described(clip), tone(100)], options={"no_data_timeout": 2.0}, beginning=NEVER)


def slow() -> Script:
    """One picture every 0.8 s, where media that stops for 0.5 s means that a camera is gone."""
    clip = clips.video("h264", frames=8, gop=1)
    units = tuple(attrs.evolve(unit, dts=n * 800, pts=n * 800) for n, unit in enumerate(clip.units))
    return Script([rtp.video_track(attrs.evolve(clip, units=units))], options={"no_data_timeout": 0.5}, beginning=NEVER)


def only_damage() -> Script:
    """Fragments without their beginnings, for ever."""
    video = rtp.video_track(clips.video("h264", frames=100))
    video.payloads = [attrs.evolve(p, data=b"\x7c\x01" + p.data[2:]) for p in video.payloads]
    return Script([video], ending="silence", beginning=NEVER)


def damaged_sound() -> Script:
    """The picture is fine; the sound never is."""
    sound = rtp.aac_track(clips.sound("aac", seconds=2.4))
    sound.payloads = [attrs.evolve(p, data=b"\xff\xff" + p.data[2:]) for p in sound.payloads]
    return Script([rtp.video_track(clips.video("h264", frames=60)), sound], beginning=NEVER)


def unreadable_sound() -> Script:
    """Whole packets each time, of which none is what the codec allows: 63 frames of 20 ms (RFC 6716 §3.2.5)."""
    sound = rtp.aac_track(clips.sound("aac", seconds=2.4), packetise=lambda unit: [b"\xff\x3f" + unit])
    sound = attrs.evolve(sound, media="m=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n")
    return Script([rtp.video_track(clips.video("h264", frames=60)), sound], beginning=NEVER)


SCRIPTS = {
    "h264 refreshed": joined(refreshed("h264")),
    "av1 refreshed": joined(with_headers(refreshed("av1"))),
    "h264 without marks": unmarked(),
    "rare keyframes": rare_keyframes(),
    "slow": slow(),
    "only damage": only_damage(),
    "damaged sound": damaged_sound(),
    "unreadable sound": unreadable_sound(),
}
UNSEEN = {"h265 refreshed": Script([described(refreshed("h265")), tone()], beginning=NEVER)}
"""Of which FFmpeg shows nothing."""


@pytest.fixture(scope="module")
def hurried() -> Iterator[None]:
    """What takes half a minute takes a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watching, "NOTHING_USABLE", NS_PER_S)
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(hurried: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Watched]:
    return await watched_together(tmp_path_factory, "entries", SCRIPTS | UNSEEN, seconds=20.0)


def test_intra_refresh_is_shown_after_a_while(watched: dict[str, Watched]) -> None:
    one = watched["h264 refreshed"]
    # 3 s without a keyframe, up to a cycle until the next point, a cycle until all of the picture is right.
    right = [number for number in one.numbers if number is not None]
    assert right[-1] == FRAMES - 1
    assert right == list(range(right[0], FRAMES))
    assert right[0] <= JOINED + 75 + 2 * CYCLE


def test_intra_pictures_that_nothing_marks_are_shown_after_a_while(watched: dict[str, Watched]) -> None:
    one = watched["h264 without marks"]
    first, begin = one.numbers[0], JOINED + 3 * clips.FPS + 1
    # A session begins only then, which takes a moment.
    assert first in range(begin, begin + clips.FPS), one.reasons
    assert one.numbers == list(range(first or 0, FRAMES))


def test_of_h265_without_keyframes_is_told_who_shows_nothing(watched: dict[str, Watched]) -> None:
    one = watched["h265 refreshed"]
    assert not one.seen.pictures
    # It was sent all the same: others begin there.
    assert one.heard > 1.0
    (told,) = [note for note in one.notes if "has no keyframes" in note]
    assert "servers and viewers that decode with FFmpeg show nothing to whoever joins" in told


def test_an_intra_picture_is_no_beginning_where_there_are_keyframes() -> None:
    parser = host().codec("h264").parser(b"")
    packets = [parser.parse(unit.data, n * 40_000_000, n * 40_000_000) for n, unit in enumerate(intra_only().units)]
    assert [n for n, packet in enumerate(packets) if packet is not None and packet.keyframe] == [0]


def test_intra_only_frames_of_av1_are_shown_after_a_while(watched: dict[str, Watched]) -> None:
    one = watched["av1 refreshed"]
    right = [number for number in one.numbers if number is not None]
    assert right, one.reasons
    # The first behind 3 s without a key frame, or the next; that group is replayed without what nothing refers to.
    assert right[0] in (100, 125)
    assert [number for number in right if number >= 150] == list(range(150, FRAMES))


def test_intra_only_frames_of_av1_count_until_a_key_frame() -> None:
    parser = host().codec("av1").parser(b"")
    units = with_headers(refreshed("av1")).units
    packets = [parser.parse(unit.data, n * 40_000_000, n * 40_000_000) for n, unit in enumerate((*units[1:], *units))]
    keys = [n + 1 for n, packet in enumerate(packets) if packet is not None and packet.keyframe]
    # The stream begins where its sequence header first comes. Behind the keyframe, 3 s without one have to pass again.
    assert keys == [*range(125, FRAMES, CYCLE), FRAMES, *range(FRAMES + 100, 2 * FRAMES, CYCLE)]


@pytest.mark.parametrize("name", ["h264 refreshed", "av1 refreshed", "h264 without marks", "rare keyframes"])
def test_sound_beside_it_is_heard_in_time(name: str, watched: dict[str, Watched]) -> None:
    """It is there before the picture, which may be seconds away."""
    one = watched[name]
    assert one.heard > one.lasting - 0.4
    assert one.apart < 0.3 + one.late


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_points_of_refresh_count_after_a_while_and_until_a_keyframe(codec: str) -> None:
    """FFmpeg's decoder begins there in H.264; in H.265 it waits for a keyframe for ever, others may not."""
    clip = clips.video(codec, frames=FRAMES, gop=CYCLE, options=REFRESH[codec])
    parser = host().codec(codec).parser(b"")
    sets = b"".join(b"\0\0\0\1" + nal for nal in rtp.nals(clip.units[0].data)[: 2 if codec == "h264" else 3])
    units = [sets + clip.units[JOINED].data, *(unit.data for unit in clip.units[JOINED + 1 :]), clip.units[0].data]
    units += [clip.units[CYCLE].data]
    packets = [parser.parse(unit, n * 40_000_000, n * 40_000_000) for n, unit in enumerate(units)]
    keys = [n + JOINED for n, packet in enumerate(packets) if packet is not None and packet.keyframe]
    assert keys == [*range(100, FRAMES, CYCLE), FRAMES]


def test_a_rare_keyframe_is_waited_for(watched: dict[str, Watched]) -> None:
    one = watched["rare keyframes"]
    assert one.numbers == list(range(70, 100))
    assert [note for note in one.notes if "no keyframe has in 1 s: waiting for one" in note]


def test_a_slow_camera_is_not_a_dead_one(watched: dict[str, Watched]) -> None:
    one = watched["slow"]
    # It waits for nobody, so a viewer that is late misses its first picture.
    begin = one.numbers[0]
    assert begin in (0, 1, 2)
    assert one.numbers == list(range(begin, 8))
    assert one.camera.connections == 1


def test_the_error_names_why_nothing_could_be_shown(watched: dict[str, Watched]) -> None:
    one = watched["only damage"]
    assert not one.seen.pictures
    assert "no video that could be shown in 1 s: " in one.reasons[0]
    assert " damaged" in one.reasons[0]


def test_sound_that_is_only_damage_is_told_once_and_costs_no_picture(watched: dict[str, Watched]) -> None:
    one = watched["damaged sound"]
    # The picture waits 2 s for sound that is to be expected, then it goes without.
    assert one.numbers == list(range(48, 60))
    assert len([note for note in one.notes if "nothing that comes of its audio can be used: " in note]) == 1


def test_what_the_parser_says_of_sound_that_nobody_can_read_is_told(watched: dict[str, Watched]) -> None:
    one = watched["unreadable sound"]
    assert one.numbers == list(range(48, 60))
    (told,) = [note for note in one.notes if "nothing that comes of its audio can be used: " in note]
    assert "damaged (Opus packet of 63 frames" in told
