"""`camcast run` with a camera of the kernel's interface, and all that cameras and their drivers do wrong.

No machine of a test has a camera, nor lets a kernel module make one: it is a library that stands before the C library's
`open`, `ioctl` and `mmap`, compiled against the kernel's own header (`tests/plugins/video_device.c`).
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest

from tests.command_run import Command, command_run
from tests.compare import Media
from tests.integration.suspended import in_order
from tests.plugins.video_device import GREYS, HEIGHT, RATE, WIDTH, VideoDevice
from tests.servers.nginx import Nginx
from tests.servers.process import wait_for

NAME = "webcam"
PICTURES = 2 * RATE


@contextlib.contextmanager
def running(folder: Path, nginx: Nginx, camera: VideoDevice, **source: Any) -> Iterator[Command]:
    stream = {
        "source": {"type": "v4l2", "url": str(camera.path), "retry_policy": {"initial_delay": 0.5}, **source},
        "encoder": {"width": WIDTH, "height": HEIGHT, "framerate": RATE, "gop": "1s"},
        "outputs": {"out": {"url": nginx.url(NAME), "idle_timeout": "1m"}},
    }
    config = {"cameras": [{"camera_id": 0, "streams": [stream]}]}
    with command_run(folder, config, "--log-level", "DEBUG", **camera.environment) as command:
        yield command


def recorded(nginx: Nginx) -> int:
    return sum(path.stat().st_size for path in nginx.recordings(NAME))


def more_arrives(nginx: Nginx, command: Command, times: int = 1) -> None:
    """Wait until the server has written more: flat pictures of this size take some 150 bytes each."""
    wanted = recorded(nginx) + times * 5_000
    try:
        wait_for(lambda: recorded(nginx) >= wanted, timeout=60)
    except AssertionError:
        raise AssertionError(f"nothing more arrives:\n{command.log}") from None


def says(command: Command, text: str) -> None:
    wait_for(lambda: text in command.log, timeout=40, why=text)


def greys(path: Path) -> list[tuple[float, float]]:
    """Of each picture, the middle of its brightness and how much it varies."""
    with av.open(str(path)) as container:
        found = [luma(frame) for frame in container.decode(video=0)]
    return [(float(np.median(one)), float(one.std())) for one in found]


def luma(frame: av.VideoFrame) -> npt.NDArray[np.float64]:
    """As it was encoded: making grey of it would stretch it."""
    plane: Any = frame.planes[0]
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:, : frame.width].astype(float)


@pytest.fixture
def camera(tmp_path: Path) -> VideoDevice:
    return VideoDevice(tmp_path)


def test_what_the_camera_sees_is_what_the_server_gets(nginx: Nginx, tmp_path: Path, camera: VideoDevice) -> None:
    with running(tmp_path, nginx, camera) as command:
        more_arrives(nginx, command, 2)
        figures = command.end()
    assert f"Made-up Camera gives YUYV {WIDTH}x{HEIGHT} at {RATE} fps" in command.log
    (stream,), (session,) = figures["streams"], figures["sessions"]
    assert (stream["state"], stream["restarts"]) == ("running", 0), command.log
    seen = greys(nginx.recording(NAME))
    assert len(seen) == session["video_sent"] + session["replayed"]
    # Each is flat, so no line's padding is in it, and one of those that the camera makes.
    assert all(spread < 2 for _, spread in seen), seen
    assert all(min(abs(middle - grey) for grey in GREYS) <= 2 for middle, _ in seen), seen
    assert len({round(middle) for middle, _ in seen}) > len(GREYS) / 2
    times = [unit.dts for unit in Media.read(nginx.recording(NAME)).video]
    steps = sorted(after - before for before, after in itertools.pairwise(times))
    assert steps[len(steps) // 2] == pytest.approx(1000 / RATE, abs=2), "ms from one picture to the next"


@pytest.mark.parametrize(
    ("does", "told"),
    [
        ("unplugged", "the camera is not there (unplugged?)"),
        ("eio", "(errno 5)"),
        ("silent", "no picture for 1 s"),
    ],
)
def test_a_camera_that_is_lost_is_told_and_on_the_air_again_once_it_is_back(
    nginx: Nginx, tmp_path: Path, camera: VideoDevice, does: str, told: str
) -> None:
    with running(tmp_path, nginx, camera, options={"no_data_timeout": 1}) as command:
        more_arrives(nginx, command)
        if does == "unplugged":
            camera.pull()
        else:
            camera.does(does)
        says(command, told)
        says(command, "running -> waiting")
        camera.does("well")
        more_arrives(nginx, command, 2)
        figures = command.end()
    (stream,), (session,) = figures["streams"], figures["sessions"]
    assert stream["state"] == "running", command.log
    assert stream["restarts"] >= 1
    assert "Traceback" not in command.log
    assert (session["state"], session["attempts"]) == ("connected", 1), "its connection outlives its camera"
    in_order(nginx.recordings(NAME))


@pytest.mark.parametrize("does", ["damaged", "half"])
def test_damaged_pictures_are_left_out_and_counted(
    nginx: Nginx, tmp_path: Path, camera: VideoDevice, does: str
) -> None:
    with running(tmp_path, nginx, camera) as command:
        more_arrives(nginx, command)
        camera.does(does)
        taken = camera.taken
        wait_for(lambda: camera.taken >= taken + RATE, timeout=20)
        camera.does("well")
        more_arrives(nginx, command)
        figures = command.end()
    (stream,) = figures["streams"]
    assert stream["dropped"]["video: damaged"] >= RATE - 1, stream
    assert (stream["state"], stream["restarts"]) == ("running", 0), command.log
    assert all(spread < 2 for _, spread in greys(nginx.recording(NAME)))


def test_a_camera_that_comes_back_with_other_pictures_goes_on(
    nginx: Nginx, tmp_path: Path, camera: VideoDevice
) -> None:
    with running(tmp_path, nginx, camera) as command:
        more_arrives(nginx, command)
        camera.pull()
        says(command, "running -> waiting")
        camera.does("small")
        says(command, f"gives YUYV {WIDTH // 2}x{HEIGHT // 2}")
        more_arrives(nginx, command, 2)
        figures = command.end()
    (session,) = figures["sessions"]
    assert session["state"] == "connected", command.log
    assert "Traceback" not in command.log
    seen = [one for path in nginx.recordings(NAME) for one in greys(path)]
    assert all(spread < 2 for _, spread in seen), seen


def test_a_driver_without_a_clock_of_ours_moves_no_picture(nginx: Nginx, tmp_path: Path, camera: VideoDevice) -> None:
    camera.does("wall")
    with running(tmp_path, nginx, camera) as command:
        more_arrives(nginx, command)
        camera.does("well")
        more_arrives(nginx, command)
        camera.does("wall")
        more_arrives(nginx, command)
        figures = command.end()
    (stream,), (session,) = figures["streams"], figures["sessions"]
    assert (stream["state"], stream["restarts"], stream["clock_jumps"]) == ("running", 0, 0), command.log
    assert session["latency"] < 1.5
    in_order(nginx.recordings(NAME))
