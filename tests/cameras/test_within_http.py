"""Cameras that send RTSP within HTTP, at their web port: what FFmpeg does with `-rtsp_transport http`."""

from __future__ import annotations

import pytest
import pytest_asyncio

from tests.cameras.script import Script
from tests.cameras.shared import watched_together
from tests.cameras.usual import FRAMES, camera
from tests.cameras.watch import Watched

pytestmark = pytest.mark.xdist_group("cameras-within_http")
"""What all tests here share is made once."""

HTTP = {"transport": "http"}


def within(login: str = "", **settings: str) -> Script:
    return camera(options=HTTP, login=login, within_http=settings or {"takes": "anybody"})


CASES = {
    "within HTTP": within(),
    "within HTTP, by Basic": within("user:secret@", takes="Basic"),
    "within HTTP, by Digest": within("user:secret@", takes="Digest"),
    "within HTTP, in lines": within(takes="anybody", said="HTTP/1.1 200 Ok\r\nServer: camera\r\nConnection: close"),
}
REFUSED = {
    "no tunnel": (within(takes="anybody", said="HTTP/1.1 404 Not Found"), "GET was answered 404 Not Found"),
    "no HTTP": (within(takes="anybody", said="RTSP/1.0 400 Bad Request"), "does not speak HTTP: set transport to auto"),
    "another password": (within("user:wrong@", takes="Digest"), "refuses the user name or password"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Watched]:
    scripts = CASES | {name: script for name, (script, _) in REFUSED.items()}
    return await watched_together(tmp_path_factory, "within_http", scripts)


@pytest.mark.parametrize("name", CASES)
def test_it_is_shown_and_heard(name: str, watched: dict[str, Watched]) -> None:
    one = watched[name]
    assert one.whole(FRAMES), (one.numbers, one.reasons, one.notes)
    assert one.steps() == {40}
    assert one.heard > one.lasting - 0.4
    assert one.apart < 0.2 + one.late
    assert one.notes == []
    assert one.camera.methods()[-1] == "TEARDOWN", "what we say last arrives"


@pytest.mark.parametrize("name", REFUSED)
def test_who_has_no_tunnel_is_told_of(name: str, watched: dict[str, Watched]) -> None:
    one, words = watched[name], REFUSED[name][1]
    assert words in one.reasons[0], one.reasons
    assert "secret" not in str(one.reasons)
    assert one.camera.methods() == []
