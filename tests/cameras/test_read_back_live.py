"""Everything that we write in FLV is read back by FFmpeg *live over RTMP*, which is stricter than a file.

All forms × colours × sound, and all that may change in mid-stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import attrs
import pytest
import pytest_asyncio

from camcast.contracts import CodecParser
from camcast.flv.packer import TagPacker, to_ms
from camcast.media import NS_PER_MS, MediaKind, Packet, Tag, Track
from tests.cameras import clips
from tests.cameras.shared import shared
from tests.cameras.viewer import Seen, Viewer
from tests.cameras.watch import batched
from tests.plugins.rtmp_kit import attempt, host, publish_all

FRAMES = 24

PICTURES: dict[str, tuple[str, str, str]] = {
    # name: codec, FLV form, colours or pixel format
    "h264": ("h264", "legacy", ""),
    "h264 10 bit": ("h264", "legacy", "yuv420p10le"),
    "h264 4:4:4": ("h264", "legacy", "yuv444p"),
    "h265": ("h265", "enhanced", ""),
    "h265 legacy": ("h265", "legacy", ""),
    "h265 pq": ("h265", "enhanced", "pq"),
    "h265 hlg": ("h265", "enhanced", "hlg"),
    "h265 pq legacy": ("h265", "legacy", "pq"),
    "h265 hlg legacy": ("h265", "legacy", "hlg"),
    "av1": ("av1", "enhanced", ""),
    "av1 pq": ("av1", "enhanced", "pq"),
    "av1 hlg": ("av1", "enhanced", "hlg"),
    "vp9": ("vp9", "enhanced", ""),
    "vp9 pq": ("vp9", "enhanced", "pq"),
    "vp9 hlg": ("vp9", "enhanced", "hlg"),
}
MORE: dict[str, tuple[str, str, str]] = {
    "h264 enhanced": ("h264", "enhanced", ""),
    "h264 pq": ("h264", "legacy", "pq"),
    "h264 hlg": ("h264", "legacy", "hlg"),
    "h264 4:2:2": ("h264", "legacy", "yuv422p"),
    "h264 full range": ("h264", "legacy", "yuvj420p"),
    "h265 4:2:2 10 bit": ("h265", "enhanced", "yuv422p10le"),
    "h265 12 bit": ("h265", "enhanced", "yuv420p12le"),
    "h265 grey": ("h265", "legacy", "gray"),
    "av1 10 bit": ("av1", "enhanced", "yuv420p10le"),
    "vp9 4:4:4": ("vp9", "enhanced", "yuv444p"),
}
"""Read back with one kind of sound."""
SOUNDS: dict[str, tuple[str, str, int, int]] = {
    # name: encoder, camcast's codec, rate, channels
    "aac": ("aac", "aac", 48_000, 2),
    "aac 16k": ("aac", "aac", 16_000, 1),
    "opus": ("libopus", "opus", 48_000, 2),
    "g711a": ("pcm_alaw", "g711a", 8_000, 1),
    "g711u": ("pcm_mulaw", "g711u", 8_000, 1),
    "g711a stereo": ("pcm_alaw", "g711a", 8_000, 2),
    "mp3": ("libmp3lame", "mp3", 44_100, 2),
    "mp3 22k": ("libmp3lame", "mp3", 22_050, 1),
    "aac 5.1": ("aac", "aac", 48_000, 6),
    "opus 5.1": ("libopus", "opus", 48_000, 6),
}
TRANSFERS = {"pq": "smpte2084", "hlg": "arib-std-b67"}
"""FFmpeg's names."""
CHANGES: dict[str, tuple[str, str]] = {
    "size": ("", "size"),
    "to pq": ("", "pq"),
    "to hlg": ("", "hlg"),
    "from pq": ("pq", ""),
    "pq to hlg": ("pq", "hlg"),
}

CASES = (
    *((picture, sound, "") for picture in PICTURES for sound in ("", "aac", "opus")),
    *(("h264" if number % 2 else "h265 pq", sound, "") for number, sound in enumerate(SOUNDS)),
    *((picture, "aac", "size") for picture in ("h264", "h265", "h265 legacy", "av1", "vp9")),
    *(
        (picture, "aac", change)
        for picture in ("h265", "h265 legacy", "av1", "vp9")
        for change in CHANGES
        if change != "size"
    ),
    *((picture, "aac", "") for picture in MORE),
    ("", "aac", ""),
    ("", "opus", ""),
    ("h264", "aac", "sound"),
    ("h264", "mp3", "sound"),
    ("h265 pq", "opus", "sound"),
    ("h264", "aac", "rate"),
    *((picture, "opus", "size") for picture in ("h264", "h265", "av1", "vp9")),
    *((picture, "aac", "sound") for picture in ("h265 pq", "h265 hlg legacy", "av1 pq", "vp9 pq")),
)  # fmt: skip


def packets_of(parser: CodecParser, clip: clips.Clip, after: int) -> list[Packet]:
    """The clip as packets; its first dts is `after` ms."""
    first = clip.units[0].dts
    made = []
    for unit in clip.units:
        dts, pts = ((time - first + after) * NS_PER_MS for time in (unit.dts, unit.pts))
        packet = parser.parse(unit.data, dts, pts)
        if packet is not None:
            made.append(packet)
    return made


def pictures(codec: str, look: str, change: str) -> list[Packet]:
    """`look`: colours or pixel format."""
    parser = host().codec(codec).parser(b"")
    if change not in CHANGES:
        colour, pixel_format = (look, "") if look in ("", *TRANSFERS) else ("", look)
        return packets_of(parser, clips.video(codec, frames=FRAMES, colour=colour, pixel_format=pixel_format), 0)
    before, then = CHANGES[change]
    half = FRAMES // 2
    first = clips.video(codec, frames=half, colour=before)
    if then == "size":
        rest = clips.video(codec, frames=half, first=half, size=(208, 128))
    else:
        rest = clips.video(codec, frames=half, first=half, colour=then)
    return packets_of(parser, first, 0) + packets_of(parser, rest, half * clips.STEP)


def sounds(name: str, change: str) -> list[Packet]:
    encoder, codec, rate, channels = SOUNDS[name]
    clip = clips.sound(encoder, seconds=1.0, rate=rate, channels=channels)
    packets = packets_of(host().codec(codec).parser(clip.told), clip, 0)
    if change in ("sound", "rate"):
        new = (rate, 1) if change == "sound" else (32_000, channels)
        other = clips.sound(encoder, seconds=1.0, rate=new[0], channels=new[1])
        packets = packets[: len(packets) // 2]
        end = to_ms(packets[-1].dts) + 20
        packets += packets_of(host().codec(codec).parser(other.told), other, end)
    return packets


def tagged(packets: Sequence[Packet], chosen: dict[str, str]) -> list[Tag]:
    """As a rendition sends them: headers, then tags in order, changes at their place."""
    known: dict[MediaKind, Track] = {}
    for packet in packets:
        known.setdefault(packet.track.kind, packet.track)
    forms = {}
    for kind, track in known.items():
        offered = host().codec(track.codec).flv
        forms[kind] = offered[chosen.get(track.codec) or next(iter(offered))]
    packer = TagPacker(tuple(known.values()), forms)
    tags = packer.headers(0)
    for packet in packets:
        if packet.track is not known[packet.track.kind]:
            known[packet.track.kind] = packet.track
            tags += packer.change(packet.track, to_ms(packet.dts))
        tags.append(packer.tag(packet))
    return tags + packer.end()


async def shown(directory: Path, tags: Sequence[Tag], tracks: Sequence[Track]) -> Seen:
    """What a live viewer decodes of these tags."""
    viewer = Viewer(directory)
    try:
        await viewer.ready()
        # FFmpeg may take long for that where much else is done.
        transport, events = attempt(viewer.url(), connect_timeout=60.0)
        await publish_all(transport, tags, tracks=tracks)
        assert not events.errors
        return await viewer.seen()
    finally:
        await asyncio.to_thread(viewer.stop)


@attrs.frozen
class ReadBack:
    """What a viewer decoded, and when it should have shown each picture, ms."""

    seen: Seen
    due: list[int]


def media_of(picture: str, sound: str, change: str) -> tuple[list[Packet], list[Packet]]:
    """Pictures and sound."""
    codec, _, colour = (PICTURES | MORE).get(picture, ("", "", ""))
    return pictures(codec, colour, change) if picture else [], sounds(sound, change) if sound else []


async def read_back(directory: Path, picture: str, video: Sequence[Packet], audio: Sequence[Packet]) -> ReadBack:
    codec, form, _ = (PICTURES | MORE).get(picture, ("", "", ""))
    packets = sorted([*video, *audio], key=lambda packet: packet.dts)
    tracks = [packet.track for packet in (*video[:1], *audio[:1])]
    return ReadBack(await shown(directory, tagged(packets, {codec: form}), tracks), [to_ms(one.pts) for one in video])


async def all_of(directory: Path, some: Mapping[str, tuple[str, str, str]]) -> dict[str, ReadBack]:
    # Before anything waits for an answer.
    media = {name: media_of(*case) for name, case in some.items()}
    found = await asyncio.gather(
        *(read_back(directory / f"{n}", some[name][0], *tracks) for n, (name, tracks) in enumerate(media.items()))
    )
    return dict(zip(some, found, strict=True))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ReadBack]:
    cases = {", ".join(case): case for case in CASES}
    parts = {number: partial(all_of, some=some) for number, some in enumerate(batched(cases))}
    made = await shared(tmp_path_factory, "read-back", parts)
    return {name: one for part in made.values() for name, one in part.items()}


@pytest.mark.parametrize(("picture", "sound", "change"), dict.fromkeys(CASES))
def test_every_picture_and_all_sound_is_decoded(
    picture: str, sound: str, change: str, outcomes: dict[str, ReadBack]
) -> None:
    codec, _, colour = (PICTURES | MORE).get(picture, ("", "", ""))
    one = outcomes[f"{picture}, {sound}, {change}"]
    seen = one.seen
    assert seen.numbers == list(range(len(one.due))), seen.log
    assert [round(p.time * 1000) for p in seen.pictures] == one.due
    if colour in TRANSFERS and codec != "vp9":
        # VP9's bits do not tell the transfer, and these come without a container.
        assert TRANSFERS[colour] in next(told for told in seen.inputs if told.startswith("video"))
    if sound:
        wanted = 1.0 if change not in ("sound", "rate") else 1.5
        assert seen.seconds_of_sound == pytest.approx(wanted, abs=0.12), seen.log
        assert sum(block.seconds for block in seen.sound if block.loud) > wanted - 0.2
    else:
        assert not seen.sound
