"""What is learnt of a camera on one connection helps on the next; a refused password is asked again slowly."""

from __future__ import annotations

import attrs
import pytest
import pytest_asyncio

from tests.cameras.logins import new_nonces, only
from tests.cameras.script import NEVER, Asked, Reply, Script, refused
from tests.cameras.shared import watched_together
from tests.cameras.test_dialogue import lasting, not_over, plain
from tests.cameras.watch import QUICK, Watched

pytestmark = pytest.mark.xdist_group("cameras-second_time")
"""What all tests here share is made once."""


def hangs_up_at_get_parameter(asked: Asked, reply: Reply) -> Reply | None:
    return attrs.evolve(reply, close=True) if asked.method == "GET_PARAMETER" else reply


def changes_its_mind(asked: Asked, reply: Reply) -> Reply | None:
    """First it sends over UDP only, from its third connection on over TCP only."""
    over_tcp = "TCP" in asked.headers.get("transport", "")
    wrong = asked.method == "SETUP" and over_tcp == (asked.connection < 2)
    return refused(461)(reply) if wrong else reply


TWICE: dict[str, Script] = {
    "hangs up at GET_PARAMETER": lasting(hangs_up_at_get_parameter),
    "461 over TCP": plain(not_over("tcp")),
    "silence over TCP": plain(silent_over="tcp", options={"no_data_timeout": 0.5}, beginning=NEVER),
    "461 over TCP, later over UDP": plain(changes_its_mind),
    "only MD5": plain(only("MD5"), login="user:secret@"),
}
ONCE: dict[str, Script] = {
    "wrong password": plain(new_nonces, login="user:wrong@"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def twice(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Watched]:
    return await watched_together(tmp_path_factory, "twice", TWICE, seconds=20.0, runs=2)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def once(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Watched]:
    return await watched_together(tmp_path_factory, "once", ONCE, seconds=20.0, again=QUICK)


def transports(one: Watched) -> list[str]:
    asked = [asked.headers["transport"] for asked in one.camera.asked if asked.method == "SETUP"]
    return ["tcp" if "TCP" in transport else "udp" for transport in asked]


def test_a_request_at_which_it_hung_up_is_not_sent_again(twice: dict[str, Watched]) -> None:
    one = twice["hangs up at GET_PARAMETER"]
    assert "right after GET_PARAMETER, which is not sent to it again" in one.reasons[0]
    assert one.camera.methods(0).count("GET_PARAMETER") == 1
    assert "GET_PARAMETER" not in one.camera.methods(1)
    assert "OPTIONS" in one.camera.methods(1)[4:]
    assert "RTCP BYE" in one.reasons[1]


@pytest.mark.parametrize("name", ["461 over TCP", "silence over TCP"])
def test_the_transport_that_worked_is_asked_for_first(name: str, twice: dict[str, Watched]) -> None:
    tried = transports(twice[name])
    assert tried[0] == "tcp"
    assert set(tried[tried.index("udp") :]) == {"udp"}
    assert tried.count("udp") >= 4


def test_what_worked_before_is_not_all_that_is_tried(twice: dict[str, Watched]) -> None:
    one = twice["461 over TCP, later over UDP"]
    assert transports(one)[:6] == ["tcp", "udp", "udp", "udp", "tcp", "tcp"]
    assert "RTCP BYE" in one.reasons[1]


def test_the_login_that_worked_is_used_at_once(twice: dict[str, Watched]) -> None:
    one = twice["only MD5"]
    second = [asked for asked in one.camera.asked if asked.connection == 1]
    logins = [asked.headers.get("authorization", "") for asked in second]
    assert not any("SHA-256" in login for login in logins)


def test_a_refused_password_is_told_and_asked_again_slowly(once: dict[str, Watched]) -> None:
    one = once["wrong password"]
    assert "refuses the user name or password (401 after Digest authentication)" in one.reasons[0]
    assert one.camera.connections == 1
    given = [asked for asked in one.camera.asked if "authorization" in asked.headers]
    assert 1 <= len(given) <= 4
    assert "next try in 30s" in one.reasons[0]
