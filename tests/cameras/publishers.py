"""What encoders publish over RTMP, as data: tags with the moments when they go out, played to a source that listens."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import attrs

from camcast import Engine, SourceConfig
from camcast.errors import TransportError
from camcast.media import Tag, TagType
from tests.cameras import clips, rtp
from tests.cameras.watch import LATER
from tests.plugins.rtmp_kit import attempt
from tests.servers.process import free_port

VIDEO, AUDIO = TagType.VIDEO, TagType.AUDIO
TRIES = 100
"""Until its source listens, a tenth of a second apart."""


@attrs.frozen
class Sent:
    """A tag. `at`: seconds after publishing began; `time`: the ms that it says."""

    at: float
    type: TagType
    time: int
    body: bytes = attrs.field(repr=False)


@attrs.define
class Publisher:
    """One encoder's stream."""

    tags: Sequence[Sent]

    async def publish(self, url: str) -> None:
        """All of it, each tag at its moment."""
        for _ in range(TRIES):
            transport, _ = attempt(url)
            try:
                await transport.connect()
                await transport.publish(())
                break
            except TransportError:
                await transport.close()
                await asyncio.sleep(0.1)
        else:
            raise AssertionError(f"nobody listens at {url}")
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            for tag in sorted(self.tags, key=lambda tag: tag.at):
                await asyncio.sleep(max(0.0, begun + tag.at - loop.time()))
                transport.send(Tag(tag.type, tag.time & 0xFFFFFFFF, b"", tag.body), tag.time & 0xFFFFFFFF)
            while transport.pending:  # noqa: ASYNC110  acknowledgements raise no event
                await asyncio.sleep(0.01)
        finally:
            await transport.close()


class Stage:
    """Where publishers go: an address of its own, at which a source listens for each."""

    def __init__(self, publishers: dict[str, Publisher]) -> None:
        self._publishers = publishers
        self._urls = {
            name: f"rtmp://127.0.0.1:{port}/live/stream{number}"
            for port in (free_port(),)
            for number, name in enumerate(publishers)
        }

    def sources(self) -> dict[str, SourceConfig]:
        return {
            name: SourceConfig(type="rtmp", url=url, options={"mode": "listen"}, retry_policy=LATER)
            for name, url in self._urls.items()
        }

    async def play(self, engine: Engine) -> None:
        async with asyncio.TaskGroup() as together:
            for name, publisher in self._publishers.items():
                together.create_task(publisher.publish(self._urls[name]))


# --- tags as most encoders make them ------------------------------------------------------------------------


def sized(nals: Sequence[bytes], size: int = 4) -> bytes:
    """Units behind size fields of so many bytes."""
    return b"".join(len(nal).to_bytes(size, "big") + nal for nal in nals)


def avc_record(sps: bytes, pps: bytes, size: int = 4) -> bytes:
    """ISO 14496-15 §5.3.3.1."""
    return (
        b"\x01" + sps[1:4] + bytes((0xFC | size - 1, 0xE1)) + len(sps).to_bytes(2, "big") + sps
        + b"\x01" + len(pps).to_bytes(2, "big") + pps
    )  # fmt: skip


def avc_header(clip: clips.Clip, size: int = 4) -> bytes:
    sps, pps = rtp.nals(clip.units[0].data)[:2]
    return b"\x17\0\0\0\0" + avc_record(sps, pps, size)


def avc(unit: clips.Unit, payload: bytes, *, keyframe: bool | None = None) -> bytes:
    """A picture's tag body."""
    kind = 0x17 if (unit.keyframe if keyframe is None else keyframe) else 0x27
    return bytes((kind, 1)) + (unit.pts - unit.dts).to_bytes(3, "big", signed=True) + payload


def without_sets(unit: clips.Unit) -> list[bytes]:
    return [nal for nal in rtp.nals(unit.data) if nal[0] & 0x1F not in (7, 8)]


def pictures(clip: clips.Clip) -> list[Sent]:
    """Behind a header, each with 4-byte sizes and without parameter sets."""
    tags = [Sent(0.0, VIDEO, 0, avc_header(clip))]
    return tags + [Sent(u.dts / 1000, VIDEO, u.dts, avc(u, sized(without_sets(u)))) for u in clip.units]


def sounds(clip: clips.Clip) -> list[Sent]:
    tags = [Sent(0.0, AUDIO, 0, b"\xaf\0" + clip.config)]
    return tags + [Sent(u.dts / 1000, AUDIO, u.dts, b"\xaf\1" + u.data) for u in clip.units]
