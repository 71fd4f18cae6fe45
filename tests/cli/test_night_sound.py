"""The sound of a night: a camera's own format, a server that comes late, a camera that goes. What a server recorded."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import pytest
from tests.command_run import command_run
from tests.compare import Media
from tests.installed import installed
from tests.media import made
from tests.servers.nginx import Nginx
from tests.servers.process import wait_for

PULLED = """
import asyncio
import os
from functools import partial
from pathlib import Path

from camcast import hookimpl
from camcast.errors import SourceError
from camcast.kinds import Gives, SourceKind
from camcast_file.options import FileOptions
from camcast_file.shared import Shared
from camcast_file.source import FileSource

class Pulled(FileSource):
    async def run(self, sink):
        playing = asyncio.ensure_future(super().run(sink))
        try:
            while not playing.done():
                if Path(os.environ["UNPLUGGED"]).exists():
                    raise SourceError("somebody has pulled the plug")
                await asyncio.wait({playing}, timeout=0.1)
            await playing
        finally:
            playing.cancel()
            await asyncio.wait({playing})

@hookimpl
def camcast_sources():
    build = partial(Pulled, shared=Shared())
    return [SourceKind(name="pulled", title="Pulled", build=build, options=FileOptions, gives=Gives.PACKETS)]
"""
RETRY = {"initial_delay": 0.2, "max_delay": 0.2, "max_attempts": None}


def configuration(clip: str, url: str, **more: Any) -> dict[str, Any]:
    source = {"type": "file", "url": str(made(clip)), "options": {"loop": True}, "retry_policy": RETRY}
    output = {"url": url, "audio": "aac", "retry_policy": RETRY}
    source.update(more.pop("source", {}))
    return {"cameras": [{"camera_id": 0, "streams": [{"source": source, "outputs": {"out": output}, **more}]}]}


def session(figures: dict[str, Any]) -> dict[str, Any]:
    (found,) = figures["sessions"]
    return found  # type: ignore[no-any-return]


@pytest.mark.parametrize("clip", ["h264_opus", "h264_pcma"])
def test_no_two_packets_of_transcoded_sound_share_a_time(nginx: Nginx, tmp_path: Path, clip: str) -> None:
    with command_run(tmp_path, configuration(clip, nginx.url("sound"))) as command:
        nginx.wait_publishing("sound", "record", least=150_000, timeout=60)
        command.end()
    sound = Media.read(nginx.recording("sound")).audio
    assert len(sound) > 50
    assert all(one.dts < other.dts for one, other in itertools.pairwise(sound)), [one.dts for one in sound[:5]]


def test_sound_from_before_the_first_connection_is_counted(nginx: Nginx, tmp_path: Path) -> None:
    nginx.kill()
    with command_run(tmp_path, configuration("h264_aac", nginx.url("late"))) as command:
        wait_for(lambda: "next try" in command.log, timeout=40)
        nginx.restart()
        nginx.wait_publishing("late", "record", least=150_000, timeout=60)
        found = session(command.end())
    dropped = found["dropped"]
    assert dropped.get("audio: before the first connection", 0) > 0, dropped
    assert found["audio_offered"] == found["audio_sent"] + sum(
        count for why, count in dropped.items() if why.startswith("audio")
    )
    heard = Media.read(nginx.recording("late")).audio
    assert len(heard) == found["audio_sent"]
    assert all(one.dts < other.dts for one, other in itertools.pairwise(heard))


def reached(nginx: Nginx) -> list[float]:
    """Seconds of picture and of sound that are recorded so far."""
    (path,) = nginx.recordings("slate")
    media = Media.read(path)
    return [media.video[-1].dts / 1000, media.audio[-1].dts / 1000]


@pytest.mark.parametrize("clip", ["h264_opus", "h264_pcma", "h264_mp3"])
def test_the_slate_of_a_camera_is_heard_as_well_whatever_its_sound(nginx: Nginx, tmp_path: Path, clip: str) -> None:
    installed(tmp_path, "pulled", PULLED)
    unplugged = tmp_path / "unplugged"
    paths = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    config = configuration(clip, nginx.url("slate"), source={"type": "pulled"}, slate={"after": 0.5})
    with command_run(tmp_path, config, PYTHONPATH=paths, UNPLUGGED=str(unplugged)) as command:
        nginx.wait_publishing("slate", "record", least=100_000, timeout=60)
        unplugged.touch()
        wait_for(lambda: "pulled the plug" in command.log, timeout=40)
        before = reached(nginx)
        wait_for(lambda: all(now > then + 3 for now, then in zip(reached(nginx), before, strict=True)), timeout=60)
        found = session(command.end())
    assert found["attempts"] == 1
    times = [unit.dts for unit in Media.read(nginx.recording("slate")).audio]
    assert max(after - before for before, after in itertools.pairwise(times)) < 1000, "seconds without sound"
