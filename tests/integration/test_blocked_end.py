"""Nothing that was opened stays on the air: an engine's end leaves every name to the next, whatever happens in it."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

from camcast import Engine
from camcast.session.session import STOP_DEADLINE
from tests.integration.kit import until
from tests.media import made
from tests.servers.nginx import Nginx

NAMES = ("one", "two", "three")


def written(folder: Path, nginx: Nginx) -> Path:
    source = {"type": "file", "url": str(made("h264_aac")), "options": {"loop": True}}
    outputs = {name: {"url": nginx.url(name)} for name in NAMES}
    file = folder / "camcast.json"
    file.write_text(json.dumps({"cameras": [{"camera_id": 0, "streams": [{"source": source, "outputs": outputs}]}]}))
    return file


async def test_a_loop_that_is_blocked_while_the_engine_stops_leaves_no_name_taken(nginx: Nginx, tmp_path: Path) -> None:
    file = written(tmp_path, nginx)
    async with Engine.from_file(file) as first:
        await until(lambda: all(one.frames_sent for one in first.stats().sessions), 60)
        asyncio.get_running_loop().call_soon(time.sleep, STOP_DEADLINE + 1)
        await first.stop()
    async with Engine.from_file(file) as second:
        await until(lambda: all(one.frames_sent for one in second.stats().sessions), 60)
        found = [(one.label, one.failed_attempts, one.last_error) for one in second.stats().sessions]
    assert [failed for _, failed, _ in found] == [0, 0, 0], found
