"""Codecs that no server takes: decoded and encoded as H.264 without being asked, from cameras and from files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import attrs
import pytest
import pytest_asyncio

from camcast.events import Note
from tests.cameras import clips, files, kept, rtp
from tests.cameras.files import AAC, make
from tests.cameras.script import Script
from tests.cameras.shared import played_together, watched_together
from tests.cameras.watch import Watched

FRAMES = 75
VP8 = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "800k", "-g", "12")
MP2 = ("-c:a", "mp2")
CIF = (176, 144)
"""H.263 knows few sizes."""


def camera(
    *arguments: str, size: tuple[int, int] = (160, 96), more: Sequence[rtp.Track] = (), frames: int = FRAMES
) -> Script:
    head = ("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{size[0]}x{size[1]}", "-r", "25", "-i", "-")
    video = rtp.track_by_ffmpeg("video", head, files.raw(frames, size), arguments, last=(frames - 1) / 25 - 0.001)
    # Where sound is made another codec, nobody sees the picture before that has begun.
    later = any(track.clock != 48_000 or "MPEG4-GENERIC" not in track.media for track in more)
    return Script([video, *more], beginning=0.9 if later else 0.2)


def sound(*arguments: str, rate: int, clock: int, seconds: float = 3.0) -> rtp.Track:
    head = ("-f", "lavfi", "-i", f"sine=f=440:r={rate}:d={seconds:g}", "-af", "volume=6")
    # A packet may hold several blocks, of 24 ms or so.
    track = rtp.track_by_ffmpeg("audio", head, b"", arguments, clock, last=seconds - 0.2)
    track.ssrc = 0x9999
    return track


def g726(codec: str, bits: int) -> rtp.Track:
    return sound("-c:a", codec, "-code_size", str(bits), "-b:a", f"{8 * bits}k", "-ac", "1", rate=8_000, clock=8_000)


def aac() -> rtp.Track:
    return rtp.aac_track(clips.sound("aac", seconds=FRAMES / clips.FPS))


def jpeg() -> Script:
    return camera("-c:v", "mjpeg", "-q:v", "3", "-huffman", "default", "-pix_fmt", "yuvj420p", more=[aac()])


def three_tables() -> Script:
    """A table for each component, of which two are all that anybody needs (Logitech)."""
    script = jpeg()
    (track, _) = script.tracks
    payloads = []
    for payload in track.payloads:
        data = payload.data
        if not any(data[1:4]):
            # The first of a picture: RFC 2435 §3.1.8.
            assert data[8:12] == b"\0\0\0\x40"
            data = data[:8] + b"\0\0\0\xc0" + 3 * data[12:76] + data[76:]
        payloads.append(attrs.evolve(payload, data=data))
    track.payloads = payloads
    return script


CAMERAS: dict[str, Callable[[], Script]] = {
    "jpeg": jpeg,
    "jpeg of three tables": three_tables,
    "mpeg-4": lambda: camera("-c:v", "mpeg4", "-q:v", "3", "-g", "12", more=[aac()]),
    "h263": lambda: camera("-c:v", "h263p", "-q:v", "3", "-g", "12", size=CIF, more=[aac()]),
    "h263, first format": lambda: camera(
        "-c:v", "h263", "-q:v", "3", "-g", "12", "-rtpflags", "rfc2190", size=CIF, more=[aac()]
    ),
    "vp8": lambda: camera(*VP8, more=[aac()]),
    "mp2 sound": lambda: camera(*files.X264, more=[sound("-c:a", "mp2", "-b:a", "64k", rate=48_000, clock=90_000)]),
    "mp3 sound": lambda: camera(
        *files.X264, more=[sound("-c:a", "libmp3lame", "-b:a", "64k", rate=44_100, clock=90_000)]
    ),
    "l16 sound": lambda: camera(*files.X264, more=[sound("-c:a", "pcm_s16be", "-ac", "1", rate=44_100, clock=44_100)]),
    "mpeg-2": lambda: camera("-c:v", "mpeg2video", "-q:v", "3", "-g", "12", more=[aac()]),
    "g726 sound": lambda: camera(*files.X264, more=[g726("g726le", 4)]),
    "g726 sound of 16 kbit/s": lambda: camera(*files.X264, more=[g726("g726le", 2)]),
    "g726 sound, upper bits first": lambda: camera(*files.X264, more=[g726("g726", 5)]),
    "g722 sound": lambda: camera(*files.X264, more=[sound("-c:a", "g722", "-ac", "1", rate=16_000, clock=8_000)]),
}
FILES: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "jpeg": (".avi", lambda path: made(path, "-c:v", "mjpeg", "-q:v", "3", *AAC)),
    "mpeg-4": (".mp4", lambda path: made(path, "-c:v", "mpeg4", "-q:v", "3", "-bf", "2", "-g", "12", *AAC)),
    "mpeg-2": (".ts", lambda path: made(path, "-c:v", "mpeg2video", "-q:v", "3", "-bf", "2", "-g", "12", *MP2)),
    "mpeg-1": (".mpg", lambda path: made(path, "-c:v", "mpeg1video", "-q:v", "3", "-g", "12", *MP2)),
    "h263": (".3gp", lambda path: made(path, "-c:v", "h263", "-q:v", "3", "-g", "12", *AAC, size=CIF)),
    "sorenson": (".flv", lambda path: made(path, "-c:v", "flv1", "-q:v", "3", "-g", "12", *AAC)),
    "vp8": (".webm", lambda path: made(path, *VP8, "-c:a", "libvorbis")),
}  # fmt: skip


def made(path: Path, *arguments: str, size: tuple[int, int] = (160, 96)) -> Path:
    return make(path, *arguments, frames=FRAMES, size=size)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cameras(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Watched]:
    return await watched_together(tmp_path_factory, "old-cameras", kept.side_by_side(CAMERAS))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Watched]:
    found = {name: partial(kept.file, ("old", name), suffix, recipe) for name, (suffix, recipe) in FILES.items()}
    return await played_together(tmp_path_factory, "old-files", found)


def transcoded(one: Watched) -> bool:
    return any(isinstance(event, Note) and event.code == "transcoding" for event in one.events)


def shown(one: Watched) -> list[int]:
    """From the second half second on, as the encoder begins when the session does. The last may still be in it."""
    return [number for number in one.numbers if number is not None and 12 <= number < FRAMES - 1]


def steps(one: Watched) -> set[int]:
    """Distances in ms of the pictures that count: not those that are replayed in haste at the beginning, nor the last,
    whose time in an MPEG programme stream is a guess."""
    times = [picture.time for picture in one.seen.pictures if 48 <= (picture.number or 0) < FRAMES - 5]
    return {round((later - earlier) * 1000) for earlier, later in pairwise(times)}


@pytest.mark.xdist_group("cameras-old-codecs")
@pytest.mark.parametrize("name", CAMERAS)
def test_a_camera_with_an_old_codec_is_seen_and_heard(name: str, cameras: dict[str, Watched]) -> None:
    one = cameras[name]
    # Sound that is made another codec comes later than the first group: then the second is the first one shown.
    begin = 25 if " sound" in name else 12
    assert [number for number in shown(one) if number >= begin] == list(range(begin, FRAMES - 1)), one.reasons
    assert transcoded(one) == (" sound" not in name)
    assert steps(one) == {40}
    assert one.heard > (0.7 if " sound" in name else one.lasting - 0.4)


@pytest.mark.xdist_group("files-old-codecs")
@pytest.mark.parametrize("name", FILES)
def test_a_file_with_an_old_codec_is_seen(name: str, played: dict[str, Watched]) -> None:
    one = played[name]
    assert shown(one) == list(range(12, FRAMES - 1)), (one.reasons, one.notes)
    assert steps(one) == {40}
    assert transcoded(one)
    # It begins at 1 s.
    assert one.heard > 1.5
