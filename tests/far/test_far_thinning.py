"""Pictures that come encoded follow links that become thin and recover: another stream's, then keyframes, and back.

One process, one camera of two streams, and two servers behind a link each.
"""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path as File
from typing import Any

import attrs
import av
import imageio_ffmpeg
import pytest

from camcast.stream.flow import REASON_BEHIND, REASON_THIN
from tests.far.journey import Sender, left_out
from tests.far.path import Path
from tests.media import ROOT, encode, made_by
from tests.servers.nginx import Nginx
from tests.servers.nms import NodeMediaServer
from tests.servers.process import wait_for

FPS = 15
_SHOWN = re.compile(r"showinfo.* n: *\d+ pts: *(\d+) .* s:(\d+)x(\d+)")
_SENDS = re.compile(r"Session cam0_main/(far\d): sends ([^:]*):")
SIZES = {"main": (640, 360), "sub": (320, 240)}
RATES = {"main": 1_500_000, "sub": 300_000}
WIDE, THIN, THINNER = 4_000_000, 850_000, 220_000
"""bit/s. Sound takes about 30,000 of them, keyframes of the smaller stream as much again.
More than a quarter of what was sent before: where a link falls below that at one blow, the pictures that wait already
hold up sound for longer than sound is held, four times `queue`."""
QUEUE = 16_000
"""Bytes before the link."""
GAP = 0.2
"""Seconds between two pieces of sound, at most: three times what they are long."""


def clip(name: str, seconds: int = 8) -> File:
    """A stream of the camera, with a keyframe a second; the larger one has pictures that nothing refers to."""
    folder = ROOT / ".cache" / f"thin-{made_by(File(__file__))}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.mp4"
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            partial = path.with_name(f"partial-{path.name}")
            rate = str(RATES[name])
            encode(
                partial,
                size=SIZES[name],
                fps=FPS,
                seconds=seconds,
                bitrate=RATES[name],
                gop=1.0,
                b_frames=2 if name == "main" else 0,
                audio="aac" if name == "main" else None,
                rate=16_000,
                layout="mono",
                video_options={"preset": "ultrafast", "maxrate": rate, "bufsize": rate, "sc_threshold": "0"},
                noise=40,
            )
            os.replace(partial, path)
    return path


def command(file: File, urls: Sequence[str]) -> list[str]:
    streams: list[dict[str, Any]] = [
        {"name": name, "source": {"type": "file", "url": str(clip(name)), "options": {"loop": True}}}
        for name in ("main", "sub")
    ]
    adapt = {"down_to": ["sub"], "then": "keyframes"}
    streams[0]["outputs"] = {f"far{number}": {"url": url, "adapt": adapt} for number, url in enumerate(urls)}
    file.write_text(json.dumps({"cameras": [{"camera_id": 0, "streams": streams}]}))
    return [sys.executable, "-m", "camcast", "run", str(file), "--json"]


def kept(server: Nginx | NodeMediaServer) -> int:
    """Bytes."""
    return sum(file.stat().st_size for file in server.recordings("far"))


@attrs.frozen
class Recording:
    """What a server has kept."""

    path: File

    def decode(self) -> tuple[list[str], list[tuple[int, int]]]:
        """What FFmpeg has to say against it, and the sizes of its pictures, one after the other."""
        options = [
            "-v",
            "level+info",
            "-xerror",
            "-nostdin",
            "-i",
            str(self.path),
            "-vf",
            "showinfo",
            "-fps_mode",
            "passthrough",
            "-enc_time_base",
            "1:1000",
            "-f",
            "null",
            "-",
        ]
        decoder = [imageio_ffmpeg.get_ffmpeg_exe(), *options]
        done = subprocess.run(decoder, capture_output=True, text=True, timeout=60, check=False)
        against = [line for line in done.stderr.splitlines() if "[error]" in line or "[fatal]" in line]
        shown = [(int(time), (int(width), int(height))) for time, width, height in _SHOWN.findall(done.stderr)]
        against += [
            f"{after} ms after {before}" for (before, _), (after, _) in itertools.pairwise(shown) if after <= before
        ]
        against += [f"status {done.returncode}"] * bool(done.returncode)
        return against, [size for size, _ in itertools.groupby(size for _, size in shown)]

    def times(self, kind: str) -> list[float]:
        """Decode times in seconds."""
        with av.open(str(self.path)) as media:
            stream = getattr(media.streams, kind)[0]
            return [float(packet.dts * packet.time_base) for packet in media.demux(stream) if packet.dts is not None]


@pytest.mark.timeout(300)
def test_pictures_follow_their_links_down_and_up(tmp_path: File) -> None:
    log = tmp_path / "camcast.log"

    def told(what: str, count: int = 2) -> Callable[[], bool]:
        return lambda: log.read_text().count(what) >= count

    def until(what: Callable[[], bool], why: str) -> None:
        try:
            wait_for(what, timeout=120, why=why)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{log.read_text()[-3000:]}") from None

    def all_send(what: str) -> bool:
        """Whether that is what each was last told to send: a rung above may be tried at any moment."""
        told = dict(_SENDS.findall(log.read_text()))
        return len(told) == len(paths) and set(told.values()) == {what}

    def flows(least: int) -> None:
        """So many bytes more have been kept by each."""
        before = kept(nginx), kept(nms)
        until(
            lambda: kept(nginx) > before[0] + least and kept(nms) > before[1] + least,
            f"{least} bytes flow",
        )

    with ExitStack() as stack:
        paths = [stack.enter_context(Path(round_trip=0.04, rate=WIDE, queue=QUEUE)) for _ in range(2)]
        folders = [tmp_path / "nginx", tmp_path / "nms"]
        for folder in folders:
            folder.mkdir()
        nginx = stack.enter_context(Nginx(folders[0], host=paths[0].address, prefix=paths[0].prefix))
        nms = stack.enter_context(NodeMediaServer(folders[1], host=paths[1].address, prefix=paths[1].prefix))
        sender = Sender(command(tmp_path / "camcast.json", [nginx.url("far"), nms.url("far")]), paths[0], log)
        try:
            flows(600_000)
            for rate, what, least in (
                (THIN, "sends sub:", 280_000),
                (THINNER, "keyframes only:", 30_000),
                (WIDE, "all of its own pictures:", 200_000),
            ):
                if rate == THINNER:
                    until(lambda: all_send("sub"), "both send sub")
                for path in paths:
                    path.set(rate=rate)
                until(told(what), what)
                flows(least)
        finally:
            sessions = json.loads(sender.end())["sessions"]
        recordings = [Recording(nginx.recording("far")), Recording(nms.recording("far"))]
    for figures, recording in zip(sessions, recordings, strict=True):
        against, sizes = recording.decode()
        assert against == []
        # A rung that does not hold is left again, so there may be more changes than these.
        assert (sizes[0], sizes[-1], set(sizes)) == (SIZES["main"], SIZES["main"], set(SIZES.values()))
        pictures, sounds = recording.times("video"), recording.times("audio")
        assert pictures == sorted(pictures)
        gaps = [(round(before, 2), round(after - before, 2)) for before, after in itertools.pairwise(sounds)]
        assert [gap for gap in gaps if gap[1] >= GAP] == [], f"{left_out(figures)}\n{log.read_text()}"
        assert abs(pictures[-1] - sounds[-1]) < 1.0
        assert (figures["attempts"], figures["picture"]) == (1, "")
        dropped = figures["dropped"]
        assert dropped[f"video: {REASON_THIN}"] > FPS
        assert not any(name.startswith("audio") for name in left_out(figures))
        assert dropped.get(f"video: {REASON_BEHIND}", 0) <= 4 * FPS
        lost = sum(count for name, count in dropped.items() if name.startswith("video"))
        assert figures["video_offered"] == figures["video_sent"] + lost
