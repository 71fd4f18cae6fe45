"""A WHIP server in a process of its own: `whip_server.py`, which receives by aiortc and writes down what it gets."""

from __future__ import annotations

import base64
import json
import sys
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import av

from tests.servers.certificates import Certificate
from tests.servers.process import ServerProcess

ROOT = Path(__file__).parent.parent.parent


@attrs.frozen
class Received:
    """One unit that came out of the receiver's jitter buffer. `time` is RTP ticks since its first unit."""

    session: int
    kind: str
    time: int
    hashes: tuple[str, ...]
    media: bytes = attrs.field(default=b"", repr=False)
    """What it is, where the server `keeps` that: Annex B, or an Opus packet."""


def decoded(units: Iterable[Received], kind: str) -> int:
    """How many pictures (H.264), or frames of sound, FFmpeg makes of one session's units of `kind` that were kept."""
    context = av.CodecContext.create({"video": "h264", "audio": "libopus"}[kind], "r")
    media = [av.Packet(unit.media) for unit in units if unit.kind == kind and unit.media]
    count = 0
    for packet in [*media, None]:
        count += len(context.decode(packet))  # type: ignore[attr-defined]
    return count


class WhipServer(ServerProcess):
    """Paths: /whip/NAME takes a stream; others misbehave, see `whip_server.py`."""

    def __init__(
        self,
        directory: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str = "",
        certificate: Certificate | None = None,
        clients: Path | None = None,
        light: bool = False,
        keeps: int = 0,
        odd: Mapping[str, Mapping[str, Any]] | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        """`clients`: the authority by which clients have to show who they are, over TLS.

        `light`: counts packets instead of putting units together, so that it costs little.

        `keeps`: the media too of so many units of each session and kind, which can be decoded then.

        `odd`: what is different at /odd/NAME, by name: "status" and "headers" of its answer to POST, what is said
        before that ("interim"), and edits of the
        "offer" as it is read and the "answer" as it is sent: pairs of a regular expression and what takes its place.
        """
        super().__init__(directory, host=host, port=port, prefix=prefix)
        self.token = token
        self.certificate = certificate
        self.clients = clients
        self.light = light
        self.keeps = keeps
        self.odd = dict(odd or {})
        self.output = directory / "received.jsonl"
        self._received: list[Received] = []
        self._read = self._requests = self._sessions = 0

    def command(self) -> Sequence[str]:
        tls = [str(self.certificate.cert_file), str(self.certificate.key_file)] if self.certificate else []
        settings = {
            "host": self.host,
            "port": self.port,
            "token": self.token,
            "tls": tls,
            "clients": str(self.clients or ""),
            "output": str(self.output),
            "light": self.light,
            "keeps": self.keeps,
            "odd": self.odd,
        }
        return (sys.executable, str(Path(__file__).with_name("whip_server.py")), json.dumps(settings))

    def url(self, path: str = "whip/camera-7") -> str:
        return f"{'whips' if self.certificate else 'whip'}://{self.address}/{path}"

    def received(self) -> list[Received]:
        """All units so far, but for those before `forget`."""
        if self.output.exists():
            with self.output.open("rb") as file:
                file.seek(self._read)
                lines, end, _ = file.read().rpartition(b"\n")
            self._read += len(lines + end)
            for session, kind, time, hashes, media in map(json.loads, lines.splitlines()):
                kept = base64.b64decode(media)
                self._received.append(Received(session - self._sessions, kind, time, tuple(hashes), kept))
        return [*self._received]

    def state(self) -> dict[str, Any]:
        """Living and deleted sessions, requests and what came with them, since `forget`. Blocks."""
        found: dict[str, Any] = self.ask("state")
        return {
            "peers": [int(number) - self._sessions for number in found["peers"]],
            "deleted": [number - self._sessions for number in found["deleted"] if number >= self._sessions],
            "requests": found["requests"][self._requests :],
        }

    def forget(self) -> None:
        """Leave out what was so far: several tests share one server. Blocks."""
        found = self.ask("state")
        self._requests, self._sessions = len(found["requests"]), found["sessions"]
        self.received()
        self._received.clear()

    def ask(self, what: str) -> Any:
        """Call a control: "state"; "pli" to ask every sender for a keyframe (how many: "asked"); "hangup". Blocks."""
        assert self.certificate is None, "controls are for plain HTTP"
        with urllib.request.urlopen(f"http://{self.address}/control/{what}", timeout=5) as answer:
            return json.load(answer)
