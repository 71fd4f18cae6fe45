"""The page of camera brands: each path is one that the RTSP source takes, and has its source and its day."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from camcast.config import loads
from camcast.host import PluginHost

PAGE = (Path(__file__).parent.parent / "docs" / "cameras.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith("| brand ")
]


@pytest.fixture(scope="module")
def host() -> PluginHost:
    return PluginHost()


def test_brands_are_in_order_and_each_has_its_source() -> None:
    assert len(ROWS) > 12
    makers, others = (
        section.partition("\n## ")[0] for section in re.split(r"^## As .+$", PAGE, flags=re.MULTILINE)[1:]
    )
    for section in (makers, others):
        brands = [row[0] for row in ROWS if f"| {row[0]} |" in section]
        assert brands == sorted(brands, key=str.lower)
        assert re.search(r"read (?:on )?20\d\d-\d\d-\d\d", section)
    assert [row[0] for row in ROWS if not re.search(r"\]\(https?://[^)]+\)", row[-1])] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_path_makes_a_source(row: list[str], host: PluginHost) -> None:
    paths = [cell.strip("`") for cell in row[1:3] if cell != "unknown"]
    assert paths, "a brand of which nothing is known has no row"
    for path in paths:
        source = {"type": "rtsp", "url": f"rtsp://10.0.0.5{path}", "options": {"username": "viewer", "password": "x"}}
        camera = {"streams": [{"source": source}]}
        config = loads(json.dumps({"rtmp": {"url": "rtmp://server/live/cam"}, "cameras": [camera]}), host)
        assert config.cameras[0].streams[0].source.url.endswith(path)
