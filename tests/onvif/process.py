"""The virtual camera as a program: WS-Discovery, ONVIF over HTTP and a live picture by RTSP, on all its addresses."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.cameras import clips
from tests.cameras.rtp import video_track
from tests.cameras.script import Asked, Reply, Script, digest
from tests.cameras.server import Camera
from tests.onvif.camera import PASSWORD, USER, Behaviour, OnvifCamera
from tests.servers.process import ServerProcess

GROUP, PORT = "239.255.255.250", 3702
HTTP = 80
SECONDS = 60
_MATCHES = (
    '<?xml version="1.0"?><e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery">'
    "<e:Header><a:RelatesTo>{relates}</a:RelatesTo></e:Header><e:Body><d:ProbeMatches><d:ProbeMatch>"
    "<a:EndpointReference><a:Address>urn:uuid:{uuid}</a:Address></a:EndpointReference>"
    "<d:Types>dn:NetworkVideoTransmitter</d:Types><d:Scopes>onvif://www.onvif.org/name/Front%20door "
    "onvif://www.onvif.org/hardware/Dome4 onvif://www.onvif.org/Profile/Streaming</d:Scopes>"
    "<d:XAddrs>http://{host}/onvif/device_service http://[fe80::1]/onvif/device_service</d:XAddrs>"
    "<d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></e:Body></e:Envelope>"
)


class Answers(asyncio.DatagramProtocol):
    """Answers probes for network video transmitters, each once."""

    def __init__(self, uuid: str) -> None:
        self._uuid = uuid
        self._seen: set[str] = set()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        asked = re.search(r"MessageID>(urn:uuid:[0-9a-f-]+)<", data.decode())
        if asked is None or b"NetworkVideoTransmitter" not in data or asked[1] in self._seen:
            return
        self._seen.add(asked[1])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.connect(addr)
            host = own.getsockname()[0]
        answer = _MATCHES.format(relates=asked[1], uuid=self._uuid, host=host)
        # What no peer should have to bear comes first.
        for data in (b"", b"\xff" * 60_000, b"<a>" * 9000, answer.encode()):
            self._transport.sendto(data, addr)


def with_password(asked: Asked, reply: Reply) -> Reply:
    if asked.method == "OPTIONS" or digest(asked, USER, PASSWORD):
        return reply
    offer = 'Digest realm="r", nonce="n", qop="auth"'
    return Reply(401, "No", {"CSeq": reply.headers["CSeq"], "WWW-Authenticate": offer})


async def main(settings: dict[str, Any]) -> None:
    track = video_track(clips.video("h264", frames=SECONDS * clips.FPS, gop=clips.FPS))
    hearing = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    hearing.bind(("0.0.0.0", PORT))
    hearing.setblocking(False)
    # By the interface's number: it stays a member when its address changes.
    member = struct.pack("4s4si", socket.inet_aton(GROUP), b"\0" * 4, socket.if_nametoindex("eth0"))
    hearing.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
    async with Camera(Script([track], [with_password], path="/main"), host="0.0.0.0") as rtsp:
        behaviour = Behaviour(rtsp=rtsp.port, **settings)
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: Answers(behaviour.uuid), sock=hearing)
        async with OnvifCamera(behaviour, host="0.0.0.0", port=HTTP):
            await asyncio.Event().wait()


class VirtualCamera(ServerProcess):
    """The program, which may be started in another namespace."""

    def __init__(self, directory: Path, *, prefix: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(directory, port=HTTP, prefix=prefix)
        self._settings = settings

    def command(self) -> Sequence[str]:
        return (sys.executable, "-m", "tests.onvif.process", json.dumps(self._settings))

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "PYTHONPATH": str(Path(__file__).parent.parent.parent)}


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
