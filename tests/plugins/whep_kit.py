"""What tests of WHEP share: the kind, viewers of another implementation in a process of their own, and offers."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from camcast.bitstream.nal import split_prefixed
from camcast.kinds import TransportKind
from camcast.media import MediaKind, Packet
from camcast_whip import camcast_transports

PROGRAM = Path(__file__).parent.parent / "servers" / "whep_viewers.py"
PATIENCE = 30.0

OFFER = """v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
m=audio 9 UDP/TLS/RTP/SAVPF 111 0
c=IN IP4 0.0.0.0
a=ice-ufrag:wxyz
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=fingerprint:sha-256 {fingerprint}
a=setup:actpass
a=mid:0
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=recvonly
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:0 PCMU/8000
m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 100 101
c=IN IP4 0.0.0.0
a=ice-ufrag:wxyz
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=fingerprint:sha-256 {fingerprint}
a=setup:actpass
a=mid:1
a=bundle-only
a=recvonly
a=rtcp-mux
a=rtpmap:96 VP8/90000
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:98 H264/90000
a=fmtp:98 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtpmap:99 rtx/90000
a=fmtp:99 apt=98
a=rtpmap:100 H264/90000
a=fmtp:100 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f
a=rtpmap:101 H264/90000
a=fmtp:101 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=64001f
""".replace("{fingerprint}", ":".join(["AB"] * 32))
"""As Chrome writes it, in short: nobody is behind it."""


@pytest.fixture
def kind() -> TransportKind:
    (found,) = [one for one in camcast_transports() if one.name == "whep"]
    return found


@attrs.define(eq=False)
class Viewers:
    """What the viewers have said so far."""

    process: asyncio.subprocess.Process
    said: list[dict[str, Any]] = attrs.field(factory=list)
    heard: asyncio.Condition = attrs.field(factory=asyncio.Condition)

    async def read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            self.said.append(json.loads(line))
            async with self.heard:
                self.heard.notify_all()

    async def until(self, enough: Any, seconds: float = PATIENCE) -> None:
        """Wait until `enough(self)` holds, which is looked at whenever a viewer has said something."""
        async with asyncio.timeout(seconds), self.heard:
            await self.heard.wait_for(lambda: enough(self))

    def units(self, viewer: int, kind: MediaKind) -> list[dict[str, Any]]:
        return [one for one in self.said if one["viewer"] == viewer and one.get("kind") == kind.value]

    def states(self, state: str) -> int:
        return sum(one.get("state") == state for one in self.said)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()

    async def leave(self) -> None:
        """Have all of them say DELETE and close."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        async with asyncio.timeout(PATIENCE):
            await self.process.wait()


@contextlib.asynccontextmanager
async def watching(
    url: str,
    *,
    count: int = 1,
    token: str = "",
    kinds: Sequence[str] = ("video", "audio"),
    trickle: bool = False,
    addresses: Sequence[str] | None = ("127.0.0.1",),
    relay: Sequence[dict[str, str]] = (),
    takes: str = "",
    prefix: Sequence[str] = (),
) -> AsyncIterator[Viewers]:
    """So many viewers of an http URL, in one process; see `whep_viewers.py`. Media stays on the loopback, if nothing
    else is said. `prefix` is put in front of its command."""
    settings = {
        "url": url,
        "count": count,
        "token": token,
        "kinds": list(kinds),
        "trickle": trickle,
        "addresses": None if addresses is None else list(addresses),
        "relay": list(relay),
        "takes": takes,
    }
    process = await asyncio.create_subprocess_exec(
        *prefix,
        sys.executable,
        str(PROGRAM),
        json.dumps(settings),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    viewers = Viewers(process)
    reading = asyncio.create_task(viewers.read())
    try:
        yield viewers
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        reading.cancel()
        await asyncio.wait({reading})


def hashes(packet: Packet) -> list[str]:
    parts = split_prefixed(packet.payload) if packet.track.kind is MediaKind.VIDEO else [packet.payload]
    return [hashlib.sha256(part).hexdigest()[:16] for part in parts]
