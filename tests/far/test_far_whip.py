"""WHIP over a link that is too thin for its stream, by a process with a configuration file; aiortc receives."""

from __future__ import annotations

import json
import time
from pathlib import Path as File

from tests.far.clips import GRADES, LONGEST, clip
from tests.far.journey import camcast
from tests.far.path import Path
from tests.servers.process import wait_for
from tests.servers.whip import WhipServer

OPUS = 48_000
"""Ticks of its clock in a second."""
BLOCK = 0.02
"""Seconds of sound in a unit."""
WATCHED = 14.0
"""Seconds."""


def test_a_link_that_is_too_thin_is_told_and_its_sound_is_still_heard(tmp_path: File) -> None:
    """RTP is sent at the stream's pace, so it has to be said. Repeats must not take what room there is."""
    rate = 0.6 * GRADES["medium"].bitrate
    with (
        Path(round_trip=0.15, rate=rate) as path,
        WhipServer(tmp_path, host=path.address, prefix=path.prefix) as server,
        camcast(tmp_path, path, clip("medium", LONGEST), server.url()) as sender,
    ):
        wait_for(server.received, timeout=30, why="media")
        time.sleep(WATCHED)
        (figures,) = json.loads(sender.end())["sessions"]
        heard = [unit.time / OPUS for unit in server.received() if unit.kind == "audio"]
    log = sender.log.read_text()
    assert log.count("[whip_losses]") == 1, log
    assert (figures["state"], figures["health"], figures["attempts"]) == ("connected", "unhealthy", 1), log
    sent, again = figures["transport"]["packets_sent"], figures["transport"]["packets_resent"]
    assert again < sent, "some are repeated until it is known that this is of no use"
    # Nearly all is sent, and it is heard to the end: what there is of it after the losses were told.
    assert figures["audio_sent"] * BLOCK > 0.8 * WATCHED
    assert heard[-1] > WATCHED - 2.0
    late = [time for time in heard if time > 5.0]
    assert len(late) * BLOCK > 0.3 * (WATCHED - 5.0)
