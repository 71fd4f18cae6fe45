"""The guide's program runs: the old calls' successors publish what an encoder gives. And its table of keys is true."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import av
from av.bitstream import BitStreamFilterContext
from tests.media import made
from tests.servers.nginx import Nginx
from typer.testing import CliRunner

from camcast.cli.app import app

GUIDE = Path(__file__).parents[3] / "docs" / "migration.md"
OLD = Path(__file__).parent / "legacy" / "plain"


def encoded_pictures(nginx: Nginx) -> Iterator[tuple[bytes, bool]]:
    """A clip's access units in Annex B at the pace of an encoder, until the server has a second of them."""
    deadline = time.monotonic() + 20
    with av.open(str(made("h264_only"))) as container:
        stream = container.streams.video[0]
        to_annexb = BitStreamFilterContext("h264_mp4toannexb", stream)
        units = [
            (bytes(unit), unit.is_keyframe)
            for packet in container.demux(stream)
            for unit in to_annexb.filter(packet if packet.size else None)
        ]
    while nginx.publishing("live").get("stream1", 0) < 60_000:
        assert time.monotonic() < deadline, "nothing arrives"
        for unit, is_key in units:
            yield unit, is_key
            time.sleep(0.02)
            if nginx.publishing("live").get("stream1", 0) >= 60_000:
                return


def test_the_program_of_the_guide(nginx: Nginx) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    old, new = "rtmp://192.168.10.97/live/stream1", nginx.url("stream1", "live")
    assert old in program
    names = {"encoded_pictures": lambda: encoded_pictures(nginx)}
    exec(compile(program.replace(old, new), str(GUIDE), "exec"), names)
    assert nginx.publishing("live") == {}


# --- the table of keys ------------------------------------------------------------------------------------


def table() -> Iterator[tuple[list[str], list[str]]]:
    """(old keys, new places) of each row; "`a.b`, `c`" are a.b and a.c."""
    rows = re.search(r"\| old \| new \|.*?\n\|[-|]+\n(.*?)\n\n", GUIDE.read_text(), re.DOTALL)
    assert rows is not None
    for row in rows[1].splitlines():
        old, new = (cell.strip() for cell in row.strip("|").split("|")[:2])
        keys: list[str] = []
        for group in old.split(";"):
            names = re.findall(r"`([^`]+)`", group)
            prefix = names[0].rpartition(".")[0] if names else ""
            keys += [name if "." in name or not prefix else f"{prefix}.{name}" for name in names]
        places = re.findall(r"`([^`]+)`", new)
        yield keys, [place if "." in place else f"{places[0].rpartition('.')[0]}.{place}" for place in places]


def leaves(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def old_values() -> dict[str, Any]:
    found = dict(leaves(json.loads((OLD / "net_service.json").read_text()), "net_service."))
    return {**found, **dict(leaves(json.loads((OLD / "venc.json").read_text()))),
            **dict(leaves(json.loads((OLD / "vi.json").read_text())))}  # fmt: skip


def at(config: Mapping[str, Any], place: str) -> Any:
    """What a new configuration says at a place of the guide's: "cameras[0].streams[0].rtmp.url"; main's by default."""
    if place.split(".")[0] in ("streams[]", "encoder"):
        place = f"cameras[0].streams[0].{place.removeprefix('streams[].')}"
    found: Any = config
    for name, index in re.findall(r"(\w+)(?:\[(\d+)\])?", place):
        found = found[name][int(index)] if index else found[name]
    return found


def test_the_guide_names_every_old_key_and_no_other() -> None:
    named = [key for keys, _ in table() for key in keys if key != "venc2"]
    assert sorted(named) == sorted(old_values())


def test_the_guide_says_truly_where_each_old_key_went() -> None:
    done = CliRunner().invoke(app, ["migrate", "--old", str(OLD), "--new", "new.json", "--dry-run"])
    assert done.exit_code == 0, done.output
    new = json.loads(done.stdout)
    old, seen = old_values(), 0
    for keys, places in table():
        for key, place in zip(keys, places, strict=False):
            found = at(new, place)
            # As it was, within something longer (a port in a URL), or a switch.
            assert old[key] == found or str(old[key]) in str(found), f"{key} is {old[key]!r}, {place} is {found!r}"
            seen += 1
    assert seen == 10
