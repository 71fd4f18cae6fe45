"""Files whose order or times are not what they seem: what a viewer sees has its own times, and sound its picture."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
import pytest_asyncio

from tests.cameras import files, kept
from tests.cameras.files import AAC, FRAGMENTED, FRAMES, TONE, X264, X264_B, X265_B, make, run
from tests.cameras.shared import played_together
from tests.cameras.watch import Watched, watch_files

pytestmark = pytest.mark.xdist_group("cameras-files")
"""What all tests here share is made once."""


def edited(path: Path) -> Path:
    """Begins in the middle of a group: 12 pictures are there for decoding only."""
    plain = make(path.with_name("plain.mp4"), *X264_B, *AAC)
    run("-ss", "1.5", "-i", plain, "-c", "copy", path)
    return path


def encrypted(path: Path) -> Path:
    plain = make(path.with_name("clear.mp4"), *X264, *AAC)
    key = "00112233445566778899aabbccddeeff"
    run(
        "-i",
        plain,
        "-c",
        "copy",
        "-encryption_scheme",
        "cenc-aes-ctr",
        "-encryption_key",
        key,
        "-encryption_kid",
        key,
        path,
    )
    return path


def turned(path: Path) -> Path:
    plain = make(path.with_name("upright.mp4"), *X264, *AAC)
    run("-display_rotation:v:0", "270", "-i", plain, "-c", "copy", path)
    return path


def second_picture(path: Path) -> Path:
    """The first video track is one that nobody knows here."""
    plain = make(path.with_name("one.mp4"), *X264, *AAC)
    run(
        "-i", plain, "-i", plain, "-map", "0:v", "-map", "1:v", "-map", "0:a",
        "-c:v:0", "snow", "-strict", "-2", "-c:v:1", "copy", "-c:a", "copy", path,
    )  # fmt: skip
    return path


def jpeg_first(path: Path) -> Path:
    """The first video track is one that no server takes, the first sound is one that nobody knows here."""
    plain = make(path.with_name("one.mp4"), *X264, *AAC)
    run(
        "-i", plain, "-map", "0:v", "-map", "0:v", "-map", "0:a", "-map", "0:a",
        "-c:v:0", "mjpeg", "-c:v:1", "copy", "-c:a:0", "wmav2", "-c:a:1", "copy", path,
    )  # fmt: skip
    return path


def doubled(path: Path) -> Path:
    """Every tenth picture has the timestamp of the one before."""
    plain = make(path.with_name("single.mp4"), *X264, sound=False)
    run("-i", plain, "-c", "copy", "-bsf:v", "setts=ts='if(eq(mod(N,10),9),PREV_OUTPTS,PTS)'", path)
    return path


RECIPES: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "plain": (".mp4", lambda path: make(path, *X264_B, *AAC)),
    "fragmented": (".mp4", lambda path: make(path, *X264_B, *AAC, *FRAGMENTED)),
    "fragments of 2 s": (".mp4", lambda path: make(path, *X264_B, *AAC, *FRAGMENTED, "-frag_duration", "2000000")),
    "raw h264": (".h264", lambda path: make(path, *X264_B, "-bsf:v", "h264_metadata=aud=insert", sound=False)),
    "raw h265": (".hevc", lambda path: make(path, *X265_B, sound=False)),
    "avi": (".avi", lambda path: make(path, *X264_B, "-c:a", "libmp3lame")),
    "edit list": (".mp4", edited),
    "encrypted": (".mp4", encrypted),
    "turned": (".mp4", turned),
    "second picture": (".mkv", second_picture),
    "jpeg first": (".mkv", jpeg_first),
    "doubled": (".mkv", doubled),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Watched]:
    made = {name: partial(kept.file, ("files", name), suffix, recipe) for name, (suffix, recipe) in RECIPES.items()}
    return await played_together(tmp_path_factory, "files", made)


ORDINARY = (
    "plain",
    "fragmented",
    "fragments of 2 s",
    "raw h264",
    "raw h265",
    "avi",
    "turned",
    "second picture",
    "jpeg first",
)
WITH_SOUND = ("plain", "fragmented", "fragments of 2 s", "avi", "turned", "second picture", "jpeg first")


def from_second_group(one: Watched) -> list[int]:
    """The first group is shown squeezed, and without what nothing refers to."""
    return [number for number in one.numbers if number is not None and number >= 25]


@pytest.mark.parametrize("name", ORDINARY)
def test_pictures_are_shown_in_order_at_even_distances(name: str, watched: dict[str, Watched]) -> None:
    one = watched[name]
    assert from_second_group(one) == list(range(25, FRAMES)), one.reasons
    later = [picture.time for picture in one.seen.pictures if (picture.number or 0) >= 25]
    assert {round((b - a) * 1000) for a, b in pairwise(later)} == {40}


@pytest.mark.parametrize("name", WITH_SOUND)
def test_sound_is_beside_its_picture(name: str, watched: dict[str, Watched]) -> None:
    one = watched[name]
    begins = next(block.time for block in one.seen.sound if block.loud)
    picture = next(picture.time for picture in one.seen.pictures if picture.number == round(TONE * files.FPS))
    assert begins == pytest.approx(picture, abs=0.05)
    # Packets come in time, too: the last sound is not far from the last picture.
    assert one.apart < 0.1 + one.late


def test_what_is_only_for_decoding_is_not_shown_for_longer_than_a_moment(watched: dict[str, Watched]) -> None:
    one = watched["edit list"]
    shown = [(picture.number or 0, picture.time) for picture in one.seen.pictures]
    assert [number for number, _ in shown if number >= 50] == list(range(50, FRAMES))
    before = [time for number, time in shown if number < 38]
    assert min(time for number, time in shown if number >= 38) - min(before) < 0.1


def test_encrypted_media_is_not_sent_as_if_it_were_clear(watched: dict[str, Watched]) -> None:
    one = watched["encrypted"]
    assert not one.seen.pictures
    assert "is encrypted (Common Encryption)" in one.reasons[0]


def test_what_a_file_says_and_no_stream_can_is_told(watched: dict[str, Watched]) -> None:
    assert [note for note in watched["turned"].notes if "is meant to be turned by 90°" in note]
    notes = watched["jpeg first"].notes
    assert [note for note in notes if note.endswith("of its video tracks h264 is played, and mjpeg left out")]
    assert [note for note in notes if "an audio track is left out: " in note]
    assert [note for note in watched["second picture"].notes if "a video track is left out: " in note]


def test_no_two_pictures_have_one_timestamp(watched: dict[str, Watched]) -> None:
    one = watched["doubled"]
    assert one.numbers == list(range(FRAMES))
    times = [picture.time for picture in one.seen.pictures[25:]]
    assert min(b - a for a, b in pairwise(times)) > 0.0005


async def test_a_file_that_is_still_being_written_goes_on(tmp_path: Path) -> None:
    """Fragments come every second, as a recorder writes them."""
    whole = make(tmp_path / "whole.mp4", *X264_B, *AAC, *FRAGMENTED).read_bytes()
    path = tmp_path / "growing.mp4"
    first = whole.index(b"moof", whole.index(b"moof") + 4) - 4
    begun = threading.Event()

    def record() -> None:
        with path.open("wb", buffering=0) as out:
            out.write(whole[:first])
            begun.set()
            rest = whole[first:]
            for at in range(0, len(rest), 4000):
                time.sleep(0.15)
                out.write(rest[at : at + 4000])

    recorder = threading.Thread(target=record)
    recorder.start()
    await asyncio.to_thread(begun.wait)
    one = (await watch_files(tmp_path, {"growing": path}))["growing"]
    recorder.join()
    assert from_second_group(one) == list(range(25, FRAMES)), one.reasons
    assert one.apart < 0.1 + one.late
