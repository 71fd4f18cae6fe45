"""The examples run as they are, and end on Ctrl-C without a trace."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest

from camcast import PluginHost
from camcast.config import from_mapping
from camcast.config.json_text import parse_json
from tests.media import made
from tests.programs import beside
from tests.servers.mosquitto import Mosquitto
from tests.servers.nginx import Nginx
from tests.servers.process import free_port, wait_for

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


@pytest.mark.parametrize("name", ["h264_b_aac", "hevc_b_aac"])
def test_access_units_of_ones_own(name: str) -> None:
    shown = run("push_packets.py", made(name))
    pushed = re.search(r"pushed (\d+) access units, 0 refused; the session is connected", shown)
    received = re.search(r"received (\d+) tags", shown)
    assert pushed is not None, shown
    assert received is not None, shown
    assert int(pushed[1]) > 90
    assert int(received[1]) >= int(pushed[1])


def test_access_units_of_another_codec_are_told() -> None:
    command = [sys.executable, str(EXAMPLES / "push_packets.py"), str(made("av1_aac"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "expected a file with H.264 or H.265" in done.stderr) == (1, True), done.stderr


def test_beside_a_main_loop_events_and_figures_come_in_its_thread(file: Path) -> None:
    shown = run("in_main_loop.py", file, 6)
    assert "0 of 2 healthy" in shown
    assert "cam0_main" in shown
    assert "cam1_main" in shown


def test_every_example_is_in_the_index() -> None:
    index = (EXAMPLES / "README.md").read_text()
    files = [*EXAMPLES.glob("*.py"), *EXAMPLES.glob("*.json"), *EXAMPLES.glob("services/*.*")]
    names = [str(path.relative_to(EXAMPLES)) for path in files]
    assert len(names) > 12
    assert [name for name in names if f"[{name}]({name})" not in index] == []


@pytest.mark.parametrize("name", ["embed_asyncio.py", "embed_threads.py"])
def test_a_file_embedded(name: str, file: Path) -> None:
    # Long enough for a busy machine to have tried.
    assert "cam0_main: error" in run(name, file, 10)


@pytest.mark.parametrize("name", ["embed_asyncio.py", "embed_threads.py", "in_main_loop.py"])
def test_ctrl_c_ends_them_in_order(name: str, file: Path) -> None:
    command = [sys.executable, "-u", str(EXAMPLES / name), str(file), "60"]
    with beside(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stdout.readline()
        program.send_signal(signal.SIGINT)
        rest, errors = program.communicate(timeout=30)
    assert program.returncode == 0, errors
    assert rest.splitlines()[-1] == "All sessions have been ended in order."
    assert "Traceback" not in errors


def _takes_arguments() -> list[str]:
    programs = [*EXAMPLES.glob("*.py"), *EXAMPLES.glob("services/*.py")]
    return sorted(str(path.relative_to(EXAMPLES)) for path in programs if "sys.argv[1" in path.read_text())


@pytest.mark.parametrize("name", _takes_arguments())
def test_without_an_argument_each_says_how_it_is_used(name: str) -> None:
    program = [sys.executable, str(EXAMPLES / name)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60)
    if "pip install" not in done.stderr:
        assert f"python examples/{name} " in done.stderr
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_without_opencv_its_example_says_what_to_install() -> None:
    if importlib.util.find_spec("cv2") is not None:
        assert "pictures" in run("push_opencv.py", made("h264_aac"))
        return
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "push_opencv.py")], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "pip install opencv-python-headless" in done.stderr


def test_the_example_of_recordings_records(tmp_path: Path) -> None:
    config = (EXAMPLES / "recording.json").read_text().replace("/var/video", str(tmp_path))
    file = tmp_path / "recording.json"
    file.write_text(config.replace("127.0.0.1/live", "127.0.0.1:1/live"))
    with beside(
        [sys.executable, "-P", "-m", "camcast", "run", str(file)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as program:
        wait_for(lambda: sum(path.stat().st_size > 5000 for path in tmp_path.rglob("*.m??")) == 2, timeout=30)
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=30)
    assert {path.parent.parent.name for path in tmp_path.rglob("*.mp4")} == {"gate"}
    assert len([*tmp_path.glob("gaps/gate-*.mkv")]) == 1, "the server is not there"
    assert len([*tmp_path.glob("*.index.jsonl")]) == 2


def test_the_example_of_watching_waits_for_browsers(tmp_path: Path) -> None:
    page, door = free_port(), free_port()
    config = (EXAMPLES / "watching.json").read_text()
    file = tmp_path / "watching.json"
    for port, other in (("8080", str(page)), ("8889", str(door)), ("127.0.0.1/live", "127.0.0.1:1/live")):
        config = config.replace(port, other)
    file.write_text(config)
    with beside([sys.executable, "-P", "-m", "camcast", "run", str(file)], stdout=subprocess.DEVNULL) as program:
        wait_for(lambda: _watchable(page) == ["browser"], timeout=30)
        request = urllib.request.Request(f"http://127.0.0.1:{door}/gate", method="OPTIONS")
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.headers["Accept-Post"] == "application/sdp"
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=30)


def _watchable(port: int) -> list[str]:
    """Outputs that a browser can watch now, as the page is told."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/overview", timeout=10) as answer:
            streams = json.load(answer)["cameras"][0]["streams"]
    except (urllib.error.URLError, ConnectionError):
        return []
    return [output["output"] for stream in streams for output in stream["outputs"] if output["watchable"]]


def test_what_is_published_to_the_example_of_publishers_goes_on(tmp_path: Path, nginx: Nginx) -> None:
    port = free_port()
    config = parse_json((EXAMPLES / "publishers.json").read_text())
    config["rtmp"]["url_template"] = nginx.url("cam{camera_id}_{stream_name}")
    for camera in config["cameras"]:
        source = camera["streams"][0]["source"]
        source["url"] = source["url"].replace(":1936", f":{port}")
    file = tmp_path / "publishers.json"
    file.write_text(json.dumps(config))
    with beside([sys.executable, "-P", "-m", "camcast", "run", str(file)], stdout=subprocess.DEVNULL) as program:
        wait_for(lambda: not _free(port), timeout=30)
        url = f"rtmp://127.0.0.1:{port}/ingest/drone-key"
        exe = imageio_ffmpeg.get_ffmpeg_exe()
        command = [exe, "-v", "error", "-re", "-stream_loop", "-1", "-i", str(made("h264_aac")), "-c", "copy"]
        with beside([*command, "-f", "flv", url], stdin=subprocess.DEVNULL):
            nginx.wait_publishing("cam0_main", "record", least=50_000, timeout=30)
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=30)


def test_the_examples_of_tracks_and_of_an_uplink_are_right() -> None:
    host = PluginHost()
    both = from_mapping(parse_json((EXAMPLES / "multitrack.json").read_text()), host)
    assert [one.tracks for one in both.sessions()] == [("main", "sub")]
    shared = from_mapping(parse_json((EXAMPLES / "uplinks.json").read_text()), host)
    assert {one.uplink for one in shared.sessions()} == set(shared.system.uplinks) == {"lte"}
    assert [one.adapt.chooses for one in shared.sessions()] == [False, True]


def test_what_calls_the_example_of_srt_publishers_goes_on(tmp_path: Path, nginx: Nginx) -> None:
    port = free_port(kind=socket.SOCK_DGRAM)
    config = parse_json((EXAMPLES / "srt_publishers.json").read_text())
    config["rtmp"]["url_template"] = nginx.url("cam{camera_id}_{stream_name}")
    for camera in config["cameras"]:
        source = camera["streams"][0]["source"]
        source["url"] = source["url"].replace(":9000", f":{port}")
    file = tmp_path / "srt_publishers.json"
    file.write_text(json.dumps(config))
    with beside([sys.executable, "-P", "-m", "camcast", "run", str(file)], stdout=subprocess.DEVNULL) as program:
        wait_for(lambda: _bound(port), timeout=30)
        url = f"srt://127.0.0.1:{port}?streamid=stage&passphrase=correct%20horse%20battery"
        exe = imageio_ffmpeg.get_ffmpeg_exe()
        command = [exe, "-v", "error", "-re", "-stream_loop", "-1", "-i", str(made("h264_aac")), "-c", "copy"]
        with beside([*command, "-f", "mpegts", url], stdin=subprocess.DEVNULL):
            nginx.wait_publishing("cam1_main", "record", least=50_000, timeout=30)
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=30)


def _bound(port: int) -> bool:
    """Whether somebody has it on UDP."""
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
        return False


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


# --- services -----------------------------------------------------------------------------------------------------


@pytest.fixture
def ports() -> dict[str, int]:
    return {name: free_port() for name in ("http", "prometheus", "webhook")}


@pytest.fixture
def services(tmp_path: Path, nginx: Nginx, ports: dict[str, int]) -> Iterator[tuple[Path, Mosquitto]]:
    """The example of all services, at ports and servers that this test has."""
    with Mosquitto(tmp_path / "mosquitto") as broker:
        config = parse_json((EXAMPLES / "services" / "services.json").read_text())
        config["services"]["http"]["port"] = ports["http"]
        config["services"]["prometheus"]["listen"] = f"127.0.0.1:{ports['prometheus']}"
        config["services"]["mqtt"]["url"] = broker.url
        stream = config["cameras"][0]["streams"][0]
        stream["rtmp"]["url_template"] = nginx.url("cam{camera_id}_{stream_name}")
        path = tmp_path / "services.json"
        path.write_text(json.dumps(config))
        yield path, broker


@contextlib.contextmanager
def program(*command: object, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A program that runs meanwhile; its output can be read line by line."""
    words = [sys.executable, "-u", *map(str, command)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with beside(words, env={**os.environ, **environment}, **pipes) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)


def said(process: subprocess.Popen[str], words: str) -> str:
    """The first line from here on that has these words."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if words in line:
            return line
    raise AssertionError("".join(lines))


def first_session(address: str) -> dict[str, Any]:
    asked = urllib.request.Request(f"{address}/api/v1/sessions", headers={"Authorization": "Bearer may-change"})
    with urllib.request.urlopen(asked, timeout=20) as answer:
        found: dict[str, Any] = json.load(answer)[0]
        return found


def test_every_service_beside_a_camera_and_its_other_end(
    services: tuple[Path, Mosquitto], ports: dict[str, int], tmp_path: Path
) -> None:
    path, broker = services
    folder = EXAMPLES / "services"
    secrets = {
        "CAMCAST_CHANGE": "may-change",
        "CAMCAST_HOOK": f"http://127.0.0.1:{ports['webhook']}/",
        "CAMCAST_HOOK_SECRET": "shared",
    }
    listener = [folder / "mqtt_listener.py", "127.0.0.1", broker.port, "0/0/rtmp"]
    with (
        program(folder / "webhook_receiver.py", ports["webhook"], "shared") as hook,
        program("-m", "camcast", "run", path, "--plain", "--no-socket", **secrets) as camcast,
    ):
        said(camcast, "connected to rtmp://")
        assert "cam0_main connected to rtmp:" in said(hook, "event: ")
        address = f"http://127.0.0.1:{ports['http']}"
        with program(*listener) as mqtt:
            # It pauses the output over MQTT, and has it go on.
            said(mqtt, "wanted ON")
            said(mqtt, "wanted OFF")
            assert mqtt.wait(30) == 0

        def well() -> bool:
            url = f"http://127.0.0.1:{ports['prometheus']}/metrics"
            figures = [sys.executable, str(folder / "metrics_reader.py"), url]
            done = subprocess.run(figures, capture_output=True, text=True, timeout=60)
            assert done.stderr == ""
            return (done.returncode, done.stdout) == (0, "cam0_main: healthy\n")

        wait_for(well, timeout=60)
        shown = run("services/http_client.py", address, "may-change")
        assert shown.startswith("cam0_main: connected, ")
        assert "Session cam0_main: connected -> disconnected" in shown
        # Figures may be of a moment ago, before it was paused: those of pictures that came since are not.
        before = first_session(address)["video_sent"]
        wait_for(lambda: first_session(address)["video_sent"] > before + 50, timeout=60)
        wait_for(well, timeout=60)
    assert camcast.returncode == 0


def test_what_a_stranger_sends_to_the_hook_is_refused(ports: dict[str, int]) -> None:
    with program(EXAMPLES / "services" / "webhook_receiver.py", ports["webhook"], "shared"):
        port = ports["webhook"]
        wait_for(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
        request = urllib.request.Request(f"http://127.0.0.1:{port}/", b"{}", {"X-Camcast-Time": "0"})
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(request, timeout=20)


def test_the_interface_in_an_application_of_ones_own(file: Path) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"

    def ask(path: str, method: str = "GET", token: str = "") -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            with urllib.request.urlopen(
                urllib.request.Request(address + path, method=method, headers=headers), timeout=20
            ) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    with program(EXAMPLES / "in_fastapi.py", file, port, CAMCAST_CHANGE="may-change") as process:
        said(process, "Uvicorn running on")
        assert ask("/well") == (200, {"cam0_main": False, "cam1_main": False})
        status, sessions = ask("/camcast/api/v1/sessions")
        assert (status, [one["label"] for one in sessions]) == (200, ["cam0_main", "cam1_main"])
        assert ask("/camcast/healthz") == (200, {"status": "ok"})
        assert ask("/camcast/api/v1/sessions/0/0/rtmp/pause", "POST")[0] == 401
        assert ask("/camcast/api/v1/sessions/0/0/rtmp/pause", "POST", "may-change") == (200, {"done": True})
        assert ask("/gate/1", "DELETE") == (200, {"removed": 1})
        assert ask("/gate/1", "DELETE")[0] == 404
        assert ask("/well") == (200, {"cam0_main": False})
        # The application's own description has its own routes, camcast's has camcast's.
        assert "/well" in ask("/openapi.json")[1]["paths"]
        assert "/api/v1/status" in ask("/camcast/api/v1/openapi.json")[1]["paths"]
    assert process.returncode == 0
