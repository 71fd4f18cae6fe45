"""A picture of what a stream sends: its last keyframe decoded, on a thread, when somebody asks for it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from time import monotonic
from typing import Any

from camcast.codec_kind import CodecKind
from camcast.config.defaults import SNAPSHOT_FORMAT
from camcast.errors import DeadlineError, MediaError
from camcast.media import Frame, Packet
from camcast.patience import quiet
from camcast.session.hook_threads import HookThreads

FRESH = 1.0
"""Seconds for which a picture serves everybody who asks."""
DECODE_DEADLINE = 5.0
QUALITY = 85
"""Of the JPEG, 1 to 95."""


class Snapshot:
    """Of one stream: at most one a second is made, and several who ask get the same. All calls on the loop."""

    def __init__(
        self, codec: Callable[[str], CodecKind], threads: HookThreads, now: Callable[[], float] = monotonic
    ) -> None:
        self._codec = codec
        self._threads = threads
        self._now = now
        self._made: asyncio.Task[bytes] | None = None
        self._began = 0.0
        self._of: Packet | None = None

    async def take(self, keyframe: Packet | None) -> bytes:
        """JPEG. Raises `MediaError` where there is no picture or it cannot be decoded, `DeadlineError` where that takes
        longer than 5 s."""
        if keyframe is None:
            raise MediaError("there is no picture yet: a stream has one once its first keyframe has come")
        if self._made is None or not self._serves(keyframe):
            self._began, self._of = self._now(), keyframe
            self._made = quiet(asyncio.create_task(self._make(keyframe), name="camcast-snapshot"))
        return await asyncio.shield(self._made)

    def _serves(self, keyframe: Packet) -> bool:
        """Whether what has been made, or is being made, need not be made again."""
        assert self._made is not None
        return self._of is keyframe or not self._made.done() or self._now() - self._began < FRESH

    async def _make(self, keyframe: Packet) -> bytes:
        codec = self._codec(keyframe.track.codec)
        try:
            return await self._threads.run(lambda: decoded(codec, keyframe), DECODE_DEADLINE)
        except TimeoutError:
            raise DeadlineError(f"decoding a picture took longer than {DECODE_DEADLINE:g} s") from None


def decoded(codec: CodecKind, keyframe: Packet) -> bytes:
    """The picture in a keyframe, as a file. May be slow. Raises `MediaError`, `EncoderError`, `MissingDependency`."""
    if codec.decoder is None:
        raise MediaError(f"nothing here decodes {codec.name}")
    decoder = codec.decoder(keyframe.track)
    try:
        frames = [*decoder.decode(keyframe), *decoder.flush()]
    finally:
        decoder.close()
    if not frames:
        raise MediaError(f"the {codec.name} decoder makes no picture of the last keyframe")
    return _written(frames[-1])


def _written(frame: Frame) -> bytes:
    picture: Any = frame.data
    target = io.BytesIO()
    picture.to_image().save(target, SNAPSHOT_FORMAT, quality=QUALITY)
    return target.getvalue()
