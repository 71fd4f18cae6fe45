"""`camcast check --sources` on each scripted camera of this directory: one line says what is odd about it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import pytest_asyncio

from camcast import CameraConfig, Config, RetryPolicy, SourceConfig, StreamConfig
from camcast.cli.check_sources import compare_sources
from camcast.host import PluginHost
from camcast.media import NS_PER_S
from camcast_rtsp import watching
from tests.cameras import kept
from tests.cameras import test_brands as brands
from tests.cameras import test_clocks as clocks
from tests.cameras import test_dialogue as dialogue
from tests.cameras import test_entry_points as entries
from tests.cameras import test_field as field
from tests.cameras import test_field_units as units
from tests.cameras import test_harmless_oddities as oddities
from tests.cameras import test_old_codecs as old_codecs
from tests.cameras import test_old_tls as old_tls
from tests.cameras import test_second_time as second_time
from tests.cameras.script import Script
from tests.cameras.server import Camera
from tests.cameras.shared import shared
from tests.cameras.watch import batched
from tests.servers.certificates import Authority, Certificate

pytestmark = pytest.mark.xdist_group("cameras-check_says_what_is_odd")
"""What all tests here share is made once."""

SOME = 40
"""Cameras of a part."""
TOGETHER = 20
"""Of those, that are looked at together: they begin at once, on one loop, and a second of that is noticed."""
HOST = PluginHost()
LONGEST = 20.0
"""Seconds for each at most. All of them end before."""
ENDED = "media comes, but ended after "


@attrs.frozen
class Case:
    """A camera and what is said about it."""

    script: Script = attrs.field(repr=False)
    odd: str = ""
    """Part of the line behind the first; "" = there is none."""
    first: str = "the camera has ended the stream (RTCP BYE)"
    """Part of the first line: how it ended, or why nothing came."""
    media: bool = True
    tls: tuple[ssl.TLSVersion, str] | None = None


def cases() -> dict[str, Case]:
    found = {f"dialogue: {name}": Case(script, odd) for name, (script, odd) in dialogue.ALL.items()}
    further = field.ALL | field.WITHOUT | brands.ALL | units.ALL | units.UNENDED
    found |= {f"field: {name}": ended(Case(script, odd)) for name, (script, odd) in further.items()}
    found |= {f"packets: {name}": Case(one, oddities.told_of(name)) for name, one in oddities.scripts().items()}
    found |= {f"entry: {name}": attrs.evolve(ENTRIES[name], script=one) for name, one in entries.SCRIPTS.items()}
    every = (
        clocks.SCRIPTS
        | clocks.OTHERS
        | clocks.STILL
        | clocks.ODD_REPORTS
        | {"sound too slow for long": clocks.fast_sound(0.3, 16.0)}
    )
    found |= {f"clock: {name}": Case(script, CLOCKS[name]) for name, script in every.items()}
    found |= {f"codec: {name}": Case(script) for name, script in kept.side_by_side(old_codecs.CAMERAS).items()}
    found |= {f"again: {name}": attrs.evolve(AGAIN[name], script=one) for name, one in AGAIN_SCRIPTS.items()}
    return found | {f"tls: {name}": case for name, case in tls().items()}


def ended(case: Case) -> Case:
    return attrs.evolve(case, first="the camera closed the connection") if case.script.ending == "close" else case


ANY = Script([])
ENTRIES = {
    "h264 without marks": Case(ANY, "no keyframe has in 2 s: waiting for one"),
    "av1 refreshed": Case(ANY, "no keyframe has in 2 s: waiting for one"),
    "h264 refreshed": Case(ANY, "no keyframe has in 2 s: waiting for one"),
    "rare keyframes": Case(ANY, watching.LATE),
    "slow": Case(ANY),
    "only damage": Case(ANY, first="no video that could be shown in 2 s: ", media=False),
    "damaged sound": Case(ANY, "nothing that comes of its audio can be used: "),
    "unreadable sound": Case(ANY, "Opus packet of 63 frames"),
}
SET = "its clock was set while it played"
CLOCKS = {
    "plain": "",
    "set forward": SET,
    "set back": SET,
    "media set forward": SET,
    "media set back": SET,
    "sound too fast": "the clock of its audio runs at ",
    # Like behind a slow link, until it is eight seconds behind.
    "sound too slow": "",
    "sound too slow for long": "the clock of its audio runs at 0.",
    "picture too fast": "the clock of its video runs at ",
    "picture too slow": "",
    **dict.fromkeys(clocks.STILL, "the clock of its video stands still from one unit to the next"),
    **dict.fromkeys(clocks.ODD_REPORTS, ""),
}
AGAIN_SCRIPTS = second_time.TWICE | second_time.ONCE
AGAIN = {
    "hangs up at GET_PARAMETER": Case(ANY, first="right after GET_PARAMETER, which is not sent to it again"),
    "461 over TCP": Case(ANY, "no media comes over TCP; UDP is tried"),
    "silence over TCP": Case(ANY, "no media comes over TCP; UDP is tried"),
    "461 over TCP, later over UDP": Case(ANY, "no media comes over TCP; UDP is tried"),
    "only MD5": Case(ANY, "login by Digest SHA-256 is refused though offered"),
    "wrong password": Case(ANY, first="refuses the user name or password", media=False),
}


def tls() -> dict[str, Case]:
    found = {}
    for name, spoken in old_tls.OLD.items():
        plain = dialogue.plain()
        found[name] = Case(plain, first="it speaks only old TLS (TLSv1", media=False, tls=spoken)
        taken = dialogue.plain(options={"insecure": True})
        found[f"{name}, taken"] = Case(taken, "it speaks only old TLS (TLSv1", tls=spoken)
    return found


CASES = cases()


@pytest.fixture(scope="module")
def hurried() -> Iterator[None]:
    """What takes half a minute takes little more than two seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watching, "NOTHING_USABLE", 5 * NS_PER_S // 2)
        patch.setattr(watching, "LATE_START", NS_PER_S)
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def said(hurried: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Of each camera its lines."""
    by_length = sorted(CASES, key=lambda name: CASES[name].script.seconds)
    # Before anything plays: keys of the old kind hold up all else for as long as they take to make.
    authority = Authority(tmp_path_factory.mktemp("authority"))
    look = partial(compared, authority=authority, certificate=authority.issue(with_rsa=True))
    parts = enumerate(batched({name: CASES[name] for name in by_length}, SOME))
    made = await shared(
        tmp_path_factory, "check", {number: partial(check, some=some, look=look) for number, some in parts}
    )
    return {name: lines for part in made.values() for name, lines in part.items()}


async def check(
    directory: Path, some: Mapping[str, Case], look: Callable[[Case], Awaitable[list[str]]]
) -> dict[str, list[str]]:
    room = asyncio.Semaphore(TOGETHER)

    async def lines_of(case: Case) -> list[str]:
        async with room:
            lines = await look(case)
        mine = [line.partition(": ")[2] for line in lines if line.startswith("cam0_main: ")]
        # That the machine is busy is not the camera's doing.
        return [line for line in mine if "held every camera" not in line]

    return dict(zip(some, await asyncio.gather(*map(lines_of, some.values())), strict=True))


async def compared(case: Case, authority: Authority, certificate: Certificate) -> list[str]:
    context = old_tls.server(certificate, *case.tls) if case.tls else None
    async with Camera(case.script, tls=context) as camera:
        options: dict[str, Any] = dict(case.script.options)
        if case.tls and not options:
            options["ca_file"] = str(authority.ca_file)
        again = RetryPolicy(initial_delay=60.0, max_delay=60.0)
        source = SourceConfig(type="rtsp", url=camera.url, options=options, retry_policy=again)
        config = Config(cameras=(CameraConfig(camera_id=0, streams=(StreamConfig(source=source),)),))
        lines, _ = await compare_sources(config, HOST, LONGEST)
    return lines


@pytest.mark.parametrize("name", CASES)
def test_one_line_says_what_is_odd(name: str, said: dict[str, list[str]]) -> None:
    lines, case = said[name], CASES[name]
    assert lines[0].startswith(ENDED if case.media else "no media: ")
    assert case.first in lines[0]
    assert len(lines) == 1 + bool(case.odd), lines
    if case.odd:
        assert case.odd in lines[1]


@pytest_asyncio.fixture
async def endless() -> AsyncIterator[Camera]:
    async with Camera(dialogue.lasting(ending="silence")) as camera:
        yield camera


async def test_a_camera_without_oddities_is_well(endless: Camera) -> None:
    source = SourceConfig(type="rtsp", url=endless.url)
    config = Config(cameras=(CameraConfig(camera_id=0, streams=(StreamConfig(source=source),)),))
    lines, well = await compare_sources(config, HOST, 1.0)
    assert ([line for line in lines if not line.startswith("  ")], well) == (["cam0_main: media comes"], True)
