"""A picture of what a stream sends: its last keyframe decoded, on a thread, when somebody asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any

import attrs

from camcast.codec_kind import CodecKind, take_less
from camcast.errors import DeadlineError, MediaError
from camcast.heap import give_back
from camcast.media import Packet
from camcast.patience import quiet
from camcast.pyav.still import written
from camcast.session.hook_threads import HookThreads

FRESH = 1.0
"""Seconds for which a picture serves everybody who asks."""
DECODE_DEADLINE = 5.0
SMALL = 480
"""Points across a small picture, at most: for pages that show many. It costs a third of a whole one of 1080 lines, or
less, and most of that is decoding."""


@attrs.define(eq=False)
class _Made:
    """One that has been made, or is being made."""

    picture: asyncio.Task[bytes]
    of: Packet
    began: float


class Snapshot:
    """Of one stream: at most one a second is made of each size, and several who ask get the same. On the loop."""

    def __init__(
        self, codec: Callable[[str], CodecKind], threads: HookThreads, now: Callable[[], float] = monotonic
    ) -> None:
        self._codec = codec
        self._threads = threads
        self._now = now
        self._made: dict[bool, _Made] = {}
        """Small ones, and whole ones."""

    async def take(self, keyframe: Packet | None, *, small: bool = False) -> bytes:
        """JPEG; `small`: of at most `SMALL` points across.

        Raises `MediaError` where there is no picture or it cannot be decoded, `DeadlineError` where that takes longer
        than 5 s.
        """
        if keyframe is None:
            raise MediaError("there is no picture yet: a stream has one once its first keyframe has come")
        made = self._made.get(small)
        if made is None or not self._serves(made, keyframe):
            picture = quiet(asyncio.create_task(self._make(keyframe, small), name="camcast-snapshot"))
            made = self._made[small] = _Made(picture, keyframe, self._now())
        return await asyncio.shield(made.picture)

    def _serves(self, made: _Made, keyframe: Packet) -> bool:
        """Whether it need not be made again."""
        return made.of is keyframe or not made.picture.done() or self._now() - made.began < FRESH

    async def _make(self, keyframe: Packet, small: bool) -> bytes:
        codec = self._codec(keyframe.track.codec)
        try:
            return await self._threads.run(lambda: _freed(codec, keyframe, SMALL if small else 0), DECODE_DEADLINE)
        except TimeoutError:
            raise DeadlineError(f"decoding a picture took longer than {DECODE_DEADLINE:g} s") from None


def _freed(codec: CodecKind, keyframe: Packet, across: int) -> bytes:
    """As `decoded`; leaves nothing of its buffers behind."""
    try:
        return decoded(codec, keyframe, across)
    finally:
        give_back()


def decoded(codec: CodecKind, keyframe: Packet, across: int = 0) -> bytes:
    """The picture in a keyframe, as a file; of at most `across` points across, 0 = as it is. May be slow.

    Raises `MediaError`, `EncoderError`, `MissingDependency`.
    """
    if codec.decoder is None:
        raise MediaError(f"nothing here decodes {codec.name}")
    decoder = codec.decoder(keyframe.track)
    try:
        if 0 < across <= keyframe.track.width // 2:
            take_less(decoder)
        frames = [*decoder.decode(keyframe), *decoder.flush()]
    finally:
        decoder.close()
    if not frames:
        raise MediaError(f"the {codec.name} decoder makes no picture of the last keyframe")
    picture: Any = frames[-1].data
    return written(picture, across)
