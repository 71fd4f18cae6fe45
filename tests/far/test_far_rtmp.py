"""RTMP to a server far away, by a process with a configuration file; FFmpeg receives, and says when each picture came.

A few of the many cases that `python -m bench.far` measures beside FFmpeg as the sender.
"""

from __future__ import annotations

import json
import math
import socket
import time
from pathlib import Path as File
from typing import Any

import pytest

from camcast.net.kernel import retries_soon
from tests.far.clips import FPS, GOP, GRADES, LONGEST, clip, numbers
from tests.far.journey import Pictures, camcast, left_out
from tests.far.path import Path, available
from tests.servers.process import wait_for
from tests.servers.stream_reader import Listener

CONNECTING = 14
"""Round trips from the first packet to the first picture; FFmpeg as the sender needs as many at this receiver."""


class Journey:
    """One stream, from the start of the process to its clean end."""

    def __init__(self, folder: File, path: Path, grade: str) -> None:
        self.path = path
        self.clip = clip(grade, LONGEST)
        self.mended_at = 0.0
        self._folder = folder

    def run(self, live: float, *, cut_for: float = 0.0, **output: Any) -> Journey:
        """For `live` seconds from the first picture on, or with `cut_for` from when the link was back: it is away for
        so long, three seconds into the flow."""
        server = Listener(
            self._folder,
            host=self.path.address,
            prefix=self.path.prefix,
            again=True,
            # Without these FFmpeg hands nothing out before it has looked at some seconds.
            probesize="32",
            analyzeduration="0",
        )
        with server, camcast(self._folder, self.path, self.clip, server.url("cam"), **output) as sender:
            wait_for(lambda: server.so_far().video, timeout=20, why="the first picture")
            if cut_for:
                time.sleep(3.0)
                self.path.cut(cut_for)
                self.mended_at = time.monotonic() + cut_for
                time.sleep(cut_for)
            time.sleep(live)
            (self.figures,) = json.loads(sender.end())["sessions"]
            self.status = sender.process.returncode
            sent: int = self.figures["video_sent"] + self.figures["replayed"]
            wait_for(lambda: len(server.so_far().video) >= sent, why=f"{sent} pictures came\n{sender.log.read_text()}")
            self.pictures = Pictures.of(server.so_far(), numbers(self.clip))
        return self


def at_the_end(pictures: Pictures, seconds: float = 1.0) -> float:
    """How late the pictures of the last seconds were."""
    late = pictures.late(pictures.all[-1].arrived - seconds, math.inf)
    assert late is not None
    return late


@pytest.mark.parametrize("round_trip", [0.05, 0.15, 0.3, 0.6])
def test_every_picture_arrives_from_the_first_on(round_trip: float, tmp_path: File) -> None:
    """Distance alone is no congestion: on a link with room for everything nothing is dropped."""
    with Path(round_trip=round_trip, near=True) as path:
        journey = Journey(tmp_path, path, "medium").run(4.0)
        began = path.counts()[0].began
    pictures = journey.pictures
    assert pictures.first - began < CONNECTING * round_trip + 1.0
    assert pictures.missing == []
    assert left_out(journey.figures) == {}
    assert (journey.status, journey.figures["state"], journey.figures["attempts"]) == (0, "connected", 1)
    # Once the kernel has found out what the link carries.
    assert at_the_end(pictures) < 0.5 + 2 * round_trip


@pytest.mark.parametrize(
    ("grade", "round_trip", "congestion"),
    [("small", 0.3, available()[0]), ("medium", 0.15, available()[-1]), ("large", 0.05, available()[0])],
)
def test_with_room_to_spare_every_picture_arrives(
    grade: str, round_trip: float, congestion: str, tmp_path: File
) -> None:
    rate = 2.5 * GRADES[grade].bitrate
    with Path(round_trip=round_trip, rate=rate, near=True, congestion=congestion) as path:
        journey = Journey(tmp_path, path, grade).run(4.0)
    assert journey.pictures.missing == []
    assert left_out(journey.figures) == {}
    assert (journey.status, journey.figures["attempts"]) == (0, 1)


@pytest.mark.parametrize(("grade", "congestion"), [("small", available()[-1]), ("medium", available()[0])])
def test_with_hardly_any_room_the_start_costs_a_group_or_two(grade: str, congestion: str, tmp_path: File) -> None:
    """A tenth to spare: what is sent at the start to show the present at once has to be caught up with."""
    rate = 1.1 * GRADES[grade].bitrate
    with Path(round_trip=0.15, rate=rate, near=True, congestion=congestion) as path:
        journey = Journey(tmp_path, path, grade).run(8.0)
    pictures = journey.pictures
    assert len(pictures.missing) <= 2 * GOP * FPS
    assert pictures.missing_after(pictures.first + 5) == []
    assert pictures.longest_gap(pictures.first, pictures.all[-1].arrived) < 2 * GOP + 0.5
    assert at_the_end(pictures, 3.0) < 1.2


@pytest.mark.parametrize(
    ("cut_for", "congestion"), [(0.5, available()[-1]), (1.5, available()[0]), (4.0, available()[-1])]
)
def test_after_a_time_without_link_the_picture_is_back_soon(cut_for: float, congestion: str, tmp_path: File) -> None:
    """TCP tries again after twice its last wait each time, so it may itself need as long again as the link was away;
    every second, where the kernel can be told so. Then four seconds do not end the connection."""
    with socket.socket() as any_socket:
        soon = retries_soon(any_socket) is not None
    rate = 2.5 * GRADES["medium"].bitrate
    with Path(round_trip=0.15, rate=rate, near=True, congestion=congestion) as path:
        journey = Journey(tmp_path, path, "medium").run(max(0.5, cut_for) + 6.0, cut_for=cut_for)
    pictures, mended = journey.pictures, journey.mended_at
    back = pictures.next_after(mended)
    assert back is not None
    assert back < (2.0 if soon else max(0.5, cut_for) + 2.0)
    # What is lost at most: the time without pictures, and up to the next keyframe; nothing for the shortest.
    assert len(pictures.missing) <= (0 if cut_for < 1 else FPS * (cut_for + back + 2 * GOP))
    assert pictures.missing_after(mended + back + GOP + 2.0) == []
    # It has caught up, at the pace that congestion control takes again.
    assert at_the_end(pictures) < 1.0
    assert journey.figures["state"] == "connected"
    # What is not acknowledged for five seconds is given up, and begun anew.
    assert (journey.figures["attempts"] == 1) is (soon or cut_for < 4)


def test_a_thin_link_with_a_long_queue_on_the_way_makes_pictures_a_few_seconds_late(tmp_path: File) -> None:
    """Half of what the stream needs, and a queue of ten seconds: nothing waits here, and all would come ever later."""
    rate = 0.5 * GRADES["medium"].bitrate
    with Path(round_trip=0.15, rate=rate, queue=round(10 * rate / 8), near=True, congestion=available()[0]) as path:
        journey = Journey(tmp_path, path, "medium").run(15.0)
    pictures = journey.pictures
    late = pictures.late(pictures.first, math.inf)
    assert late is not None
    assert late < 5.0
    assert pictures.longest_gap(pictures.first, pictures.all[-1].arrived) < 5.0
    # All that the link carries are whole groups from their keyframe on.
    assert len(pictures.all) > 0.3 * FPS * 15
    assert journey.figures["dropped"]["video: link behind"] > 0
    assert (journey.status, journey.figures["state"], journey.figures["attempts"]) == (0, "connected", 1)
