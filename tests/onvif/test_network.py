"""Cameras found by multicast on a network of the test's own, and found again when their address changes: by process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.onvif.camera import PASSWORD, USER, UUID
from tests.onvif.lan import CAMERA, MAC, MOVED, Lan
from tests.onvif.process import VirtualCamera
from tests.programs import beside
from tests.servers.nginx import Nginx
from tests.servers.process import wait_for
from tests.servers.stream_reader import Player

SECRET = {"CAMERA_USER": USER, "CAMERA_PASSWORD": PASSWORD}
SECONDS = "5"
"""In which answers come also where much else is going on."""
LOGIN = ("--user", "env:CAMERA_USER", "--password", "env:CAMERA_PASSWORD")


@pytest.fixture(scope="module")
def lan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lan]:
    """With one camera, whose clock is three hours slow and which wants a UsernameToken."""
    folder = tmp_path_factory.mktemp("camera")
    with Lan() as found, VirtualCamera(folder, prefix=found.camera, login="token", clock=-10800.0):
        yield found


def camcast(lan: Lan, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [*lan.home, sys.executable, "-m", "camcast", *words]
    return subprocess.run(
        command, env={**os.environ, **SECRET}, capture_output=True, text=True, timeout=60, check=False, cwd=cwd
    )


def test_everybody_is_asked_and_one_answers(lan: Lan) -> None:
    done = camcast(lan, "discover", "--seconds", SECONDS, "--json")
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    assert (found["host"], found["identity"], found["name"], found["model"]) == (CAMERA, UUID, "Front door", "Dome4")
    assert found["streams"] == []
    assert found["service"] == f"http://{CAMERA}/onvif/device_service"


def test_the_chosen_one_tells_its_streams_in_a_table(lan: Lan) -> None:
    done = camcast(lan, "discover", "--seconds", SECONDS, *LOGIN, "--choose", UUID)
    assert done.returncode == 0, done.stderr
    assert f"onvif://{UUID}/main?serial=ACCC8E000001" in done.stdout
    assert "2560x1440 25/s" in done.stdout
    assert f"rtsp://{CAMERA}:" in done.stdout
    assert done.stderr == f"note: {CAMERA}: its clock is 3 h behind this machine's: set it, by NTP for good\n"
    assert PASSWORD not in done.stdout + done.stderr


def test_a_router_is_no_obstacle_to_a_name_that_says_where(lan: Lan) -> None:
    done = camcast(lan, "discover", CAMERA, "--seconds", SECONDS, *LOGIN, "--choose", "all", "--json")
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    assert found["streams"][0]["url"] == f"onvif://{UUID}/main?serial=ACCC8E000001&at={CAMERA}"


def test_an_interface_that_cannot_is_told(lan: Lan) -> None:
    done = camcast(lan, "discover", "--seconds", SECONDS, "--interface", "eth7")
    said = "error: cameras cannot be looked for on eth7: there is no such interface; usable: eth0\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_a_wrong_password_is_told_with_what_to_do(lan: Lan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SECRET, "CAMERA_PASSWORD", "s3cret-but-wrong")
    done = camcast(lan, "discover", "--seconds", SECONDS, *LOGIN, "--choose", CAMERA)
    assert done.returncode == 1
    assert "refuses the user or the password: check them; many cameras keep the users of ONVIF apart" in done.stderr
    assert "its clock is 3 h behind this machine's, which was allowed for" in done.stderr
    assert "s3cret" not in done.stdout + done.stderr


@contextmanager
def running(lan: Lan, folder: Path, config: dict[str, Any]) -> Iterator[Path]:
    """`camcast run` at home; gives its log."""
    (folder / "c.json").write_text(json.dumps(config))
    log = folder / "log"
    command = [*lan.home, sys.executable, "-m", "camcast", "run", str(folder / "c.json"), "--plain"]
    with log.open("w") as file, beside(command, stdout=file, stderr=file, env={**os.environ, **SECRET}):
        yield log


def test_the_camera_changes_its_address_and_the_stream_is_back(lan: Lan, tmp_path: Path) -> None:
    """What `discover --config` prints, with outputs, is what runs; a real server and FFmpeg have its pictures.

    Named by its UUID in one stream, and by its MAC in another.
    """
    printed = camcast(lan, "discover", "--seconds", SECONDS, *LOGIN, "--choose", "all", "--config")
    assert printed.returncode == 0, printed.stderr
    config = json.loads(printed.stdout)
    (camera,) = config["cameras"]
    main, second = camera["streams"]
    assert main["source"] == {
        "type": "rtsp",
        "url": f"onvif://{UUID}/main?serial=ACCC8E000001",
        "options": {"username": "env:CAMERA_USER", "password": "env:CAMERA_PASSWORD", "login": "digest"},
    }
    second["source"]["url"] = f"onvif://{MAC}/main"
    with Nginx(tmp_path / "nginx", prefix=lan.home) as nginx, ExitStack() as stack:
        players = []
        for name, stream in (("uuid", main), ("mac", second)):
            stream["source"]["options"]["no_data_timeout"] = 2
            stream["outputs"] = {"out": {"url": nginx.url(name)}}
            player = Player(tmp_path / name, nginx.url(name), prefix=lan.home)
            players.append(stack.enter_context(player))
        log = stack.enter_context(running(lan, tmp_path, config))
        for player in players:
            player.wait_packets(25, timeout=40)
        assert lan.connections(MOVED) == 0
        lan.move(MOVED)
        # What was on its way from the old address has long come by then.
        wait_for(lambda: lan.connections(MOVED) >= 2, timeout=40, why="both streams come from the new address")
        before = [len(player.so_far().video) for player in players]
        for player, count in zip(players, before, strict=True):
            seen = player.wait_packets(count + 60, timeout=40)
            assert seen.video[-1].codec == "h264"
        text = log.read_text()
    assert PASSWORD not in text
