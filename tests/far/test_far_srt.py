"""SRT to a receiver far away, by a process with a configuration file; libsrt's own tool receives."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Sequence
from pathlib import Path as File
from typing import Any

import pytest

from tests.compare import Media
from tests.far.clips import FPS, GOP, GRADES, LONGEST, clip, numbers
from tests.far.journey import Pictures, camcast, left_out
from tests.far.path import Path
from tests.servers.process import wait_for
from tests.servers.srt import LiveTransmit

RATE = 2.5 * GRADES["medium"].bitrate


def journey(
    folder: File,
    path: Path,
    *,
    latency: int,
    live: float,
    cut_for: float = 0.0,
    round_trip: float | None = None,
    statuses: Sequence[int] = (0,),
) -> tuple[Pictures, dict[str, Any]]:
    """(what came, the session's figures): three seconds of flow, no link for a while, and then some seconds more.

    `round_trip`: seconds that the way takes from then on.
    """
    with LiveTransmit(folder, host=path.address, prefix=path.prefix, query=f"latency={latency}") as tool:
        wanted = clip("medium", LONGEST)
        with camcast(folder, path, wanted, tool.url(f"latency={latency}")) as sender:
            wait_for(lambda: tool.output.exists() and tool.output.stat().st_size > 500_000, timeout=30, why="media")
            time.sleep(3.0)
            if cut_for:
                path.cut(cut_for)
                time.sleep(cut_for)
            if round_trip is not None:
                path.set(delay=round_trip / 2)
            time.sleep(live)
            (figures,) = json.loads(sender.end())["sessions"]
        assert sender.process.returncode in statuses, sender.log.read_text()
        received = tool.received()
    return Pictures.of(Media.read(received), numbers(wanted), torn=True), figures


@pytest.mark.parametrize(("round_trip", "later"), [(0.15, None), (0.3, 0.6)])
def test_every_picture_arrives_from_far_away(round_trip: float, later: float | None, tmp_path: File) -> None:
    """`later`: the way becomes longer, and the latency still covers it."""
    with Path(round_trip=round_trip, rate=RATE, near=True) as path:
        pictures, figures = journey(tmp_path, path, latency=round(4 * round_trip * 1000), live=3.0, round_trip=later)
    assert pictures.missing == []
    assert len(pictures.all) > 5 * FPS
    assert left_out(figures) == {}
    assert (figures["state"], figures["attempts"]) == ("connected", 1)


def groups(pictures: Pictures) -> list[int]:
    """How many pictures in a row came from each keyframe on."""
    size, came = round(GOP * FPS), {picture.number for picture in pictures.all}
    found = []
    for start in range(0, max(came) + 1, size):
        whole = itertools.takewhile(came.__contains__, range(start, start + size))
        found.append(len(list(whole)))
    return found


@pytest.mark.parametrize(("queue", "latency"), [(0.3, 600), (10.0, 1000)])
def test_over_a_link_that_is_too_thin_whole_groups_of_pictures_arrive(
    queue: float, latency: int, tmp_path: File
) -> None:
    """libsrt sends all of it, whatever the link carries. `queue`, in seconds of the link, is what waits on the way.

    What libsrt holds is never older than a second, so that a queue behind that latency shows in the round trip alone.
    """
    rate = 0.6 * GRADES["medium"].bitrate
    with Path(round_trip=0.15, rate=rate, queue=round(queue * rate / 8), near=True) as path:
        pictures, figures = journey(tmp_path, path, latency=latency, live=18.0, statuses=(0, 1))
    log = (tmp_path / "camcast.log").read_text()
    assert log.count("[srt_losses]") == 1, log
    assert figures["dropped"]["video: link behind"] > 0
    assert (figures["state"], figures["attempts"]) == ("connected", 1), log
    # Of the pictures of the time in which this was known: 0.6 is what the link carries, keyframes weigh more.
    late = [length for length in groups(pictures)[6:] if length]
    assert len(late) >= 2, groups(pictures)
    assert max(late) >= GOP * FPS * 0.8, groups(pictures)
    assert sum(late) > 0.15 * FPS * 10, groups(pictures)


def test_where_the_way_becomes_longer_than_the_latency_covers_it_is_begun_anew(tmp_path: File) -> None:
    """The receiver judges by the way as it was at first, so that it would show nothing any more."""
    with (
        Path(round_trip=0.05, rate=RATE, near=True) as path,
        LiveTransmit(tmp_path, host=path.address, prefix=path.prefix, query="latency=400", again=True) as tool,
    ):
        wanted = clip("medium", LONGEST)
        with camcast(tmp_path, path, wanted, tool.url("latency=400")) as sender:
            wait_for(lambda: tool.output.exists() and tool.output.stat().st_size > 500_000, timeout=30, why="media")
            path.set(delay=0.9 / 2)
            time.sleep(19.5)
            (figures,) = json.loads(sender.end())["sessions"]
        log = sender.log.read_text()
        assert "however little it is: the way there has become longer" in log
        assert (figures["state"], figures["attempts"]) == ("connected", 2), log
        came = {picture.number for picture in Pictures.of(Media.read(tool.output), numbers(wanted), torn=True).all}
    # Since it was begun anew.
    last = max(came)
    assert came >= set(range(last - FPS, last + 1))


@pytest.mark.parametrize("cut_for", [0.4, 1.5, 4.0])
def test_after_a_time_without_link_every_picture_is_there_again(cut_for: float, tmp_path: File) -> None:
    """What the latency covers is repaired; of what is longer, what it does not cover is lost, and then no more."""
    latency = 0.6
    with Path(round_trip=0.15, rate=RATE, near=True) as path:
        pictures, figures = journey(tmp_path, path, latency=round(latency * 1000), live=7.0, cut_for=cut_for)
    assert "[srt_losses]" not in (tmp_path / "camcast.log").read_text()
    lost = pictures.missing
    if cut_for < latency:
        assert lost == []
    else:
        assert len(lost) <= FPS * (cut_for + 1)
        # Sending again takes room of the link for a while, and a lost keyframe costs no more than its own picture.
        assert lost[-1] - lost[0] < FPS * (cut_for + 2.5)
    assert len(pictures.all) + len(lost) > FPS * (3 + cut_for + 5)
    assert left_out(figures) == {}
    assert (figures["state"], figures["attempts"]) == ("connected", 1)
