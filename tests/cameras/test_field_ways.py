"""Further cameras of the field that speak over TCP or UDP, from one address or another, in ways of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
import pytest_asyncio

from tests.cameras import clips, rtp
from tests.cameras.script import NEVER, Asked, Reply, Rule, Script, framed, on, refused, with_header
from tests.cameras.shared import watched_together
from tests.cameras.watch import Watched

pytestmark = pytest.mark.xdist_group("cameras-field_ways")
"""What all tests here share is made once."""

FRAMES = 60
UDP = {"transport": "udp"}


def camera(*rules: Rule, **settings: Any) -> Script:
    video = rtp.video_track(clips.video("h264", frames=FRAMES))
    audio = rtp.aac_track(clips.sound("aac", seconds=FRAMES / clips.FPS))
    return Script([video, audio], rules, **settings)


def told(change: Callable[[str], str]) -> Rule:
    """What becomes of the Transport of every answer to SETUP."""

    def rule(asked: Asked, reply: Reply) -> Reply | None:
        if asked.method == "SETUP" and "Transport" in reply.headers:
            reply.headers["Transport"] = change(reply.headers["Transport"])
        return reply

    return rule


def udp_for_tcp(asked: Asked, reply: Reply) -> Reply | None:
    """It answers whatever transport is asked for with UDP."""
    if asked.method == "SETUP" and "TCP" in asked.headers["transport"]:
        reply.headers["Transport"] = "RTP/AVP;unicast;client_port=5000-5001;server_port=6970-6971"
    return reply


def session_blocked(asked: Asked, reply: Reply) -> Reply | None:
    """After a refused SETUP nothing more works on this connection."""
    if asked.method == "SETUP" and asked.connection == 0:
        return Reply(461 if asked.number == 0 else 455, "No", {"CSeq": reply.headers["CSeq"]})
    return reply


def sound_only_over_udp(asked: Asked, reply: Reply) -> Reply | None:
    over_tcp = "TCP" in asked.headers.get("transport", "")
    if asked.method == "SETUP" and over_tcp and asked.url.endswith("audio"):
        return refused(461)(reply)
    return reply


def only_reports_over_tcp() -> Script:
    script = camera(
        wire=lambda channel, data: framed(channel, data) if channel % 2 else b"",
        options={"no_data_timeout": 0.6},
        beginning=NEVER,
    )
    for track in script.tracks:
        track.reports = [0.1, 0.3, 0.5, 0.7]
    return script


def slow_to_begin() -> Script:
    """Media comes 1.5 s after PLAY."""
    script = camera(beginning=1.7)
    for track in script.tracks:
        track.payloads = [attrs.evolve(payload, at=payload.at + 1.5) for payload in track.payloads]
    return script


WAYS: dict[str, tuple[Script, str]] = {
    "UDP without the camera's ports": (camera(options=UDP), ""),
    "UDP with one port": (camera(told(lambda text: text + ";server_port=6970"), options=UDP), ""),
    "UDP from a port of nothing": (camera(told(lambda text: text + ";server_port=0-1"), options=UDP), ""),
    "UDP by a source that is no address": (camera(told(lambda text: text + ";source=camera.lan"), options=UDP), ""),
    "UDP by a source of zeros": (camera(told(lambda text: text + ";source=0.0.0.0"), options=UDP), ""),
    "UDP by a source in quotes": (
        camera(
            told(lambda text: text.replace("source=127.0.0.2", 'source="127.0.0.2"')),
            udp_source="127.0.0.2",
            options=UDP,
        ),
        "another address than its answers",
    ),
    "UDP spelt with small letters": (camera(told(str.lower), options=UDP), ""),
    "UDP without a transport": (camera(on("SETUP", with_header("Transport", None)), options=UDP), ""),
    "UDP where TCP is asked for": (camera(udp_for_tcp), "no media comes over TCP; UDP is tried"),
    "a session that nothing mends": (camera(session_blocked), "no media comes over TCP; UDP is tried"),
    "only reports over TCP": (only_reports_over_tcp(), "no media comes over TCP"),
    "slow to begin": (slow_to_begin(), ""),
    "TCP spelt with small letters": (camera(told(str.lower)), ""),
    "TCP with spaces": (camera(told(lambda text: text.replace(";", " ; "))), ""),
}
SOUNDLESS: dict[str, tuple[Script, str]] = {
    "sound over UDP only": (camera(sound_only_over_udp), "the camera's sound is left out"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Watched]:
    scripts = {name: script for name, (script, _) in (WAYS | SOUNDLESS).items()}
    return await watched_together(tmp_path_factory, "field_ways", scripts)


@pytest.mark.parametrize("name", WAYS)
def test_it_plays_and_what_is_odd_is_told_once(name: str, watched: dict[str, Watched]) -> None:
    one, odd = watched[name], WAYS[name][1]
    assert one.whole(FRAMES), (one.numbers, one.reasons, one.notes, one.camera.methods())
    assert one.steps() == {40}
    assert one.heard > one.lasting - 0.4, one.notes
    assert [odd in note for note in one.notes] == [True] * bool(odd), one.notes


@pytest.mark.parametrize("name", SOUNDLESS)
def test_the_picture_comes_without_sound_and_why_is_told(name: str, watched: dict[str, Watched]) -> None:
    one, odd = watched[name], SOUNDLESS[name][1]
    assert one.numbers[-1] == FRAMES - 1, (one.numbers, one.reasons, one.notes)
    assert not one.seen.sound
    assert [odd in note for note in one.notes] == [True], one.notes
