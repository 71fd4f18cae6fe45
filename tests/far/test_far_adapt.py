"""A picture that is encoded here follows a link that becomes thin and recovers: `camcast run`, a real link, nginx."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path as File
from typing import Any

import imageio_ffmpeg

from tests.compare import Media
from tests.far.journey import Sender
from tests.far.path import Path
from tests.servers.nginx import Nginx
from tests.servers.process import wait_for
from tests.servers.srt import LiveTransmit

WIDE, THIN = 5_000_000, 1_000_000
MOST, LEAST = 2000, 200
FPS, GOP = 15, 2
LATENCY = 1000
"""ms that SRT has for sending again what was lost."""
_CHANGE = re.compile(r"picture at (\d+) kbit/s after (\d+)")


def changes(log: File) -> list[int]:
    """Targets in kbit/s, in order."""
    return [int(new) for new, _ in _CHANGE.findall(log.read_text())]


def camera(file: File, url: str) -> list[str]:
    """Noise all over, which needs whatever it gets."""
    stream = {
        "source": {"type": "testsrc", "options": {"pattern": "moving", "tone": 440}},
        "encoder": {"type": "H264_CBR", "width": 640, "height": 360, "framerate": FPS, "bitrate": MOST, "gop": GOP},
        "outputs": {"far": {"url": url, "adapt": {"min": LEAST, "max": MOST}}},
    }
    file.write_text(json.dumps({"cameras": [{"camera_id": 0, "streams": [stream]}]}))
    return [sys.executable, "-m", "camcast", "run", str(file), "--json"]


def recorded(server: Nginx) -> int:
    """Bytes."""
    return sum(file.stat().st_size for file in server.recordings("far"))


def until(what: Callable[[], bool], why: str, log: File) -> None:
    try:
        wait_for(what, timeout=60, why=why)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{log.read_text()[-3000:]}") from None


def journey(folder: File, path: Path, url: str, came: Callable[[], int]) -> dict[str, Any]:
    """The link becomes thin and recovers, and the picture with it; returns the session's figures. `came`: bytes."""
    log = folder / "camcast.log"
    sender = Sender(camera(folder / "camcast.json", url), path, log)
    try:
        # By then what was sent at the start to show the present at once has long gone.
        until(lambda: came() > 5 * MOST * 1000 / 8, "it flows", log)
        before = len(changes(log))
        path.set(rate=THIN)
        until(lambda: any(rate < THIN / 1000 for rate in changes(log)[before:]), "it goes down", log)
        down = len(changes(log))
        path.set(rate=WIDE)
        until(lambda: max(changes(log)[down:], default=0) >= 1.5 * THIN / 1000, "it comes back", log)
    finally:
        (figures,) = json.loads(sender.end())["sessions"]
    assert min(changes(log)) >= LEAST
    assert (figures["bitrate_target"] // 1000, figures["attempts"]) == (changes(log)[-1], 1)
    assert figures["bitrate_changes"] == len(changes(log))
    # Of the first moment, if at all. Without `adapt` it would be half of all that came while it was thin.
    assert figures["dropped"].get("video: link behind", 0) <= 2 * FPS * GOP
    return dict(figures)


def test_a_picture_follows_its_link_down_and_up(tmp_path: File) -> None:
    with (
        Path(round_trip=0.05, rate=WIDE, near=True) as path,
        Nginx(tmp_path, host=path.address, prefix=path.prefix) as server,
    ):
        journey(tmp_path, path, server.url("far"), lambda: recorded(server))
    (recording,) = server.recordings("far")
    decoded = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-xerror", "-i", str(recording), "-f", "null", "-"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (decoded.returncode, decoded.stderr) == (0, "")


def test_a_picture_over_srt_follows_its_link_down_and_up(tmp_path: File) -> None:
    """What libsrt says of the path is all that there is to go by."""
    latency = f"latency={LATENCY}"
    with (
        Path(round_trip=0.05, rate=WIDE, near=True) as path,
        LiveTransmit(tmp_path, host=path.address, prefix=path.prefix, query=latency) as tool,
    ):
        figures = journey(
            tmp_path, path, tool.url(latency), lambda: tool.output.stat().st_size if tool.output.exists() else 0
        )
        pictures = Media.read(tool.received()).video
    # What was too late for the latency is left out by libsrt, in the moment before the encoder has followed.
    sent = figures["video_sent"]
    assert sent - 2 * FPS * GOP <= len(pictures) <= sent + figures["replayed"]
