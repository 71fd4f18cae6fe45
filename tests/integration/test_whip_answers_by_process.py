"""Answers of WHIP servers that differ from what RFC 9725 shows, by `camcast run` with a file: the media comes.

A real peer (aiortc) behind an endpoint that changes what is said: as Cloudflare, Dolby, OvenMediaEngine, Janus,
MediaMTX, Broadcast Box, MistServer, SRS and home-made endpoints answer.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_odd_servers import ended, running
from tests.servers.whip import Received, WhipServer, decoded

CLIP = "h264_opus"
PATIENCE = 180.0
"""Seconds: some fifteen sessions and their peers, on such a machine."""
GROUPS = 4
"""In which they come: one server has time for some fifteen sessions at once on a machine that has much else to do."""
SOME = 50
"""Units of each kind."""
PASSIVE = [("a=setup:actpass", "a=setup:active")]
"""An offer that makes aiortc wait for our handshake."""
WHOLE = r"(?s)(t=0 0\r\n)(.*?)"
"""Up to a line of the first section, which is moved to where it counts for all."""


def for_the_session(*names: str) -> list[tuple[str, str]]:
    """Lines of these names stand once, before all sections."""
    edits = [(rf"{WHOLE}a=({name}:[^\r]*\r\n)", r"\1b=\3\2") for name in names]
    edits += [(rf"(?m)^a={name}:.*\r\n", "") for name in names]
    return edits + [(rf"(?m)^b=({name}:)", r"a=\1") for name in names]


NO_CANDIDATES = (r"(?m)^a=candidate:.*\r\n", "")

ODD: dict[str, dict[str, Any]] = {
    # HTTP.
    "200 instead of 201": {"status": 200},
    "202, with a strong ETag": {"status": 202, "headers": {"ETag": '"38sdf4fdsf54:EsAw"'}},
    "a Location relative to the endpoint": {"headers": {"Location": "../session/NUMBER"}},
    "a Location with a query": {"headers": {"Location": "/session/NUMBER?token=a/b"}},
    "a Location that is no URL": {"headers": {"Location": "http://["}},
    "a content type with a parameter": {"headers": {"Content-Type": "application/sdp; charset=utf-8"}},
    "a content type of text": {"headers": {"Content-Type": "text/plain"}},
    "a content type in capitals": {"headers": {"Content-Type": "Application/SDP"}},
    "links to ICE servers that are none": {
        "headers": {"Link": '<turn:127.0.0.1:9?transport=tcp>; rel="ice-server"; username="u", <x>; rel=ice-server, ,'}
    },
    "headers in small letters": {
        "headers": {"location": "/session/NUMBER", "etag": '"a"', "link": "<stun:127.0.0.1:9>;rel=ice-server"}
    },
    "hints before the answer": {
        "interim": 'HTTP/1.1 103 Early Hints\r\nLink: <stun:127.0.0.1:9>; rel="ice-server"\r\n\r\n'
    },
    "asked to go on, twice": {"interim": "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"},
    "a relative Location without a slash": {"headers": {"Location": "../session/NUMBER?x=1#y"}},
    "headers of the web": {
        "headers": {
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Expose-Headers": "Location, ETag, Link",
            "Accept-Patch": "application/trickle-ice-sdpfrag",
            "Server": "x" * 3000,
            "Set-Cookie": "a=b; Path=/",
        }
    },
    # SDP's form.
    "lines that end as Unix's": {"answer": [("\r\n", "\n")]},
    "marks and lines before it": {"answer": [(r"^v=0", "\ufeff\r\n\r\nv=0")]},
    "lines that nobody knows": {
        "answer": [
            (r"t=0 0\r\n", "t=0 0\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS *\r\na=x-unknown\r\n"),
            (r"(m=video.*\r\n)", r"\1i=picture\r\nb=AS:2500\r\nb=TIAS:2500000\r\nk=clear:x\r\n"),
        ]
    },
    "an origin of IPv6": {"answer": [("o=[^\r]*", "o=srs/7 107408542208384 2 IN IP6 ::1"), ("s=[^\r]*", "s=-")]},
    "nothing of connections": {"answer": [(r"(?m)^c=.*\r\n", "")]},
    "no last line's end": {"answer": [(r"\r\n$", "")]},
    # Sections.
    "no section for the sound": {"answer": [(r"(?s)m=audio.*?(?=m=|$)", "")]},
    "the sound refused": {"answer": [("m=audio [0-9]+", "m=audio 0")]},
    "sections the other way round": {"answer": [(r"(?s)(m=video.*?)(m=audio.*)", r"\2\1")]},
    "mids of its own": {"answer": [("a=mid:0", "a=mid:video"), ("a=mid:1", "a=mid:audio")]},
    "no mids": {"answer": [("a=mid:.\r\n", "")]},
    "a section for data": {
        "answer": [(r"$", "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n")]
    },
    "nothing of bundling": {"answer": [("a=group:BUNDLE.*\r\n", "")]},
    "nothing of RTCP": {"answer": [("a=rtcp-mux\r\n", ""), ("a=rtcp:.*\r\n", "")]},
    "no direction": {"answer": [("a=recvonly\r\n", "")]},
    "both directions": {"answer": [("a=recvonly", "a=sendrecv")]},
    "a profile of older days": {"answer": [("UDP/TLS/RTP/SAVPF", "RTP/SAVPF")]},
    "a profile without feedback": {"answer": [("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP"), ("a=rtcp-fb:.*\r\n", "")]},
    "ports of its own": {"answer": [(r"m=(audio|video) \d+", r"m=\1 50000")]},
    "RTCP of reduced size": {"answer": [("a=rtcp-mux\r\n", "a=rtcp-mux\r\na=rtcp-mux-only\r\na=rtcp-rsize\r\n")]},
    # Codecs.
    "codecs that were not offered": {
        "answer": [
            (r"(m=video .*)\r\n", r"\1 127 126\r\n"),
            (r"(a=rtpmap:\d+ H264/90000\r\n)", r"\1a=rtpmap:127 VP8/90000\r\na=rtpmap:126 rtx/90000\r\n"),
            (r"(a=rtpmap:127.*\r\n)", r"\1a=fmtp:126 apt=96\r\na=rtcp-fb:* transport-cc\r\n"),
        ]
    },
    "retransmissions of a codec first": {
        "answer": [(r"(m=video \d+ \S+) (.*)\r\n", r"\1 124 \2\r\na=rtpmap:124 ulpfec/90000\r\n")]
    },
    "payload types of its own": {
        "offer": [
            ("(?<=[ :=])96(?=[ \r/])", "120"),
            ("(?<=[ :=])97(?=[ \r/])", "121"),
            ("(?<=[ :=])111(?=[ \r/])", "96"),
        ]
    },
    "codecs in other letters": {"answer": [("H264/90000", "h264/90000"), ("opus/48000", "OPUS/48000")]},
    "another profile": {"answer": [("profile-level-id=[0-9a-f]{6}", "profile-level-id=42001f")]},
    "one unit a packet": {"answer": [("packetization-mode=1", "packetization-mode=0")]},
    "stereo": {"answer": [(r"(a=rtpmap:111.*\r\n)", r"\1a=fmtp:111 stereo=1;useinbandfec=1\r\n")]},
    # DTLS.
    "a fingerprint for the session": {"answer": for_the_session("fingerprint")},
    "a role for the session": {"answer": for_the_session("setup")},
    "a hash in capitals": {"answer": [("a=fingerprint:sha-", "a=fingerprint:SHA-")]},
    "one fingerprint of the longest hash": {"answer": [(r"(?m)^a=fingerprint:sha-(256|384) .*\r\n", "")]},
    "fingerprints of hashes to come first": {
        "answer": [("(a=fingerprint:sha-256)", r"a=fingerprint:sha3-512 AB:CD\r\n\1")]
    },
    "passive": {"offer": PASSIVE},
    "an answer that decides nothing": {"offer": PASSIVE, "answer": [("a=setup:passive", "a=setup:actpass")]},
    "an answer without a role": {"offer": PASSIVE, "answer": [("a=setup:passive\r\n", "")]},
    # ICE.
    "its name and password for the session": {"answer": for_the_session("ice-ufrag", "ice-pwd")},
    "candidates that say whose they are": {"answer": [(r"(a=candidate:.*?)\r\n", r"\1 ufrag abcd generation 0\r\n")]},
    "candidates of addresses that are none": {
        "answer": [(r"(a=candidate:\S+ \d) (udp|UDP) (\d+) (\S+)", r"\1 \2 \3 0.0.0.0 9 typ host\r\n\g<0>")]
    },
    "candidates behind a NAT": {"answer": [(r"typ host", "typ srflx raddr 0.0.0.0 rport 0")]},
    "a candidate that breaks off": {
        "answer": [(r"(a=candidate:.*\r\n)", r"a=candidate:1 1 udp\r\na=candidate:\r\n\1")]
    },
    "no candidates": {"answer": [NO_CANDIDATES, ("a=end-of-candidates\r\n", "")]},
    "candidates of mDNS": {"answer": [(r"(a=candidate:(?:\S+ ){4})\S+", r"\g<1>0fe7a2c4-2b4e.local")]},
    "candidates for TCP": {"answer": [(r"(a=candidate:\S+ \S+) udp", r"\1 tcp")]},
    "candidates for TCP beside it": {
        "answer": [(r"(a=candidate:\S+ \S+) udp(.*)\r\n", r"\g<0>\1 TCP\2 tcptype passive\r\n")]
    },
    "candidates with more behind them": {
        "answer": [(r"(a=candidate:.*?)\r\n", r"\1 generation 0 network-cost 999\r\n")]
    },
    "a candidate of the second component": {
        "answer": [(r"(a=candidate:\S+) 1 (.*\r\n)", r"\g<0>\1 2 \2")],
    },
    "says that it is lite, and is not": {
        "answer": [("t=0 0\r\n", "t=0 0\r\na=ice-lite\r\na=ice-options:trickle ice2\r\n")]
    },
}
SILENT = {"no section for the sound", "the sound refused"}
NOWHERE = "a Location that is no URL"
"""After which nothing can be deleted."""


def seen_and_heard(units: list[Received]) -> dict[int, tuple[int, int]]:
    """Pictures and frames of sound that FFmpeg makes of each session's first units."""
    by_session: dict[int, list[Received]] = {}
    for unit in units:
        by_session.setdefault(unit.session, []).append(unit)
    return {session: (decoded(came, "video"), decoded(came, "audio")) for session, came in by_session.items()}


@pytest.mark.timeout(PATIENCE + 60)
@pytest.mark.parametrize("group", range(GROUPS))
async def test_the_media_comes_whatever_the_answer_looks_like(group: int, tmp_path: Path) -> None:
    names = list(ODD)[group::GROUPS]
    silent = SILENT & {*names}
    with WhipServer(tmp_path / "whip", odd={str(n): ODD[name] for n, name in enumerate(names)}, keeps=SOME) as server:
        outputs = {f"odd{number}": {"url": server.url(f"odd/{number}")} for number in range(len(names))}
        began = time.monotonic()
        async with running(tmp_path, "", loop=True, clip=CLIP, outputs=outputs) as process:

            def missing() -> list[str]:
                posts = [one for one in server.state()["requests"] if one["method"] == "POST"]
                came = Counter((unit.session, unit.kind) for unit in server.received())
                found = []
                for number, name in enumerate(names):
                    mine = [at for at, one in enumerate(posts) if one["path"] == f"/odd/{number}"]
                    kinds = ["video"] if name in SILENT else ["video", "audio"]
                    least = [min(came[mine[0], kind], SOME) if len(mine) == 1 else 0 for kind in kinds]
                    if min(least) < SOME:
                        found.append(f"{name}: {least}, {len(mine)} offers")
                return found

            while left := await asyncio.to_thread(missing):
                if time.monotonic() - began > PATIENCE:
                    process.terminate()
                    _, log = await ended(process)
                    raise AssertionError("\n".join([*left, log]))
                await asyncio.sleep(0.3)
            process.terminate()
            _, log = await ended(process)
        deleted = len(server.state()["deleted"])
        shown = await asyncio.to_thread(seen_and_heard, server.received())
    assert len(shown) == len(names)
    assert [figures for figures in shown.values() if figures[0] < SOME] == [], "pictures"
    assert len([figures for figures in shown.values() if figures[1] < SOME - 1]) == len(silent), "sound"
    assert deleted == len(names) - (NOWHERE in names), log
    for name in silent:
        number = names.index(name)
        assert [line for line in log.splitlines() if f"odd{number}:" in line and "does not take opus" in line], log
    told = [line for line in log.splitlines() if "asks for one unit of H.264 in each packet" in line]
    single = "one unit a packet"
    assert [f"odd{names.index(single)}:" in line for line in told] == [True] * (single in names), told


BLIND: dict[str, dict[str, Any]] = {
    "the picture refused": {"answer": [("m=video [0-9]+", "m=video 0")]},
    "no section for the picture": {"answer": [(r"(?s)m=video.*?(?=m=|$)", "")]},
    "the picture inactive": {"answer": [(r"(?s)(m=video.*?)a=recvonly", r"\1a=inactive")]},
    "another codec": {"answer": [("H264/90000", "VP8/90000")]},
}


async def test_a_server_that_takes_the_sound_alone_is_told_of_and_not_healthy(tmp_path: Path) -> None:
    odd = {str(number): one for number, one in enumerate(BLIND.values())}
    with WhipServer(tmp_path / "whip", odd=odd) as server:
        outputs = {f"odd{number}": {"url": server.url(f"odd/{number}")} for number in range(len(BLIND))}
        began = time.monotonic()
        async with running(tmp_path, "", loop=True, clip=CLIP, outputs=outputs) as process:

            def heard() -> Counter[int]:
                return Counter(unit.session for unit in server.received() if unit.kind == "audio")

            while len([count for count in heard().values() if count > SOME]) < len(BLIND):
                assert time.monotonic() - began < 60, heard()
                await asyncio.sleep(0.3)
            process.terminate()
            out, err = await asyncio.wait_for(process.communicate(), 40)
        log = err.decode()
        assert {unit.kind for unit in server.received()} == {"audio"}
    for session in json.loads(out)["sessions"]:
        assert (session["state"], session["health"]) == ("connected", "unhealthy"), session
        name = session["label"]
        told = [line for line in log.splitlines() if name in line and "does not take h264" in line]
        assert len(told) == 1
        assert "nobody sees anything" in told[0]
