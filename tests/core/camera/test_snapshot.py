"""Pictures of what a stream sends: of which size, and how often one is made."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import attrs
import av
import pytest
from PIL import Image
from tests.core.session.clock import Clock

from camcast.camera.snapshot import FRESH, SMALL, Snapshot, decoded
from camcast.media import RAW, Frame, MediaKind, Packet, Track
from camcast.session.hook_threads import HookThreads

TRACK = Track(kind=MediaKind.VIDEO, codec="any", width=1920, height=1080)


@attrs.define(eq=False)
class Codec:
    """Makes of every packet a picture of one size."""

    size: tuple[int, int] = (1920, 1080)
    decoded: int = 0
    name: str = "any"
    takes_less: int = 0

    def decoder(self, track: Track) -> Codec:
        return self

    def decode(self, packet: Packet) -> list[Frame]:
        self.decoded += 1
        raw = Track(kind=MediaKind.VIDEO, codec=RAW, width=self.size[0], height=self.size[1])
        return [Frame(raw, 0, av.VideoFrame(*self.size, "yuv420p"), 0)]

    def take_less(self) -> None:
        self.takes_less += 1

    def flush(self) -> list[Frame]:
        return []

    def close(self) -> None:
        pass


def keyframe() -> Packet:
    return Packet(TRACK, 0, 0, keyframe=True, payload=b"picture")


def size(picture: bytes) -> tuple[int, int]:
    image = Image.open(io.BytesIO(picture))
    assert image.format == "JPEG"
    return image.size


@pytest.mark.parametrize(
    ("of", "across", "expected"),
    [
        ((1920, 1080), 0, (1920, 1080)),
        ((1920, 1080), SMALL, (480, 270)),
        ((704, 576), SMALL, (480, 393)),
        ((320, 240), SMALL, (320, 240)),
        ((4096, 2), SMALL, (480, 1)),
    ],
)
def test_a_small_one_keeps_its_shape_and_none_is_made_larger(
    of: tuple[int, int], across: int, expected: tuple[int, int]
) -> None:
    codec: Any = Codec(of)
    assert size(decoded(codec, keyframe(), across)) == expected


@pytest.mark.parametrize(("across", "takes_less"), [(SMALL, 1), (960, 1), (961, 0), (0, 0)])
def test_the_decoder_may_leave_out_what_nobody_sees(across: int, takes_less: int) -> None:
    codec: Any = Codec()
    decoded(codec, keyframe(), across)
    assert codec.takes_less == takes_less


async def test_of_each_size_one_is_made_for_all_who_ask() -> None:
    codec, clock = Codec(), Clock()
    found: Any = codec
    snapshot = Snapshot(lambda _: found, HookThreads(), clock)
    first = keyframe()
    pictures = await asyncio.gather(*(snapshot.take(first, small=small) for small in (False, True, True, False)))
    assert [size(one) for one in pictures] == [(1920, 1080), (480, 270), (480, 270), (1920, 1080)]
    assert codec.decoded == 2
    assert await snapshot.take(keyframe(), small=True) == pictures[1], "one a second does"
    clock.time += FRESH
    assert await snapshot.take(first, small=True) == pictures[1], "of the same keyframe for ever"
    assert codec.decoded == 2
    await snapshot.take(keyframe(), small=True)
    assert codec.decoded == 3
