"""The program behind `WhipServer`: a WHIP endpoint (aiohttp) whose peers (aiortc) write hashes of what they receive.

/whip/…            a WHIP endpoint: 201 with a Content-Length
/chunked/…         the same without a Content-Length
/until-close/…     the same, the end of the connection is the end of the body
/absolute/…        the same with an absolute Location and Link headers
/no-location/…     the same without a Location
/any-profile/…     takes H.264 under whatever profile is offered first
/video-only/…      refuses the sound
/options-cut/…     hangs up at OPTIONS
/options-mute/…    never answers OPTIONS
/named/…           candidates have the name of a host: media.example
/localhost/…       candidates have the name localhost
/elsewhere/…       Location on another host
/retry/WORDS       503 with Retry-After: WORDS
/full/WORDS        the same once, then like /whip/…
/mute/…            answers, without any address, and has closed its sockets
/redirect/N/…      307, N times, then /whip/…
/odd/NAME          like /whip/…, with what `odd` of the settings has for NAME
/to?URL            307 to URL
/status/N          answers N with text that quotes the Authorization header
/silent, /endless, /garbage, /html, /nothing   answers that are none
/control/…         state, pli, hangup
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import ssl
import sys
import time
from collections import Counter
from typing import Any, TextIO

import aioice.ice
import aiortc.rtcrtpreceiver
from aiohttp import web
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription


class Server:
    def __init__(self, settings: dict[str, Any]) -> None:
        self.token = settings["token"]
        self.output: TextIO = open(settings["output"], "a", buffering=1)  # noqa: SIM115  open as long as the process
        self.peers: dict[int, RTCPeerConnection] = {}
        self.requests: list[dict[str, Any]] = []
        self.deleted: list[int] = []
        self.number = 0
        self.was_full = False
        self.keeps: int = settings["keeps"]
        self.kept: Counter[tuple[int, str]] = Counter()
        self.odd_answers: dict[str, dict[str, Any]] = settings["odd"]

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/control/{what}", self.control)
        app.router.add_route("*", "/{behaviour}", self.any)
        app.router.add_route("*", "/{behaviour}/{rest:.*}", self.any)
        return app

    async def any(self, request: web.Request) -> web.StreamResponse:
        behaviour, rest = request.match_info["behaviour"], request.match_info.get("rest", "")
        authorization = request.headers.get("Authorization", "")
        self.requests.append(
            {
                "method": request.method,
                "path": request.path,
                "authorization": authorization,
                "type": request.headers.get("Content-Type", ""),
                "at": time.monotonic(),
            }
        )
        if behaviour == "silent":
            await asyncio.sleep(60)
        if request.method == "OPTIONS" and behaviour == "options-mute":
            await asyncio.sleep(60)
        if request.method == "OPTIONS" and behaviour == "options-cut":
            assert request.transport is not None
            request.transport.abort()
        if request.method == "OPTIONS":
            return web.Response(status=204, headers=_links() if behaviour == "absolute" else {})
        if behaviour == "session" and request.method == "DELETE":
            return await self.delete(int(rest))
        odd = await self.odd(behaviour, rest, request)
        if odd is not None:
            return odd
        if self.token and authorization != f"Bearer {self.token}":
            return web.Response(status=401, text=f"bad authorization {authorization!r}")
        return await self.publish(behaviour, request)

    async def odd(self, behaviour: str, rest: str, request: web.Request) -> web.StreamResponse | None:
        if behaviour == "redirect":
            count, _, name = rest.partition("/")
            left = int(count) - 1
            where = f"/redirect/{left}/{name}" if left else f"/whip/{name}"
            return web.Response(status=307, headers={"Location": where})
        if behaviour == "to":
            return web.Response(status=307, headers={"Location": request.query_string})
        if behaviour == "retry" or (behaviour == "full" and not self.was_full):
            self.was_full = True
            return web.Response(status=503, headers={"Retry-After": rest}, text="\x1b[31mfull\r\nforged: line")
        if behaviour == "status":
            said = request.headers.get("Authorization", "")
            return web.Response(status=int(rest), text=f"no, {said} at {request.path_qs}")
        if behaviour == "garbage":
            return web.Response(status=201, text="v=0\r\nm=video\r\n", content_type="application/sdp")
        if behaviour == "html":
            return web.Response(status=201, text="<html>", content_type="text/html")
        if behaviour == "nothing":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if behaviour == "endless":
            answer = web.StreamResponse(status=201, headers={"Content-Type": "application/sdp"})
            await answer.prepare(request)
            while True:
                await answer.write(b"a=x\r\n" * 2000)
        return None

    async def publish(self, behaviour: str, request: web.Request) -> web.StreamResponse:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        offer = await request.text()
        odd = self.odd_answers[request.match_info["rest"]] if behaviour == "odd" else {}
        offer = _edited(offer, odd.get("offer", ()))
        if behaviour == "any-profile":
            offer = re.sub(r"profile-level-id=[0-9a-f]{6}", "profile-level-id=42e01f", offer)
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        number = self.number
        self.number += 1
        self.peers[number] = peer
        for transceiver in peer.getTransceivers():
            transceiver.receiver.camcast = (number, transceiver.kind)  # type: ignore[attr-defined]
        answer = await peer.createAnswer()
        await peer.setLocalDescription(answer)
        text = peer.localDescription.sdp
        if behaviour == "video-only":
            text = "\r\n".join(
                f"m=audio 0 {' '.join(line.split()[2:])}" if line.startswith("m=audio") else line
                for line in text.split("\r\n")
            )
        if behaviour == "mute":
            text = re.sub(r"(?m)^a=candidate:.*\r\n", "", text)
            await peer.close()
        if behaviour in ("named", "localhost"):
            name = {"named": "media.example"}.get(behaviour, behaviour)
            text = re.sub(r"(?m)^(a=candidate:(?:\S+ ){4})\S+", rf"\g<1>{name}", text)
        text = _edited(text, odd.get("answer", ()))
        headers = {"Location": f"/session/{number}", "Content-Type": "application/sdp"}
        headers |= {name: value.replace("NUMBER", str(number)) for name, value in odd.get("headers", {}).items()}
        if behaviour == "elsewhere":
            headers["Location"] = f"http://localhost:{request.url.port}/session/{number}"
        if behaviour == "absolute":
            headers = {**headers, **_links(), "Location": str(request.url.with_path(f"/session/{number}"))}
        if behaviour == "no-location":
            del headers["Location"]
        if interim := odd.get("interim"):
            assert request.transport is not None
            request.transport.write(interim.encode())
        if behaviour not in ("chunked", "until-close"):
            return web.Response(status=odd.get("status", 201), headers=headers, body=text.encode())
        streamed = web.StreamResponse(status=201, headers=headers)
        if behaviour == "chunked":
            streamed.enable_chunked_encoding()
        else:
            streamed.force_close()
            streamed.headers["Connection"] = "close"
        await streamed.prepare(request)
        for start in range(0, len(text), 500):
            await streamed.write(text[start : start + 500].encode())
        await streamed.write_eof()
        return streamed

    async def delete(self, number: int) -> web.Response:
        peer = self.peers.pop(number, None)
        if peer is None:
            return web.Response(status=404)
        self.deleted.append(number)
        await peer.close()
        return web.Response(status=200)

    async def control(self, request: web.Request) -> web.Response:
        what, asked = request.match_info["what"], 0
        if what == "pli":
            for peer in self.peers.values():
                for receiver in peer.getReceivers():
                    for ssrc in list(receiver._RTCRtpReceiver__remote_streams):  # type: ignore[attr-defined]
                        if receiver.track.kind == "video":
                            await receiver._send_rtcp_pli(ssrc)
                            asked += 1
        if what == "hangup":
            for number in list(self.peers):
                await self.peers.pop(number).close()
        states = {number: peer.connectionState for number, peer in self.peers.items()}
        return web.json_response(
            {
                "peers": states,
                "requests": self.requests,
                "deleted": self.deleted,
                "sessions": self.number,
                "packets": self.packets(),
                "asked": asked,
            }
        )

    def packets(self) -> dict[int, list[int]]:
        """Received and lost, by session."""
        return {
            number: [
                sum(getattr(stream, name) for one in peer.getReceivers() for stream in _streams(one))
                for name in ("packets_received", "packets_lost")
            ]
            for number, peer in self.peers.items()
        }

    def unit(self, number: int, kind: str, time: int, data: bytes) -> None:
        """One access unit or audio frame, as the jitter buffer gave it out."""
        parts = [part for part in data.split(b"\0\0\0\1") if part] if kind == "video" else [data]
        hashes = [hashlib.sha256(part).hexdigest()[:16] for part in parts]
        self.kept[number, kind] += 1
        media = base64.b64encode(data).decode() if self.kept[number, kind] <= self.keeps else ""
        self.output.write(json.dumps([number, kind, time, hashes, media]) + "\n")


def _streams(receiver: Any) -> list[Any]:
    return list(receiver._RTCRtpReceiver__remote_streams.values())


async def count_only(self: Any, packet: Any, arrival_time_ms: int) -> None:
    """In place of a receiver's work: enough for its reports, and a hole is asked for as ever."""
    streams = self._RTCRtpReceiver__remote_streams
    if packet.ssrc not in streams:
        streams[packet.ssrc] = aiortc.rtcrtpreceiver.StreamStatistics(90_000)
    streams[packet.ssrc].add(packet)


def _edited(text: str, edits: Any) -> str:
    for pattern, new in edits:
        text = re.sub(pattern, new, text)
    return text


def _links() -> dict[str, str]:
    # Addresses for documentation (RFC 5737) would be asked; a closed port of this machine answers at once.
    return {"Link": '<stun:127.0.0.1:9>; rel="ice-server", <https://example.com/>; rel="help"'}


def main() -> None:
    settings = json.loads(sys.argv[1])
    # Media stays on the loopback.
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: [settings["host"]]
    server = Server(settings)
    receivers: dict[int, Any] = {}

    original = aiortc.rtcrtpreceiver.RTCRtpReceiver.receive

    async def receive(self: Any, parameters: Any) -> None:
        receivers[id(self._track._queue)] = self
        await original(self, parameters)

    def write_down(loop: Any, units: Any, out: Any, error: Any) -> None:
        number, kind = receivers[id(out)].camcast
        while (task := units.get()) is not None:
            _, unit = task
            server.unit(number, kind, unit.timestamp, unit.data)

    if settings["light"]:
        aiortc.rtcrtpreceiver.RTCRtpReceiver._handle_rtp_packet = count_only  # type: ignore[method-assign]
    aiortc.rtcrtpreceiver.RTCRtpReceiver.receive = receive  # type: ignore[method-assign]
    aiortc.rtcrtpreceiver.decoder_worker = write_down  # type: ignore[assignment]
    context = None
    if settings["tls"]:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*settings["tls"])
        if settings["clients"]:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(settings["clients"])
    web.run_app(
        server.application(), host=settings["host"], port=settings["port"], ssl_context=context, print=None,
        handle_signals=True, access_log=None, shutdown_timeout=0.5,
    )  # fmt: skip


if __name__ == "__main__":
    main()
