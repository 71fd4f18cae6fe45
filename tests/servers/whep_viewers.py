"""The program behind `Viewers`: aiortc's peer connections that watch one WHEP endpoint and write down what they get.

Lines on stdout are JSON: {"viewer", "location"} for each that has its answer, {"viewer", "state"} for each change,
{"viewer", "kind", "time", "hashes"} for each unit that its jitter buffer gives out, in RTP's ticks since the first, and
{"viewer", "report", "wall", "time"} for each sender report: of which kind, and `time.time()` at such a time. At the end
of stdin they say DELETE and close. With "trickle" they offer no address and send theirs by PATCH. "addresses" are those
for media, null = all of the host's; "relay" is a TURN server of theirs; "takes" is the type of the other side's
candidates that they use.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from typing import Any
from urllib.parse import urljoin

import aiohttp
import aioice.ice
import aiortc.rtcrtpreceiver
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.rtp import RtcpSrPacket

NTP_1970 = 2_208_988_800
"""Seconds from where NTP's clock begins to where Unix's does."""
PLAIN = {
    "count": 1,
    "token": "",
    "kinds": ["video", "audio"],
    "trickle": False,
    "addresses": None,
    "relay": [],
    "takes": "",
}
"""What is not said."""


def say(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


class Viewer:
    def __init__(self, number: int, settings: dict[str, Any]) -> None:
        self.number = number
        self.settings = settings
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[RTCIceServer(**one) for one in settings["relay"]]))
        self.location = ""

    @property
    def headers(self) -> dict[str, str]:
        token = self.settings["token"]
        return {"Authorization": f"Bearer {token}"} if token else {}

    async def watch(self, client: aiohttp.ClientSession) -> None:
        peer = self.peer
        for kind in self.settings["kinds"]:
            transceiver = peer.addTransceiver(kind, direction="recvonly")
            transceiver.receiver.camcast = (self.number, kind)  # type: ignore[attr-defined]
        peer.on("connectionstatechange", lambda: say(viewer=self.number, state=peer.connectionState))
        await peer.setLocalDescription(await peer.createOffer())
        headers = {**self.headers, "Content-Type": "application/sdp"}
        text = peer.localDescription.sdp
        candidates = [line for line in text.splitlines() if line.startswith(("a=candidate", "a=end-of"))]
        if self.settings["trickle"]:
            text = "".join(f"{line}\r\n" for line in text.splitlines() if line not in candidates)
        async with client.post(self.settings["url"], data=text, headers=headers) as answer:
            body = await answer.text()
            if self.settings["takes"]:
                lines = body.splitlines(keepends=True)
                kind = f" typ {self.settings['takes']}"
                body = "".join(one for one in lines if not one.startswith("a=candidate") or kind in one)
            assert answer.status == 201, f"{answer.status}: {body}"
            self.location = urljoin(self.settings["url"], answer.headers["Location"])
        if self.settings["trickle"]:
            await self.trickle(client, candidates)
        await peer.setRemoteDescription(RTCSessionDescription(body, "answer"))
        say(viewer=self.number, location=self.location)

    async def trickle(self, client: aiohttp.ClientSession, candidates: list[str]) -> None:
        headers = {**self.headers, "Content-Type": "application/trickle-ice-sdpfrag"}
        fragment = "\r\n".join(["m=audio 9 UDP/TLS/RTP/SAVPF 0", "a=mid:0", *dict.fromkeys(candidates)]) + "\r\n"
        async with client.patch(self.location, data=fragment, headers=headers) as answer:
            say(viewer=self.number, patched=answer.status)

    async def leave(self, client: aiohttp.ClientSession) -> None:
        async with client.delete(self.location, headers=self.headers) as answer:
            say(viewer=self.number, deleted=answer.status)
        await self.peer.close()


async def run(settings: dict[str, Any]) -> None:
    viewers = [Viewer(number, settings) for number in range(settings["count"])]
    async with aiohttp.ClientSession() as client:
        await asyncio.gather(*(viewer.watch(client) for viewer in viewers))
        await asyncio.to_thread(sys.stdin.read)
        await asyncio.gather(*(viewer.leave(client) for viewer in viewers))


def main() -> None:
    settings = {**PLAIN, **json.loads(sys.argv[1])}
    if settings["addresses"] is not None:
        aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: settings["addresses"]
    receivers: dict[int, Any] = {}
    original = aiortc.rtcrtpreceiver.RTCRtpReceiver.receive

    async def receive(self: Any, parameters: Any) -> None:
        receivers[id(self._track._queue)] = self
        await original(self, parameters)

    def write_down(loop: Any, units: Any, out: Any, error: Any) -> None:
        number, kind = receivers[id(out)].camcast
        while (task := units.get()) is not None:
            _, unit = task
            data = unit.data
            parts = [part for part in data.split(b"\0\0\0\1") if part] if kind == "video" else [data]
            hashes = [hashlib.sha256(part).hexdigest()[:16] for part in parts]
            say(viewer=number, kind=kind, time=unit.timestamp, hashes=hashes)

    heard = aiortc.rtcrtpreceiver.RTCRtpReceiver._handle_rtcp_packet

    async def report(self: Any, packet: Any) -> None:
        begin = self._RTCRtpReceiver__timestamp_mapper._origin
        if isinstance(packet, RtcpSrPacket) and begin is not None:
            number, kind = self.camcast
            told = packet.sender_info
            wall = told.ntp_timestamp / (1 << 32) - NTP_1970
            say(viewer=number, report=kind, wall=wall, time=told.rtp_timestamp - begin)
        await heard(self, packet)

    aiortc.rtcrtpreceiver.RTCRtpReceiver._handle_rtcp_packet = report  # type: ignore[method-assign]
    aiortc.rtcrtpreceiver.RTCRtpReceiver.receive = receive  # type: ignore[method-assign]
    aiortc.rtcrtpreceiver.decoder_worker = write_down  # type: ignore[assignment]
    asyncio.run(run(settings))


if __name__ == "__main__":
    main()
