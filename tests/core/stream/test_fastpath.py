"""The short way in C, the same in Python, and the long way, side by side: whatever comes, all do the same."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.stream.simulated import run
from tests.core.stream.test_feed import KEY, OTHER, User, make
from tests.core.stream.test_outlet import Owner
from tests.core.world import AUDIO, VIDEO

from camcast.errors import MediaError
from camcast.group import MAX_GROUP_BYTES, Group
from camcast.kinds import Payload
from camcast.media import NS_PER_MS, NS_PER_S, MediaKind, Packet, Tag, TagType, Unit
from camcast.native import extension
from camcast.stream.clock import Doubt
from camcast.stream.fastpath import MOST_BRANCHES, FastPath, Tap, take_in_python
from camcast.stream.hub import Hub
from camcast.stream.negotiation import NONE, RenditionKey
from camcast.stream.outlet import Limits, Outlet

pytestmark = pytest.mark.slow

STEP = 40 * NS_PER_MS
ARRIVAL = 3600 * NS_PER_S
"""Never 0, wherever a packet's time jumps: that would have the real clock asked."""

Take = Callable[[FastPath, Packet], bool]
SHORT: dict[str, Take] = {"Python": take_in_python, **({"C": FastPath.take} if extension is not None else {})}
"""The forms of the short way that there are here; each works on the state that the other does."""


def long_way(path: FastPath, packet: Packet) -> bool:
    """Nothing is taken."""
    return False


ODD = (1.5, "far", 2**70, -(2**70), -1, True, 2**63 - 1, 2**62 + 1, 2**62, b"")
"""What a plugin might return instead of a position."""


class Link:
    """A transport that the test holds in its hands."""

    def __init__(self, rig: Rig, *, positions: bool) -> None:
        self.rig = rig
        self.positions = positions
        self.sent: list[tuple[TagType | MediaKind, int, bytes, bytes]] = []
        self.pending = self.acked = self.unsent = 0
        self.takes = True
        self.refuses = False
        self.raises = False
        self.slow = False
        self.odd = False
        self.on_send: Callable[[], object] = lambda: None

    def send(self, unit: Unit, time: int) -> int | None:
        if isinstance(unit, Tag):
            return self._send(unit.type, time, unit.head, unit.body)
        return self._send(unit.track.kind, time, unit.pts.to_bytes(8, "big"), unit.payload)

    def _send(self, type: TagType | MediaKind, time: int, head: bytes, body: bytes) -> int | None:
        self.on_send()
        if self.slow:
            self.rig.clock += 0.006
        if self.raises:
            raise ZeroDivisionError
        if not self.refuses:
            self.sent.append((type, time, head, body))
            size = len(head) + len(body) + (12 if self.positions else 0)
            if self.takes:
                self.acked += size
            else:
                self.pending += size
                self.unsent += size
        if self.odd:
            return ODD[len(self.sent) % len(ODD)]  # type: ignore[return-value]
        return self.acked + self.pending if self.positions else None

    def drain(self) -> None:
        self.acked += self.pending
        self.pending = self.unsent = 0


class PartsLink(Link):
    """The same for one that takes the parts of a tag."""

    def send_tag(self, type: TagType, time: int, head: bytes, body: bytes) -> int | None:
        return self._send(type, time, head, body)


class Rig:
    """A feed with whatever is attached to it, and a clock of its own."""

    def __init__(self, take: Take, *, payload: Payload = Payload.TAGS, beside: Payload | None = None) -> None:
        """`beside`: what a second rendition makes, of the same stream."""
        self.clock = 1.0
        self.keys = [{Payload.TAGS: KEY, Payload.PACKETS: RenditionKey(Payload.PACKETS)}[payload]]
        if beside is not None:
            other = attrs.evolve(self.keys[0], payload=beside, audio_form="plain", video_form="legacy")
            self.keys.append(other if beside is Payload.TAGS else RenditionKey(beside))
            self.keys[1:] = [key for key in self.keys[1:] if key != self.keys[0]]
        self.feed, self.camera = make()
        self.taken: Counter[bool] = Counter()
        self._short = take
        self.links: list[Link] = []
        self.outlets: list[Outlet] = []
        self.owners: list[Owner] = []
        self.tracks = {MediaKind.VIDEO: VIDEO, MediaKind.AUDIO: AUDIO}
        self.dts = {MediaKind.VIDEO: 0, MediaKind.AUDIO: 0}
        self.number = 0

    def _packet(self, packet: Packet) -> None:
        """As `Feed.packet`, by the form that this is to be."""
        taken = self._short(self.feed.fast, packet)
        self.taken[taken] += 1
        if not taken:
            self.feed._take(packet)

    def begin(self) -> None:
        self.feed.tracks([VIDEO, AUDIO])
        self.packet(MediaKind.AUDIO)
        self.packet(MediaKind.VIDEO, key=True)
        self.hubs: list[Hub] = []
        for key in self.keys:
            hub = self.feed.renditions.acquire(key, User()).hub
            assert hub is not None
            hub.now = lambda: self.clock
            self.hubs.append(hub)
        self.hub = self.hubs[0]

    # --- what may happen ----------------------------------------------------------------------------------

    def packet(
        self,
        kind: MediaKind,
        *,
        step: int = STEP,
        cts: int = 0,
        key: bool = False,
        size: int = 100,
    ) -> None:
        self.dts[kind] += step
        self.number += 1
        dts = self.dts[kind]
        payload = self.number.to_bytes(4, "big") + bytes(size)
        self._packet(
            Packet(self.tracks[kind], dts, dts + cts, key or kind is MediaKind.AUDIO, payload, arrival=ARRIVAL + dts)
        )

    def change(self, kind: MediaKind) -> None:
        self.tracks[kind] = attrs.evolve(self.tracks[kind], config=self.number.to_bytes(4, "big"))

    def attach(self, *, parts: bool, positions: bool, at_keyframe: bool, beside: bool = False) -> None:
        """`beside`: to the last rendition, and not to the first."""
        link = (PartsLink if parts else Link)(self, positions=positions)
        self.join(link, at_keyframe=at_keyframe, hub=self.hubs[-1 if beside else 0])

    def join(self, link: Link, *, at_keyframe: bool = False, hub: Hub | None = None) -> None:
        owner = Owner()
        limits = Limits(bytes=3000, replay_bytes=100_000)
        outlet = Outlet(link, limits, owner, now=lambda: self.clock)  # type: ignore[arg-type]
        outlet.start(hub or self.hub, at_keyframe=at_keyframe)
        self.links.append(link)
        self.outlets.append(outlet)
        self.owners.append(owner)

    def link(self, index: int, what: str) -> None:
        if not self.links:
            return
        at = index % len(self.links)
        link, outlet = self.links[at], self.outlets[at]
        match what:
            case "drain":
                link.drain()
            case "ask":
                outlet.lag  # noqa: B018  asking settles
            case "adopt":
                outlet.adopt(type(outlet.counters)())
            case "close":
                outlet.close()
                outlet.write_off(settle=True)
            case "finish":
                outlet.finish()
            case "close within the next send":
                link.on_send = outlet.close
            case "close the last within the next send":
                link.on_send = self.outlets[-1].close
            case "one more beside within the next send":
                link.on_send = self._one_more_beside(link)
            case "forget the group beside within the next send":
                link.on_send = lambda: setattr(self.hubs[-1].group, "packets", [])
            case _:
                setattr(link, what, not getattr(link, what))

    def _one_more_beside(self, link: Link) -> Callable[[], None]:
        def once() -> None:
            link.on_send = lambda: None
            self.attach(parts=True, positions=True, at_keyframe=False, beside=True)

        return once

    def stream(self, what: str) -> None:
        match what:
            case "discontinuity":
                self.feed.discontinuity()
            case "idle":
                self.feed.pulse.idle()
            case "another rendition":
                number = len(self.feed.renditions)
                other = OTHER if number < 2 else attrs.evolve(KEY, audio=NONE, audio_form=f"{number}")
                self.feed.renditions.acquire(other, User())
            case "tracks":
                self.feed.tracks([self.tracks[MediaKind.VIDEO], self.tracks[MediaKind.AUDIO]])
            case "keyframe lost":
                self.hub.group.packets = []
            case "later":
                self.clock += 0.3
            case "slate on" | "slate off":
                self.feed.slate.on_air = what == "slate on"

    def burst(self, count: int, *, sound: bool = True) -> None:
        """So many pictures and sounds in one turn of the loop."""
        for _ in range(count):
            self.packet(MediaKind.VIDEO)
            if sound:
                self.packet(MediaKind.AUDIO)

    # --- what can be seen ---------------------------------------------------------------------------------

    def seen(self) -> dict[str, Any]:
        feed = self.feed
        found: dict[str, Any] = {
            "counted": attrs.asdict(feed.counters),
            "notes": [*self.camera.notes, self.camera.begins, self.camera.asked, feed.pulse.awaited],
            "hubs": [
                one.hub and [_shown(one.hub.group), one.hub.latest_video, one.hub.latest_audio]
                for one in feed.renditions.all
            ],
            "clock": [feed.clock.jumps, feed.clock.held],
            "broken": {attrs.astuple(one) if isinstance(one, Doubt) else one for one in feed.clock.broken},
            "lines": [attrs.asdict(line) if (line := feed.clock.line(kind)) else None for kind in MediaKind],
            "present": _shown(feed._present.group),
            "sound": feed._present.sound and feed._present.sound.payload,
            "behind": [len(each.behind) for each in self.hubs],
            "end": [
                (tag.type, tag.time, tag.body)
                for each in self.hubs
                for tag in each.packer.end()
                if isinstance(tag, Tag)
            ],
        }
        for number, (outlet, link, owner) in enumerate(zip(self.outlets, self.links, self.owners, strict=True)):
            sender = outlet.sender
            ledger, counters = attrs.asdict(sender.ledger), attrs.asdict(outlet.counters)
            del counters["latency"]  # by the real clock
            found[f"outlet {number}"] = [outlet.state, counters, ledger]
            found[f"sender {number}"] = [sender.base, sender.last_video, sender.last_audio, sender.last_picture]
            found[f"owner {number}"] = [owner.asked, owner.drops, owner.slow_sends, len(owner.errors), owner.begins]
            found[f"link {number}"] = link.sent
        found["time"] = self.clock
        return found


def _shown(group: Group) -> list[object]:
    pictures = [(packet.dts, packet.pts, packet.keyframe, packet.payload) for packet in group.packets]
    return [pictures, group.bytes, group.sounds]


Step = tuple[str, tuple[Any, ...], dict[str, Any]]
VIDEO_PACKETS = st.fixed_dictionaries(
    {},
    optional={
        "step": st.sampled_from([STEP, STEP, 0, -1, 1, STEP + 499_999, -NS_PER_S, NS_PER_S, 5 * NS_PER_S]),
        "cts": st.sampled_from([0, STEP, 2 * STEP, 1, -1, -STEP, 500_000]),
        "key": st.booleans(),
        "size": st.sampled_from([0, 1, 500, 2000]),
    },
).map(lambda more: ("packet", (MediaKind.VIDEO,), more))
AUDIO_PACKETS = st.sampled_from([STEP, STEP, 0, NS_PER_S // 50, -NS_PER_S, 5 * NS_PER_S]).map(
    lambda step: ("packet", (MediaKind.AUDIO,), {"step": step})
)
USUAL: st.SearchStrategy[Step] = st.sampled_from(
    [
        ("packet", (MediaKind.VIDEO,), {}),
        ("packet", (MediaKind.AUDIO,), {}),
        ("packet", (MediaKind.VIDEO,), {"cts": 80}),
    ]
)
ATTACH: st.SearchStrategy[Step] = st.fixed_dictionaries(
    {"parts": st.booleans(), "positions": st.booleans(), "at_keyframe": st.booleans(), "beside": st.booleans()}
).map(lambda more: ("attach", (), more))
ON_A_LINK = ("takes", "takes", "drain", "refuses", "raises", "slow", "odd", "ask", "adopt", "close", "finish")
WITHIN = (
    "close within the next send",
    "close the last within the next send",
    "one more beside within the next send",
    "forget the group beside within the next send",
)
LINKS: st.SearchStrategy[Step] = st.tuples(st.integers(0, 3), st.sampled_from([*ON_A_LINK, *WITHIN])).map(
    lambda what: ("link", what, {})
)
ON_THE_STREAM = ("discontinuity", "idle", "tracks", "keyframe lost", "later", "slate on", "slate off")
STREAM: st.SearchStrategy[Step] = st.sampled_from(ON_THE_STREAM).map(lambda what: ("stream", (what,), {}))
CHANGE: st.SearchStrategy[Step] = st.sampled_from(MediaKind).map(lambda kind: ("change", (kind,), {}))
BURSTS: st.SearchStrategy[Step] = st.integers(1, 5).map(lambda count: ("burst", (count,), {}))
STEPS = st.one_of(USUAL, USUAL, BURSTS, BURSTS, VIDEO_PACKETS, AUDIO_PACKETS, ATTACH, LINKS, STREAM, CHANGE)


def both(steps: list[Step], payload: Payload = Payload.TAGS, beside: Payload | None = None) -> Counter[bool]:
    """Do `steps` every way and compare all that can be seen after each; how many packets went the short way."""

    async def act() -> Counter[bool]:
        short_rigs = {name: Rig(take, payload=payload, beside=beside) for name, take in SHORT.items()}
        long_rig = Rig(long_way, payload=payload, beside=beside)
        rigs = [*short_rigs.values(), long_rig]
        for rig in rigs:
            rig.begin()
        for name, arguments, more in steps:
            for rig in rigs:
                getattr(rig, name)(*arguments, **more)
            for wait in (0.0, 0.02):
                # What lines up for a later turn gets one, in both.
                await asyncio.sleep(wait)
                long = long_rig.seen()
                for form, rig in short_rigs.items():
                    short = rig.seen()
                    for what in long:
                        assert short[what] == long[what], (form, name, arguments, more, what)
        (taken,) = {tuple(sorted(rig.taken.items())) for rig in short_rigs.values()}
        return Counter(dict(taken))

    return run(act())


BESIDE = st.sampled_from([None, None, *Payload])


@settings(max_examples=150)
@given(st.lists(STEPS, min_size=5, max_size=60), st.sampled_from(Payload), BESIDE)
def test_both_ways_do_the_same(steps: list[Step], payload: Payload, beside: Payload | None) -> None:
    both([ATTACHED, *([ATTACHED_BESIDE] if beside else []), *steps], payload, beside)


ATTACHED: Step = ("attach", (), {"parts": True, "positions": True, "at_keyframe": False})
ATTACHED_BESIDE: Step = ("attach", (), {"parts": True, "positions": True, "at_keyframe": False, "beside": True})
WAITING: Step = ("attach", (), {"parts": True, "positions": True, "at_keyframe": True})
KEYFRAME: Step = ("packet", (MediaKind.VIDEO,), {"key": True})
SOUND: Step = ("packet", (MediaKind.AUDIO,), {})
BURST: Step = ("burst", (5,), {})
DISTURBANCES: dict[str, list[Step]] = {
    **{what: [("stream", (what,), {})] for what in ON_THE_STREAM},
    **{what: [("link", (0, what), {})] for what in (*ON_A_LINK, *WITHIN)},
    "another rendition": [("stream", ("another rendition",), {})],
    "one more": [ATTACHED],
    "one more, within the same turn": [ATTACHED, BURST],
    "one that waits": [WAITING],
    "one that waits, and sound that trails": [("burst", (20,), {"sound": False}), WAITING, KEYFRAME, SOUND, SOUND],
    "a slate, and its end": [("stream", ("slate on",), {}), BURST, ("stream", ("slate off",), {})],
    "a slow one, and a burst": [("link", (0, "slow"), {}), BURST, BURST],
    "a link that is too thin": [("link", (0, "takes"), {}), *[BURST, ("stream", ("later",), {})] * 6],
    "large pictures without a keyframe": [("packet", (MediaKind.VIDEO,), {"size": MAX_GROUP_BYTES // 2})] * 3,
    "time that jumps": [("packet", (MediaKind.VIDEO,), {"step": 60 * NS_PER_S}), SOUND],
    "time that steps back": [("packet", (MediaKind.AUDIO,), {"step": -NS_PER_S}), BURST],
    "time that stands": [("packet", (MediaKind.VIDEO,), {"step": 0}), ("packet", (MediaKind.AUDIO,), {"step": 0})],
    "shown before it is decoded": [("packet", (MediaKind.VIDEO,), {"cts": -STEP})],
    "other parameters": [("change", (MediaKind.VIDEO,), {}), KEYFRAME],
}


@pytest.mark.parametrize("what", DISTURBANCES)
@pytest.mark.parametrize(
    ("payload", "beside"),
    [*((payload, None) for payload in Payload), *((Payload.TAGS, beside) for beside in Payload)],
)
def test_whatever_comes_between_is_seen(what: str, payload: Payload, beside: Payload | None) -> None:
    """A steady stream to three, and to two of another rendition, something, the stream again."""
    outlets = [*[ATTACHED] * 3, *([ATTACHED_BESIDE] * 2 if beside else [])]
    steps = [*outlets, BURST, KEYFRAME, BURST, *DISTURBANCES[what], BURST, KEYFRAME, BURST, BURST]
    taken = both(steps, payload, beside)
    assert taken[True] >= 16, "it was steady before"


@pytest.mark.parametrize("outlets", [1, 3])
@pytest.mark.parametrize("parts", [True, False])
@pytest.mark.parametrize("positions", [True, False])
@pytest.mark.parametrize(
    ("payload", "beside"), [(Payload.TAGS, None), (Payload.PACKETS, None), (Payload.TAGS, Payload.PACKETS)]
)
def test_what_is_ordinary_goes_the_short_way(
    outlets: int, parts: bool, positions: bool, payload: Payload, beside: Payload | None
) -> None:
    """All but the first ones and the keyframes, and a composition time that is new. Also beside a recording."""
    attach: Step = ("attach", (), {"parts": parts, "positions": positions, "at_keyframe": False})
    sound: Step = ("packet", (MediaKind.AUDIO,), {})
    steps: list[Step] = [*[attach] * outlets, *([ATTACHED_BESIDE] if beside else [])]
    for number in range(100):
        steps += [("packet", (MediaKind.VIDEO,), {"key": number % 25 == 0}), sound]
    taken = both(steps, payload, beside)
    assert taken[True] + taken[False] == 202
    assert taken[False] <= 2 + 4 + 6


@pytest.mark.parametrize("take", SHORT.values(), ids=SHORT)
def test_one_that_nobody_publishes_is_left_alone(take: Take) -> None:
    async def act() -> None:
        rig = Rig(take)
        rig.begin()
        for _ in range(5):
            rig.packet(MediaKind.VIDEO)
            rig.packet(MediaKind.AUDIO)
        assert not rig.taken[True]

    run(act())


def test_more_renditions_than_usual_are_fed_too() -> None:
    more: list[Step] = [("stream", ("another rendition",), {})] * (MOST_BRANCHES + 1)
    taken = both([ATTACHED, BURST, KEYFRAME, BURST, *more, BURST, KEYFRAME, BURST, BURST])
    assert taken[False] >= 30


@pytest.mark.parametrize("take", SHORT.values(), ids=SHORT)
def test_a_track_that_nobody_wants_does_not_hold_up_the_others(take: Take) -> None:
    """Sound that the output leaves out, say."""

    async def act() -> None:
        rig = Rig(take)
        rig.feed.tracks([VIDEO, AUDIO])
        rig.packet(MediaKind.VIDEO, key=True)
        hub = rig.feed.renditions.acquire(attrs.evolve(KEY, audio=NONE, audio_form=""), User()).hub
        assert hub is not None
        rig.hubs, rig.hub = [hub], hub
        rig.attach(parts=True, positions=True, at_keyframe=False)
        await asyncio.sleep(0.1)
        for _ in range(50):
            rig.packet(MediaKind.VIDEO)
            rig.packet(MediaKind.AUDIO)
        assert rig.taken[True] >= 48
        assert {type for type, *_ in rig.links[0].sent} == {TagType.SCRIPT, TagType.VIDEO}

    run(act())


@pytest.mark.parametrize("take", SHORT.values(), ids=SHORT)
def test_one_that_is_no_outlet_is_seen_before_the_others_are_looked_at(
    take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked for each packet while one output sends other pictures."""

    class Ear:
        heard = 0

        def offer(self, unit: Unit, packet: Packet) -> None:
            self.heard += 1

        def announce(self, units: object) -> None:
            raise AssertionError("nothing changes")

        def overloaded(self, packet: Packet) -> None:
            raise AssertionError("it is not")

    looked: list[Outlet] = []

    def of(outlet: Outlet, *, tags: bool) -> Tap:
        looked.append(outlet)
        return make_tap(outlet, tags=tags)

    async def act() -> None:
        rig, ear = Rig(take), Ear()
        rig.begin()
        rig.attach(parts=True, positions=True, at_keyframe=False)
        await asyncio.sleep(0.1)
        rig.hub.attach(ear)
        rig.burst(20)
        assert (ear.heard, looked) == (40, [])
        rig.hub.detach(ear)
        rig.burst(20)
        assert looked == rig.outlets
        assert rig.taken[True] >= 36

    make_tap = Tap.of
    monkeypatch.setattr(Tap, "of", of)
    run(act())


@pytest.mark.parametrize("take", [*SHORT.values(), long_way], ids=[*SHORT, "the long way"])
@pytest.mark.parametrize("far", [2**63, -(2**80), 2**62])
def test_times_that_cannot_be_are_told_and_harm_nothing(take: Take, far: int) -> None:
    async def act() -> None:
        rig = Rig(take)
        rig.begin()
        rig.attach(parts=True, positions=True, at_keyframe=False)
        await asyncio.sleep(0.1)
        with pytest.raises(MediaError, match=r"dts is -?\d+, expected nanoseconds"):
            rig.packet(MediaKind.VIDEO, step=far)
        rig.dts[MediaKind.VIDEO] -= far
        sent = len(rig.links[0].sent)
        for _ in range(20):
            rig.packet(MediaKind.VIDEO)
        assert len(rig.links[0].sent) == sent + 20

    run(act())


@pytest.mark.parametrize("take", [*SHORT.values(), long_way], ids=[*SHORT, "the long way"])
@pytest.mark.parametrize("far", [2**62 + 1, 2**63 - 1, 2**63])
def test_a_position_that_cannot_be_is_told_and_not_gone_by(take: Take, far: int) -> None:
    """The ledger adds to it, and what it works out must have 64 bits."""

    async def act() -> None:
        rig = Rig(take)
        rig.begin()
        rig.attach(parts=True, positions=True, at_keyframe=False)
        await asyncio.sleep(0.1)
        for _ in range(3):
            rig.packet(MediaKind.VIDEO)
        (link,), (outlet,), (owner,) = rig.links, rig.outlets, rig.owners
        before = outlet.counters.sent.video
        link._send = lambda *_: far  # type: ignore[method-assign]
        for _ in range(3):
            rig.packet(MediaKind.VIDEO)
        assert outlet.counters.sent.video == before
        assert outlet.lag < 1
        assert owner.errors
        assert all("send gave a number of" in str(error) for error in owner.errors)

    run(act())
