"""Plugins from outside the tree, as installed distributions: the model, a made-up world, and one that is broken."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from camcast.testing.conformance import TransportConformance
from tests.compare import compare
from tests.media import made
from tests.outside.heliograph_server import HeliographServer

ROOT = Path(__file__).parent.parent
MODEL = ROOT / "examples" / "external_plugin"

BROKEN = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "camcast-broken"
version = "0.1"
[project.entry-points.camcast]
broken = "camcast_broken"
[tool.hatch.build.targets.wheel]
include = ["camcast_broken.py"]
"""


def install(source: Path, target: Path, work: Path) -> None:
    """Build the distribution and install it, without the network."""
    copy, wheels = work / source.name, work / f"{source.name}-wheel"
    shutil.copytree(source, copy)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)]
    subprocess.run(build, cwd=copy, check=True, capture_output=True, timeout=60)
    (wheel,) = wheels.iterdir()
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([*pip, "--target", str(target), str(wheel)], check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the three are installed."""
    work, target = tmp_path_factory.mktemp("build"), tmp_path_factory.mktemp("site")
    broken = tmp_path_factory.mktemp("camcast-broken")
    (broken / "pyproject.toml").write_text(BROKEN)
    (broken / "camcast_broken.py").write_text("import a_library_that_nobody_has\n")
    for source in (MODEL, ROOT / "tests" / "outside" / "heliograph", broken):
        install(source, target, work)
    return target


def camcast(site: Path, *arguments: str, directory: Path) -> str:
    """The command line in an interpreter that sees what is installed, and nothing of this tree."""
    run = subprocess.run(
        [sys.executable, "-m", "camcast", *arguments],
        env={**os.environ, "PYTHONPATH": str(site)},
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr + run.stdout
    return run.stdout


def one_camera(source: dict[str, Any], *outputs: str) -> dict[str, Any]:
    named = {f"output{number}": {"url": url} for number, url in enumerate(outputs)}
    return {
        "cameras": [
            {
                "camera_id": 0,
                "name": "gate",
                "streams": [{"stream_id": 0, "name": "main", "source": source, "outputs": named}],
            }
        ]
    }


def test_all_are_listed_and_the_broken_one_harms_nothing(site: Path, tmp_path: Path) -> None:
    listed = json.loads(camcast(site, "plugins", "--json", directory=tmp_path))
    text = json.dumps(listed)
    assert "camcast-flvfile" in text
    assert "camcast-heliograph" in text
    assert "No module named 'a_library_that_nobody_has'" in text
    table = camcast(site, "plugins", directory=tmp_path)
    assert "flvfile" in table
    assert "camcast-broken" in table


def test_the_model_records_every_frame(site: Path, tmp_path: Path) -> None:
    clip = made("h264_b_aac")
    config = tmp_path / "system_config.json"
    source = {"type": "file", "url": str(clip), "options": {"loop": True}}
    config.write_text(json.dumps(one_camera(source, f"flvfile://{tmp_path}/gate.flv")))
    camcast(site, "run", str(config), "--duration", "4", directory=tmp_path)
    (recorded,) = tmp_path.glob("gate-*.flv")
    found = compare(clip, recorded, loop=True, from_keyframe=1)
    assert found.frames > 40


def test_on_a_full_disk_the_model_fails_alone(site: Path, tmp_path: Path) -> None:
    """A file system of 200 kB of its own, and another output beside."""
    clip, disk = made("h264_b_aac"), tmp_path / "disk"
    disk.mkdir()
    config = tmp_path / "system_config.json"
    source = {"type": "file", "url": str(clip), "options": {"loop": True}}
    config.write_text(json.dumps(one_camera(source, f"flvfile://{disk}/full.flv", f"flvfile://{tmp_path}/gate.flv")))
    run = [sys.executable, "-m", "camcast", "run", str(config), "--duration", "6", "--plain", "--json"]
    script = 'mount -t tmpfs -o size=200k camcast-test "$0" && exec "$@"'
    done = subprocess.run(
        ["unshare", *([] if os.geteuid() == 0 else ["-r"]), "-m", "sh", "-c", script, str(disk), *run],
        env={**os.environ, "PYTHONPATH": str(site)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "cannot write: No space left on device" in done.stderr, done.stderr
    assert "bug" not in done.stderr
    assert "Traceback" not in done.stderr
    full, other = json.loads(done.stdout)["sessions"]
    assert "No space left on device" in full["last_error"]
    assert (other["last_error"], other["frames_dropped"]) == ("", 0), other
    (recorded,) = tmp_path.glob("gate-*.flv")
    assert compare(clip, recorded, loop=True, from_keyframe=1).frames > 40


def test_a_made_up_codec_and_transport_stream_end_to_end(site: Path, tmp_path: Path) -> None:
    config = tmp_path / "system_config.json"
    with HeliographServer() as server:
        config.write_text(json.dumps(one_camera({"type": "signalman"}, server.url("gate-key"))))
        camcast(site, "run", str(config), "--duration", "2", directory=tmp_path)
        (received,) = server.received
    numbers = [int.from_bytes(payload[3:7]) for _, payload in received.records]
    assert len(numbers) > 20
    # The first may be a replay of the group before, which has no gaps either.
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert received.records[0][1].startswith(b"\x1aFK")


def test_the_models_own_test_passes_where_it_is_installed(site: Path, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(MODEL / "test_flvfile.py")],
        env={**os.environ, "PYTHONPATH": str(site)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert run.returncode == 0, run.stdout
    assert f"{sum(not rule.peer for rule in TransportConformance.rules)} passed" in run.stdout


def test_the_model_is_short() -> None:
    assert len((MODEL / "camcast_flvfile.py").read_text().splitlines()) < 60
