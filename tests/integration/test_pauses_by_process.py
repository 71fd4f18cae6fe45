"""One track pauses for 8 s, by each kind of source: the other goes on at its times, and the first where it belongs.

A process with a configuration file. Each picture and each frame of sound is known again at the receiver: when it came
and where it lies on the line of times is compared with when it was made, and FFmpeg decodes all of it.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import attrs
import av
import pytest

from camcast.media import MediaKind, TagType
from camcast.testing.recording import Recording
from tests.cameras import rtp
from tests.cameras.files import run
from tests.integration.late_packets import AUDIO, VIDEO, Clip, known
from tests.integration.played import Sources
from tests.integration.test_late_packets import CAUGHT_UP, NEAR
from tests.plugins.rtmp_kit import host
from tests.plugins.srt_processes import end_fork_servers

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


def as_made(kind: MediaKind, made: int) -> int:
    """The time that a packet says: that at which it was made."""
    return made


def as_files(clip: Clip, folder: Path) -> dict[str, Path]:
    made = {"ts": clip.ts(folder / "paused.ts", as_made)}
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
    clips: dict[str, tuple[Clip, MediaKind]] = {}
    async with AsyncExitStack() as stack:
        sources = Sources(stack)
        for name, kind in PAUSES.items():
            folder = tmp_path / kind.value
            folder.mkdir()
            clip = await asyncio.to_thread(paused, whole, kind, folder / "paused.mp4")
            clips[name] = clip, kind
            files = as_files(clip, folder)
            for ending, path in files.items():
                sources.file(f"{ending}: {name}", path)
            for way, change in CAMERAS.items():
                tracks = [change(track) for track in clip.camera(as_made)]
                patience = {"no_data_timeout": 2 * (END - BEGIN)}
                await sources.camera(f"{way}: {name}", tracks, options=patience, retry_policy=ONCE)
            sources.rtmp(f"rtmp: {name}", clip, as_made)
            sources.srt(f"srt: {name}", clip, files["ts"])
        played, log = await sources.play(tmp_path)
        found = {name: wrong(*clips[name.split(": ")[1]], [*came]) for name, came in played.items()}
    lines = [f"{name}: {what}" for name, what in found.items() if what]
    assert not lines, "\n".join([*lines, log])
