"""`camcast check --sources` on each scripted camera: one line that says what is odd about it, or none."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import pytest
import pytest_asyncio

from camcast import CameraConfig, Config, SourceConfig, StreamConfig, SystemConfig
from camcast.cli.check_sources import compare_sources
from camcast.host import PluginHost
from tests.cameras.script import Script
from tests.cameras.server import Camera
from tests.cameras.test_dialogue import ALL, SIGNS
from tests.cameras.test_harmless_oddities import scripts, told_of
from tests.cameras.watch import batched

CASES = {name: case for name, case in ALL.items() if name not in SIGNS}
CASES |= {name: (script, told_of(name)) for name, script in scripts().items()}
"""Signs of life come later than `check` looks."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def said() -> dict[str, tuple[list[str], bool]]:
    """Of each camera its lines, and whether all that were looked at with it are well."""
    told: dict[str, tuple[list[str], bool]] = {}
    for some in batched(CASES):
        lines, well = await check([script for script, _ in some.values()])
        for number, name in enumerate(some):
            mine = [line.partition(": ")[2] for line in lines if line.startswith(f"cam{number}_main: ")]
            told[name] = (mine, well)
    return told


async def check(cameras: Sequence[Script]) -> tuple[list[str], bool]:
    async with contextlib.AsyncExitStack() as stack:
        configs = []
        for number, script in enumerate(cameras):
            camera = await stack.enter_async_context(Camera(script))
            source = SourceConfig(type="rtsp", url=camera.url, options=script.options)
            configs.append(CameraConfig(camera_id=number, streams=(StreamConfig(source=source),)))
        config = Config(system=SystemConfig(max_cameras=len(configs)), cameras=tuple(configs))
        return await compare_sources(config, PluginHost())


@pytest.mark.parametrize("name", CASES)
def test_one_line_says_what_is_odd(name: str, said: dict[str, tuple[list[str], bool]]) -> None:
    mine, well = said[name]
    odd = CASES[name][1]
    assert mine[0] == "media comes"
    assert len(mine) == 1 + bool(odd)
    if odd:
        assert mine[1].startswith("odd, and taken as it is: ")
        assert odd in mine[1]
    assert well
