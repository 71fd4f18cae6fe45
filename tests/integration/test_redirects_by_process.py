"""A server that asks its publisher to move (ReconnectRequest), by `camcast run` with a file: where the pictures come.

Each case has an output and two servers of its own; the second is at another port, another address of this machine, or
the same server's other application. Where it is not followed, the first one goes on, and why is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from camcast.media import TagType
from camcast.testing.recording import Recording
from camcast_rtmp.receiver import Receiver
from tests.compare import Media, compare
from tests.integration.kit import until
from tests.integration.test_odd_servers import CLIP, SOME, ended, running
from tests.media import made

HERE, ELSEWHERE = "127.0.0.1", "127.0.0.2"


@attrs.frozen(kw_only=True)
class Case:
    """`asked` is the tcUrl; PORT in it is the second server's. `key`: the stream key, or one of its own."""

    asked: str
    second: str = HERE
    app: str = "live"
    """In which it is published afterwards."""
    at_first: bool = False
    """The second place is the first server itself."""
    allowed: tuple[str, ...] = ()
    key: str = ""
    told: str = ""
    """Why it is not followed; "" = it is."""


CASES: Mapping[str, Case] = {
    "another port": Case(asked="rtmp://127.0.0.1:PORT/live"),
    "another port, with a slash behind": Case(asked="rtmp://127.0.0.1:PORT/live/"),
    "another application": Case(asked="rtmp://127.0.0.1:PORT/vod/inst", app="vod/inst"),
    "another application of the same server": Case(asked="/other", app="other", at_first=True),
    "another application, without a slash": Case(asked="other", app="other", at_first=True),
    "another server of the same protocol": Case(asked="//127.0.0.1:PORT/live"),
    "another host that is allowed": Case(
        asked="rtmp://127.0.0.2:PORT/live", second=ELSEWHERE, allowed=("example.com", ELSEWHERE)
    ),
    "a key with slashes and a query": Case(asked="rtmp://127.0.0.1:PORT/vod", app="vod", key="cam/one?token=a/b"),
    "another host of those that are allowed": Case(
        asked="rtmp://127.0.0.2:PORT/live", second=ELSEWHERE, allowed=("*.0.0.2",)
    ),
    "another host": Case(
        asked="rtmp://127.0.0.2:PORT/live",
        second=ELSEWHERE,
        told='127.0.0.2 is another host; allow it by "allow_redirect_hosts": ["127.0.0.2"]',
    ),
    "another protocol": Case(asked="rtmps://127.0.0.1:PORT/live", told="it leads from rtmp to rtmps"),
    "the web": Case(asked="http://127.0.0.1:PORT/live", told="the server asks to move to what is no RTMP address"),
    "nothing that could be": Case(asked="::/ x", told="the server asks to move to what is no RTMP address"),
    "a port that is none": Case(asked="rtmp://127.0.0.1:99999/live", told="the address is not a valid URL"),
    "nobody": Case(asked="rtmp://127.0.0.1:1/live", told="127.0.0.1:1"),
}


def pictures(recording: Recording) -> int:
    return recording.counts[TagType.VIDEO]


async def test_where_the_pictures_come_after_a_server_asked_to_move(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        firsts: dict[str, Receiver] = {}
        seconds: dict[str, Receiver] = {}
        outputs: dict[str, Any] = {}
        asked: dict[str, int] = {}
        """Pictures that had come when it was asked."""
        for number, (name, case) in enumerate(CASES.items()):
            first = firsts[name] = await stack.enter_async_context(Receiver())
            seconds[name] = await stack.enter_async_context(Receiver(host=case.second))
            outputs[f"k{number}"] = {
                "url": first.url("live"),
                "stream_key": case.key or f"k{number}",
                "allow_redirect_hosts": case.allowed,
            }

            def on_tag(recording: Recording, kind: TagType, time: int, name: str = name) -> None:
                if name not in asked and pictures(recording) > SOME:
                    asked[name] = pictures(recording)
                    firsts[name].request_reconnect(tc_url=CASES[name].asked.replace("PORT", str(seconds[name].port)))

            first.on_tag = on_tag

        def arrived(name: str) -> bool:
            case, first = CASES[name], firsts[name]
            if case.told:
                return name in asked and pictures(first.recordings[0]) > asked[name] + 4 * SOME
            there = first.recordings[1:] if case.at_first else seconds[name].recordings
            return bool(there) and pictures(there[0]) > SOME and not first.recordings[0].live

        async with running(tmp_path, "", loop=True, outputs=outputs) as process:
            for name in CASES:
                await until(partial(arrived, name), 30)
            process.terminate()
            _, log = await ended(process)
        for number, (name, case) in enumerate(CASES.items()):
            first, key = firsts[name], case.key or f"k{number}"
            if case.told:
                lines = [line for line in log.splitlines() if f"/k{number}" in line and case.told in line]
                assert lines, f"{name}: not told\n{log}"
                assert not seconds[name].accepted, name
                assert len(first.recordings) == 1, name
                continue
            there = (first.recordings[1:] if case.at_first else seconds[name].recordings)[0]
            assert (there.app, there.key, first.recordings[0].clean) == (case.app, key, True), name
            both = [tmp_path / f"{number}-{half}.flv" for half in ("before", "after")]
            for path, recording in zip(both, (first.recordings[0], there), strict=True):
                path.write_bytes(recording.flv())
            for path in both:
                compare(made(CLIP), path, loop=True, from_keyframe=1)
            last, following = (Media.read(path).video for path in both)
            assert following[0].keyframe, name
            assert last[-1].data != following[0].data, f"{name}: sent twice"
