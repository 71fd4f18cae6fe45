"""`camcast check` and `camcast schema`, with the plugins that are installed."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import typer
from tests.core.config.kinds import made_up_host
from typer.testing import CliRunner

from camcast.cli.check import check, report_lines
from camcast.cli.schema import schema
from camcast.config import loads

app = typer.Typer()
app.command()(check)
app.command()(schema)
README = Path(__file__).parents[1] / "core" / "config" / "system_config.json"


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_it_prints_what_would_run() -> None:
    text = README.read_text().replace("rtmp://server/live", "rtmp://user:S3CRET@server/live")
    lines = list(report_lines(loads(text, made_up_host())))
    assert lines == [
        'camera 0 "gate"',
        "  stream 0 main: rtsp rtsp://10.0.0.5/*** -> H264_CBR 1920x1080 30 fps 4000 kbit/s",
        "    cam0_main: rtmp://***@server/live/***",
        "               then rtmp://backup/live/***",
        "    cam0_main/cloud: srt://ingest.example:9000/***",
        "  stream 1 sub: rtsp rtsp://10.0.0.5/*** -> copy",
        "    cam0_sub: rtmp://***@server/live/***",
        "              then rtmp://server2/live/***",
        "3 sessions of 2 streams would run",
    ]


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
