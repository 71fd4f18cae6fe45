"""It says whose fault it is: a run with broken plugins, each of which is named, traced once, and left aside."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.command_run import command_run
from tests.installed import installed
from tests.servers.nginx import Nginx
from tests.servers.process import wait_for

SICK = '''
from camcast import hookimpl
from camcast.kinds import Acceptance, Confidence, EncoderKind, Gives, SourceKind, Take, TransportKind

class Wire:
    """Its connect has a bug."""

    acked = pending = 0

    def __init__(self, context):
        self.context = context

    async def connect(self):
        return len(self.context.target.url, 1)

    async def publish(self, tracks): ...

    def send(self, unit, time): ...

    async def close(self): ...

    def stats(self):
        return {}

class Camera:
    def __init__(self, context): ...

    async def run(self, sink):
        return {}["picture"]

    def request_keyframe(self):
        return False

def open_encoder(request):
    raise RuntimeError("no such card")

def accepts(target):
    return Acceptance(codecs={"h264": Take(Confidence.YES, "legacy")})

def kind(name, accepts):
    return TransportKind(name=name, title=name, schemes=(name,), build=Wire, accepts=accepts)

@hookimpl
def camcast_transports():
    return [kind("sickwire", accepts), kind("sicktake", lambda target: None)]

@hookimpl
def camcast_sources():
    return [SourceKind(name="sickcam", title="Sick", build=Camera, gives=Gives.PACKETS, needs_url=False)]

@hookimpl
def camcast_encoders():
    return [EncoderKind(name="sickcard", title="Sick", codec="h264", priority=1000, open=open_encoder)]

@hookimpl
def camcast_resolve_secret(reference):
    if reference == "env:SICK_KEY":
        raise LookupError("the vault is closed")
'''
WATCHES = """
from camcast import hookimpl

@hookimpl
async def camcast_session_event(event):
    print(event)
"""
SEEN = ("sickcam failed by a bug", "in connect, by a bug", "sicktake failed in", "again: TypeError", "env:SICK_KEY")
RETRY = {"initial_delay": 0.1, "max_delay": 0.1}


def says(logged: Path, text: str) -> bool:
    return text in logged.read_text()


def camera(number: int, source: dict[str, Any], **outputs: Any) -> dict[str, Any]:
    encoder = {"width": 320, "height": 180, "framerate": 15}
    return {"camera_id": number, "streams": [{"source": source, "encoder": encoder, "outputs": outputs}]}


def configuration(good: str) -> dict[str, Any]:
    outputs = {
        "wire": {"url": "sickwire://somewhere/live/hidden-key", "retry_policy": RETRY},
        "wire2": {"url": "sickwire://elsewhere/live/hidden-key", "retry_policy": RETRY},
        "take": {"url": "sicktake://somewhere/live/x", "retry_policy": RETRY},
        "vault": {"url": "rtmp://127.0.0.1/live", "stream_key": "env:SICK_KEY", "retry_policy": RETRY},
        "good": {"url": good},
    }
    picture = {"type": "testsrc"}
    sick = {"type": "sickcam", "retry_policy": RETRY}
    return {"cameras": [camera(0, picture, **outputs), camera(1, sick, out={"url": "rtmp://127.0.0.1:1/live/y"})]}


@attrs.frozen
class Morning:
    """What is found after the night."""

    log: str
    figures: dict[str, Any]

    def session(self, label: str) -> dict[str, Any]:
        return next(one for one in self.figures["sessions"] if one["label"] == label)


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Morning]:
    folder = tmp_path_factory.mktemp("blame")
    with Nginx(folder / "nginx") as nginx:
        yield found(folder, nginx)


def found(folder: Path, nginx: Nginx) -> Morning:
    installed(folder, "sick", SICK)
    installed(folder, "watches", WATCHES)
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    with command_run(folder, configuration(nginx.url("blame")), "--log-level", "DEBUG", PYTHONPATH=path) as run:
        for text in SEEN:
            wait_for(partial(says, run.logged, text), timeout=40, why=text)
        nginx.wait_publishing("blame", "record", least=20_000, timeout=40)  # pictures too
        figures = run.end()
        return Morning(run.log, figures)


def test_a_plugin_with_a_bug_is_a_class_of_its_own_and_neither_the_network_nor_a_bug_of_ours(morning: Morning) -> None:
    for label, who in (
        ("cam0_main/wire", "transport sickwire failed in connect, by a bug of its own: TypeError"),
        ("cam0_main/take", "transport sicktake failed in build, by a bug of its own: TypeError: accepts gave NoneType"),
    ):
        assert who in morning.session(label)["last_error"]
        assert set(morning.session(label)["errors"]) == {"plugin"}
        assert f"plugin: {who}" in morning.log
    assert "network:" not in morning.log
    assert "internal error" not in morning.log


def test_it_is_tried_slowly_though_its_policy_says_a_tenth_of_a_second(morning: Morning) -> None:
    lines = [one for one in morning.log.splitlines() if "by a bug of its own" in one and "next try" in one]
    for who in ("cam0_main/wire:", "cam0_main/wire2:", "cam0_main/take:", "Source cam1_main:"):
        assert any(who in line for line in lines), (who, lines)
    assert all(line.rstrip(")").endswith(("next try in 30 s", "next try in 30s")) for line in lines), lines
    assert morning.session("cam0_main/wire")["attempts"] == 1


def test_the_trace_of_a_bug_is_told_once_with_its_line_and_every_session_counts_it(morning: Morning) -> None:
    assert morning.log.count("Transport sickwire failed in connect (told once") == 1
    assert "return len(self.context.target.url, 1)" in morning.log
    assert "transport sickwire failed in connect again: TypeError" in morning.log
    assert [morning.session(f"cam0_main/{name}")["errors"] for name in ("wire", "wire2")] == [{"plugin": 1}] * 2


def test_an_encoder_with_a_bug_is_skipped_by_auto_and_the_picture_goes_out(morning: Morning) -> None:
    assert "Encoder sickcard failed in probe or open (told once" in morning.log
    assert "(not taken: sickcard: failed by a bug of its own: RuntimeError: no such card" in morning.log
    assert morning.session("cam0_main/good")["frames_sent"] > 0
    assert morning.session("cam0_main/good")["failed_attempts"] == 0


def test_a_source_with_a_bug_is_named_with_its_line(morning: Morning) -> None:
    assert morning.log.count("Source sickcam failed in run (told once") == 1
    assert 'return {}["picture"]' in morning.log
    (stream,) = (one for one in morning.figures["streams"] if one["label"] == "cam1_main")
    assert stream["last_error"] == "source sickcam failed by a bug of its own: KeyError: 'picture'"


def test_a_resolver_with_a_bug_is_named_with_the_reference_that_it_was_asked_for(morning: Morning) -> None:
    found = morning.session("cam0_main/vault")
    assert set(found["errors"]) == {"plugin"}
    text = 'plugin sick failed in camcast_resolve_secret with LookupError, asked for the secret "env:SICK_KEY"'
    assert found["last_error"] == text
    assert "the vault is closed" not in morning.log, "a resolver's words may hold the secret"


def test_a_watcher_that_would_never_run_is_left_out_and_told(morning: Morning) -> None:
    assert 'plugin watches (watches_plugin 1.0): "camcast_session_event" is an async function' in morning.log
    assert "The plugin is left out." in morning.log


def test_no_bug_shows_the_key_of_the_stream(morning: Morning) -> None:
    assert "hidden-key" not in morning.log + json.dumps(morning.figures)
