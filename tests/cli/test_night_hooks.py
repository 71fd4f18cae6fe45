"""Whatever a plugin's hook or service does, no camera notices and it is named: a run with hooks that raise and hang."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.command_run import Command, command_run
from tests.compare import Media
from tests.installed import installed
from tests.media import made
from tests.servers.nginx import Nginx
from tests.servers.process import wait_for

HANGS = '''
import asyncio
import threading
import time

from camcast import hookimpl
from camcast.kinds import ServiceKind

def for_ever():
    threading.Event().wait()

@hookimpl
def camcast_resolve_secret(reference):
    if reference == "env:HANGING_KEY":
        for_ever()

@hookimpl
def camcast_resolve_source(url, options):
    if url == "lost://camera":
        for_ever()

@hookimpl
def camcast_segment(segment):
    for_ever()

class Holding:
    """Holds its own loop."""

    def __init__(self, context): ...

    async def run(self):
        time.sleep(10**6)

class Clinging:
    """Never ends."""

    def __init__(self, context): ...

    async def run(self):
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                pass

@hookimpl
def camcast_services():
    return [
        ServiceKind(name="holding", title="Holds its loop", build=Holding),
        ServiceKind(name="clinging", title="Never ends", build=Clinging),
    ]
'''
RAISES = """
from camcast import hookimpl
from camcast.kinds import ServiceKind

@hookimpl
def camcast_session_event(event):
    raise ValueError("of the watcher")

@hookimpl
def camcast_segment(segment):
    raise ValueError("of the archive")

@hookimpl
def camcast_resolve_url(target, attempt):
    if "token" in target.url:
        raise ValueError("of the tokens")

@hookimpl
def camcast_resolve_source(url, options):
    if url == "sick://camera":
        raise ValueError("of the cameras")

class Failing:
    def __init__(self, context): ...

    async def run(self):
        raise ValueError("of the service")

@hookimpl
def camcast_services():
    return [ServiceKind(name="failing", title="Fails", build=Failing)]
"""
RETRY = {"initial_delay": 0.1, "max_delay": 0.1}
HANG = "took longer than 10 s: plugin hangs has not answered, it is in hangs_plugin.py:"
SEEN = (
    f'resolving the secret "env:HANGING_KEY" {HANG}',
    f"finding the camera {HANG}",
    "plugin raises failed in camcast_resolve_source with ValueError",
    "plugin raises failed in camcast_resolve_url with ValueError",
    "Plugin raises failed in camcast_segment (told once",
    "Plugin raises failed in camcast_session_event (told once",
    "Service holding: running -> waiting",
    "Service failing: running -> waiting",
)


def camera(number: int, source: dict[str, Any], **outputs: Any) -> dict[str, Any]:
    return {"camera_id": number, "streams": [{"source": {"retry_policy": RETRY, **source}, "outputs": outputs}]}


def configuration(folder: Path, nginx: Nginx) -> dict[str, Any]:
    clip = {"type": "file", "url": str(made("h264_aac")), "options": {"loop": True}}
    nowhere = "rtmp://127.0.0.1:1/live"
    outputs = {
        "good": {"url": nginx.url("hooks")},
        "files": {"url": f"record://{folder}/%H%M%S.mp4", "options": {"segment": 1}},
        "vault": {"url": nowhere, "stream_key": "env:HANGING_KEY", "retry_policy": RETRY},
        "fresh": {"url": f"{nowhere}/token", "retry_policy": RETRY},
    }
    return {
        "services": {"holding": {}, "clinging": {}, "failing": {}},
        "cameras": [
            camera(0, clip, **outputs),
            camera(1, {"type": "rtsp", "url": "lost://camera"}, out={"url": f"{nowhere}/a"}),
            camera(2, {"type": "rtsp", "url": "sick://camera"}, out={"url": f"{nowhere}/b"}),
        ],
    }


@attrs.frozen
class Morning:
    """What is found after the night."""

    log: str
    figures: dict[str, Any]
    recorded: list[Path]
    """Of the good output."""
    ended_in: float
    """Seconds from being asked."""

    def session(self, name: str) -> dict[str, Any]:
        return next(one for one in self.figures["sessions"] if one["label"] == f"cam0_main/{name}")

    def stream(self, number: int) -> dict[str, Any]:
        return next(one for one in self.figures["streams"] if one["camera_id"] == number)


def says(command: Command, text: str) -> bool:
    return text in command.log


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Morning]:
    folder = tmp_path_factory.mktemp("hooks")
    with Nginx(folder / "nginx") as nginx:
        yield found(folder, nginx)


def found(folder: Path, nginx: Nginx) -> Morning:
    installed(folder, "hangs", HANGS)
    installed(folder, "raises", RAISES)
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    with command_run(folder, configuration(folder, nginx), "--log-level", "DEBUG", PYTHONPATH=path) as run:
        for text in SEEN:
            wait_for(partial(says, run, text), timeout=60, why=text)
        recorded = nginx.recordings("hooks")
        nginx.wait_publishing("hooks", "record", least=recorded[0].stat().st_size + 100_000, timeout=40)
        began = time.monotonic()
        figures = run.end()
        return Morning(run.log, figures, recorded, time.monotonic() - began)


def test_no_camera_and_no_output_notices_what_the_plugins_of_others_do(morning: Morning) -> None:
    good = morning.session("good")
    assert (good["state"], good["attempts"], good["failed_attempts"], good["frames_dropped"]) == ("connected", 1, 0, 0)
    (path,) = morning.recorded
    assert len(Media.read(path).video) == good["video_sent"] + good["replayed"]
    assert morning.session("files")["failed_attempts"] == 0
    assert morning.log.count(".mp4 is complete") >= 3


def test_a_hook_that_hangs_is_named_with_what_it_was_asked_for_and_its_line(morning: Morning) -> None:
    told = f'resolving the secret "env:HANGING_KEY" {HANG}'
    assert morning.session("vault")["last_error"].startswith(told)
    assert morning.session("vault")["last_error"].endswith(" in for_ever")
    assert morning.stream(1)["last_error"].startswith(f"finding the camera {HANG}")


def test_a_hook_that_raises_is_its_plugins_bug_and_tried_slowly(morning: Morning) -> None:
    fresh, lost = morning.session("fresh"), morning.stream(2)
    assert set(fresh["errors"]) == {"plugin"}
    assert fresh["last_error"] == "plugin raises failed in camcast_resolve_url with ValueError"
    assert fresh["failed_attempts"] <= 3, "every 30 s, though its policy says a tenth of a second"
    assert lost["last_error"] == "plugin raises failed in camcast_resolve_source with ValueError"
    assert lost["restarts"] <= 3
    assert "of the tokens" not in morning.log, "what a resolver says may hold the key"


def test_a_watcher_and_an_archive_that_raise_are_traced_once(morning: Morning) -> None:
    for hook, text in (("session_event", "of the watcher"), ("segment", "of the archive")):
        assert morning.log.count(f"Plugin raises failed in camcast_{hook} (told once") == 1
        assert morning.log.count(f'raise ValueError("{text}")') == 1


def test_a_service_that_fails_is_its_plugins_bug_and_started_again_ever_later(morning: Morning) -> None:
    why = "it failed by a bug of its own: ValueError: of the service"
    for pause in (1, 2, 4):
        assert f"Service failing: running -> waiting ({why}); started again in {pause} s" in morning.log
    assert morning.log.count("Service failing failed in run (told once") == 1


def test_a_service_that_hangs_is_named_with_its_line_and_its_thread_left_behind(morning: Morning) -> None:
    assert "Service holding: running -> waiting (it hangs, in hangs_plugin.py:" in morning.log
    assert "Service holding does not end within 2 s; its thread is left behind" in morning.log


def test_the_end_waits_for_none_of_them(morning: Morning) -> None:
    assert morning.ended_in < 20, "10 s for all, and a busy machine"
    assert "Service clinging does not end within 2 s; its thread is left behind" in morning.log


def test_nobody_of_ours_is_blamed(morning: Morning) -> None:
    assert "internal error" not in morning.log
