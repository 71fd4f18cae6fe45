"""The examples run as they are, and end on Ctrl-C without a trace."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.media import made

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration whose one server is not there."""
    source = {"type": "file", "url": str(made("h264_aac")), "options": {"loop": True}}
    config = {"rtmp": {"url_template": "rtmp://127.0.0.1:1/live/cam{camera_id}"}}
    config["cameras"] = [{"streams": [{"source": source}]} for _ in range(2)]  # type: ignore[assignment]
    path = tmp_path / "system_config.json"
    path.write_text(json.dumps(config))
    return path


def run(name: str, *arguments: object) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "CAMCAST_URL"}
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_api_in_one_page() -> None:
    shown = run("api.py")
    assert "cam0_main: connected" in shown
    assert "0 sessions left, 0 frames dropped" in shown
    assert "received: cam0_main (" in shown


def test_pictures_of_ones_own() -> None:
    shown = run("push_asyncio.py")
    assert "pushed 100 pictures, 0 refused; the session is connected" in shown


@pytest.mark.parametrize("name", ["embed_asyncio.py", "embed_threads.py"])
def test_a_file_embedded(name: str, file: Path) -> None:
    assert "cam0_main: error" in run(name, file, 1)


@pytest.mark.parametrize("name", ["embed_asyncio.py", "embed_threads.py"])
def test_ctrl_c_ends_them_in_order(name: str, file: Path) -> None:
    command = [sys.executable, "-u", str(EXAMPLES / name), str(file), "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline()
        program.send_signal(signal.SIGINT)
        rest, errors = program.communicate(timeout=30)
    assert program.returncode == 0, errors
    assert rest.splitlines()[-1] == "All sessions have been ended in order."
    assert "Traceback" not in errors


def test_without_opencv_its_example_says_what_to_install() -> None:
    if importlib.util.find_spec("cv2") is not None:
        assert "pictures" in run("push_opencv.py", made("h264_aac"))
        return
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "push_opencv.py")], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "pip install opencv-python-headless" in done.stderr
