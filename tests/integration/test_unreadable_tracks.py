"""Tracks of which nothing can be read, by each kind of source: it is told which and why, and the other one is there.

A process with a configuration file, an output for each case. As met in the field: parameter sets that an encoder never
repeats, descriptions that are empty or about something else, codecs that nothing here reads, programmes that name more
than they bring.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import attrs
import imageio_ffmpeg
import pytest

from camcast.flv.tag import file_header, file_tag
from camcast.media import Tag, TagType
from camcast_rtmp.receiver import Receiver
from tests.cameras.files import run
from tests.cameras.script import NEVER, Script
from tests.cameras.server import Camera
from tests.command_run import command_run
from tests.compare import Media, decoded
from tests.integration.kit import until
from tests.integration.late_packets import Clip
from tests.integration.test_odd_servers import SOME
from tests.plugins.rtmp_kit import AUDIO, VIDEO, attempt
from tests.plugins.srt_processes import end_fork_servers
from tests.servers.process import free_port, listens

KEY = "s3cret-gate"
SECONDS = 6
SETS = "nothing says how it is to be decoded"
WITHOUT_PPS = ("-bsf:v", "h264_mp4toannexb,filter_units=remove_types=8")
LATM = ("-mpegts_flags", "latm")


Change = Callable[[Tag], Tag | None]


@attrs.frozen(kw_only=True)
class Case:
    """`pictures` and `sound`: whether they arrive. `told`: what the log says of the one that does not."""

    pictures: bool = True
    sound: bool = True
    told: str = ""


@pytest.fixture(scope="module", autouse=True)
def nothing_rests() -> Iterator[None]:
    yield
    end_fork_servers()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return Clip.made(tmp_path_factory.mktemp("unreadable") / "clip.mp4", SECONDS)


FILES: Mapping[str, tuple[str, Sequence[str], Case]] = {
    # Ending, what FFmpeg is told beside -c copy, and what comes of it.
    "no picture parameter set": (
        "ts", WITHOUT_PPS, Case(pictures=False, told=f"its video cannot be read so far: {SETS}"),
    ),
    "LATM": ("ts", LATM, Case()),
    "AC-3": ("ts", ("-c:a", "ac3"), Case()),
    "E-AC-3": ("mkv", ("-c:a", "eac3"), Case()),
    "MP2": ("ts", ("-c:a", "mp2"), Case()),
    "FLAC": ("mkv", ("-c:a", "flac"), Case()),
    "Vorbis": ("mkv", ("-c:a", "libvorbis"), Case()),
    "ALAC": ("mov", ("-c:a", "alac"), Case()),
}  # fmt: skip


def without_packets(stream: bytes, pid: int) -> bytes:
    """A transport stream that goes on naming a track of which nothing comes."""
    packets = (stream[at : at + 188] for at in range(0, len(stream), 188))
    return b"".join(one for one in packets if (one[1] & 0x1F) << 8 | one[2] != pid)


def flv(path: Path, clip: Clip, keep: Callable[[Tag], bool]) -> Path:
    parts = (file_tag(tag) for tag in clip.tags if keep(tag))
    path.write_bytes(b"".join((file_header(audio=True, video=True), *parts)))
    return path


def is_header(tag: Tag, kind: TagType) -> bool:
    return tag.type is kind and tag.body[1] == 0


def changed(kind: TagType, change: Callable[[bytes], bytes], *, headers: bool, media: bool = False) -> Change:
    """Tags of one kind, changed: sequence headers, what follows them, or both."""

    def make(tag: Tag) -> Tag | None:
        if tag.type is not kind or not (headers if tag.body[1] == 0 else media):
            return tag
        body = change(tag.body)
        return attrs.evolve(tag, body=body) if body else None

    return make


def adts(body: bytes) -> bytes:
    """A frame of mono at 48 kHz behind its ADTS header."""
    size = len(body) - 2 + 7
    return (
        body[:2]
        + bytes((0xFF, 0xF1, 0x4C, 0x40 | size >> 11, size >> 3 & 0xFF, (size & 7) << 5 | 0x1F, 0xFC))
        + body[2:]
    )


def nothing(body: bytes) -> bytes:
    return b""


def bare(tag: Tag) -> Tag | None:
    """Frames that say themselves what they are, and no header."""
    return None if is_header(tag, TagType.AUDIO) else changed(TagType.AUDIO, adts, headers=False, media=True)(tag)


def vvc(body: bytes) -> bytes:
    return bytes((body[0] & 0x70 | 0x83,)) + b"vvc1" + body[5:]


PUBLISHED: Mapping[str, tuple[Change, Case]] = {
    "no header of sound": (
        changed(TagType.AUDIO, nothing, headers=True), Case(sound=False, told="raw AAC without AudioSpecificConfig"),
    ),
    "a header of sound of one byte": (
        changed(TagType.AUDIO, lambda body: body[:3], headers=True),
        Case(sound=False, told="raw AAC without AudioSpecificConfig"),
    ),
    "a header of sound with a reserved rate": (
        changed(TagType.AUDIO, lambda body: body[:2] + b"\x16\x88", headers=True),
        Case(sound=False, told="raw AAC without AudioSpecificConfig"),
    ),
    "no header of pictures": (
        changed(TagType.VIDEO, nothing, headers=True), Case(pictures=False, told=f"its video can be used: {SETS}"),
    ),
    "a header of pictures that breaks off": (
        changed(TagType.VIDEO, lambda body: body[:12], headers=True),
        Case(pictures=False, told="its video can be used"),
    ),
    "a header of pictures of zeros": (
        changed(TagType.VIDEO, lambda body: body[:5] + bytes(len(body) - 5), headers=True),
        Case(pictures=False, told="its video can be used"),
    ),
    "Speex": (
        changed(TagType.AUDIO, lambda body: b"\xb6" + body[1:], headers=True, media=True),
        Case(sound=False, told="audio comes in a codec that no plugin here knows"),
    ),
    "Nellymoser": (
        changed(TagType.AUDIO, lambda body: b"\x62" + body[1:], headers=True, media=True),
        Case(sound=False, told="audio comes in a codec that no plugin here knows"),
    ),
    "Sorenson's H.263": (
        changed(TagType.VIDEO, lambda body: bytes((body[0] & 0xF0 | 2,)) + body[1:], headers=True, media=True),
        Case(pictures=False, told="video comes in a codec that no plugin here knows"),
    ),
    "VVC": (
        changed(TagType.VIDEO, vvc, headers=False, media=True),
        Case(pictures=False, told="video comes in a codec that no plugin here knows"),
    ),
    "ADTS without a header": (
        bare,
        Case(),
    ),
}  # fmt: skip
"""To the `rtmp` source."""
SENT: Mapping[str, tuple[Sequence[str], Case]] = {
    "no picture parameter set": (WITHOUT_PPS, Case(pictures=False, told=f"its video can be used: {SETS}")),
    "LATM": (LATM, Case(sound=False, told="audio comes in")),
    "AC-3": (("-c:a", "ac3"), Case(sound=False, told="audio comes in")),
    "MP2": (("-c:a", "mp2"), Case(sound=False, told="audio comes in")),
}
"""To the `srt` source."""
_HBR = "mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3"
DESCRIBED: Mapping[str, tuple[str, str, Case]] = {
    # rtpmap and fmtp of sound, with N for its payload type and CONFIG for its AudioSpecificConfig.
    "fmtp of another payload type": ("N MPEG4-GENERIC/48000/1", f"104 streamtype=5;{_HBR};config=CONFIG", Case()),
    "no fmtp": ("N MPEG4-GENERIC/48000/1", "", Case()),
    "an empty config": ("N mpeg4-generic/48000/1", f"N {_HBR};config=", Case()),
    "config in quotes, with spaces": ("N mpeg4-generic/48000/1", f'N {_HBR} ; config = "CONFIG" ', Case()),
    "config of a reserved rate": (
        "N mpeg4-generic/48000/1", f"N {_HBR};config=1688", Case(sound=False, told="reserved"),
    ),
    "config that is no number": ("N mpeg4-generic/48000/1", f"N {_HBR};config=xyz", Case()),
    "LATM with an empty config": (
        "N MP4A-LATM/48000/1", "40 profile-level-id=15;cpresent=0;config=", Case(),
    ),
    "LATM that is none": (
        "N MP4A-LATM/48000/1", "N cpresent=1", Case(sound=False, told="nothing that comes of its audio can be used"),
    ),
    "a codec of nobody's": ("N vnd.acme.sound/48000", "", Case(sound=False, told="is not supported")),
}  # fmt: skip
"""By an RTSP camera."""


def sources_of_files(folder: Path, clip: Clip) -> Iterator[tuple[str, Path, Case]]:
    for number, (name, (ending, more, case)) in enumerate(FILES.items()):
        path = folder / f"file{number}.{ending}"
        run("-i", clip.path, "-c", "copy", *more, path)
        yield name, path, case
    whole = folder / "whole.ts"
    run("-i", clip.path, "-c", "copy", "-streamid", "0:256", "-streamid", "1:257", whole)
    silent = folder / "silent.ts"
    silent.write_bytes(without_packets(whole.read_bytes(), 257))
    yield "sound that is named and never comes", silent, Case(sound=False, told="audio")
    blind = folder / "blind.ts"
    blind.write_bytes(without_packets(whole.read_bytes(), 256))
    yield "pictures that are named and never come", blind, Case(pictures=False, told="video")
    yield (
        "FLV without a header of sound",
        flv(folder / "deaf.flv", clip, lambda tag: not is_header(tag, TagType.AUDIO)),
        Case(sound=False, told="audio"),
    )


def described(clip: Clip, mapped: str, told: str) -> Script:
    pictures, sound = clip.camera(lambda kind, made: made)
    config = sound.media.rpartition("config=")[2].strip()
    lines = [f"a=rtpmap:{mapped.replace('N', '97', 1)}", *([f"a=fmtp:{told.replace('N ', '97 ', 1)}"] if told else [])]
    sound.media = "m=audio 0 RTP/AVP 97\r\n" + "".join(f"{line.replace('CONFIG', config)}\r\n" for line in lines)
    if "cpresent=0" in told:
        sound.payloads = [attrs.evolve(payload, data=latm(payload.data[4:])) for payload in sound.payloads]
    return Script([pictures, sound], beginning=NEVER)


def latm(frame: bytes) -> bytes:
    """RFC 6416: its size in bytes of 255, then the frame."""
    return b"\xff" * (len(frame) // 255) + bytes((len(frame) % 255,)) + frame


async def published(clip: Clip, url: str, change: Change) -> None:
    """As it is made, twice."""
    transport, events = attempt(url, connect_timeout=20.0)
    try:
        await transport.connect()
        await transport.publish((VIDEO, AUDIO))
        began = time.monotonic()
        for turn in range(2):
            for tag in filter(None, map(change, clip.tags)):
                at = tag.time + 1000 * clip.seconds * turn
                await asyncio.sleep(max(0.0, began + at / 1000 - time.monotonic()))
                if not events.errors:
                    transport.send(tag, at)
    finally:
        await transport.close()


async def sent(path: Path, url: str) -> None:
    exe = imageio_ffmpeg.get_ffmpeg_exe()
    command = (exe, "-v", "error", "-re", "-stream_loop", "1", "-i", str(path), "-c", "copy", "-f", "mpegts", url)
    program = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
    try:
        await program.wait()
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()


def failed(found: Mapping[str, Case], receiver: Receiver, log: str) -> list[str]:
    """`found`: by stream key."""
    wrong = []
    for key, case in found.items():
        counts = {kind: sum(one.counts[kind] for one in receiver.of(key)) for kind in (TagType.VIDEO, TagType.AUDIO)}
        came = (counts[TagType.VIDEO] > SOME, counts[TagType.AUDIO] > SOME)
        if came != (case.pictures, case.sound):
            wrong.append(f"{key}: {counts}")
        lines = [line for line in log.splitlines() if f"cam{key[1:]}_" in line and case.told in line]
        if case.told and len(lines) != 1:
            wrong.append(f"{key}: told {len(lines)} times: {case.told}")
    return wrong


def undecoded(key: str, case: Case, receiver: Receiver, folder: Path) -> list[str]:
    """Where FFmpeg shows too little of what shall come."""
    shown = {TagType.VIDEO: 0, TagType.AUDIO: 0}
    for number, recording in enumerate(receiver.of(key)):
        path = folder / f"{key}-{number}.flv"
        path.write_bytes(recording.flv())
        media = Media.read(path)
        shown[TagType.VIDEO] += decoded(media.video)
        shown[TagType.AUDIO] += decoded(media.audio)
    # Among the packets that were counted are headers, and frames that are only for the decoder.
    came = (shown[TagType.VIDEO] > SOME // 2, shown[TagType.AUDIO] > SOME // 2)
    return [] if came == (case.pictures, case.sound) else [f"{key}: decoded are {shown}"]


async def check(
    folder: Path,
    receiver: Receiver,
    cases: Mapping[str, tuple[Mapping[str, Any], Case]],
    pushing: Callable[[int], Sequence[Any]] = lambda pid: (),
) -> None:
    """Runs a camera for each, until all is there that shall come."""
    keys = {name: f"k{number}" for number, name in enumerate(cases)}
    cameras = [
        {
            "camera_id": number,
            "streams": [{"source": dict(source), "outputs": {"o": {"url": receiver.url("live", keys[name])}}}],
        }
        for number, (name, (source, _)) in enumerate(cases.items())
    ]
    with command_run(folder, {"system": {"max_cameras": len(cameras)}, "cameras": cameras}) as command:
        pushed = [asyncio.create_task(one) for one in pushing(command.process.pid)]
        found: list[str] = ["nothing yet"]
        began = time.monotonic()
        while found and time.monotonic() - began < 100:
            await asyncio.sleep(0.5)
            found = failed({keys[name]: case for name, (_, case) in cases.items()}, receiver, command.log)
        for one in pushed:
            one.cancel()
        for ended in await asyncio.gather(*pushed, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended
        log = command.log
        command.end()
    for key, case in zip(keys.values(), (case for _, case in cases.values()), strict=True):
        found += undecoded(key, case, receiver, folder)
    names = {key: name for name, key in keys.items()}
    left = [f"{names[line.partition(':')[0]]}: {line}" for line in found]
    assert not left, "\n".join([*left, log])


async def test_files(clip: Clip, tmp_path: Path) -> None:
    async with Receiver() as receiver:
        made = await asyncio.to_thread(lambda: list(sources_of_files(tmp_path, clip)))
        await check(tmp_path, receiver, {name: ({"type": "file", "url": str(path)}, case) for name, path, case in made})


async def test_cameras(clip: Clip, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver())
        cases = {}
        for name, (mapped, told, case) in DESCRIBED.items():
            camera = await stack.enter_async_context(Camera(described(clip, mapped, told)))
            cases[name] = ({"type": "rtsp", "url": camera.url}, case)
        await check(tmp_path, receiver, cases)


async def test_who_publishes(clip: Clip, tmp_path: Path) -> None:
    ports = {name: free_port() for name in PUBLISHED}
    urls = {name: f"rtmp://127.0.0.1:{port}/live/{KEY}" for name, port in ports.items()}

    async def one(pid: int, name: str) -> None:
        await until(lambda: listens(pid, ports[name]), 60)
        await published(clip, urls[name], PUBLISHED[name][0])

    async with Receiver() as receiver:
        await check(
            tmp_path,
            receiver,
            {
                name: ({"type": "rtmp", "url": urls[name], "options": {"mode": "listen"}}, case)
                for name, (_, case) in PUBLISHED.items()
            },
            lambda pid: [one(pid, name) for name in PUBLISHED],
        )


async def test_who_sends_by_srt(clip: Clip, tmp_path: Path) -> None:
    ports = {name: free_port(kind=socket.SOCK_DGRAM) for name in SENT}
    paths = {name: tmp_path / f"sent{number}.ts" for number, name in enumerate(SENT)}
    for name, (more, _) in SENT.items():
        await asyncio.to_thread(run, "-i", clip.path, "-c", "copy", *more, paths[name])

    async def one(pid: int, name: str) -> None:
        await until(lambda: listens(pid, ports[name], udp=True), 60)
        await sent(paths[name], f"srt://127.0.0.1:{ports[name]}?streamid={KEY}")

    async with Receiver() as receiver:
        await check(
            tmp_path,
            receiver,
            {
                name: ({"type": "srt", "url": f"srt://127.0.0.1:{ports[name]}?mode=listener&streamid={KEY}"}, case)
                for name, (_, case) in SENT.items()
            },
            lambda pid: [one(pid, name) for name in SENT],
        )
