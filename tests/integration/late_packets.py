"""A clip whose packets say other times than those at which they were made, by each kind of source."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from camcast.bitstream.nal import split_prefixed
from camcast.flv.tag import file_header, file_tag
from camcast.media import MediaKind, Tag, TagType
from tests.cameras import rtp
from tests.cameras.files import run
from tests.plugins.rtmp_kit import AUDIO as SOUND
from tests.plugins.rtmp_kit import VIDEO as PICTURES
from tests.plugins.rtmp_kit import attempt, tags_of

VIDEO, AUDIO = MediaKind.VIDEO, MediaKind.AUDIO
FPS = 25
_KINDS = {TagType.VIDEO: VIDEO, TagType.AUDIO: AUDIO}
_PACKET = 188
_RATE = 48_000

Times = Callable[[MediaKind, int], int]
"""The time that a packet made at a time says. ms."""


def moved(kind: MediaKind, by: int, *places: tuple[int, int]) -> Times:
    """Packets of one kind that were made between these say a time that is later by `by`."""

    def time(of: MediaKind, made: int) -> int:
        return made + by if of is kind and any(since <= made < until for since, until in places) else made

    return time


@attrs.frozen
class Piece:
    """One picture or frame of sound; `tag` has the time at which it was made."""

    kind: MediaKind
    tag: Tag

    @property
    def made(self) -> int:
        return self.tag.time

    @property
    def data(self) -> bytes:
        return self.tag.body[5 if self.kind is VIDEO else 2 :]


def known(kind: MediaKind, payload: bytes) -> bytes:
    """By what a piece is known again, whatever stands in front of a picture."""
    return split_prefixed(payload)[-1] if kind is VIDEO else payload


@attrs.frozen
class Clip:
    """Noise, so that no two pictures or frames of sound are the same."""

    path: Path
    seconds: int

    @classmethod
    def made(cls, path: Path, seconds: int) -> Clip:
        video = ("-f", "lavfi", "-i", f"testsrc=s=160x96:r={FPS}:d={seconds}")
        sound = ("-f", "lavfi", "-i", f"anoisesrc=d={seconds}:r={_RATE}:seed=7")
        x264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", str(FPS), "-bf", "0", "-pix_fmt", "yuv420p")
        noise = ("-vf", "noise=alls=20:allf=t")
        run(*video, *sound, *noise, *x264, "-c:a", "aac", "-ac", "1", path)
        return cls(path, seconds)

    @property
    def tags(self) -> tuple[Tag, ...]:
        return tags_of(self.path)

    @property
    def headers(self) -> list[Tag]:
        return [tag for tag in self.tags if not self._is_media(tag) and tag.body[1] != 2]

    @property
    def pieces(self) -> list[Piece]:
        return [Piece(_KINDS[tag.type], tag) for tag in self.tags if self._is_media(tag)]

    @staticmethod
    def _is_media(tag: Tag) -> bool:
        """Neither metadata, nor a sequence header or its end."""
        return tag.type in _KINDS and tag.body[1] == 1

    # --- as each source gets it

    def flv(self, path: Path, times: Times) -> Path:
        parts = [file_header(audio=True, video=True), *map(file_tag, self.headers)]
        parts += [file_tag(attrs.evolve(one.tag, time=times(one.kind, one.made))) for one in self.pieces]
        path.write_bytes(b"".join(parts))
        return path

    def ts(self, path: Path, times: Times) -> Path:
        run("-i", self.path, "-c", "copy", "-pes_payload_size", "0", "-muxdelay", "0", "-muxpreload", "0", path)
        stream = bytearray(path.read_bytes())
        waiting = {kind: [one.made for one in self.pieces if one.kind is kind] for kind in MediaKind}
        for at in range(0, len(stream), _PACKET):
            pes = _pes(stream, at)
            if pes is None:
                continue
            kind = VIDEO if stream[pes + 3] & 0xF0 == 0xE0 else AUDIO
            made = waiting[kind].pop(0)
            by = 90 * (times(kind, made) - made)
            for place in (pes + 9, pes + 14)[: bin(stream[pes + 7] >> 6).count("1")]:
                stream[place : place + 5] = _stamp(stream[place] & 0xF0, _time(stream, place) + by)
        assert not any(waiting.values()), "a PES packet for each piece"
        path.write_bytes(stream)
        return path

    def camera(self, times: Times) -> list[rtp.Track]:
        """The tracks of an RTSP camera."""
        (pictures, sound) = (next(tag.body for tag in self.headers if tag.type is kind) for kind in _KINDS)
        sets = b"".join(b"\0\0\0\1" + unit for unit in _sets(pictures[5:]))
        made: dict[MediaKind, list[rtp.Payload]] = {kind: [] for kind in MediaKind}
        for one in self.pieces:
            clock = 90_000 if one.kind is VIDEO else _RATE
            said = times(one.kind, one.made) * clock // 1000
            if one.kind is VIDEO:
                units = b"".join(b"\0\0\0\1" + unit for unit in split_prefixed(one.data))
                payloads = rtp.h264(sets + units if one.tag.body[0] >> 4 == 1 else units)
            else:
                payloads = rtp.aac(one.data)
            last = len(payloads) - 1
            made[one.kind] += [
                rtp.Payload(one.made / 1000, said, data, marker=number == last) for number, data in enumerate(payloads)
            ]
        told = f"streamtype=5;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config={sound[2:].hex()}"
        media = f"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/{_RATE}/1\r\na=fmtp:97 {told}\r\n"
        return [
            rtp.Track("video", "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n", made[VIDEO], control="video"),
            rtp.Track(
                "audio", media, made[AUDIO], clock=_RATE, payload_type=97, ssrc=9, base=200_000_000, control="audio"
            ),
        ]

    async def publish(self, url: str, times: Times) -> None:
        """By RTMP, as it is made."""
        transport, events = attempt(url, connect_timeout=20.0)
        try:
            await transport.connect()
            await transport.publish((PICTURES, SOUND))
            for tag in self.headers:
                transport.send(tag, 0)
            began = time.monotonic()
            for one in self.pieces:
                await asyncio.sleep(max(0.0, began + one.made / 1000 - time.monotonic()))
                assert not events.errors, events.errors
                transport.send(one.tag, times(one.kind, one.made))
        finally:
            await transport.close()

    async def call(self, path: Path, url: str) -> None:
        """By SRT: the transport stream at `path`, as it was made."""
        stream = await asyncio.to_thread(path.read_bytes)
        tool = await asyncio.create_subprocess_exec(
            "srt-live-transmit", "-q", "file://con", url, stdin=asyncio.subprocess.PIPE
        )
        assert tool.stdin is not None
        try:
            await asyncio.sleep(1.0)  # what it reads before it is connected it throws away
            began = time.monotonic()
            waiting = {kind: [one.made for one in self.pieces if one.kind is kind] for kind in MediaKind}
            for at in range(0, len(stream), _PACKET):
                pes = _pes(stream, at)
                if pes is not None:
                    made = waiting[VIDEO if stream[pes + 3] & 0xF0 == 0xE0 else AUDIO].pop(0)
                    await asyncio.sleep(max(0.0, began + made / 1000 - time.monotonic()))
                tool.stdin.write(stream[at : at + _PACKET])
                await tool.stdin.drain()
            await asyncio.sleep(1.0)
        finally:
            tool.kill()
            await tool.wait()


def _pes(stream: Sequence[int], at: int) -> int | None:
    """Where the PES packet begins that begins in the packet at `at`."""
    assert stream[at] == 0x47
    if not stream[at + 1] & 0x40:
        return None
    begin = at + 4 + (stream[at + 4] + 1 if stream[at + 3] & 0x20 else 0)
    starts = tuple(stream[begin : begin + 3]) == (0, 0, 1)
    return begin if starts and stream[begin + 3] & 0xE0 in (0xC0, 0xE0) else None


def _time(data: Sequence[int], at: int) -> int:
    return (
        (data[at] >> 1 & 7) << 30 | data[at + 1] << 22 | data[at + 2] >> 1 << 15 | data[at + 3] << 7 | data[at + 4] >> 1
    )


def _stamp(first: int, time: int) -> bytes:
    time %= 1 << 33
    return bytes(
        (first | time >> 29 & 0xE | 1, time >> 22 & 0xFF, time >> 14 & 0xFE | 1, time >> 7 & 0xFF, time << 1 & 0xFE | 1)
    )


def _sets(record: bytes) -> list[bytes]:
    """The parameter sets of an avcC with one of each (ISO 14496-15 §5.3.3.1)."""
    size = int.from_bytes(record[6:8], "big")
    second = record[8 + size + 1 :]
    return [record[8 : 8 + size], second[2 : 2 + int.from_bytes(second[:2], "big")]]
