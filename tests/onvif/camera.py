"""A virtual ONVIF camera: SOAP over HTTP as a good device answers, with what real ones do wrong as settings.

Made from the specifications, apart from the client's own code: it checks digests and tokens by itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import ssl
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from time import time
from typing import Self
from xml.etree import ElementTree

import attrs

from tests.servers.connections import Connections

UUID = "2419d68a-2dd2-21b2-a205-00408c123456"
MAC = "00:40:8c:12:34:56"
USER, PASSWORD = "operator", "geheim & <strong>"
NONCE = "dcd98b7102dd2f0e8b11d0f600bfb0c093"
WINDOW = 5.0
"""Seconds by which the time of a token may be off."""
_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:tds="http://www.onvif.org/ver10/device/wsdl" '
    'xmlns:trt="http://www.onvif.org/ver10/media/wsdl" xmlns:tr2="http://www.onvif.org/ver20/media/wsdl" '
    'xmlns:ter="http://www.onvif.org/ver10/error"><SOAP-ENV:Body>{}</SOAP-ENV:Body></SOAP-ENV:Envelope>'
)
_PROFILES = (("tok_sub", "Sub & co", "H264", 640, 360), ("tok_main", "Main", "H265", 2560, 1440))


@attrs.define
class Behaviour:
    """What this device is like."""

    login: str = "digest"
    """"digest" (HTTP's), "auth-int" (the same over the body), "token" (WS-UsernameToken), "deceptive" (offers digest
    and takes the token), "basic" or "none"."""
    realm: str = "cam"
    open: frozenset[str] = frozenset()
    """Requests that it answers to anybody (ONVIF's PRE_AUTH)."""
    clock: float = 0.0
    """Seconds that its clock is ahead."""
    tells_time: bool = True
    media2: bool = True
    services: bool = True
    """Whether it knows GetServices."""
    endpoint: bool = True
    uuid: str = UUID
    mac: str = MAC
    serial: str = "ACCC8E000001"
    host: str = ""
    """What it takes itself for in URLs; "" = what it was asked by."""
    rtsp: int = 554
    """The port of its streams."""
    streamless: frozenset[str] = frozenset()
    """Tokens of profiles for which it names no address."""
    denies: frozenset[str] = frozenset()
    """Requests that its user may not make."""
    answers: dict[str, bytes] = attrs.field(factory=dict)
    """The whole of an HTTP answer's bytes, by request, in place of the right one."""
    hangs: frozenset[str] = frozenset()
    """Requests that it never answers."""


@attrs.define
class Asked:
    """A request as it came."""

    name: str
    """GetProfiles, …"""
    text: str
    authorization: str


class OnvifCamera(Connections):
    """Listens while entered. `asked` holds all requests."""

    def __init__(
        self,
        behaviour: Behaviour | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(host)
        self.behaviour = behaviour or Behaviour()
        self.asked: list[Asked] = []
        self.heard = asyncio.Event()
        """Set by the first of them."""
        self._wanted = port
        self._tls = tls

    @property
    def service(self) -> str:
        return f"http://{self._host}:{self.port}/onvif/device_service"

    def names(self) -> list[str]:
        return [one.name for one in self.asked]

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._client, self._host, self._wanted, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            size = int(re.search(r"content-length: (\d+)", head, re.IGNORECASE)[1])  # type: ignore[index]
            body = (await reader.readexactly(size)).decode()
            authorization = re.search(r"^authorization: (.*)\r$", head, re.IGNORECASE | re.MULTILINE)
            asked = Asked(_name(body), body, authorization[1] if authorization else "")
            self.asked.append(asked)
            self.heard.set()
            if asked.name in self.behaviour.hangs:
                await asyncio.Event().wait()
            host = writer.get_extra_info("sockname")[0]
            writer.write(self.behaviour.answers.get(asked.name) or self._answer(asked, head, host))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went
        finally:
            writer.close()

    def _answer(self, asked: Asked, head: str, host: str) -> bytes:
        if asked.name == "GetSystemDateAndTime":
            return _http(self._time()) if self.behaviour.tells_time else _fault("ActionNotSupported", "no clock")
        if (refusal := self._refusal(asked, head)) is not None:
            return refusal
        if asked.name in self.behaviour.denies:
            return _fault("NotAuthorized", "Sender not Authorized", 400)
        found = self._content(asked, self.behaviour.host or host)
        return _fault("ActionNotSupported", "not here") if found is None else _http(found)

    def _refusal(self, asked: Asked, head: str) -> bytes | None:
        if asked.name in self.behaviour.open:
            return None
        match self.behaviour.login:
            case "none":
                return None
            case "digest" | "auth-int" | "deceptive" as login:
                qop, realm = "auth-int" if login == "auth-int" else "auth", self.behaviour.realm
                if login == "deceptive":
                    if "UsernameToken" in asked.text and _token_is_right(asked.text, time() + self.behaviour.clock):
                        return None
                elif _digest_is_right(asked, head.split(" ")[1], realm, qop):
                    return None
                challenge = f'Digest realm="{realm}", nonce="{NONCE}", qop="{qop}", algorithm=MD5'
                return _http("", 401, f"WWW-Authenticate: {challenge}\r\n")
            case "basic":
                return _http("", 401, 'WWW-Authenticate: Basic realm="cam"\r\n')
            case _:
                if _token_is_right(asked.text, time() + self.behaviour.clock):
                    return None
                return _fault("NotAuthorized", "Sender not Authorized", 400)

    def _time(self) -> str:
        now = datetime.fromtimestamp(time() + self.behaviour.clock, UTC)
        return (
            "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:UTCDateTime><tt:Time>"
            f"<tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}</tt:Second>"
            f"</tt:Time><tt:Date><tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day>"
            "</tt:Date></tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
        )

    def _content(self, asked: Asked, host: str) -> str | None:
        me = self.behaviour
        media = f"http://{host}:{self.port}/onvif/media"
        match asked.name:
            case "GetDeviceInformation":
                return (
                    "<tds:GetDeviceInformationResponse><tds:Manufacturer>Acme</tds:Manufacturer>"
                    "<tds:Model>Dome 4</tds:Model>"
                    f"<tds:FirmwareVersion>1.2</tds:FirmwareVersion><tds:SerialNumber>{me.serial}</tds:SerialNumber>"
                    "</tds:GetDeviceInformationResponse>"
                )
            case "GetEndpointReference" if me.endpoint:
                name = "tds:GetEndpointReferenceResponse"
                return f"<{name}><tds:GUID>urn:uuid:{me.uuid}</tds:GUID></{name}>"
            case "GetNetworkInterfaces" if me.mac:
                return (
                    "<tds:GetNetworkInterfacesResponse><tds:NetworkInterfaces><tt:Info><tt:HwAddress>"
                    f"{me.mac}</tt:HwAddress></tt:Info></tds:NetworkInterfaces></tds:GetNetworkInterfacesResponse>"
                )
            case "GetServices" if me.services:
                spaces = ["ver10/device", "ver10/media", *(["ver20/media"] if me.media2 else [])]
                services = "".join(
                    f"<tds:Service><tds:Namespace>http://www.onvif.org/{space}/wsdl</tds:Namespace>"
                    f"<tds:XAddr>{media}</tds:XAddr></tds:Service>"
                    for space in spaces
                )
                return f"<tds:GetServicesResponse>{services}</tds:GetServicesResponse>"
            case "GetCapabilities":
                return (
                    "<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Media>"
                    f"<tt:XAddr>{media}</tt:XAddr></tt:Media></tds:Capabilities></tds:GetCapabilitiesResponse>"
                )
            case "GetProfiles":
                return _profiles(two="ver20/media" in asked.text)
            case "GetStreamUri":
                token = re.search(r"ProfileToken>([^<]*)<", asked.text)
                path = token[1].removeprefix("tok_") if token else ""
                if token and token[1] in self.behaviour.streamless:
                    return "<x><trt:MediaUri><tt:Uri/></trt:MediaUri></x>"
                return (
                    f"<x><trt:MediaUri><tt:Uri>rtsp://{host}:{me.rtsp}/{path}?unicast=true</tt:Uri></trt:MediaUri></x>"
                )
            case "GetSnapshotUri":
                return f"<x><tr2:Uri>http://{host}:{self.port}/still.jpg</tr2:Uri></x>"
            case _:
                return None


def _profiles(*, two: bool) -> str:
    rows = []
    for token, name, codec, width, height in _PROFILES:
        if not two and codec == "H265":
            codec = "H264"  # Media 1 knows no other
        video = (
            f"<tt:Encoding>{codec}</tt:Encoding><tt:Resolution><tt:Width>{width}</tt:Width><tt:Height>{height}</tt:Height>"
            "</tt:Resolution><tt:RateControl><tt:FrameRateLimit>25</tt:FrameRateLimit>"
            "<tt:BitrateLimit>4096</tt:BitrateLimit></tt:RateControl>"
        )
        name = name.replace("&", "&amp;")
        inside = (
            f"<tr2:Configurations><tr2:VideoEncoder>{video}</tr2:VideoEncoder></tr2:Configurations>"
            if two
            else f"<tt:VideoEncoderConfiguration>{video}</tt:VideoEncoderConfiguration>"
        )
        rows.append(f'<trt:Profiles token="{token}" fixed="true"><tt:Name>{name}</tt:Name>{inside}</trt:Profiles>')
    return f"<trt:GetProfilesResponse>{''.join(rows)}</trt:GetProfilesResponse>"


def _name(body: str) -> str:
    found = re.search(r"Body>\s*<(?:\w+:)?(\w+)", body)
    return found[1] if found else ""


def _http(content: str, status: int = 200, headers: str = "") -> bytes:
    body = _ENVELOPE.format(content).encode() if content else b""
    head = f"HTTP/1.1 {status} X\r\n{headers}Content-Type: application/soap+xml\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _fault(code: str, reason: str, status: int = 500) -> bytes:
    return _http(
        "<SOAP-ENV:Fault><SOAP-ENV:Code><SOAP-ENV:Value>SOAP-ENV:Sender</SOAP-ENV:Value><SOAP-ENV:Subcode>"
        f"<SOAP-ENV:Value>ter:{code}</SOAP-ENV:Value></SOAP-ENV:Subcode></SOAP-ENV:Code><SOAP-ENV:Reason>"
        f'<SOAP-ENV:Text xml:lang="en">{reason}</SOAP-ENV:Text></SOAP-ENV:Reason></SOAP-ENV:Fault>',
        status,
    )


def whole(content: str, status: int = 200) -> bytes:
    """An answer of a test's own."""
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(content.encode())}\r\n\r\n".encode() + content.encode()


def _digest_is_right(asked: Asked, path: str, realm: str, qop: str) -> bool:
    """RFC 2617 §3.2.2 with qop=auth or auth-int."""
    said = asked.authorization
    values: dict[str, str] = {}
    for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]*))', said):
        values[name] = quoted or plain
    if not said.startswith("Digest ") or values.get("username") != USER or values.get("uri") != path:
        return False

    def md5(*parts: str) -> str:
        return hashlib.md5(":".join(parts).encode()).hexdigest()

    first = md5(USER, realm, PASSWORD)
    second = md5("POST", path, md5(asked.text)) if qop == "auth-int" else md5("POST", path)
    return values.get("response") == md5(first, NONCE, values["nc"], values["cnonce"], qop, second)


def _token_is_right(text: str, now: float) -> bool:
    """UsernameToken Profile 1.0 §3.1; the device's own time decides how old it is."""
    root = ElementTree.fromstring(text)
    values: dict[str, str] = {}
    kinds: Sequence[str] = []
    for one in root.iter():
        values[one.tag.rpartition("}")[2]] = one.text or ""
        if one.tag.endswith("}Password"):
            kinds = [one.get("Type", "")]
    if values.get("Username") != USER or not kinds or not kinds[0].endswith("#PasswordDigest"):
        return False
    created = datetime.fromisoformat(values["Created"].replace("Z", "+00:00")).timestamp()
    digest = hashlib.sha1(b64decode(values["Nonce"]) + values["Created"].encode() + PASSWORD.encode()).digest()
    return values["Password"] == b64encode(digest).decode() and abs(created - now) <= WINDOW
