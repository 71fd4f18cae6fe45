"""A feed, its renditions, its pulse and what it expects, with listeners of the test's own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from tests.core.stream.simulated import run
from tests.core.world import AUDIO, VIDEO, World, picture, sound

from camcast.config import EncoderConfig
from camcast.errors import CamcastError, EncoderError, SourceError
from camcast.kinds import Payload
from camcast.media import MediaKind
from camcast.stream.feed import Feed
from camcast.stream.negotiation import RenditionKey
from camcast.stream.renditions import LINGER

KEY = RenditionKey(Payload.TAGS, video_form="plain", audio_form="plain")
OTHER = attrs.evolve(KEY, video_form="legacy")


class Hands:
    """A hand-over that hands over at once."""

    def call(self, function: Callable[..., object], *args: object) -> bool:
        function(*args)
        return True

    def call_wait(self, function: Callable[..., object], *args: object, timeout: float) -> bool:
        return self.call(function, *args)


class Camera:
    """Implements `FeedOwner`."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.asked = 0
        self.begins = 0
        self.faults: list[SourceError] = []

    def note(self, code: str, text: str) -> None:
        self.notes.append(code)

    def ask_source(self) -> bool:
        self.asked += 1
        return True

    def condition(self) -> str:
        return "the source is waiting: no route"

    def media_begins(self) -> None:
        self.begins += 1

    def fault(self, error: SourceError) -> None:
        self.faults.append(error)


class User:
    """Implements `RenditionUser` and `FlowListener`."""

    def __init__(self) -> None:
        self.failures: list[CamcastError] = []
        self.changes = 0
        self.flows = 0

    def rendition_failed(self, error: CamcastError) -> None:
        self.failures.append(error)

    def tracks_changed(self) -> None:
        self.changes += 1

    def media_flows(self) -> None:
        self.flows += 1


def make(**encoder: Any) -> tuple[Feed, Camera]:
    camera = Camera()
    config = EncoderConfig(**encoder)
    return Feed(World().host, Hands(), config, label="cam0_main", owner=camera), camera


# --- renditions ---------------------------------------------------------------------------------------------


def test_a_rendition_is_shared_and_outlives_its_last_user_for_a_while() -> None:
    async def act() -> None:
        feed, _ = make()
        feed.tracks([VIDEO])
        feed.packet(picture(0, key=True))
        one, two = User(), User()
        rendition = feed.renditions.acquire(KEY, one)
        assert feed.renditions.acquire(KEY, two) is rendition
        assert feed.renditions.acquire(OTHER, two) is not rendition
        assert len(feed.renditions) == 2
        feed.renditions.release(rendition, one)
        feed.renditions.release(rendition, two)
        await asyncio.sleep(LINGER - 0.1)
        assert rendition in feed.renditions.all
        assert feed.renditions.acquire(KEY, one) is rendition, "whoever reconnects finds it"
        await asyncio.sleep(LINGER + 1)
        assert rendition in feed.renditions.all, "and it stays"
        feed.renditions.release(rendition, one)
        await asyncio.sleep(LINGER + 0.1)
        assert rendition not in feed.renditions.all
        assert rendition.closed
        assert feed.renditions.acquire(KEY, one) is not rendition
        feed.close()

    run(act())


def test_a_new_rendition_begins_with_the_present() -> None:
    async def act() -> None:
        feed, _ = make()
        feed.tracks([VIDEO, AUDIO])
        feed.packet(sound(0))
        for number in range(4):
            feed.packet(picture(number, key=number == 0))
        rendition = feed.renditions.acquire(KEY, User())
        assert rendition.hub is not None
        assert len(rendition.hub.group.packets) == 4
        feed.close()

    run(act())


def test_what_a_rendition_cannot_take_fails_it_alone_and_tells_its_users() -> None:
    async def act() -> None:
        feed, camera = make()
        feed.tracks([VIDEO])
        feed.packet(picture(0, key=True))
        one, two = User(), User()
        bad, good = feed.renditions.acquire(KEY, one), feed.renditions.acquire(OTHER, two)

        def refuse(packet: object) -> None:
            raise EncoderError("not this one")

        bad.packet = refuse  # type: ignore[method-assign]
        feed.packet(picture(1))
        assert [str(error) for error in one.failures] == ["not this one"]
        assert (two.failures, camera.notes) == ([], ["rendition_failed"])
        assert feed.renditions.all == (good,)
        feed.packet(picture(2))
        assert len(one.failures) == 1
        feed.close()

    run(act())


def test_what_cannot_even_begin_is_raised_and_leaves_nothing() -> None:
    async def act() -> None:
        feed, camera = make()
        feed.tracks([VIDEO])
        feed.packet(picture(0, key=True))
        with pytest.raises(EncoderError, match='no FLV form "none such"'):
            feed.renditions.acquire(attrs.evolve(KEY, video_form="none such"), User())
        assert not feed.published
        assert camera.notes == ["rendition_failed"]

    run(act())


def test_other_tracks_are_told_to_all_and_end_what_does_not_fit() -> None:
    async def act() -> None:
        feed, _ = make()
        feed.tracks([VIDEO, AUDIO])
        feed.packet(sound(0))
        feed.packet(picture(0, key=True))
        both, silent = User(), User()
        first = feed.renditions.acquire(KEY, both)
        second = feed.renditions.acquire(attrs.evolve(KEY, audio="none"), silent)
        feed.tracks([VIDEO, attrs.evolve(AUDIO, codec="other")])
        assert feed.renditions.all == (second,)
        assert first.closed
        assert (both.changes, silent.changes) == (1, 1)
        feed.renditions.release(first, both)
        feed.tracks([VIDEO])
        assert (both.changes, silent.changes) == (1, 2)
        feed.close()
        assert silent.changes == 3, "a stream that ends has other tracks"

    run(act())


# --- the pulse ----------------------------------------------------------------------------------------------


def test_listeners_are_told_of_media_once_until_somebody_idles() -> None:
    async def act() -> None:
        feed, camera = make()
        one, two = User(), User()
        feed.pulse.listen(one)
        feed.pulse.listen(two)
        feed.expect_media()
        assert not feed.flowing(60)
        feed.tracks([VIDEO])
        for number in range(3):
            feed.packet(picture(number, key=number == 0))
        assert (camera.begins, one.flows, two.flows) == (1, 1, 1)
        assert feed.flowing(60)
        feed.pulse.idle()
        feed.pulse.leave(two)
        feed.packet(picture(3))
        feed.packet(picture(4))
        assert (camera.begins, one.flows, two.flows) == (1, 2, 1)
        feed.expect_media()
        feed.packet(picture(5))
        assert camera.begins == 2

    run(act())


def test_media_without_known_tracks_does_not_flow_yet() -> None:
    async def act() -> None:
        feed, camera = make()
        listener = User()
        feed.pulse.listen(listener)
        feed.packet(picture(1))
        assert (camera.begins, listener.flows) == (1, 0)
        assert not feed.flowing(60)
        feed.tracks([VIDEO])
        feed.packet(picture(2))
        assert (camera.begins, listener.flows) == (1, 1)

    run(act())


def test_a_fault_reaches_the_camera() -> None:
    async def act() -> None:
        feed, camera = make(type="H264_CBR")
        feed.tracks([VIDEO])
        feed.packet(picture(0, key=True))
        assert len(camera.faults) == 1

    run(act())


def test_counts_are_of_what_the_source_brought() -> None:
    async def act() -> None:
        feed, _ = make()
        feed.tracks([VIDEO, AUDIO])
        before = time.monotonic_ns()
        packet = attrs.evolve(picture(0, key=True, size=500), arrival=0)
        feed.packet(packet)
        feed.packet(sound(0, 20))
        feed.dropped(MediaKind.VIDEO, "damaged", 3)
        counters = feed.counters
        assert (counters.received.video, counters.received.audio, counters.keyframes, counters.bytes) == (1, 1, 1, 520)
        assert dict(counters.dropped) == {(MediaKind.VIDEO, "damaged"): 3}
        assert packet.arrival >= before

    run(act())


def test_a_bitrate_that_is_adopted_is_what_outputs_may_wish_for() -> None:
    async def act() -> None:
        feed, _ = make(bitrate_kbps=600)
        told: list[int] = []

        def apply(bitrate: int) -> bool:
            told.append(bitrate)
            return True

        feed.wishes.apply = apply
        feed.wishes.ask("an output", 500_000)
        feed.adopt(EncoderConfig(bitrate_kbps=900), "cam0_main")
        assert feed.wishes.limit == 900_000
        assert told == [500_000, 500_000], "the encoder is told again what its slowest output bears"

    run(act())
