"""What may be asked of a WHEP endpoint, by whom, and what strangers cost."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest
from tests.media import made
from tests.plugins.test_whep import OnAir, on_air
from tests.plugins.transport_harness import context, load, reached
from tests.plugins.whep_kit import OFFER, kind, watching
from tests.servers.coturn import PASSWORD, USER, Coturn
from tests.servers.process import free_port

from camcast.kinds import TransportKind
from camcast.media import MediaKind
from camcast.session.resolver import NameResolver
from camcast_kit_http import guesses
from camcast_kit_http.problem import Problem
from camcast_whip.names import Names
from camcast_whip.options import IceServer
from camcast_whip.peer import local_addresses
from camcast_whip.whep import door, viewer
from camcast_whip.whep.audience import Audience
from camcast_whip.whep.figures import Figures
from camcast_whip.whep.options import Address, WhepOptions

__all__ = ["kind"]

TOKEN = "who-watches-4711"
SITE = "https://www.example.com"
SDP = {"content-type": "application/sdp"}
FRAGMENT = {"content-type": "application/trickle-ice-sdpfrag"}
CANDIDATE = "a=candidate:1 1 udp 2122260223 127.0.0.1 9 typ host\r\n"


@attrs.frozen
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str


@attrs.frozen
class Asker:
    """Asks one output whatever a test wants."""

    output: OnAir
    client: aiohttp.ClientSession

    async def ask(self, method: str, where: str = "", body: str | bytes = b"", **headers: str) -> Answer:
        """`where` is below the output's path, or another path."""
        base = self.output.url
        url = where if where.startswith("http") else base + where
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.client.request(method, url, data=body, headers=named) as answer:
            return Answer(answer.status, answer.headers, await answer.text())

    async def post(self, body: str | bytes = OFFER, **headers: str) -> Answer:
        return await self.ask("POST", "", body, **{"content_type": "application/sdp", **headers})


@contextlib.asynccontextmanager
async def asking(kind: TransportKind, **options: Any) -> AsyncIterator[Asker]:
    async with on_air(kind, load(made("h264_opus")), **options) as output, aiohttp.ClientSession() as client:
        yield Asker(output, client)


async def test_a_session_is_opened_told_of_candidates_and_ended(kind: TransportKind) -> None:
    ice = IceServer(url="turn:127.0.0.1:9?transport=udp", username="u", credential='pw"of\\mine')
    async with asking(kind) as one:
        opened = await one.post()
        assert (opened.status, opened.headers["Content-Type"].partition(";")[0]) == (201, "application/sdp")
        place = opened.headers["Location"]
        below = place.removeprefix("/gate")
        assert place.startswith("/gate/")
        assert len(below) == 33
        assert opened.headers["ETag"] == f'"{below[1:]}"'
        assert "link" not in opened.headers
        # Only the loopback is told to those who can come from there alone.
        candidates = [line for line in opened.text.split("\r\n") if line.startswith("a=candidate")]
        assert [line.split()[4] for line in candidates] == ["127.0.0.1"]
        assert (await one.ask("GET", below)).status == (await one.ask("GET")).status == 204
        patched = await one.ask("PATCH", below, CANDIDATE, content_type=FRAGMENT["content-type"])
        assert (patched.status, patched.text) == (204, "")
        assert "etag" not in patched.headers
        restart = "a=ice-ufrag:other\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n" + CANDIDATE
        refused = await one.ask("PATCH", below, restart, content_type=FRAGMENT["content-type"])
        assert (refused.status, "ICE restarts are not supported" in refused.text) == (422, True)
        assert (await one.ask("PATCH", below, "a=mid:0", content_type=FRAGMENT["content-type"])).status == 400
        assert (await one.ask("PATCH", below, CANDIDATE, content_type="application/sdp")).status == 415
        assert one.output.figure("connecting") == 1
        assert (await one.ask("DELETE", below)).status == 200
        assert one.output.figure("connecting") == 0
        for method in ("DELETE", "GET"):
            assert (await one.ask(method, below)).status == 404
        wrong = await one.ask("PUT")
        assert (wrong.status, wrong.headers["Allow"]) == (405, "GET, HEAD, OPTIONS, POST")
        assert (await one.ask("POST", "/x/y")).status == 404
    async with asking(kind, ice_servers=(ice,), announce=("203.0.113.7",)) as one:
        opened = await one.post()
        assert opened.headers["Link"] == (
            '<turn:127.0.0.1:9?transport=udp>; rel="ice-server"; username="u"; '
            'credential="pw\\"of\\\\mine"; credential-type="password"'
        )
        # A proxy brings those to whom an address is announced, so media comes to all of the machine's.
        told = [line.split() for line in opened.text.split("\r\n") if line.startswith("a=candidate")]
        own = local_addresses("", "both", "127.0.0.1")
        assert [words[4] for words in told] == [*own, "203.0.113.7"]
        reached_from_outside = [words for words in told[:-1] if ":" not in words[4] and words[4] != "127.0.0.1"]
        assert told[-1][5] == (reached_from_outside or told)[0][5]


async def test_a_relay_is_used_and_told(kind: TransportKind, tmp_path: Path) -> None:
    with Coturn(tmp_path) as turn:
        server = IceServer(url=turn.url(), username=USER, credential=PASSWORD)
        async with asking(kind, ice_servers=(server,)) as one:
            opened = await one.post()
            types = [line.split()[7] for line in opened.text.split("\r\n") if line.startswith("a=candidate")]
            assert "relay" in types
            assert opened.headers["Link"].startswith(f"<{turn.url()}>")


async def test_who_may_ask(kind: TransportKind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guesses, "REFUSED_AFTER", 0.01)
    async with asking(kind, token=TOKEN, origins=(SITE,), hosts=("cam.example",)) as one:
        good = {"authorization": f"Bearer {TOKEN}"}
        assert (await one.post()).status == (await one.post(authorization="Bearer no")).status == 401
        assert one.output.figure("tokens_refused") == 1
        opened = await one.post(**good, origin=SITE)
        assert opened.status == 201
        assert opened.headers["Access-Control-Allow-Origin"] == SITE
        assert {"location", "link"} <= set(opened.headers["Access-Control-Expose-Headers"].split(", "))
        # Nobody who knows the session alone can do anything with it.
        below = opened.headers["Location"].removeprefix("/gate")
        assert (await one.ask("DELETE", below)).status == 401
        other = await one.post(**good, origin="https://other.example")
        assert (other.status, "access-control-allow-origin" in other.headers) == (403, False)
        own = one.output.url.removesuffix("/gate")
        assert (await one.post(**good, origin=own)).status == 201
        assert (await one.post(**good, origin=own.replace("http:", "https:"))).status == 403
        assert (await one.post(**good, host="evil.example")).status == 421
        assert (await one.post(**good, host="cam.example")).status == 201
        preflight = await one.ask("OPTIONS", origin=SITE, access_control_request_method="POST")
        assert (preflight.status, preflight.headers["Accept-Post"]) == (200, "application/sdp")
        assert preflight.headers["Access-Control-Allow-Headers"] == "authorization, content-type, if-match"
        assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
        deeper = await one.ask("OPTIONS", "/0123", origin=SITE, access_control_request_method="PATCH")
        assert deeper.headers["Accept-Patch"] == "application/trickle-ice-sdpfrag"
        assert "DELETE" in deeper.headers["Access-Control-Allow-Methods"]
        assert (await one.ask("OPTIONS", origin="https://other.example")).status == 403
        figures = [one.output.figure(name) for name in ("tokens_missing", "tokens_refused", "origins_refused")]
        assert figures == [2, 1, 3]
        await reached(lambda: [text for _, text in one.output.events.notes if "6 in all" in text])
        assert {code for code, _ in one.output.events.notes} == {"viewer_refused"}
        assert len(one.output.events.notes) < 6, "told at most once a second"
        assert TOKEN not in str(one.output.events.notes)


async def test_strangers_are_not_told_which_paths_there_are(
    kind: TransportKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is asked without a token is answered alike at the output's path, below it, and where nothing is."""
    monkeypatch.setattr(guesses, "REFUSED_AFTER", 0.01)
    async with asking(kind, token=TOKEN, origins=(SITE,)) as one:
        door = one.output.url.removesuffix("/gate")
        there = (one.output.url, f"{one.output.url}/0123456789abcdef0123456789abcdef")
        nowhere = (f"{door}/other", f"{door}/other/0123456789abcdef0123456789abcdef")
        asked: list[dict[str, str]] = [
            {},
            {"authorization": "Bearer no"},
            {"origin": SITE},
            {"origin": "https://other.example"},
            {"origin": SITE, "access_control_request_method": "POST"},
        ]
        for headers in asked:
            for method in ("GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "OPTIONS"):
                answers = [await one.ask(method, where, **headers) for where in (*there, *nowhere)]
                seen = {(a.status, a.text, *sorted(a.headers.items())) for a in map(undated, answers)}
                assert len(seen) == 1, (method, headers, seen)
        known = {"authorization": f"Bearer {TOKEN}"}
        assert [(await one.ask("GET", where, **known)).status for where in (*there, *nowhere)] == [204, 404, 404, 404]


def undated(answer: Answer) -> Answer:
    return attrs.evolve(
        answer, headers={name: value for name, value in answer.headers.items() if name.lower() != "date"}
    )


async def test_a_stream_that_is_not_on_the_air_yet_is_told_as_that(kind: TransportKind) -> None:
    port = free_port()
    made_context, _ = context(kind, f"whep://127.0.0.1:{port}/gate")
    transport = kind.build(made_context)
    try:
        await transport.connect()
        async with aiohttp.ClientSession() as client:
            for path, status in (("gate", 409), ("gates", 404)):
                async with client.post(f"http://127.0.0.1:{port}/{path}", data=OFFER, headers=SDP) as answer:
                    assert answer.status == status
                    assert ("retry-after" in answer.headers) == (status == 409)
    finally:
        await transport.close()


async def test_more_than_the_limit_are_sent_away_and_the_half_open_make_room(
    kind: TransportKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand offers with nobody behind them: what they cost is bounded, and whoever is really there gets in."""
    monkeypatch.setattr(viewer, "CONNECT_WITHIN", 1.0)
    monkeypatch.setattr(door, "ASKED_A_SECOND", 10_000.0)  # as if they came from many places
    async with asking(kind, viewers=4) as one:
        before, most = descriptors(), 0
        statuses: list[int] = []
        for _ in range(20):
            answers = await asyncio.gather(*(one.post() for _ in range(50)))
            statuses += [answer.status for answer in answers]
            assert all("retry-after" in answer.headers for answer in answers if answer.status == 503)
            most = max(most, descriptors())
        assert set(statuses) == {201, 503}
        assert one.output.figure("viewers_refused") == statuses.count(503) > 900
        # Two sockets of each of fifty connections, those of four viewers, and what the loops need.
        assert most - before < 150
        await reached(lambda: one.output.figure("connecting") == 0, timeout=20)
        assert one.output.figure("viewers_failed") == statuses.count(201)
        async with watching(one.output.url) as viewers:
            await viewers.until(lambda v: len(v.units(0, MediaKind.VIDEO)) >= 25)
        assert not one.output.events.losses


async def test_whoever_goes_as_the_output_ends_leaves_no_socket_open() -> None:
    """A goodbye that is under way goes on, though what else was to be done for viewers ends."""
    clip, before = load(made("h264_opus")), descriptors()
    address = Address(scheme="http", host="127.0.0.1", port=8889, path="/gate")
    names = Names(NameResolver(), asyncio.get_running_loop(), "", ())
    figures = Figures()
    audience = Audience(
        address,
        WhepOptions(),
        names,
        figures,
        clip.tracks,
        family="both",
        keyframe_wanted=lambda: None,
        refused=lambda reason: None,
    )
    key, _ = await audience.admit(OFFER, "127.0.0.1")
    assert descriptors() > before
    audience._ended(audience._viewers[key])
    await audience.close()
    assert (figures.viewers_gone, descriptors()) == (1, before)
    with pytest.raises(Problem, match="just gone off the air"):
        await audience.admit(OFFER, "127.0.0.1")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_offers_that_are_none_are_refused_and_cost_nothing(kind: TransportKind) -> None:
    async with asking(kind) as one:
        cases: list[tuple[str | bytes, int]] = [
            (b"", 400),
            (b"\xff\xfe", 400),
            ("<html>", 400),
            (OFFER.replace("H264", "VP8").replace("opus", "isac"), 422),
            ("v=0\n" + "a=candidate:x\n" * 3000, 400),
            ("v=0\n" + "m=video 9 UDP/TLS/RTP/SAVPF 96\n" * 100, 400),
            ("v=0\n" + "a=" + "x" * 60_000, 400),
            (b"x" * 70_000, 413),
            (b"x" * 1_000_000, 413),
        ]
        for body, status in cases:
            assert (await one.post(body)).status == status, body[:60]
        assert (await one.post(content_type="text/plain")).status == 415
        assert one.output.figure("offers_refused") == 6, "all that was text, of a length that is read"
        assert one.output.figure("connecting") == 0
        # One with more candidates than anybody has, none of which leads anywhere, opens no more than others.
        many = "".join(f"a=candidate:{n} 1 udp 1 127.0.0.1 {n + 1} typ host\n" for n in range(500))
        assert (await one.post(OFFER.replace("a=mid:0\n", f"a=mid:0\n{many}"))).status == 201
        await one.output.reaches("units", one.output.figure("units") + 25)
        assert not one.output.events.losses
