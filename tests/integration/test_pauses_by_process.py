"""One track pauses for 8 s, by each kind of source: the other goes on at its times, and the first where it belongs.

A process with a configuration file. Each picture and each frame of sound is known again at the receiver: when it came
and where it lies on the line of times is compared with when it was made, and FFmpeg decodes all of it.
"""

from __future__ import annotations

import asyncio
import socket
import statistics
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import av
import pytest

from camcast.media import MediaKind, TagType
from camcast.testing.recording import Recording
from camcast_rtmp.receiver import Receiver
from tests.cameras import rtp
from tests.cameras.files import run
from tests.cameras.script import NEVER, Script
from tests.cameras.server import Camera
from tests.command_run import command_run
from tests.integration.kit import until
from tests.integration.late_packets import AUDIO, VIDEO, Clip, known
from tests.integration.test_late_packets import CAUGHT_UP, KEY, NEAR, is_over
from tests.plugins.rtmp_kit import host
from tests.plugins.srt_processes import end_fork_servers
from tests.servers.process import free_port, listens

BEGIN, END, SECONDS = 3, 11, 14
"""Seconds from which and up to which a track says nothing, and of the whole."""
LAST = (SECONDS - 1) * 1000
"""ms; of what was made later, some is lost where a sender closes at once (SRT)."""
LAST_BEFORE = BEGIN * 1000 - 100
"""ms from which on only the last picture before the pause was made."""
STILL = 3.0
"""Seconds by which what comes may be held up on a busy machine; what is wrong here holds it up by eight."""
FILES = ("ts", "flv", "mp4", "mkv")
ONCE = {"initial_delay": 600, "max_delay": 600, "stable_after": 3600}
"""How often a camera that has ended is asked again."""
PAUSES = {"sound pauses": AUDIO, "picture pauses": VIDEO}


@pytest.fixture(scope="module", autouse=True)
def nothing_rests() -> Iterator[None]:
    yield
    end_fork_servers()


@attrs.frozen
class Came:
    """A piece at the receiver. Times are ms; `late`: how much later than made it lies on the line of times, `after`:
    how much later it came."""

    made: int
    late: int
    after: float


def unmarked(track: rtp.Track) -> rtp.Track:
    """Nothing says that a picture has ended but the next one."""
    return attrs.evolve(track, payloads=[attrs.evolve(payload, marker=False) for payload in track.payloads])


CAMERAS: dict[str, Callable[[rtp.Track], rtp.Track]] = {"rtsp": lambda track: track, "rtsp, unmarked": unmarked}


def paused(whole: Clip, kind: MediaKind, path: Path) -> Clip:
    """The same clip without one kind's packets in between."""
    letter = "v" if kind is VIDEO else "a"
    gone = rf"noise=drop=gte(pts*tb\,{BEGIN})*lt(pts*tb\,{END})"
    run("-i", whole.path, "-c", "copy", f"-bsf:{letter}", gone, path)
    return Clip(path, whole.seconds)


def as_files(clip: Clip, folder: Path) -> dict[str, Path]:
    made = {"ts": clip.ts(folder / "paused.ts", lambda kind, made: made)}
    for ending in FILES:
        if ending not in made:
            made[ending] = folder / f"copy.{ending}"
            run("-i", clip.path, "-c", "copy", made[ending])
    return made


def what_came(clip: Clip, recording: Recording) -> dict[MediaKind, list[Came]]:
    made = {(one.kind, known(one.kind, one.data)): one.made for one in clip.pieces}
    found: dict[MediaKind, list[Came]] = {VIDEO: [], AUDIO: []}
    for frame in recording.frames([host().codec(name) for name in ("h264", "aac")]):
        kind = VIDEO if frame.type is TagType.VIDEO else AUDIO
        at = made.get((kind, known(kind, frame.payload)))
        if at is not None:  # SRT may begin in the middle of a picture
            found[kind].append(Came(at, frame.time - at, frame.arrival / 1e6 - at))
    return found


def wrong(clip: Clip, paused: MediaKind, recordings: list[Recording]) -> list[str]:
    """What did not come as it was made."""
    if len(recordings) != 1:
        return [f"{len(recordings)} publications"]
    came = what_came(clip, recordings[0])
    if not all(came.values()):
        return [f"no {kind.value}" for kind in came if not came[kind]]
    lines = []
    begin = max(came[VIDEO][0].made, came[AUDIO][0].made) + CAUGHT_UP
    counted = {kind: [one for one in came[kind] if one.made >= begin] for kind in came}
    line = statistics.median(one.late for one in counted[VIDEO])
    at_once = min(one.after for kind in came for one in counted[kind])
    for kind, pieces in counted.items():
        sent = {one.made for one in clip.pieces if one.kind is kind and begin <= one.made < LAST}
        if missing := sorted(sent - {one.made for one in pieces}):
            lines.append(f"{len(missing)} of {kind.value} are missing: {missing[:4]}")
        if away := [one for one in pieces if abs(one.late - line) > NEAR]:
            lines.append(f"{len(away)} of {kind.value} lie elsewhere: {away[:3]}")
        # In MPEG-TS, and without marks, a picture is whole when the next one begins.
        held = [
            one for one in pieces if one.after - at_once > STILL * 1000 and not LAST_BEFORE <= one.made < BEGIN * 1000
        ]
        if held:
            lines.append(f"{len(held)} of {kind.value} came late: {held[:3]}")
    return lines + undecoded(recordings[0], paused)


def undecoded(recording: Recording, paused: MediaKind) -> list[str]:
    """Where FFmpeg decodes something else than came, or shows it without the pause."""
    lines = []
    with av.open(BytesIO(recording.flv()), "r") as container:
        times: dict[MediaKind, list[float]] = {VIDEO: [], AUDIO: []}
        for frame in container.decode():
            assert frame.time is not None
            times[VIDEO if isinstance(frame, av.VideoFrame) else AUDIO].append(frame.time)
    for kind, shown in times.items():
        came = recording.counts[TagType.VIDEO if kind is VIDEO else TagType.AUDIO]
        # There are headers among them, and the sound's first frame is only for the decoder.
        if not came - 3 <= len(shown) <= came:
            lines.append(f"{len(shown)} of {kind.value} are decoded of {came}")
        longest = max(after - before for before, after in pairwise(shown))
        if (abs(longest - (END - BEGIN)) < NEAR / 1000) != (kind is paused):
            lines.append(f"{kind.value} is shown with a pause of {longest:.2f} s")
    return lines


async def test_a_track_that_pauses_holds_up_no_other(tmp_path: Path) -> None:
    whole = Clip.made(tmp_path / "whole.mp4", SECONDS)
    sources: dict[str, dict[str, Any]] = {}
    clips: dict[str, tuple[Clip, MediaKind]] = {}
    pushing: dict[str, tuple[int, int]] = {}
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver())
        for name, kind in PAUSES.items():
            folder = tmp_path / kind.value
            folder.mkdir()
            clip = await asyncio.to_thread(paused, whole, kind, folder / "paused.mp4")
            for ending, path in as_files(clip, folder).items():
                sources[f"{ending}: {name}"] = {"type": "file", "url": str(path), "options": {"loop": False}}
            for way, change in CAMERAS.items():
                tracks = [change(track) for track in clip.camera(lambda kind, made: made)]
                camera = await stack.enter_async_context(Camera(Script(tracks, beginning=NEVER, ending="silence")))
                sources[f"{way}: {name}"] = {
                    "type": "rtsp",
                    "url": camera.url,
                    "options": {"no_data_timeout": 2 * (END - BEGIN)},
                    "retry_policy": ONCE,
                }
            pushing[name] = rtmp, srt = free_port(), free_port(kind=socket.SOCK_DGRAM)
            url = f"rtmp://127.0.0.1:{rtmp}/live/{KEY}"
            sources[f"rtmp: {name}"] = {"type": "rtmp", "url": url, "options": {"mode": "listen"}}
            url = f"srt://127.0.0.1:{srt}?mode=listener&streamid={KEY}"
            sources[f"srt: {name}"] = {"type": "srt", "url": url}
            clips.update({source: (clip, kind) for source in sources if source.endswith(name)})
        outputs = {name: f"cam{number}" for number, name in enumerate(sources)}
        cameras = [
            {
                "camera_id": number,
                "streams": [{"source": source, "outputs": {"o": {"url": receiver.url("live", outputs[name])}}}],
            }
            for number, (name, source) in enumerate(sources.items())
        ]
        with command_run(tmp_path, {"system": {"max_cameras": len(cameras)}, "cameras": cameras}) as command:
            pid = command.process.pid
            await until(lambda: all(listens(pid, r) and listens(pid, s, udp=True) for r, s in pushing.values()), 60)
            pushed = []
            for name, (rtmp, srt) in pushing.items():
                clip, kind = clips[f"rtmp: {name}"]
                pushed.append(clip.publish(f"rtmp://127.0.0.1:{rtmp}/live/{KEY}", lambda kind, made: made))
                ts = tmp_path / kind.value / "paused.ts"
                pushed.append(clip.call(ts, f"srt://127.0.0.1:{srt}?streamid={KEY}"))
            await asyncio.gather(*pushed)
            await until(lambda: all(is_over(receiver.of(key)) for key in outputs.values()), 60)
            command.process.terminate()
            command.process.wait(30)
        found = {name: wrong(*clips[name], list(receiver.of(key))) for name, key in outputs.items()}
    lines = [f"{name}: {what}" for name, what in found.items() if what]
    assert not lines, "\n".join([*lines, command.log])
