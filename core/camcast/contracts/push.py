"""The embedding program's way into a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import attrs

from camcast.media import MediaKind


@attrs.frozen(kw_only=True)
class PushCounts:
    """What became of everything that was pushed: `offered == delivered + absorbed + waiting + sum(dropped)`, always."""

    offered: int
    """Calls of `packet`, `frame` and `audio` that were well-formed."""
    delivered: int
    """Handed to the engine."""
    absorbed: int
    """Held only parameter sets, which go along with the next keyframe."""
    waiting: int
    """On their way from a thread to the loop, or held until every track is known."""
    dropped: Mapping[str, int]
    """By reason: "not running", "full", "damaged", "another size", "stopped", …"""


class PushHandle(Protocol):
    """The embedding program's way into one stream, before, while and after its source runs. From any thread.

    `packet`, `frame` and `audio` say whether the media was taken. What is damaged, of another size than the pictures
    before it, too much for now, or comes while the source does not run, is not: it is counted in `counts` by reason. (A
    packet from another thread is read later, on the loop: where it is damaged only `counts` can say so.) They wait only
    when given a `timeout` (seconds). Times are ns on any timeline of yours, None = now.
    """

    on_keyframe_request: Callable[[], object] | None
    """Yours: called on the engine's loop when a receiver wants a keyframe soon. Tell your encoder; do not wait."""

    @property
    def counts(self) -> PushCounts:
        """A snapshot of what became of it all."""

    def packet(
        self,
        data: bytes | bytearray | memoryview,
        *,
        kind: MediaKind = MediaKind.VIDEO,
        codec: str | None = None,
        pts: int | None = None,
        dts: int | None = None,
        keyframe: bool | None = None,
        timeout: float = 0.0,
    ) -> bool:
        """Push one access unit in any framing its codec has. Raises `MediaError` for a codec that nobody knows."""

    def frame(self, picture: Any, *, pts: int | None = None, timeout: float = 0.0) -> bool:
        """Push one picture: an array in the configured format, or a PyAV frame. Raises `ValueError` for others."""

    def audio(self, samples: Any, *, pts: int | None = None, timeout: float = 0.0) -> bool:
        """Push a block of sound: an array, or a PyAV frame. Raises `ValueError` for others."""

    def end(self) -> None:
        """There will be no more: the source ends when what was pushed has been delivered."""

    @property
    def running(self) -> bool:
        """Whether the engine takes media now."""

    async def ready(self) -> None:
        """Wait until it does. On the engine's loop."""

    def wait_ready(self, timeout: float) -> bool:
        """The same for other threads; False after `timeout` seconds. Raises `WrongState` on an event loop."""
