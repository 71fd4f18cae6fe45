"""Servers that are odd without being wrong, and some that are hostile: what is optional stays optional."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from tests.media import made
from tests.plugins.transport_harness import Clip, feed, load, publishing, reached
from tests.plugins.whip_kit import kind, server, shared
from tests.servers.certificates import Authority, Certificate
from tests.servers.whip import WhipServer

from camcast.contracts import unsent
from camcast.errors import NetworkError, TransportError
from camcast.kinds import TransportKind
from camcast.session.resolver import NameResolver
from camcast_whip.options import WhipOptions
from camcast_whip.retry_after import MOST, retry_after
from camcast_whip.rtp import ntp_time

__all__ = ["kind", "server", "shared"]


async def pictures_arrive(server: WhipServer, transport: Any, clip: Clip) -> None:
    """All of the clip's, as the receiver put them together; the last one waits for a next."""
    await feed(transport, clip.packets)
    await reached(lambda: len([unit for unit in server.received() if unit.kind == "video"]) >= len(clip.packets) - 1)


@pytest.mark.parametrize("how", ["options-cut", "options-mute"])
async def test_an_offer_is_posted_to_a_server_that_does_not_answer_options(
    kind: TransportKind, server: WhipServer, how: str
) -> None:
    clip = load(made("h264_only"))
    async with publishing(kind, server.url(f"{how}/x"), clip) as (transport, events):
        await pictures_arrive(server, transport, clip)
    assert "whip_no_options" in [code for code, _ in events.notes]


async def test_a_candidate_that_names_a_host_is_looked_up(kind: TransportKind, server: WhipServer) -> None:
    asked: list[str] = []

    def look_up(host: str, port: int, family: int) -> list[tuple[int, tuple[Any, ...]]]:
        asked.append(host)
        if host != "media.example":
            raise socket.gaierror(-2, "Name or service not known")
        return [(socket.AF_INET, ("127.0.0.1", port))]

    clip = load(made("h264_only"))
    resolver = NameResolver(look_up)
    async with publishing(kind, server.url("named/x"), clip, resolver=resolver) as (transport, _):
        await pictures_arrive(server, transport, clip)
    assert asked == ["media.example"]


async def test_a_candidate_whose_name_is_not_found_is_done_without(kind: TransportKind, server: WhipServer) -> None:
    def hang(host: str, port: int, family: int) -> list[tuple[int, tuple[Any, ...]]]:
        time.sleep(3.0)
        return []

    with pytest.raises(NetworkError, match=r"no media path|no path for the media"):
        async with publishing(
            kind, server.url("named/x"), load(made("h264_only")), resolver=NameResolver(hang), connect_timeout=1.0
        ):
            raise AssertionError("there is no path")


async def test_a_session_is_not_ended_on_a_host_that_the_answer_names(kind: TransportKind, server: WhipServer) -> None:
    """The same server under another name, so that it could have been."""
    clip = load(made("h264_only"))
    async with publishing(kind, server.url("elsewhere/x"), clip, options=WhipOptions(token="geheim")) as (_, events):
        pass
    state = await asyncio.to_thread(server.state)
    assert [request["method"] for request in state["requests"]] == ["OPTIONS", "POST"]
    assert "localhost" in dict(events.notes)["whip_session_elsewhere"]
    allowed = WhipOptions(token="geheim", session_hosts=("LOCALHOST",))
    async with publishing(kind, server.url("elsewhere/x"), clip, options=allowed) as (_, events):
        pass
    state = await asyncio.to_thread(server.state)
    assert state["requests"][-1]["method"] == "DELETE"
    assert state["requests"][-1]["authorization"] == "", "the token goes to the endpoint's own origin only"
    assert state["deleted"] == [1]


async def test_a_server_that_is_full_says_when_to_come_back(kind: TransportKind, server: WhipServer) -> None:
    with pytest.raises(NetworkError) as caught:
        async with publishing(kind, server.url("retry/17"), load(made("h264_only"))):
            raise AssertionError("it is full")
    assert caught.value.retry_after == 17.0
    assert str(caught.value) == (
        "the server cannot take the stream now (503), and asks to wait 17 s (full forged: line)"
    )


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("99999999999999999999", MOST),
        ("", None),
        ("-1", None),
        ("soon", None),
        ("1.5", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 30.0),
        ("Wed, 21 Oct 2015 07:27:00 GMT", 0.0),
        ("Wed, 21 Oct 9999 07:27:00 GMT", MOST),
        ("Wed, 99 Oct 2015 07:27:00 GMT", None),
    ],
)
def test_when_to_come_back(value: str, seconds: float | None) -> None:
    assert retry_after(value, "Wed, 21 Oct 2015 07:27:30 GMT") == seconds


def test_without_a_date_of_its_own_an_answer_goes_by_our_clock() -> None:
    found = retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=100)))
    assert found == pytest.approx(100, abs=5)


async def test_media_flows_with_a_clock_beyond_the_first_era_of_ntp(
    kind: TransportKind, server: WhipServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NTP's seconds begin anew on 7 February 2036 (RFC 5905 §6)."""
    assert ntp_time(0.0) == 2_208_988_800 << 32
    assert ntp_time((1 << 32) - 2_208_988_800 + 0.5) == 1 << 31
    offset = datetime(2036, 3, 1, tzinfo=UTC).timestamp() - time.time()
    real = time.time
    monkeypatch.setattr("camcast_whip.track.time.time", lambda: real() + offset)
    clip = load(made("h264_only"))
    async with publishing(kind, server.url(), clip) as (transport, events):
        await pictures_arrive(server, transport, clip)
        await feed(transport, clip.packets, start=clip.packets[-1].dts // 1_000_000 + 40)
        await reached(lambda: transport.stats()["receiver_reports"] > 0)
        assert 0 <= transport.stats()["rtt_ms"] < 1000
        assert not events.losses


async def test_positions_and_what_is_unsent(kind: TransportKind, server: WhipServer) -> None:
    clip = load(made("h264_opus"))
    async with publishing(kind, server.url(), clip) as (transport, _):
        last = 0
        for packet in clip.packets[:60]:
            position = transport.send(packet, packet.dts // 1_000_000)
            assert position == last + len(packet.payload)
            last = position
        assert unsent(transport) == last, "the pacer has had no turn yet"
        await reached(lambda: unsent(transport) == 0)
        await reached(lambda: transport.acked == last)
    assert unsent(transport) in (0, None)


@pytest.mark.parametrize("flood", ["at_once", "handshake"])
async def test_a_flood_below_http_ends_soon(
    kind: TransportKind, authority: Authority, certificate: Certificate, flood: str
) -> None:
    arguments = [str(certificate.cert_file), str(certificate.key_file), flood]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.servers.tls_flood", *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        url = f"whips://localhost:{int(await process.stdout.readline())}/x"
        began, cpu = time.monotonic(), time.process_time()
        with pytest.raises(TransportError) as caught:
            async with publishing(kind, url, load(made("h264_only")), ca_file=str(authority.ca_file)):
                raise AssertionError("it never answers")
        assert time.monotonic() - began < 4.0
        assert time.process_time() - cpu < 3.0
        if flood == "at_once":
            assert "goes on and on" in str(caught.value)
    finally:
        process.kill()
        await process.wait()
