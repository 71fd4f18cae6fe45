"""Some packets of one track whose times are behind, or ahead, by each kind of source: no other packet moves for it.

A process with a configuration file. Each picture and each frame of sound is known again at the receiver, so that where
it lies on the line of times is compared with where it was made.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from camcast.media import MediaKind, TagType
from camcast.testing.recording import Recording
from tests.integration.late_packets import AUDIO, VIDEO, Clip, Times, known, moved
from tests.integration.played import Sources
from tests.plugins.rtmp_kit import host
from tests.plugins.srt_processes import end_fork_servers

SECONDS = 9
NEAR = 300
"""ms by which a machine with other work may move a line; what is wrong here moves it by more."""
PLACES = {"twice": ((2500, 2800), (5000, 5300)), "once": ((4100, 4130),), "at length": ((3500, 4300),)}
CASES: Mapping[str, Times] = {
    "a sound 2 s late": moved(AUDIO, -2000, *PLACES["once"]),
    "sound 0.7 s late twice": moved(AUDIO, -700, *PLACES["twice"]),
    "sound 2.5 s late twice": moved(AUDIO, -2500, *PLACES["twice"]),
    "sound 1.5 s late at length": moved(AUDIO, -1500, *PLACES["at length"]),
    "a picture 0.7 s late": moved(VIDEO, -700, *PLACES["once"]),
    "pictures 2 s late": moved(VIDEO, -2000, *PLACES["twice"]),
}
AHEAD: Mapping[str, Times] = {
    "a sound 3 s ahead": moved(AUDIO, 3000, *PLACES["once"]),
    "a picture 3 s ahead": moved(VIDEO, 3000, *PLACES["once"]),
}
"""For files, of which more is known than what comes next."""
CAUGHT_UP = 1500
"""ms from the first picture on; until then the present is caught up with, at a pace of its own."""
AGAIN = 5000
"""ms; what was made so long before what came already is the camera's next turn."""
LAST = 7000
"""ms; what was made after this and all before is over."""


@pytest.fixture(scope="module", autouse=True)
def nothing_rests() -> Iterator[None]:
    yield
    end_fork_servers()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return Clip.made(tmp_path_factory.mktemp("late") / "clip.mp4", SECONDS)


def offsets(clip: Clip, recordings: Sequence[Recording]) -> dict[MediaKind, dict[int, int]]:
    """By when it was made (ms): how much later each piece lies at the receiver."""
    made = {(one.kind, known(one.kind, one.data)): one.made for one in clip.pieces}
    found: dict[MediaKind, dict[int, int]] = {VIDEO: {}, AUDIO: {}}
    newest = 0
    for recording in recordings:
        for frame in recording.frames([host().codec(name) for name in ("h264", "aac")]):
            kind = VIDEO if frame.type is TagType.VIDEO else AUDIO
            at = made.get((kind, known(kind, frame.payload)))
            if at is None:
                continue  # SRT may begin in the middle of a picture, or lose a part of one
            if at < newest - AGAIN:
                return found
            newest = max(newest, at)
            found[kind][at] = frame.time - at
    return found


def wrong(found: Mapping[MediaKind, Mapping[int, int]], times: Times) -> list[str]:
    """What lies elsewhere than the last pictures do, but for the pieces that were moved."""
    last = [late for at, late in found[VIDEO].items() if at > LAST]
    if not last:
        return ["no pictures at the end"]
    ended, began = statistics.median(last), min(found[VIDEO]) + CAUGHT_UP
    wrong = []
    for kind in MediaKind:
        late = {at: late - ended for at, late in found[kind].items() if at > began and at_rest(times, kind, at)}
        if not [at for at in late if at > LAST]:
            wrong.append(f"no {kind.value} at the end")
        if away := {at: by for at, by in late.items() if abs(by) > NEAR}:
            wrong.append(f"{kind.value} moved: {dict(list(away.items())[:3])} and so on, {len(away)}")
    return wrong


def at_rest(times: Times, kind: MediaKind, at: int) -> bool:
    """Whether nothing of this kind was moved there or just before: what follows at once may have to wait for that."""
    return all(times(kind, before) == before for before in range(at - 600, at + 1, 20))


async def test_packets_with_wrong_times_move_no_other(clip: Clip, tmp_path: Path) -> None:
    cases = {**CASES, **AHEAD}
    async with AsyncExitStack() as stack:
        sources = Sources(stack)
        for name, times in cases.items():
            label = name.replace(" ", "-")
            stream = clip.ts(tmp_path / f"{label}.ts", times)
            sources.file(f"ts: {name}", stream)
            sources.file(f"flv: {name}", clip.flv(tmp_path / f"{label}.flv", times))
            if name in AHEAD:
                continue
            await sources.camera(f"rtsp: {name}", clip.camera(times))
            sources.rtmp(f"rtmp: {name}", clip, times)
            sources.srt(f"srt: {name}", clip, stream)
        played, log = await sources.play(tmp_path)
        found = {name: wrong(offsets(clip, came), cases[name.split(": ")[1]]) for name, came in played.items()}
    lines = [f"{name}: {what}" for name, what in found.items() if what]
    assert not lines, "\n".join([*lines, log])
