"""`camcast demo` as a newcomer sees it, a little shorter."""

from __future__ import annotations

import re

from tests.media import CLIPS
from typer.testing import CliRunner

from camcast.cli.app import app


def test_four_cameras_arrive_through_a_failover_and_a_failback() -> None:
    arguments = ["demo", "--seconds", "12", "--clips", str(CLIPS)]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.stdout.splitlines() if line.startswith("cam")]
    assert [row[0] for row in rows] == [f"cam{camera}_{name}" for camera in range(4) for name in ("main", "sub")]
    for name, codec, size, sent, received, decoded, lost, *_, moves in rows:
        assert codec == "h264"
        assert re.fullmatch(r"\d+x\d+", size)
        assert int(sent) > 150, name
        assert int(received) == int(decoded) == int(sent) - int(lost)
        # Camera 3 publishes over TLS to a receiver that does not fail.
        assert moves == ("0" if name.startswith("cam3") else "2")
    assert "The first receiver is switched off" in result.stderr
    assert result.stderr.count("failover:") == result.stderr.count("failback:") == 6
    assert "Every frame that a receiver acknowledged was received whole and decoded." in result.stdout


def test_a_folder_without_films_is_said() -> None:
    result = CliRunner().invoke(app, ["demo", "--clips", "docs"], catch_exceptions=False)
    assert result.exit_code == 1
    assert "no film in docs" in result.stderr
