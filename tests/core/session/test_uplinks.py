"""Links that outputs share: who tells what, and what comes of it."""

from __future__ import annotations

from math import inf
from typing import Any

import attrs
import pytest

from camcast.config import Adapt, SessionConfig, TargetConfig, UplinkConfig
from camcast.errors import ConfigError
from camcast.events import Event, SessionKey, UplinkChanged
from camcast.session.share import Share
from camcast.session.uplinks import SHORT, Part, Report, TellingUplinks, Told, Uplinks
from camcast.stream.allotment import HEADROOM, Allotment, Claim
from camcast.stream.observed import Reading
from camcast.stream.regulator import LOOK

MBIT = 1_000_000
GATE, YARD = SessionKey(0, 0, "rtmp"), SessionKey(1, 0, "rtmp")
LTE = {"lte": UplinkConfig(limit=8000, interface="wwan0")}


@attrs.define
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def config(uplink: str = "lte", priority: int = 10) -> SessionConfig:
    targets = [TargetConfig(url="rtmp://127.0.0.1/live/x")]
    return SessionConfig(camera_id=0, targets=targets, uplink=uplink, priority=priority, adapt=Adapt(max=4000))


def claim(weight: int = 10, least: float = 0.5 * MBIT, most: float = 6 * MBIT) -> Claim:
    return Claim(weight, least, most)


def test_who_claims_gets_his_part_and_leaves_it_to_the_others() -> None:
    clock, events = Clock(), list[Event]()
    uplinks = Uplinks(LTE, events.append, clock)
    alone = uplinks.report("lte", GATE, Report(claim(), 0))
    assert alone == Part(6 * MBIT)
    both = uplinks.report("lte", YARD, Report(claim(), 0))
    assert both == Part(0.5 * MBIT)
    clock.now += LOOK
    both = uplinks.report("lte", YARD, Report(claim(), 0))
    assert both.rate == 4 * HEADROOM * MBIT
    uplinks.leave("lte", YARD)
    for _ in range(20):
        clock.now += LOOK
        alone = uplinks.report("lte", GATE, Report(claim(), 0))
    assert alone.rate == 6 * MBIT
    assert uplinks.report("lte", YARD, Report(claim(), 0)).rate == 4 * HEADROOM * MBIT, "as before it left"
    assert events == []


def test_one_that_is_none_leaves_all_free_but_no_session_may_name_it() -> None:
    uplinks = Uplinks(LTE)
    assert uplinks.report("dsl", GATE, Report(claim(), 0)) == Part()
    uplinks.check(config())
    uplinks.check(config(""))
    with pytest.raises(ConfigError, match=r'uplink: "dsl" is not among system\.uplinks; known: "lte"'):
        uplinks.check(config("dsl"))


def test_connections_are_bound_to_its_interface_unless_they_say_otherwise() -> None:
    uplinks, plain = Uplinks(LTE), TargetConfig(url="rtmp://127.0.0.1/live/x")
    own = attrs.evolve(plain, bind="10.0.0.2")
    assert uplinks.bound("lte", plain).bind == "wwan0"
    assert uplinks.bound("lte", own) is own
    assert uplinks.bound("", plain) is plain
    uplinks.adopt({"lte": UplinkConfig(interface="wwan1"), "dsl": UplinkConfig()})
    assert uplinks.bound("lte", plain).bind == "wwan1"
    assert uplinks.bound("dsl", plain) is plain


def test_figures_say_how_it_stands() -> None:
    clock = Clock()
    uplinks = Uplinks(LTE, now=clock)
    (before,) = uplinks.metrics()
    assert (before.name, before.interface, before.limit, before.budget) == ("lte", "wwan0", 8 * MBIT, 8 * MBIT)
    for number in range(20):
        uplinks.report("lte", GATE, Report(claim(), number * 125_000))
        clock.now += 0.5
    (one,) = uplinks.metrics()
    assert one.outputs == 1
    assert one.least == 0.5 * MBIT
    assert one.sent == pytest.approx(2 * MBIT, rel=0.15)


def test_a_link_that_bears_less_is_found_and_told() -> None:
    clock, events = Clock(), list[Event]()
    uplinks = Uplinks({"lte": UplinkConfig()}, events.append, clock)
    keys = (GATE, YARD)
    given, acked, rates = dict.fromkeys(keys, 0.0), dict.fromkeys(keys, 0.0), dict.fromkeys(keys, 3.0 * MBIT)
    for number in range(120):
        bears = 20 * MBIT if number < 20 else 3 * MBIT
        clock.now += LOOK
        for key in keys:
            given[key] += rates[key] / 8 * LOOK
        waits = sum(given.values()) - sum(acked.values())
        gone = min(1.0, bears / 8 * LOOK / waits)
        late = waits * (1 - gone) * 8 / bears
        for key in keys:
            acked[key] += (given[key] - acked[key]) * gone
            reading = Reading(clock.now, int(given[key]), int(acked[key]), 0.05 + late, late, 0)
            report = Report(claim(100 if key == GATE else 10, most=3 * MBIT), int(given[key]), reading)
            rates[key] = uplinks.report("lte", key, report).rate
    assert sum(rates.values()) <= 3 * MBIT
    assert rates[GATE] > 3 * rates[YARD]
    changes = [event for event in events if isinstance(event, UplinkChanged)]
    assert (changes[0].label, changes[0].reason) == ("lte", "a queue on the way")
    assert changes[0].text.startswith("Uplink lte: ")
    assert "it bears" in changes[0].text
    (one,) = uplinks.metrics()
    assert one.limit == 0
    assert 2 * MBIT < one.budget < 3.5 * MBIT
    assert one.changes == len(changes)


def test_that_nobody_can_give_way_is_told_once() -> None:
    clock, events = Clock(), list[Event]()
    uplinks = Uplinks(LTE, events.append, clock)
    for _ in range(int(3 * SHORT / LOOK)):
        uplinks.report("lte", GATE, Report(claim(least=9 * MBIT, most=9 * MBIT), 0))
        clock.now += LOOK
    (told,) = events
    assert told.text == "Uplink lte: 8000 kbit/s after 8000: too little, its outputs take at least 9000"


def test_workers_tell_and_are_told() -> None:
    clock, sent = Clock(), list[Told]()
    parent, worker = Uplinks(LTE, now=clock), TellingUplinks(LTE, sent.append)
    parent.report("lte", GATE, Report(claim(), 0))
    first = worker.report("lte", YARD, Report(claim(), 0))
    assert first == Part(0.5 * MBIT)
    clock.now += LOOK
    worker.told(parent.take("worker 1", sent[-1]))
    assert worker.report("lte", YARD, Report(claim(), 0)).rate == 4 * HEADROOM * MBIT
    assert parent.report("lte", GATE, Report(claim(), 0)).rate == 4 * HEADROOM * MBIT
    (one,) = parent.metrics()
    assert one.outputs == 2
    assert worker.metrics() == ()
    worker.leave("lte", YARD)
    assert sent[-1] == {}
    worker.told(parent.take("worker 1", sent[-1]))
    assert worker.report("lte", YARD, Report(claim(), 0)).rate == 4 * HEADROOM * MBIT, "as before it left"
    (one,) = parent.metrics()
    assert one.outputs == 1


def test_an_uplink_that_the_parent_does_not_know_leaves_a_worker_free_too() -> None:
    sent = list[Told]()
    worker = TellingUplinks(LTE, sent.append)
    worker.report("lte", GATE, Report(claim(), 0))
    worker.told(Uplinks().take("worker 1", sent[-1]))
    assert worker.report("lte", GATE, Report(claim(), 0)) == Part()


def test_hundreds_that_come_at_once_are_decided_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, looks, sent = Clock(), list[int](), list[Told]()
    look = Allotment.look

    def counted(self: Allotment[Any], now: float, budget: float, claims: Any, sent: float = 0.0) -> Any:
        looks.append(len(claims))
        return look(self, now, budget, claims, sent)

    monkeypatch.setattr(Allotment, "look", counted)
    uplinks = Uplinks({"lte": UplinkConfig(limit=200_000)}, now=clock)
    worker = TellingUplinks(LTE, sent.append, clock)
    steps = (0.4 * MBIT, 2.0 * MBIT)
    keys = [SessionKey(number, 0, "rtmp") for number in range(256)]
    for _ in range(2):
        parts = [uplinks.report("lte", key, Report(Claim(10, *steps, steps), 0)) for key in keys]
        for key in keys:
            worker.report("lte", key, Report(claim(), 0))
        clock.now += LOOK
    assert looks == [1, 256]
    assert [len(told) for told in sent] == [1, 256]
    assert [part.step for part in parts].count(1) == int((200 * HEADROOM - 256 * 0.4) / 1.6)
    for key in keys:
        worker.leave("lte", key)
    assert [len(told) for told in sent] == [1, 256, 255, 0]


def test_what_a_dead_worker_had_is_free() -> None:
    parent = Uplinks(LTE)
    parent.report("lte", GATE, Report(claim(), 0))
    parent.take("worker 1", {("lte", YARD): Report(claim(), 0)})
    parent.forget("worker 2")
    assert parent.metrics()[0].outputs == 2
    parent.forget("worker 1")
    assert parent.metrics()[0].outputs == 1


# --- one session's -----------------------------------------------------------------------------------------------


class Flow:
    bytes = 0


class Outlet:
    def __init__(self) -> None:
        self.counters = Flow()

    def reading(self) -> None:
        return None


class OnAir:
    def __init__(self) -> None:
        self.outlet = Outlet()


def test_without_an_uplink_a_session_may_send_anything() -> None:
    share, on_air = Share(config(""), Uplinks(LTE), GATE), OnAir()
    place: Any = on_air
    share.see(place, 1.0, 1000, None)
    assert share.between(1, 2) == Part(inf)
    assert (share.uplink, share.rate) == ("", 0)


def test_a_share_of_nothing_is_not_shown_as_any() -> None:
    uplinks = TellingUplinks(LTE, lambda told: None)
    share = Share(config(), uplinks, GATE)
    active: Any = OnAir()
    share.see(active, 1.0, 0, None)
    assert share.between(0.0, MBIT) == Part(0.0)
    assert share.rate == 1


def test_a_second_place_takes_as_much_again() -> None:
    clock = Clock()
    uplinks = Uplinks(LTE, now=clock)
    share = Share(config(), uplinks, GATE)
    active: Any = OnAir()
    beside: Any = OnAir()
    share.see(active, 1.0, 0, None)
    assert share.between(MBIT, 6 * MBIT).rate == 6 * MBIT
    share.see(active, 1.25, 0, beside)
    share.between(MBIT, 6 * MBIT)
    (one,) = uplinks.metrics()
    assert one.least == 2 * MBIT
    assert share.rate == 3 * MBIT, "until it is decided again"
    for _ in range(12):
        clock.now += LOOK
        share.between(MBIT, 6 * MBIT)
    assert share.rate == 4 * HEADROOM * MBIT


def test_what_is_sent_counts_wherever_it_goes() -> None:
    told: list[Told] = []
    share = Share(config(), TellingUplinks(LTE, told.append), GATE)
    active: Any = OnAir()
    twin: Any = OnAir()
    share.see(active, 1.0, 1000, None)
    twin.outlet.counters.bytes = 300
    share.see(active, 2.0, 1500, twin)
    twin.outlet.counters.bytes = 500
    share.see(active, 3.0, 1500, twin)
    another: Any = OnAir()
    another.outlet.counters.bytes = 50
    share.see(active, 4.0, 1600, another)
    share.fixed()
    ((_, report),) = told[-1].items()
    assert report.sent == 1000 + 500 + 500 + 100 + 50
    # Twice, as two places are published.
    assert report.claim.least == report.claim.most == pytest.approx((2150 - 1000) * 8 / 3)


def test_steps_are_claimed_from_the_smallest_and_only_when_they_are_known() -> None:
    told: list[Told] = []
    clock = Clock()
    share = Share(config(priority=30), TellingUplinks(LTE, told.append, clock), GATE)
    active: Any = OnAir()
    share.see(active, 1.0, 0, None)
    share.steps([3e6, 5e5, 1e5], ["", "sub", "tiny"])
    assert told[-1]["lte", GATE].claim == Claim(30, 1e5, 3e6, (1e5, 5e5, 3e6), ("tiny", "sub", ""))
    share.adopt(config(""))
    assert told[-1] == {}
    assert share.rate == 0
    share.adopt(config())
    share.see(active, 2.0, 0, None)
    clock.now += LOOK
    share.steps([3e6, 0.0], ["", "sub"])
    assert told[-1]["lte", GATE].claim.steps == ()
    share.see(None, 3.0, 0, None)
    assert told[-1] == {}
    share.see(active, 4.0, 0, None)
    share.fixed()
    share.end()
    assert told[-1] == {}
