"""`camcast check` and `camcast schema`, with the plugins that are installed."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import jsonschema
import pytest
import typer
from PIL import Image
from tests.core.config.kinds import made_up_host
from tests.core.encode.test_card import bomb
from tests.media import made
from typer.testing import CliRunner

from camcast.cli.check import check, report_lines
from camcast.cli.check_schedule import rotation_lines, schedule_lines
from camcast.cli.schema import schema
from camcast.config import Schedule, SessionConfig, loads
from camcast.host import PluginHost
from camcast.native import form

app = typer.Typer()
app.command()(check)
app.command()(schema)
README = Path(__file__).parents[1] / "core" / "config" / "system_config.json"


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_it_prints_what_would_run() -> None:
    text = README.read_text().replace("rtmp://server/live", "rtmp://user:S3CRET@server/live")
    host = made_up_host()
    lines = list(report_lines(loads(text, host), host))
    nothing = "      this target does not take h264, and nothing is known that it could be transcoded to"
    assert lines == [
        'camera 0 "gate"',
        "  stream 0 main: rtsp rtsp://10.0.0.5/*** -> H264_CBR 1920x1080 30 fps 4000 kbit/s",
        "    cam0_main: rtmp://***@server/live/***",
        nothing,
        "               then rtmp://backup/live/***",
        nothing,
        "    cam0_main/cloud: srt://ingest.example:9000/***",
        nothing,
        "  stream 1 sub: rtsp rtsp://10.0.0.5/*** -> copy",
        "    cam0_sub: rtmp://***@server/live/cam0_sub",
        "              then rtmp://server2/live/cam0_sub",
        "3 sessions of 2 streams would run",
    ]


@pytest.mark.parametrize(
    ("now", "line"),
    [
        (12, "by its schedule on now; stops Thu 1970-01-01 18:00 UTC, starts Fri 1970-01-02 08:00 UTC"),
        (20, "by its schedule off now; starts Fri 1970-01-02 08:00 UTC, stops Fri 1970-01-02 18:00 UTC"),
    ],
)
def test_the_next_start_and_stop_of_a_schedule_are_shown(now: int, line: str) -> None:
    day = Schedule(timezone="UTC", windows=[{"start": "08:00", "stop": "18:00"}])
    assert list(schedule_lines(SessionConfig(url="mem://a/b", schedule=day), now * 3600)) == [line]
    always = Schedule(timezone="UTC", windows=[{}])
    (line,) = schedule_lines(SessionConfig(url="mem://a/b", schedule=always), now * 3600)
    assert line == "by its schedule on now, with no change in the next 400 days"
    assert not list(schedule_lines(SessionConfig(url="mem://a/b"), now * 3600))


def test_the_plan_has_the_schedule_behind_its_output(tmp_path: Path) -> None:
    path = Path(__file__).parents[2] / "examples" / "schedule.json"
    code, out, _ = run("check", str(path))
    assert code == 0
    lines = out.splitlines()
    places = [index for index, line in enumerate(lines) if line.startswith("    cam")]
    assert len(places) == 3
    for place in places:
        found = next(line for line in lines[place + 1 :] if line.startswith("      by its schedule "))
        assert re.search(r"(on now; stops|off now; starts) \w{3} \d{4}-\d\d-\d\d \d\d:\d\d", found), found


@pytest.mark.parametrize(
    "use", [{"tracks": ["main", "sub"], "server": "multitrack"}, {"adapt": {"down_to": ["sub"]}}], ids=["track", "thin"]
)
def test_a_stream_that_another_output_sends_is_not_without_one(tmp_path: Path, use: dict[str, object]) -> None:
    source = {"source": {"type": "file", "url": str(made("h264_aac"))}}
    streams = [
        {**source, "outputs": {"rtmp": {"url": "rtmp://host/live/x", **use}}},
        {**source, "name": "sub", "outputs": {}},
        {**source, "name": "third", "outputs": {}},
    ]
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"cameras": [{"camera_id": 0, "streams": streams}]}))
    status, out, errors = run("check", str(path))
    assert status == 0, errors
    lines = out.splitlines()
    begin = next(index for index, line in enumerate(lines) if "stream 1 sub" in line)
    assert lines[begin + 1] == "    no output of its own; cam0_main may send it"
    assert lines[begin + 3] == "    no output"


def test_what_a_platform_bounds_is_told_until_rotate_every_is_shorter() -> None:
    host = PluginHost()
    archive, most = "records streams of up to 12 h", "ends a stream after 8 h"
    for url, every, wanted in (
        ("rtmps://a.rtmps.youtube.com/live2/abcd-efgh", None, archive),
        ("rtmps://a.rtmps.youtube.com/live2/abcd-efgh", "13h", f"{archive}, and rotate_every is 13 h"),
        ("rtmps://a.rtmps.youtube.com/live2/abcd-efgh", "11h", ""),
        ("rtmps://live-api-s.facebook.com:443/rtmp/FB-1", None, most),
        ("rtmp://server/live/cam0", None, ""),
    ):
        (line, *_) = [*rotation_lines(SessionConfig(url=url, rotate_every=every), host), ""]
        assert wanted in line
        assert bool(line) is bool(wanted)
        if wanted:
            hours = 11 if archive in wanted else 7
            assert line.endswith(f'"rotate_every": "{hours}h" begins a new one in time, with no picture missing')


def test_errors_and_status(tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(
        '{"cameras": [{"camera_id": 0, "streams": [{"source": {}, "encoder": {"bitrate": 1}}], "nmae": 1}]}'
    )
    status, out, err = run("check", str(path))
    assert (status, out) == (2, "")
    assert 'error: cameras[0].nmae: unknown key; did you mean "name"?' in err.splitlines()


def test_a_file_that_is_not_there() -> None:
    status, _, err = run("check", "/nowhere.json")
    assert (status, err.splitlines()[-1]) == (2, "error: cannot read /nowhere.json: No such file or directory")


@pytest.mark.parametrize("flag", ["--plugins", "--no-plugins"])
def test_schema(flag: str) -> None:
    status, out, _ = run("schema", flag)
    assert status == 0
    found = json.loads(out)
    jsonschema.Draft202012Validator.check_schema(found)
    assert ("enum" in found["$defs"]["Source"]["properties"]["type"]) == (flag == "--plugins")


def test_it_says_what_stays_in_the_first_process(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    cameras = [
        {"camera_id": 0, "streams": [{"source": {"type": "testsrc"}, "rtmp": {"url": "rtmp://server.example/a/0"}}]},
        {"camera_id": 1, "streams": [{"source": {"type": "push"}}]},
    ]
    path.write_text(json.dumps({"system": {"workers": 3}, "cameras": cameras}))
    status, out, _ = run("check", str(path))
    assert status == 0
    assert out.splitlines()[-3:] == [
        "cameras are spread over 3 processes",
        '  camera 1 stays in the first: its source "push" is fed by this program',
        f"fast path: {form()}",
    ]


def test_one_camera_in_two_entries_is_told(tmp_path: Path) -> None:
    def camera(number: int, kind: str, url: str) -> dict[str, object]:
        return {"camera_id": number, "streams": [{"source": {"type": kind, "url": url}}]}

    path = tmp_path / "c.json"
    cameras = [
        camera(0, "rtsp", "rtsp://a:secret@10.0.0.5/s"),
        camera(1, "rtsp", "rtsp://10.0.0.5:554/%73/"),
        camera(2, "rtsp", "rtsp://10.0.0.5/t"),
        camera(3, "file", str(made("h264_only"))),
        camera(4, "file", str(made("h264_only"))),
    ]
    rtmp = {"url_template": "rtmp://server.example/live/{camera_id}"}
    path.write_text(json.dumps({"rtmp": rtmp, "cameras": cameras}))
    status, out, _ = run("check", str(path))
    assert status == 0
    assert "note: cam0_main and cam1_main open the same source" in out
    assert out.count("open the same source") == 1
    assert "secret" not in out


def test_sources_are_compared_with_what_is_expected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("camcast.cli.check_sources.OPENING", 3.0)
    clip = {"type": "file", "url": str(made("h264_only"))}
    right = {"type": "H264_CBR", "width": 320, "height": 240}
    streams = [
        {"name": "right", "source": clip, "encoder": right},
        {"name": "wrong", "source": clip, "encoder": {**right, "width": 640, "height": 480}},
        {"name": "gone", "source": {"type": "file", "url": str(tmp_path / "none.mp4")}},
        {"name": "fed", "source": {"type": "push"}},
    ]
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"cameras": [{"camera_id": 0, "streams": streams[:1]}]}))
    status, out, _ = run("check", "--sources", str(path))
    assert (status, out.splitlines()[-2]) == (0, "cam0_right: media comes")
    figures = re.fullmatch(
        r"  h264 (.+) 320x240 (.+) pictures/s, a keyframe every (.+) s.*; no sound; (.+) Mbit/s", out.splitlines()[-1]
    )
    assert figures is not None
    assert 20 < float(figures[2]) < 30
    assert 0.2 < float(figures[3]) < 4.1
    assert 0.01 < float(figures[4]) < 20
    path.write_text(json.dumps({"cameras": [{"camera_id": 0, "streams": streams}]}))
    status, out, err = run("check", "--sources", str(path))
    assert (status, f"streams[2].source.url: there is no file {tmp_path / 'none.mp4'}" in err) == (2, True)
    assert {"cam0_right: media comes", "cam0_wrong: media comes"} < set(out.splitlines())
    assert "cam0_wrong: width is 320, the configuration expects 640; sent as it comes" in out
    (gone,) = [line for line in out.splitlines() if line.startswith("cam0_gone")]
    assert "none.mp4" in gone
    assert "cam0_fed:" not in out


def test_keyframes_that_are_far_apart_are_told(tmp_path: Path) -> None:
    clip = tmp_path / "rare.mp4"
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", "testsrc=s=160x120:r=10:d=6"]
    subprocess.run([*ffmpeg, "-c:v", "libx264", "-g", "50", "-bf", "0", "-sc_threshold", "0", str(clip)], check=True)
    path = tmp_path / "c.json"
    rare = {"name": "rare", "source": {"type": "file", "url": str(clip), "options": {"loop": True}}}
    # Each output is told against what its own platform wants; what is encoded anew follows the configuration.
    rare["outputs"] = {
        "youtube": {"url": "rtmp://h/live2/k", "server": "youtube", "audio": "copy"},
        "facebook": {"url": "rtmp://h/rtmp/k", "server": "facebook"},
        "again": {"url": "rtmp://h/rtmp/j", "server": "facebook"},
        "cloudflare": {"url": "rtmp://h/live/k", "server": "cloudflare"},
        "any": {"url": "rtmp://h/live/j"},
    }
    made = {
        **rare,
        "name": "made",
        "encoder": {"type": "H264_CBR", "transcode": True},
        "outputs": {"youtube": {"url": "rtmp://h/live2/made", "server": "youtube", "audio": "copy"}},
    }
    frames = {"name": "frames", "source": {"type": "testsrc"}}
    path.write_text(json.dumps({"cameras": [{"camera_id": 0, "streams": [rare, frames, made]}]}))
    status, out, err = run("check", "--sources", "--seconds", "6", str(path))
    assert status == 0, out + err
    lines = out.splitlines()
    at = lines.index("cam0_rare: media comes")
    assert ", a keyframe every 5.0 s; no sound; " in lines[at + 1]
    remedy = 'set the camera, or "transcode": true'
    bitrate, keyframes = lines[at + 6], f"  keyframes come every 5 s; Facebook Live wants 4 s or less: {remedy}"
    assert lines[at + 2 : at + 6] == [
        "  keyframes come every 5.0 s, and viewers wait as long for a picture: set the camera, or transcode",
        f"  keyframes come every 5 s; YouTube Live wants 4 s or less: {remedy}",
        '  no sound is sent; YouTube Live wants sound: "audio": "auto" adds silence where there is none',
        keyframes,
    ]
    assert re.fullmatch(
        r"  0\.\d\d Mbit/s of pictures come for 160x120 at 10 pictures a second; "
        rf"Facebook Live wants 0.4 to 1: {remedy}",
        bitrate,
    )
    frames_at = lines.index("cam0_frames: media comes")
    assert re.fullmatch(r"  frames \d+x\d+ .+ pictures/s.*; (no )?sound.*", lines[frames_at + 1])
    assert "Mbit/s" not in lines[frames_at + 1]
    assert [line for line in lines[lines.index("cam0_made: media comes") + 3 :] if "wants" in line] == [
        '  no sound is sent; YouTube Live wants sound: "audio": "auto" adds silence where there is none'
    ]


def with_slate(path: Path, image: Path, **encoder: object) -> Path:
    stream = {
        "source": {"type": "testsrc"},
        "slate": {"picture": "image", "image": str(image)},
        "rtmp": {"url": "rtmp://server.example/live/a"},
        **({"encoder": encoder} if encoder else {}),
    }
    path.write_text(json.dumps({"cameras": [{"camera_id": 0, "streams": [stream]}]}))
    return path


@pytest.mark.parametrize("encoder", [{}, {"type": "H264_CBR", "width": 640, "height": 360, "bitrate": 500}])
def test_a_slates_image_is_read(tmp_path: Path, encoder: dict[str, object]) -> None:
    image = tmp_path / "slate.png"
    Image.new("RGB", (640, 360)).save(image)
    config = with_slate(tmp_path / "config.json", image, **encoder)
    assert run("check", str(config))[0] == 0


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: None, "cannot be read: [Errno 2] No such file or directory"),
        (lambda path: path.write_text("no image"), "cannot be read: cannot identify image file"),
        (lambda path: path.mkdir(), "cannot be read: [Errno 21] Is a directory"),
        (lambda path: bomb(path, 13_000, 13_000), "has 169 million points, expected at most 16"),
    ],
    ids=["missing", "something else", "a folder", "a bomb"],
)
def test_a_slates_image_that_cannot_be_used_is_an_error(
    tmp_path: Path, make: Callable[[Path], object], why: str
) -> None:
    image = tmp_path / "slate.png"
    make(image)
    status, out, err = run("check", str(with_slate(tmp_path / "config.json", image)))
    assert (status, out) == (2, "")
    assert err.startswith(f"error: cameras[0].streams[0].slate.image: the slate's image {image} {why}")
