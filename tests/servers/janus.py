"""Janus (Debian's), a WebRTC server of another making, and the little WHIP endpoint that it needs in front of it.

Janus records what it receives as RTP packets ("mjr" files), which are read here.
"""

from __future__ import annotations

import json
import secrets
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import attrs
from aiohttp import ClientSession, web
from aiortc.codecs.h264 import h264_depayload
from aiortc.rtp import RtpPacket

from tests.servers.process import ServerProcess, free_port

_FOLDERS = """general: {{
    configs_folder = "{place}"
    plugins_folder = "{libraries}/plugins"
    transports_folder = "{libraries}/transports"
    events_folder = "{place}/none"
    loggers_folder = "{place}/none"
    debug_level = 4
    server_name = "test"
}}
media: {{ rtp_port_range = "20000-40000" }}
plugins: {{ disable = "{unused}" }}
transports: {{ disable = "{transports}" }}
"""
_HTTP = """general: {{ json = "compact", base_path = "/janus", http = true, port = {port}, ip = "{host}" }}
admin: {{ admin_http = false }}
"""
_TRANSPORTS = "websockets pfunix rabbitmq mqtt nanomsg"
_UNUSED = "audiobridge duktape echotest lua nosip recordplay sip streaming textroom videocall voicemail"


class Janus(ServerProcess):
    """The server itself; its HTTP interface is on `port`."""

    def command(self) -> Sequence[str]:
        (libraries,) = Path("/usr/lib").glob("*/janus")
        place = self.directory / "etc"
        place.mkdir(exist_ok=True)
        unused, transports = (
            ",".join(f"libjanus_{name}.so" for name in names.split()) for names in (_UNUSED, _TRANSPORTS)
        )
        folders = _FOLDERS.format(place=place, libraries=libraries, unused=unused, transports=transports)
        (place / "janus.jcfg").write_text(folders)
        (place / "janus.transport.http.jcfg").write_text(_HTTP.format(host=self.host, port=self.port))
        (place / "janus.plugin.videoroom.jcfg").write_text("general: { string_ids = false }\n")
        return ("janus", f"--config={place / 'janus.jcfg'}", f"--configs-folder={place}", "--disable-colors")

    def recording(self, room: int, kind: str) -> Path:
        (found,) = self.directory.glob(f"room{room}-{kind}-*.mjr")
        return found


@attrs.define
class JanusWhip:
    """WHIP in front of Janus's VideoRoom: each POST makes a room of its own."""

    janus: Janus
    port: int = attrs.field(factory=free_port)
    rooms: list[int] = attrs.field(factory=list)
    _http: ClientSession | None = None
    _runner: web.AppRunner | None = None
    _sessions: dict[int, int] = attrs.field(factory=dict)

    @property
    def url(self) -> str:
        return f"whip://127.0.0.1:{self.port}/whip/camera-7"

    async def __aenter__(self) -> Self:
        self._http = ClientSession()
        app = web.Application()
        app.router.add_post("/whip/{name}", self._publish)
        app.router.add_delete("/session/{room}", self._delete)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._http is not None
        assert self._runner is not None
        await self._runner.cleanup()
        await self._http.close()

    async def _ask(self, path: str, **what: Any) -> dict[str, Any]:
        assert self._http is not None
        url = f"http://{self.janus.host}:{self.janus.port}/janus{path}"
        async with self._http.post(url, json={"transaction": secrets.token_hex(6), **what}) as answer:
            found: dict[str, Any] = await answer.json(content_type=None)
            return found

    async def _publish(self, request: web.Request) -> web.Response:
        assert self._http is not None
        session = (await self._ask("", janus="create"))["data"]["id"]
        handle = (await self._ask(f"/{session}", janus="attach", plugin="janus.plugin.videoroom"))["data"]["id"]
        room = secrets.randbelow(1 << 30) + 1
        body: dict[str, Any] = {
            "request": "create", "room": room, "videocodec": "h264", "audiocodec": "opus", "record": True,
            "rec_dir": str(self.janus.directory), "publishers": 2,
        }  # fmt: skip
        await self._ask(f"/{session}/{handle}", janus="message", body=body)
        body = {"request": "joinandconfigure", "room": room, "ptype": "publisher", "record": True}
        body["filename"] = f"room{room}"
        jsep = {"type": "offer", "sdp": await request.text()}
        await self._ask(f"/{session}/{handle}", janus="message", body=body, jsep=jsep)
        while True:
            async with self._http.get(f"http://{self.janus.host}:{self.janus.port}/janus/{session}?maxev=1") as answer:
                event = await answer.json(content_type=None)
            if event.get("janus") == "event" and "jsep" in event:
                break
            if "error" in event or "error" in event.get("plugindata", {}).get("data", {}):
                return web.Response(status=400, text=json.dumps(event))
        self.rooms.append(room)
        self._sessions[room] = session
        headers = {"Location": f"/session/{room}", "Content-Type": "application/sdp"}
        return web.Response(status=201, body=event["jsep"]["sdp"].encode(), headers=headers)

    async def _delete(self, request: web.Request) -> web.Response:
        session = self._sessions.pop(int(request.match_info["room"]))
        await self._ask(f"/{session}", janus="destroy")
        return web.Response()


def recorded(path: Path) -> Iterator[RtpPacket]:
    """The RTP packets of an mjr file: "MJR00002", a JSON header, then time, size and packet behind each "MEET"."""
    data = path.read_bytes()
    at = 0
    while at < len(data):
        mark = data[at : at + 4]
        if mark == b"MJR0":
            (size,) = struct.unpack_from("!H", data, at + 8)
            at += 10 + size
            continue
        assert mark == b"MEET", f"{path}: {mark!r} at {at}"
        (size,) = struct.unpack_from("!H", data, at + 8)
        yield RtpPacket.parse(data[at + 10 : at + 10 + size])
        at += 10 + size


def pictures(packets: Sequence[RtpPacket]) -> list[list[bytes]]:
    """NAL units by picture, in order of sequence numbers; repeated packets count once."""
    first = packets[0].sequence_number
    ordered = {(packet.sequence_number - first) & 0xFFFF: packet for packet in packets}
    found: dict[int, bytes] = {}
    for number in sorted(ordered):
        packet = ordered[number]
        found[packet.timestamp] = found.get(packet.timestamp, b"") + h264_depayload(packet.payload)
    return [[unit for unit in data.split(b"\0\0\0\1") if unit] for data in found.values()]
