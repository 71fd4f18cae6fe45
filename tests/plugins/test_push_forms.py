"""A packet's way from the program's call to the sink, in C and in Python: the same answers, packets and counts."""

from __future__ import annotations

import asyncio
import gc
import inspect
import sys
from collections.abc import Callable
from typing import Any, cast

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.stream.simulated import run
from tests.plugins import test_h264_parser as h264
from tests.plugins.nal_kit import prefixed
from tests.plugins.source_kit import Sink, context, until

from camcast.engine.handover import LoopHandover
from camcast.errors import MediaError
from camcast.host import PluginHost
from camcast.media import NS_PER_MS, MediaKind, Packet
from camcast_aac import adts
from camcast_aac.config import parse_config
from camcast_push import PushOptions
from camcast_push.feed import PushFeed
from camcast_push.source import Intake, packet_in_python

pytestmark = pytest.mark.native

VIDEO, AUDIO = MediaKind.VIDEO, MediaKind.AUDIO
HOST = PluginHost(allow=["h264", "aac"])
FRAME = bytes.fromhex("01402006")


def sound(config: str = "1190") -> bytes:
    return adts.header(parse_config(bytes.fromhex(config)), len(FRAME)) + FRAME


PICTURES = {
    "key": prefixed(h264.SPS, h264.PPS, h264.IDR),
    "picture": prefixed(h264.INTER),
    "not referred to": prefixed(h264.DISPOSABLE),
    "with a delimiter and SEI": prefixed(h264.AUD, h264.SEI, h264.INTER),
    "sets alone": prefixed(h264.SPS, h264.PPS),
    "damaged": prefixed(h264.INTER)[:-1],
    "nothing": b"",
}
SOUNDS = {"sound": sound(), "other sound": sound("1408"), "bare": FRAME, "half": sound()[:-1], "none": b""}

Call = tuple[bytes, dict[str, Any]]


class Odd(Sink):
    """Refuses a packet now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses: type[Exception] | None = None

    def packet(self, packet: Packet) -> None:
        if self.refuses is not None:
            raise self.refuses("no")
        super().packet(packet)


class End:
    """A feed, its running source and what has come of it."""

    def __init__(self, packet: Callable[..., bool], options: PushOptions) -> None:
        self.packet = packet
        self.notes: list[tuple[str, str]] = []
        self.feed, self.sink = PushFeed(0, 0), Odd()
        handover = LoopHandover(asyncio.get_running_loop())
        given_ = context("", options, handover=handover, codec=HOST.codec, note=self._note)
        self.intake = Intake(given_, self.feed, self.sink)
        self.feed.attach(self.intake)

    def _note(self, code: str, text: str) -> None:
        self.notes.append((code, text))

    def push(self, data: object, **more: Any) -> object:
        try:
            return self.packet(self.feed, data, **more)
        except (MediaError, ZeroDivisionError, TypeError, AttributeError) as error:
            return f"{type(error).__name__}: {error}"

    def seen(self) -> dict[str, object]:
        sink, intake = self.sink, self.intake
        shown = [
            (p.track.config, p.dts, p.pts, p.keyframe, p.disposable, p.payload, p.arrival > 0) for p in sink.packets
        ]
        parsers = {key: dict(parser.counts) for key, parser in intake._parsers.items()}
        announced = [[track.codec for track in tracks] for tracks in sink.announced]
        counts = attrs.asdict(self.feed.counts)
        return {
            "counts": counts,
            "packets": shown,
            "announced": announced,
            "dropped": sink.drops,
            "parsers": parsers,
            "notes": self.notes,
            "last": intake._last,
        }


VIDEO_CALLS: st.SearchStrategy[tuple[str, tuple[Any, ...]]] = st.tuples(
    st.just("push"),
    st.tuples(
        st.sampled_from([*PICTURES, *["picture"] * 8]),
        st.fixed_dictionaries(
            {},
            optional={
                "step": st.sampled_from([40, 40, 40, 40, 0, 1, -40, -400, -500, -501, 10**6]),
                "cts": st.sampled_from([0, 80]),
                "keyframe": st.sampled_from([None, True, False]),
                "kind": st.just(VIDEO),
                "codec": st.sampled_from([None, None, None, "h264", "aac", "nonsense"]),
                "timeout": st.just(0.5),
                "as": st.sampled_from([bytes, bytearray, memoryview]),
            },
        ),
    ),
)
AUDIO_CALLS = st.tuples(
    st.just("push"),
    st.tuples(
        st.sampled_from([*SOUNDS, *["sound"] * 8]),
        st.fixed_dictionaries({"kind": st.just(AUDIO)}, optional={"step": st.sampled_from([21, 21, 0, -21])}),
    ),
)
OTHER = st.tuples(st.sampled_from(["refuse", "fail", "odd time", "end", "detach", "attach"]), st.just(()))
CALLS = st.lists(st.one_of(VIDEO_CALLS, VIDEO_CALLS, AUDIO_CALLS, AUDIO_CALLS, OTHER), max_size=40)


class Both:
    """The same calls on either."""

    def __init__(self, options: PushOptions) -> None:
        self.ends = (End(PushFeed.packet, options), End(packet_in_python, options))
        self.at = {VIDEO: 10**9, AUDIO: 10**9}

    def push(self, name: str, given_: dict[str, Any]) -> None:
        more = dict(given_)
        kind = more.get("kind", VIDEO)
        self.at[kind] += more.pop("step", 40) * NS_PER_MS
        dts = self.at[kind]
        make = more.pop("as", bytes)
        cts = more.pop("cts", None)
        if cts is not None:
            more["dts"] = dts
        data = make((PICTURES | SOUNDS)[name])
        self._each(lambda end: end.push(data, pts=dts + (cts or 0) * NS_PER_MS, **more))

    def refuse(self) -> None:
        for end in self.ends:
            end.sink.refuses = None if end.sink.refuses else MediaError

    def fail(self) -> None:
        for end in self.ends:
            end.sink.refuses = None if end.sink.refuses else ZeroDivisionError

    def odd_time(self) -> None:
        self._each(lambda end: end.push(PICTURES["picture"], pts="soon"))
        self._each(lambda end: end.push(PICTURES["picture"], pts=2**70))
        self._each(lambda end: end.push(PICTURES["picture"], no="such"))

    def end(self) -> None:
        for end in self.ends:
            end.feed.end()

    def detach(self) -> None:
        for end in self.ends:
            end.feed.detach(end.intake)

    def attach(self) -> None:
        for end in self.ends:
            end.feed.detach(end.intake)
            end.feed.attach(end.intake)

    def _each(self, act: Callable[[End], object]) -> None:
        said = [act(end) for end in self.ends]
        assert said[0] == said[1] or "argument" in str(said[0])

    def compare(self) -> None:
        one, other = (end.seen() for end in self.ends)
        assert one == other


@settings(max_examples=200)
@given(CALLS, st.booleans())
def test_both_forms_do_the_same(calls: list[tuple[str, tuple[Any, ...]]], with_sound: bool) -> None:
    async def act() -> None:
        both = Both(PushOptions(audio="aac" if with_sound else ""))
        both.push("key", {})
        both.push("sound", {"kind": AUDIO})
        for name, arguments in calls:
            getattr(both, name.replace(" ", "_"))(*arguments)
            both.compare()

    run(act())


def test_another_thread_takes_the_long_way() -> None:
    async def act() -> None:
        end = End(PushFeed.packet, PushOptions())
        assert end.push(PICTURES["key"])
        before = len(end.sink.packets)
        assert await asyncio.to_thread(end.push, PICTURES["picture"], pts=10**12)
        await until(lambda: len(end.sink.packets) > before)
        assert attrs.asdict(end.feed.counts)["offered"] == 2

    asyncio.run(act())


def test_a_kind_that_is_none_may_do_whatever_it_likes_when_it_is_looked_up() -> None:
    async def act() -> None:
        end = End(PushFeed.packet, PushOptions())
        assert end.push(PICTURES["key"])

        class Kind:
            value = "none"

            def __hash__(self) -> int:
                end.intake._usual = {}
                return 0

        assert not end.push(PICTURES["picture"], kind=Kind())
        assert end.push(PICTURES["picture"])

    run(act())


def test_what_a_call_takes_can_be_asked() -> None:
    asked = inspect.signature(PushFeed.packet).parameters
    assert list(asked) == list(inspect.signature(packet_in_python).parameters)


class Quiet(Sink):
    """Keeps nothing."""

    def packet(self, packet: Packet) -> None:
        pass


@pytest.mark.timeout(300)
def test_many_packets_leave_nothing_behind() -> None:
    async def act() -> None:
        end = End(PushFeed.packet, PushOptions(audio="aac"))
        end.sink = cast(Any, Quiet())
        end.intake._sink = end.sink
        end.push(PICTURES["key"], pts=1)
        end.push(SOUNDS["sound"], kind=AUDIO, pts=1)
        pushed = [PICTURES["picture"], PICTURES["with a delimiter and SEI"], PICTURES["damaged"]]
        things = [*pushed, SOUNDS["sound"], VIDEO, AUDIO, end.feed, end.intake, end.sink, end.intake._video]
        parsers = list(end.intake._parsers.values())

        def push(count: int) -> None:
            packet, feed = PushFeed.packet, end.feed
            for number in range(2, count):
                packet(feed, pushed[number % 100 and number % 2], pts=number * NS_PER_MS)
                packet(feed, SOUNDS["sound"], kind=AUDIO, pts=number * NS_PER_MS)
                if number % 1000 == 0:
                    packet(feed, pushed[2], pts=number * NS_PER_MS)

        push(1000)
        gc.collect()
        before, blocks = [sys.getrefcount(one) for one in (*things, *parsers)], sys.getallocatedblocks()
        push(50_000)
        gc.collect()
        after = [sys.getrefcount(one) for one in (*things, *parsers)]
        assert [now - then for now, then in zip(after, before, strict=True) if abs(now - then) > 2] == []
        assert sys.getallocatedblocks() - blocks < 500

    asyncio.run(act())
