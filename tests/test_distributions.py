"""The core without any plugin, with one, with all but one: every command works, or says in a line what is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.distributions import PLUGINS, Installation, distributions, install

ALL = distributions()
APART = [package for package in ALL if package != "camcast"]
COMMANDS = Path(__file__).parent / "commands_in_one_process.py"
NOWHERE = "127.0.0.1:9"
"""Where nobody listens."""


@attrs.frozen
class Use:
    """How a configuration uses a plugin, and what is said where it is not there."""

    says: str
    source: dict[str, Any] = attrs.field(factory=lambda: {"type": "testsrc"})
    encoder: str = "H264_CBR"
    output: dict[str, Any] = attrs.field(factory=dict)
    whole: dict[str, Any] | None = None
    command: tuple[str, ...] = ()
    """What uses it where no configuration does; then the configuration runs without it."""

    def config(self) -> dict[str, Any]:
        if self.whole is not None:
            return self.whole
        output = {"url": f"rtmp://{NOWHERE}/live/cam", **self.output}
        encoder = {"type": self.encoder, "width": 320, "height": 180, "framerate": 10, "bitrate": 100}
        stream = {"name": "main", "source": self.source, "encoder": encoder, "outputs": {"primary": output}}
        return {"cameras": [{"camera_id": 0, "name": "gate", "streams": [stream]}]}


def serving(name: str, **options: Any) -> dict[str, Any]:
    """A configuration with a service."""
    return {**Use("").config(), "services": {name: options}}


USES = {
    "camcast_testsrc": Use('unknown source type "testsrc"'),
    "camcast_file": Use('unknown source type "file"', {"type": "file", "url": "film.mp4"}),
    "camcast_rtsp": Use('unknown source type "rtsp"', {"type": "rtsp", "url": f"rtsp://{NOWHERE}/film"}),
    "camcast_v4l2": Use('unknown source type "v4l2"', {"type": "v4l2", "url": "/dev/video0"}),
    "camcast_push": Use('unknown source type "push"', {"type": "push"}),
    "camcast_rtmp": Use(
        "no transport for rtmp:// URLs; known: http://, https://, record://, srt://, whep://, wheps://, whip://, "
        'whips://; "transport": "librtmp"'
    ),
    "camcast_librtmp": Use('unknown transport "librtmp"', output={"transport": "librtmp"}),
    "camcast_srt": Use("no transport for srt:// URLs", output={"url": f"srt://{NOWHERE}"}),
    "camcast_whip": Use("no transport for whip:// URLs", output={"url": f"whip://{NOWHERE}/cam"}),
    "camcast_record": Use("no transport for record:// URLs", output={"url": "record:///var/video/a.mp4"}),
    "camcast_h264": Use('unknown codec "H264"'),
    "camcast_h265": Use('unknown codec "H265"', encoder="H265_CBR"),
    "camcast_av1": Use('unknown codec "AV1"', encoder="AV1_CBR"),
    "camcast_vp9": Use('unknown codec "VP9"', encoder="VP9_CBR"),
    "camcast_aac": Use("or an audio codec", output={"audio": "aac"}),
    "camcast_opus": Use("or an audio codec", output={"audio": "opus"}),
    "camcast_pcm": Use("or an audio codec", output={"audio": "g711a"}),
    "camcast_mpegaudio": Use("or an audio codec", output={"audio": "mp3"}),
    "camcast_oldvideo": Use('unknown codec "MJPEG"', encoder="MJPEG_CBR"),
    "camcast_legacy": Use(
        'the original system\'s files need the plugin "legacy"', whole={"net_service": {"rtsp": {"port": 554}}}
    ),
    "camcast_http": Use('unknown service "http"', whole=serving("http")),
    "camcast_prometheus": Use('unknown service "prometheus"', whole=serving("prometheus")),
    "camcast_webhook": Use('unknown service "webhook"', whole=serving("webhook", url=f"http://{NOWHERE}")),
    "camcast_mqtt": Use('unknown service "mqtt"', whole=serving("mqtt", host="127.0.0.1")),
    "camcast_youtube": Use(
        'unknown service "youtube"', whole=serving("youtube", token="t", streams={"cam0_main": "a"})
    ),
    "camcast_platforms": Use('unknown server "youtube"', output={"server": "youtube"}),
    "camcast_nats": Use('no coordinator for "nats://', command=("fleet", "status", "--store", f"nats://{NOWHERE}")),
    "camcast_onvif": Use(
        "it must begin with rtsp:// or rtsps://", {"type": "rtsp", "url": "onvif://00:40:8c:12:34:56/main"}
    ),
    "camcast_kit_digest": Use(
        "No module named 'camcast_kit_digest'", {"type": "rtsp", "url": f"rtsp://{NOWHERE}/film"}
    ),
    "camcast_kit_h26x": Use("No module named 'camcast_kit_h26x'"),
    "camcast_kit_http": Use("No module named 'camcast_kit_http'", whole=serving("http")),
    "camcast_kit_ingest": Use(
        "No module named 'camcast_kit_ingest'", {"type": "rtmp", "url": f"rtmp://{NOWHERE}/live/cam"}
    ),
    "camcast_kit_rtmp": Use("No module named 'camcast_kit_rtmp'"),
}
PLAIN = Use("").config()
PLAIN_NEEDS = frozenset({"camcast_testsrc", "camcast_h264", "camcast_rtmp", "camcast_kit_h26x", "camcast_kit_rtmp"})
DEMO_NEEDS = PLAIN_NEEDS | {"camcast_file"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return install(tmp_path_factory.mktemp("apart"))


def run(installed: Installation, packages: Iterable[str], *arguments: str, cwd: Path) -> str:
    """What an interpreter prints that has the core and these."""
    done = subprocess.run(
        [str(installed.python), *arguments],
        env={**os.environ, "PYTHONPATH": installed.path(packages)},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def commands(
    installed: Installation, packages: Iterable[str], *lines: list[str], cwd: Path
) -> dict[str, dict[str, Any]]:
    """What each command line says, by its words; none may crash."""
    said = json.loads(run(installed, packages, str(COMMANDS), json.dumps(lines), cwd=cwd))
    assert [one["crash"] for one in said] == [""] * len(lines)
    assert not [one for one in said if "Traceback" in one["err"] + one["out"]]
    return {" ".join(line): one for line, one in zip(lines, said, strict=True)}


def errors(said: dict[str, Any]) -> list[str]:
    return [line for line in said["err"].splitlines() if line.startswith("error: ")]


def written(cwd: Path, name: str, config: dict[str, Any]) -> str:
    (cwd / name).write_text(json.dumps(config))
    return name


def test_each_is_a_wheel_that_pip_takes(installed: Installation, tmp_path: Path) -> None:
    wheels = sorted(map(str, (next(iter(installed.folders.values())).parent.parent / "wheels").glob("*.whl")))
    kits = list((Path(__file__).parents[1] / "plugins" / "kits").glob("camcast_kit_*"))
    assert len(wheels) == len(ALL) == len(PLUGINS) + 1 + len(kits)
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([*pip, "--target", str(tmp_path / "site"), *wheels], check=True, capture_output=True, timeout=100)
    together = attrs.evolve(installed, folders={"camcast": tmp_path / "site"})
    said = commands(together, [], ["plugins", "--json"], cwd=tmp_path)["plugins --json"]
    assert {kind["plugin"] for kind in json.loads(said["out"])["kinds"]} == set(PLUGINS)
    assert said["err"] == ""


def test_the_interpreter_has_nothing_of_this_tree(installed: Installation, tmp_path: Path) -> None:
    code = "import camcast, importlib.util as u; print(camcast.__file__, u.find_spec('camcast_rtmp'))"
    assert run(installed, [], "-c", code, cwd=tmp_path).split() == [
        str(installed.folders["camcast"] / "camcast" / "__init__.py"),
        "None",
    ]


def test_the_core_alone(installed: Installation, tmp_path: Path) -> None:
    config = written(tmp_path, "config.json", PLAIN)
    (tmp_path / "old").mkdir()
    lines = [["--help"], ["plugins"], ["plugins", "--json"], ["schema"], ["sources"], ["sources", "--json"]]
    lines += [["encoders"], ["check", config], ["run", config, "--duration", "1"]]
    lines += [["migrate", "--old", "old"], ["demo"]]
    said = commands(installed, [], *lines, cwd=tmp_path)
    assert [one["code"] for one in said.values()] == [0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 1]
    assert json.loads(said["plugins --json"]["out"])["kinds"] == []
    assert json.loads(said["schema"]["out"])["type"] == "object"
    assert said["sources"]["err"] == "note: no plugin here brings a source\n"
    assert said["encoders"]["err"] == "note: no plugin here brings an encoder\n"
    for command in (f"check {config}", f"run {config} --duration 1"):
        missing = errors(said[command])
        assert 'unknown source type "testsrc"; none is known here' in missing[0]
        assert "no transport for rtmp:// URLs; known: none" in missing[-1]
    assert len(errors(said["demo"])) == 1
    assert 'the demo needs the source type "file", the source type "testsrc", the codec' in said["demo"]["err"]
    # The command itself, as users start it.
    assert "Pushes many cameras' live video" in run(installed, [], "-m", "camcast", "--help", cwd=tmp_path)


@pytest.mark.parametrize("package", APART)
def test_any_one_removed(installed: Installation, tmp_path: Path, package: str) -> None:
    use = USES[package]
    plain, using = written(tmp_path, "plain.json", PLAIN), written(tmp_path, "using.json", use.config())
    lines = [
        ["--help"],
        ["plugins"],
        ["schema"],
        ["sources"],
        ["encoders"],
        ["check", using],
        ["demo", "--clips", "none"],
    ]
    lines += [["check", plain], ["run", plain, "--duration", "0.5"], *([list(use.command)] if use.command else [])]
    said = commands(installed, [other for other in APART if other != package], *lines, cwd=tmp_path)
    assert [said[" ".join(line)]["code"] for line in lines[:5]] == [0] * 5
    checked = said[" ".join(use.command) or f"check {using}"]
    assert checked["code"] == 2
    assert use.says in checked["err"], checked["err"]
    assert len(errors(checked)) == 1
    running = said[f"run {plain} --duration 0.5"]
    if package in PLAIN_NEEDS:
        assert (running["code"], errors(running)) == (2, errors(checked))
    else:
        assert said[f"check {plain}"]["code"] == 0
        # Nobody listens there: it ran, and says that it was not healthy.
        assert (running["code"], errors(running)) == (1, [])
        assert "1 sessions, 1 not healthy" in running["err"] + running["out"]
    demo = said["demo --clips none"]
    assert (demo["code"], len(errors(demo))) == (1, 1)
    assert ("the demo needs " if package in DEMO_NEEDS else "no film in none") in demo["err"]


@pytest.mark.parametrize("package", [package for package in APART if ALL[package].entry_point])
def test_one_plugin_and_its_kits(installed: Installation, tmp_path: Path, package: str) -> None:
    said = commands(installed, [package, *ALL[package].needs], ["plugins", "--json"], ["schema"], cwd=tmp_path)
    listed = json.loads(said["plugins --json"]["out"])
    assert {kind["plugin"] for kind in listed["kinds"]} == {ALL[package].entry_point}
    assert said["schema"]["err"] == ""


def test_the_demo_with_what_it_needs_and_no_more(installed: Installation, tmp_path: Path) -> None:
    said = commands(installed, sorted(DEMO_NEEDS), ["demo", "--seconds", "8"], cwd=tmp_path)["demo --seconds 8"]
    assert said["code"] == 0, said["out"] + said["err"]
    assert "Every frame that a receiver read was received whole and decoded." in said["out"]
