"""The image's steps, tried without an image: what it copies is there, and is enough to install camcast from."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.cli.test_run import start
from tests.servers.process import free_port, wait_for

ROOT = Path(__file__).parents[2]
STEPS = re.findall(r"^([A-Z]+) (.*)$", (ROOT / "deploy" / "Containerfile").read_text(), re.MULTILINE)


def copied() -> list[tuple[str, str]]:
    """(what, where to) of the steps that copy from the project's folder."""
    pairs = []
    for word, rest in STEPS:
        if word == "COPY" and not rest.startswith("--from"):
            *names, target = rest.split()
            pairs += [(name, target) for name in names]
    return pairs


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """What the image's build sees."""
    folder = tmp_path / "src"
    for name, target in copied():
        to = folder / target / Path(name).name if target.endswith("/") else folder / target
        to.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, to, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, to)
    return folder


def test_what_it_copies_is_enough_to_install_from(source: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", "out", "."]
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    (wheel,) = (source / "out").glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    plugins = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["camcast"].values()
    assert {f"{name}/__init__.py" for name in ("camcast", *plugins)} <= names


def test_its_packages_are_those_that_are_locked() -> None:
    """With hashes, so that the image holds what was tried."""
    (install,) = [rest for word, rest in STEPS if word == "RUN" and "-r " in rest]
    assert "--require-hashes -r requirements/run.lock" in install
    assert ("requirements/run.lock", "requirements/") in copied()


def test_its_check_of_health_tells_a_run_that_lives_from_one_that_does_not(tmp_path: Path) -> None:
    (rest,) = [rest for word, rest in STEPS if word == "HEALTHCHECK"]
    command = [sys.executable, *json.loads(rest.partition("CMD ")[2])[1:]]
    (setting,) = [rest for word, rest in STEPS if word == "ENV"]
    environment = {**os.environ, setting.partition("=")[0]: str(free_port())}
    file = tmp_path / "c.json"
    camera = {"streams": [{"source": {"type": "testsrc"}, "outputs": {"a": {"url": "rtmp://127.0.0.1:9/a/b"}}}]}
    file.write_text(json.dumps({"cameras": [camera]}))

    def is_well() -> bool:
        return subprocess.run(command, env=environment, capture_output=True, timeout=60).returncode == 0

    assert not is_well()
    with start(file, "--plain", env=environment) as process:
        wait_for(is_well, timeout=60)
        process.terminate()
        process.communicate(timeout=20)


def test_it_runs_as_nobody_special_and_ends_on_sigterm() -> None:
    last = dict(STEPS)
    assert last["USER"] == "camcast"
    assert last["STOPSIGNAL"] == "SIGTERM"
    assert json.loads(last["ENTRYPOINT"]) == ["/usr/bin/tini", "--", "/opt/camcast/bin/camcast"]
    assert "libsrt1.5-openssl tini " in [rest for word, rest in STEPS if word == "RUN" and "apt-get" in rest][-1]
    # Whatever is copied or installed is so before.
    words = [word for word, _ in STEPS]
    assert not {"RUN", "COPY"} & set(words[len(words) - words[::-1].index("USER") :])
