"""Over UDP, what overtakes another packet or comes twice is put right, and a lost one costs its picture and those that
follow from it, for every codec: what is shown is decoded by FFmpeg, at its own times."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest
import pytest_asyncio

from tests.cameras import clips, kept, recipes, rtp
from tests.cameras import test_old_codecs as old
from tests.cameras.script import Script
from tests.cameras.shared import watched_together
from tests.cameras.test_old_codecs import CIF, VP8
from tests.cameras.watch import Watched

pytestmark = pytest.mark.xdist_group("cameras-udp")
"""What all tests here share is made once."""

FRAMES = 100
GOP = 12
BEGIN, END = 25, 84
"""The pictures that count: one whose sound is made another codec is seen late, and the last ones may still be in an
encoder where a machine is busy."""
OPTIONS = {"transport": "udp", "no_data_timeout": 15}
"""It waits for its viewer for as long, nearly: ten encoders begin at once."""
PATIENCE = 45.0
"""Seconds that four of media may take where thirty cameras are held up."""
LOST = 54
"""The picture that lacks a packet, in the middle of a group."""
LATE = 0.02
"""Seconds by which a packet may be held back without being given up."""

Packets = list[tuple[float, int, bytes]]
OLD = ("-q:v", "3", "-g", str(GOP))
MP3 = ("-c:a", "libmp3lame", "-b:a", "64k")


def carried(codec: str, more: rtp.Track, b_frames: int = 0) -> Script:
    clip = clips.video(codec, frames=FRAMES, gop=GOP, b_frames=b_frames)
    return Script([rtp.video_track(clip), more], beginning=0.9)


def aac() -> rtp.Track:
    return rtp.aac_track(clips.sound("aac", seconds=FRAMES / clips.FPS))


def camera(*arguments: str, **more: Any) -> Script:
    return old.camera(*arguments, frames=FRAMES, **more)


def sound(*arguments: str, **more: Any) -> rtp.Track:
    return old.sound(*arguments, seconds=FRAMES / clips.FPS, **more)


CAMERAS: dict[str, Callable[[], Script]] = {
    "h264, aac": lambda: carried("h264", aac()),
    "h264 with b-frames, g711": lambda: carried(
        "h264", rtp.pcma_track(clips.sound("pcm_alaw", seconds=FRAMES / clips.FPS, rate=8_000, channels=1)), 2
    ),
    "h265, opus": lambda: carried("h265", sound(*recipes.OPUS, rate=48_000, clock=48_000)),
    "av1, latm": lambda: camera(
        *recipes.AV1, "-strict", "experimental",
        more=[sound("-c:a", "aac", "-b:a", "64k", "-rtpflags", "latm", rate=48_000, clock=48_000)],
    ),
    "jpeg, mp3": lambda: camera(
        "-c:v", "mjpeg", "-q:v", "3", "-huffman", "default", "-pix_fmt", "yuvj420p",
        more=[sound(*MP3, rate=44_100, clock=90_000)],
    ),
    "mpeg-4, l16": lambda: camera(
        "-c:v", "mpeg4", *OLD, more=[sound("-c:a", "pcm_s16be", "-ac", "1", rate=44_100, clock=44_100)]
    ),
    "h263, g722": lambda: camera(
        "-c:v", "h263p", *OLD, size=CIF, more=[sound("-c:a", "g722", "-ac", "1", rate=16_000, clock=8_000)]
    ),
    "h263 in its first format, mp2": lambda: camera(
        "-c:v", "h263", *OLD, "-rtpflags", "rfc2190", size=CIF,
        more=[sound("-c:a", "mp2", "-b:a", "64k", rate=48_000, clock=90_000)],
    ),
    "vp9, pcma": lambda: camera(
        *recipes.VP9, "-strict", "experimental",
        more=[rtp.pcma_track(clips.sound("pcm_alaw", seconds=FRAMES / clips.FPS, rate=8_000, channels=1))],
    ),
    "vp8, aac": lambda: camera(*VP8, more=[aac()]),
}  # fmt: skip
ALONE = ("jpeg, mp3",)
"""Each picture stands for itself."""


def overtaken(packets: Packets) -> Packets:
    """In each track, every third packet is overtaken by the next one if that comes soon, and every seventh comes twice.
    The first packets say where the numbering begins."""
    found: Packets = []
    counts: dict[int, int] = defaultdict(int)
    held: dict[int, tuple[float, int, bytes]] = {}
    for packet in packets:
        at, which, _ = packet
        counts[which] += 1
        if which in held:
            found += [packet, (at, *held.pop(which)[1:])]
        elif counts[which] > 8 and counts[which] % 3 == 0 and _next(packets, packet) - at <= LATE:
            held[which] = packet
        else:
            found += [packet] * (2 if counts[which] % 7 == 0 else 1)
    return found + list(held.values())


def _next(packets: Packets, packet: tuple[float, int, bytes]) -> float:
    """When the next packet of the same track goes out."""
    behind = packets[packets.index(packet) + 1 :]
    return next((at for at, which, _ in behind if which == packet[1]), float("inf"))


def without(place: int) -> Callable[[Packets], Packets]:
    """One packet of picture `LOST` is lost, and each twentieth of sound."""

    def lose(packets: Packets) -> Packets:
        pictures: dict[bytes, Packets] = {}
        for packet in packets:
            if packet[1] == 0:
                pictures.setdefault(packet[2][4:8], []).append(packet)
        lost = [_in_order_of_display(pictures)[LOST][place]]
        lost += [packet for packet in packets if packet[1] == 2][20::20]
        return [packet for packet in packets if packet not in lost]

    return lose


def _in_order_of_display(pictures: dict[bytes, Packets]) -> Sequence[Packets]:
    return [pictures[time] for time in sorted(pictures, key=lambda time: int.from_bytes(time, "big"))]


WAYS: dict[str, Callable[[Packets], Packets]] = {
    "overtaken": overtaken,
    "a first packet lost": without(0),
    "a last packet lost": without(-1),
}


def scripts() -> dict[str, Script]:
    made = {}
    for name, script in kept.side_by_side(CAMERAS).items():
        for way, change in WAYS.items():
            made[f"{name}: {way}"] = attrs.evolve(script, mangle=change, options=OPTIONS, goes_on=True)
    return made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Watched]:
    return await watched_together(tmp_path_factory, "udp", scripts(), seconds=PATIENCE)


def expected(name: str, way: str) -> set[int]:
    """Numbers of the pictures that must be shown."""
    lost: set[int] = set()
    if "lost" in way:
        lost = {LOST} if name in ALONE else set(range(LOST, LOST // GOP * GOP + GOP))
    return set(range(BEGIN, END)) - lost


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CAMERAS)
def test_what_comes_is_shown_and_nothing_else(name: str, way: str, watched: dict[str, Watched]) -> None:
    one = watched[f"{name}: {way}"]
    shown = [p for p in one.seen.pictures if p.number is not None and BEGIN <= p.number < END]
    numbers = [picture.number for picture in shown]
    wanted = expected(name, way)
    if "b-frames" in name and "lost" in way:
        # Some of the group are shown before the one that is lost.
        wanted -= set(range(LOST - 2, LOST))
        numbers = [number for number in numbers if number not in range(LOST - 2, LOST)]
    # Who came late to the first group sees the next one.
    begin = numbers[0] if numbers else None
    assert begin is not None
    assert begin in range(BEGIN, LOST // GOP * GOP + 1)
    assert numbers == [number for number in sorted(wanted) if number >= begin], one.reasons
    # By their own times, which have gone on where the camera was held up.
    own = [picture.time - (picture.number or 0) / clips.FPS for picture in shown]
    assert max(own) - min(own) < 0.004 + one.camera.stood, own
    # Each twentieth packet of sound may cost a frame more, where one refers to those before it.
    part = 0.85 if "lost" in way else 1.0
    assert one.heard > ((END - begin) / clips.FPS - 0.6) * part
