"""An outlet that is fed up to the next keyframe and no further."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
from tests.core.world import picture, sound, until

from camcast.errors import NetworkError, TransportError
from camcast.media import Packet
from camcast.session import keyframe_end
from camcast.session.keyframe_end import end_at_keyframe


@attrs.define(eq=False)
class Stream:
    """A hub as far as this goes, and what publishes from it."""

    latest_video: int | None = 0
    ears: list[Any] = attrs.field(factory=list)
    asked: int = 0
    finished: int = 0
    done: list[str] = attrs.field(factory=list)
    lost: asyncio.Future[TransportError] = attrs.field(factory=lambda: asyncio.get_running_loop().create_future())

    def attach(self, outlet: Any, *, first: bool) -> None:
        assert first, "nobody may get the keyframe before"
        self.ears.append(outlet)

    def detach(self, outlet: Any) -> None:
        if outlet in self.ears:
            self.ears.remove(outlet)

    @property
    def on_air(self) -> Any:
        def finish() -> None:
            self.finished += 1

        def ask() -> None:
            self.asked += 1

        attempt = SimpleNamespace(want_keyframe=ask, lost_error=self.lost)
        return SimpleNamespace(
            outlet=SimpleNamespace(finish=finish), published=SimpleNamespace(hub=self), attempt=attempt
        )

    def begin(self) -> asyncio.Task[bool]:
        return asyncio.create_task(end_at_keyframe(self.on_air, lambda: self.done.append("ended")))

    def bring(self, packet: Packet) -> None:
        for ear in list(self.ears):
            ear.offer(None, packet)


async def test_it_ends_with_the_keyframe_and_asks_for_one() -> None:
    stream = Stream()
    ending = stream.begin()
    await until(lambda: stream.ears)
    assert stream.asked == 1
    stream.bring(picture(1))
    stream.bring(attrs.evolve(sound(1, 10), keyframe=True))
    assert (stream.finished, stream.done) == (0, [])
    stream.bring(picture(2, key=True))
    assert (stream.finished, stream.done, stream.ears) == (1, ["ended"], [])
    assert await ending is True


async def test_two_keyframes_in_a_row_end_it_once() -> None:
    stream = Stream()
    ending = stream.begin()
    await until(lambda: stream.ears)
    (ear,) = stream.ears
    ear.offer(None, picture(2, key=True))
    ear.offer(None, picture(3, key=True))
    assert (stream.finished, stream.done) == (1, ["ended"])
    assert await ending is True


async def test_where_there_is_no_picture_at_all_the_next_sound_will_do() -> None:
    stream = Stream(latest_video=None)
    ending = stream.begin()
    await until(lambda: stream.ears)
    stream.bring(sound(1, 10))
    assert await ending is True
    assert stream.finished == 1


@pytest.mark.parametrize("why", ["no keyframe", "lost"])
async def test_without_one_it_goes_on_and_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    monkeypatch.setattr(keyframe_end, "DEADLINE", 0.05 if why == "no keyframe" else 20.0)
    stream = Stream()
    ending = stream.begin()
    await until(lambda: stream.ears)
    if why == "lost":
        stream.lost.set_result(NetworkError("gone", stage="streaming"))
    assert await ending is False
    assert (stream.finished, stream.done, stream.ears) == (0, [], [])


async def test_cancelling_leaves_nothing_behind() -> None:
    stream = Stream()
    ending = stream.begin()
    await until(lambda: stream.ears)
    ending.cancel()
    await asyncio.wait({ending})
    assert (stream.finished, stream.ears) == (0, [])
