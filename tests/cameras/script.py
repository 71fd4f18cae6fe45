"""What a camera says and when, as data: pure scripts that `server.py` plays. No I/O.

A `Script` has tracks, which make its SDP, and `rules`: functions that are shown each request together with the answer a
good camera would give, and may change that answer, or say nothing at all.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import attrs

from tests.cameras.rtp import Track

NEVER = float("inf")
"""A moment that does not come."""


@attrs.define
class Asked:
    """A request as it came. Header names in lower case."""

    method: str
    url: str
    headers: dict[str, str]
    number: int = 0
    """How many of this method came before on this connection."""
    connection: int = 0
    """How many connections came before."""


@attrs.define
class Reply:
    """An answer. `headers` in order; `before` and `after` are bytes around it on the wire."""

    status: int = 200
    reason: str = "OK"
    headers: dict[str, str] = attrs.field(factory=dict)
    body: bytes = b""
    before: bytes = b""
    after: bytes = b""
    close: bool = False
    """The connection, after this answer."""
    silent: bool = False
    """Nothing is said."""
    wire: Callable[[bytes], bytes] | None = None
    """What becomes of its bytes."""
    delay: float = 0.0
    """Seconds until it is said."""

    def encode(self) -> bytes:
        if self.silent:
            return b""
        lines = [f"RTSP/1.0 {self.status} {self.reason}", *(f"{name}: {value}" for name, value in self.headers.items())]
        if self.body:
            lines.append(f"Content-Length: {len(self.body)}")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")
        data = self.before + head + self.body + self.after
        return self.wire(data) if self.wire else data


Rule = Callable[[Asked, Reply], Reply | None]
"""May change the reply in place, or return another; None = no answer."""

Wire = Callable[[int, bytes], bytes]
"""(channel, packet) → what goes out on the connection."""


def framed(channel: int, packet: bytes) -> bytes:
    """RFC 2326 §10.12."""
    return b"$" + bytes((channel,)) + len(packet).to_bytes(2, "big") + packet


@attrs.define
class Script:
    """One camera."""

    tracks: Sequence[Track]
    rules: Sequence[Rule] = ()
    sdp: str = ""
    """In place of the one that the tracks make."""
    wire: Wire = framed
    mangle: Callable[[list[tuple[float, int, bytes]]], list[tuple[float, int, bytes]]] | None = None
    """What becomes of all its packets on their way."""
    ending: str = "bye"
    """After the last packet: "bye", "close" or "silence"."""
    options: dict[str, object] = attrs.field(factory=dict)
    """The source's, for this camera."""
    login: str = ""
    """"user:password@" of its URL."""
    path: str = "/stream-one"
    timeout: float = 60
    """Seconds that a session lasts without a sign of life; the connection is closed then."""
    signs: frozenset[str] = frozenset(("GET_PARAMETER", "OPTIONS", "SET_PARAMETER"))
    """Requests that count as one."""
    silent_over: str = ""
    """"tcp" or "udp": nothing comes that way."""
    beginning: float = 0.2
    """Seconds of media, less than the first group, after which it waits until somebody sees it. `NEVER`: it does not.
    """
    goes_on: bool = False
    """Its clock does while the machine holds it up for long, over UDP: pictures are further apart there."""
    udp_source: str = ""
    """The address from which UDP media comes, and that SETUP announces."""
    within_http: dict[str, str] = attrs.field(factory=dict)
    """How its RTSP goes within HTTP (`within_http.py`); {} = it does not."""
    group: tuple[str, int] | None = None
    """The address and the first port to which UDP media goes, for everybody who listens there."""

    def description(self) -> str:
        if self.sdp:
            return self.sdp
        head = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=control:*\r\n"
        return head + "".join(f"{track.media}a=control:{track.control}\r\n" for track in self.tracks)

    def packets(self) -> list[tuple[float, int, bytes]]:
        """(moment, track × 2 + 1 for RTCP, packet) in the order in which they go out."""
        found: list[tuple[float, int, bytes]] = []
        for number, track in enumerate(self.tracks):
            found += [(at, 2 * number, data) for at, data in track.packets()]
            found += [(at, 2 * number + 1, data) for at, data in track.rtcp()]
        found.sort(key=lambda item: item[0])
        return self.mangle(found) if self.mangle else found

    @property
    def seconds(self) -> float:
        """From PLAY to the last packet."""
        return max((payload.at for track in self.tracks for payload in track.payloads), default=0.0)

    def later(self, which: int, packet: bytes, seconds: float) -> bytes:
        """A packet as if it had been made so much later. `which` as in `packets`."""
        return self.tracks[which // 2].later(packet, seconds) if seconds else packet


@attrs.define
class Conversation:
    """The camera's side of one connection."""

    script: Script
    connection: int = 0
    interleaved: dict[int, tuple[int, int]] = attrs.field(factory=dict)
    """Track → channels."""
    ports: dict[int, tuple[int, int]] = attrs.field(factory=dict)
    """Track → the client's UDP ports."""
    counts: Counter[str] = attrs.field(factory=Counter)
    last_sign: float = 0.0
    """When the client gave a sign of life, by the server's clock."""

    def answer(self, asked: Asked) -> Reply | None:
        asked.number, asked.connection = self.counts[asked.method], self.connection
        self.counts[asked.method] += 1
        reply: Reply | None = self._friendly(asked)
        for rule in self.script.rules:
            assert reply is not None
            reply = rule(asked, reply)
            if reply is None:
                return None
        return reply

    def _friendly(self, asked: Asked) -> Reply:
        reply = Reply(headers={"CSeq": asked.headers.get("cseq", "0")})
        match asked.method:
            case "OPTIONS":
                reply.headers["Public"] = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"
            case "DESCRIBE":
                reply.headers["Content-Base"] = asked.url + "/"
                reply.headers["Content-Type"] = "application/sdp"
                reply.body = self.script.description().encode()
            case "SETUP":
                reply.headers["Session"] = f"8765;timeout={self.script.timeout:g}"
                reply.headers["Transport"] = self._set_up(asked)
            case "PLAY":
                reply.headers["Session"] = "8765"
            case _:
                pass
        return reply

    def _set_up(self, asked: Asked) -> str:
        wanted = asked.headers.get("transport", "")
        number = self.track_of(asked.url)
        if found := re.search(r"interleaved=(\d+)-(\d+)", wanted):
            self.interleaved[number] = (int(found[1]), int(found[2]))
            return f"RTP/AVP/TCP;unicast;interleaved={found[1]}-{found[2]}"
        if self.script.group is not None:
            address, first = self.script.group
            self.ports[number] = (first + 2 * number, first + 2 * number + 1)
            return f"RTP/AVP;multicast;destination={address};port={first + 2 * number}-{first + 2 * number + 1};ttl=1"
        found = re.search(r"client_port=(\d+)-(\d+)", wanted)
        assert found, wanted
        self.ports[number] = (int(found[1]), int(found[2]))
        source = f";source={self.script.udp_source}" if self.script.udp_source else ""
        return f"RTP/AVP;unicast;client_port={found[1]}-{found[2]}{source}"

    def track_of(self, url: str) -> int:
        for number, track in enumerate(self.script.tracks):
            if url.endswith(track.control):
                return number
        return 0


def requests(data: bytes) -> Iterator[tuple[Asked | None, int]]:
    """What a client sent: (request, bytes), None for interleaved frames; ends where more is needed."""
    at = 0
    while at < len(data):
        if data[at : at + 1] == b"$":
            if len(data) - at < 4 or len(data) - at < 4 + (size := int.from_bytes(data[at + 2 : at + 4], "big")):
                return
            at += 4 + size
            yield None, 4 + size
            continue
        end = data.find(b"\r\n\r\n", at)
        if end < 0:
            return
        first, *lines = data[at:end].decode("utf-8", "surrogateescape").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        if first.startswith("RTSP/"):
            # An answer to something that the camera asked.
            yield Asked("answer", first, headers), end + 4 - at
        else:
            method, url, _ = first.split(" ")
            yield Asked(method, url, headers), end + 4 - at
        at = end + 4


# --- rules that several cameras share -----------------------------------------------------------------------


def on(method: str, change: Callable[[Reply], Reply | None], *, number: int | None = None) -> Rule:
    """`change` the answer to requests of this method, or only to the so manieth (0 = first) of each connection."""

    def rule(asked: Asked, reply: Reply) -> Reply | None:
        wanted = asked.method == method and number in (None, asked.number)
        return change(reply) if wanted else reply

    return rule


def strict_session(name: Callable[[int], str], accepted: str) -> Rule:
    """`name` of the session in the answer to the so manieth SETUP; only `accepted` may play."""

    def rule(asked: Asked, reply: Reply) -> Reply | None:
        if asked.method == "SETUP":
            reply.headers["Session"] = name(asked.number)
        elif asked.method == "PLAY" and asked.headers.get("session") != accepted:
            return Reply(454, "Session Not Found", {"CSeq": reply.headers["CSeq"]})
        return reply

    return rule


def refused(status: int, reason: str = "No") -> Callable[[Reply], Reply]:
    def change(reply: Reply) -> Reply:
        return Reply(status, reason, {"CSeq": reply.headers["CSeq"]})

    return change


def with_header(name: str, value: str | None) -> Callable[[Reply], Reply]:
    """Set a header, or take it away."""

    def change(reply: Reply) -> Reply:
        reply.headers.pop(name, None)
        if value is not None:
            reply.headers[name] = value
        return reply

    return change


def digest(asked: Asked, user: str, password: str, algorithm: str = "MD5") -> bool:
    """Whether a request's Digest answer is right (RFC 7616 §3.4.1; `qop` as the client chose)."""
    given = asked.headers.get("authorization", "")
    if not given.startswith("Digest "):
        return False
    told = {name: quoted or plain for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]+))', given)}

    def hashed(text: str) -> str:
        return (hashlib.md5 if algorithm == "MD5" else hashlib.sha256)(
            text.encode("utf-8", "surrogateescape")
        ).hexdigest()

    first = hashed(f"{user}:{told['realm']}:{password}")
    second = hashed(f"{asked.method}:{told['uri']}")
    middle = f"{told['nonce']}:{told['nc']}:{told['cnonce']}:{told['qop']}" if "qop" in told else told["nonce"]
    return bool(told["response"] == hashed(f"{first}:{middle}:{second}"))
