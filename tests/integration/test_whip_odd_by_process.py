"""WHIP servers that leave out what is optional, by `camcast run` with a file: the media comes all the same."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

from tests.integration.test_odd_servers import ended, running
from tests.media import made
from tests.plugins.transport_harness import load
from tests.servers.certificates import Authority
from tests.servers.whip import WhipServer, decoded

CLIP = "h264_opus"
SOME = 30
"""Pictures."""
WAIT = 3
"""Seconds after which a server that is full wants to be asked again."""
ODD = {
    "OPTIONS hung up on": "options-cut/x",
    "OPTIONS never answered": "options-mute/x",
    "a candidate that is the name of a host": "localhost/x",
    "full, and says for how long": f"full/{WAIT}",
}


async def test_what_is_optional_is_no_condition(tmp_path: Path) -> None:
    pictures = sum(packet.track.kind.value == "video" for packet in load(made(CLIP)).packets)
    with WhipServer(tmp_path / "whip", keeps=pictures) as server:
        outputs: dict[str, Any] = {
            f"odd{number}": {"url": server.url(path)} for number, path in enumerate(ODD.values())
        }
        began = time.monotonic()
        async with running(tmp_path, "", loop=True, clip=CLIP, outputs=outputs) as process:

            def arrived() -> dict[int, int]:
                found: dict[int, int] = {}
                for unit in server.received():
                    found[unit.session] = found.get(unit.session, 0) + (unit.kind == "video")
                return found

            while len([count for count in arrived().values() if count >= pictures]) < len(ODD):
                assert time.monotonic() - began < 60, arrived()
                await asyncio.sleep(0.2)
            process.terminate()
            _, log = await ended(process)
        requests = server.state()["requests"]
        sessions = {unit.session for unit in server.received()}
        for session in sessions:
            came = [unit for unit in server.received() if unit.session == session]
            assert decoded(came, "video") == pictures, session
            assert decoded(came, "audio") >= SOME - 1, session
    assert len(sessions) == len(ODD)
    asked = {name: [one for one in requests if one["path"] == f"/{path}"] for name, path in ODD.items()}
    for name in ("OPTIONS hung up on", "OPTIONS never answered", "a candidate that is the name of a host"):
        assert [one["method"] for one in asked[name]][-1] == "POST", name
        assert len([one for one in asked[name] if one["method"] == "POST"]) == 1, name
    posts = [one["at"] for one in asked["full, and says for how long"] if one["method"] == "POST"]
    assert len(posts) == 2
    assert WAIT <= posts[1] - posts[0] < WAIT + 10
    assert f"asks to wait {WAIT} s" in log


async def test_a_demanded_certificate_is_shown_or_told_of(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    ours = authority.issue("camera", client=True)
    strange = Authority(tmp_path / "other", "Another").issue("camera", client=True)
    shared = {"ca_file": str(authority.ca_file), "retry_policy": {"max_attempts": 0, "initial_delay": 0.1}}
    shown = {
        "ours": {"client_certificate": str(ours.cert_file), "client_key": str(ours.key_file)},
        "none": {},
        "strange": {"client_certificate": str(strange.cert_file), "client_key": str(strange.key_file)},
    }
    with WhipServer(tmp_path / "whip", certificate=authority.issue(), clients=authority.ca_file, keeps=SOME) as server:
        url = server.url("whip/x").replace(server.host, "localhost")
        outputs = {name: {"url": f"{url}-{name}", **shared, **more} for name, more in shown.items()}
        async with running(tmp_path, "", loop=True, clip=CLIP, outputs=outputs) as process:
            began = time.monotonic()
            while len([unit for unit in server.received() if unit.kind == "video"]) < SOME:
                assert time.monotonic() - began < 40
                await asyncio.sleep(0.2)
            process.terminate()
            out, err = await asyncio.wait_for(process.communicate(), 40)
    assert {unit.session for unit in server.received()} == {0}
    assert decoded(server.received(), "video") == SOME
    sessions = {one["key"].rpartition("/")[2]: one for one in json.loads(out)["sessions"]}
    assert (sessions["ours"]["last_error"] or "") == ""
    assert "client_certificate" in sessions["none"]["last_error"]
    assert "client_certificate" in sessions["strange"]["last_error"]
    for text in ("SSLV3", "TLSV1", "_ssl.c", "ALERT"):
        assert text not in err.decode()
