"""A stand-in for YouTube: RTMPS, and refuses what YouTube refuses. Runs as a program, in a namespace.

What it refuses, it tells in a line of its log; YouTube tells it to the channel's owner only:

- another application or an unknown key, by closing without a word;
- a second publisher of a key (`NetStream.Publish.BadName`);
- a stream without sound, or without a picture or keyframe in `PATIENCE` seconds: YouTube keeps such a connection and
  shows nothing; here it is closed, so that nobody can take it for a success.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic_ns
from typing import Any

from camcast.media import TagType
from camcast.testing.recording import Recording
from camcast_rtmp.receiver import Receiver, Refusal
from tests.newcomer.readme import ROOT
from tests.servers.certificates import Certificate
from tests.servers.process import ServerProcess, wait_for

PATIENCE = 8.0
"""Seconds in which sound, picture and a keyframe must have come."""
APART = 4.0
"""Seconds by which keyframes may be apart."""
ENOUGH = 3.0
"""Seconds of all that before it is shown to viewers."""
KEEP = 64 << 20


class Platform:
    """The rules, and what was seen."""

    def __init__(self, application: str, key: str, folder: Path) -> None:
        self._application, self._key, self._folder = application, key, folder
        self.receiver = Receiver(host="0.0.0.0", keep=KEEP, on_publish=self._published)
        self.receiver.on_connect = self._connected
        self._shown: set[int] = set()
        self._refused: set[int] = set()

    def _connected(self, application: str, properties: Mapping[str, Any]) -> Refusal | None:
        return None if application == self._application else _refused(f"no application {application!r}")

    def _published(self, application: str, key: str) -> Refusal | None:
        return None if key == self._key else _refused("an unknown key")

    async def watch(self) -> None:
        """Judge every publication; write what came of it when it has ended."""
        while True:
            await asyncio.sleep(0.1)
            for number, one in enumerate(self.receiver.recordings):
                if one.live:
                    self._judge(number, one)
                elif (path := self._folder / f"{number}.flv") and not path.exists():
                    path.write_bytes(one.flv())
                    _say(event="ended", clean=one.clean, file=str(path))

    def _judge(self, number: int, one: Recording) -> None:
        keyframes = [tag.time for tag in one.tags if tag.type is TagType.VIDEO and _is_keyframe(tag.body)]
        now = one.tags[-1].time if one.tags else 0
        seconds = (monotonic_ns() - one.started) / 1e9
        missing = [
            word
            for word, there in (
                ("sound", one.counts[TagType.AUDIO] > 2),
                ("picture", one.counts[TagType.VIDEO] > 2),
                ("keyframe every 4 s", bool(keyframes) and now - keyframes[-1] <= APART * 1000),
            )
            if not there
        ]
        if missing and seconds > PATIENCE and number not in self._refused:
            self._refused.add(number)
            _say(event="refused", why=f"no {' and no '.join(missing)}")
            for connection in list(self.receiver.connections):
                if one in connection.recordings.values():
                    connection.drop()
        elif not missing and seconds > ENOUGH and number not in self._shown:
            self._shown.add(number)
            _say(event="on air", seconds=round(seconds, 1))


def _is_keyframe(body: bytes) -> bool:
    """The frame type of FLV's video tags (E.4.3.1), and of Enhanced RTMP's."""
    return bool(body) and (body[0] >> 4) & 7 == 1


def _refused(why: str) -> Refusal:
    _say(event="refused", why=why)
    return Refusal()


def _say(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


class PlatformProcess(ServerProcess):
    """The program. Its events are in its log."""

    def __init__(
        self, directory: Path, certificate: Certificate, application: str, key: str, *, prefix: Sequence[str] = ()
    ) -> None:
        super().__init__(directory, port=443, prefix=prefix)
        self._read = 0
        self._settings = {
            "application": application,
            "key": key,
            "folder": str(directory),
            "cert": str(certificate.cert_file),
            "private": str(certificate.key_file),
            "port": self.port,
        }

    def command(self) -> Sequence[str]:
        return (sys.executable, "-m", "tests.newcomer.platform", json.dumps(self._settings))

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "PYTHONPATH": str(ROOT)}

    def forget(self) -> None:
        """What has happened until now is no news to whoever asks next."""
        self._read = len(self.log_text)

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Those of one kind, in order."""
        said = [json.loads(line) for line in self.log_text[self._read :].splitlines() if line.startswith("{")]
        return [one for one in said if one["event"] == kind]

    def wait(self, kind: str, *, seconds: float) -> dict[str, Any]:
        """The first event of a kind. Raises `AssertionError` where none comes."""
        return wait_for(lambda: self.events(kind), timeout=seconds, why=f"{kind}; it said\n{self.log_text}")[0]


async def main(settings: dict[str, Any]) -> None:
    platform = Platform(settings["application"], settings["key"], Path(settings["folder"]))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(settings["cert"], settings["private"])
    platform.receiver.tls, platform.receiver.port = tls, settings["port"]
    async with platform.receiver:
        await platform.watch()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
