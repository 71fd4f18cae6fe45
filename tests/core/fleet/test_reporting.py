"""A whole fleet as it is shown: states of cameras, leases, orders, and what is left of it while the store is away."""

from __future__ import annotations

from camcast.coordinators import (
    Away,
    Card,
    ClaimNews,
    Desired,
    DesiredNews,
    Hold,
    Holder,
    MemberNews,
    News,
    Order,
    OrderNews,
    Synced,
)
from camcast.fleet.member import Member
from camcast.fleet.reporting import Reporting
from camcast.fleet_report import FleetCamera, FleetCameraState, FleetMember, FleetReport

LEASE = 10.0
ADA, BOB = Holder("ada", "1"), Holder("bob", "1")
CAMERAS = [{"camera_id": number, "name": f"gate-{number}"} for number in range(5)]
ALL: tuple[News, ...] = (
    MemberNews("ada", 1, Card(holder=ADA, capacity=8, lease=LEASE, running=2, on_air=1, troubled=(1,))),
    MemberNews("bob", 1, Card(holder=BOB, capacity=9, lease=LEASE, hold=Hold.FOREVER, running=2, labels={"a": "b"})),
    OrderNews("bob", Order.DRAIN),
    DesiredNews(Desired(version=7, mapping={"cameras": CAMERAS})),
    ClaimNews(0, 4, ADA),
    ClaimNews(1, 1, ADA),
    ClaimNews(2, 1, Holder("bob", "earlier")),
    ClaimNews(3, 2, None),
    Synced("epoch"),
)


class Shown:
    """A member that is told things, and what it shows of them."""

    def __init__(self, *told: News) -> None:
        self.now = 1000.0
        self.member = Member("ada", lives=lambda: "1", lease=LEASE)
        self.reporting = Reporting("site", self.member, lambda: self.now)
        self.hear(*told)

    def hear(self, *told: News) -> None:
        for news in told:
            self.reporting.hear(news)
            self.member.hear(news, self.now)

    @property
    def report(self) -> FleetReport:
        return self.reporting.report()

    @property
    def states(self) -> list[str]:
        return [one.state.value for one in self.report.cameras]


def test_all_that_the_store_has_is_shown() -> None:
    shown = Shown(*ALL)
    shown.now += 2.0
    report = shown.report
    assert (report.fleet, report.member, report.heard, report.version) == ("site", "ada", True, 7)
    assert report.members[1] == FleetMember(
        name="bob",
        running=2,
        on_air=0,
        capacity=9,
        labels={"a": "b"},
        lease=LEASE,
        hold=Hold.FOREVER,
        order=Order.DRAIN,
        silent=False,
        renewed_ago=2.0,
    )
    assert report.cameras[0] == FleetCamera(
        camera_id=0, name="gate-0", member="ada", fence=4, state=FleetCameraState.ON_AIR
    )
    assert shown.states == ["on air", "not on air", "its member is gone", "nowhere", "nowhere"]
    assert {state.value: count for state, count in report.counts.items() if count} == {
        "on air": 1,
        "not on air": 1,
        "its member is gone": 1,
        "nowhere": 2,
    }
    assert set(report.counts) == set(FleetCameraState)


def test_who_misses_two_renewals_is_silent_with_its_cameras() -> None:
    shown = Shown(*ALL, ClaimNews(2, 2, BOB))
    shown.now += LEASE / 2 - 0.1
    assert [one.silent for one in shown.report.members] == [False, False]
    shown.now += 0.1
    shown.hear(MemberNews("bob", 2, Card(holder=BOB, capacity=9, lease=LEASE, running=1, on_air=1)))
    assert [one.silent for one in shown.report.members] == [True, False]
    assert shown.states == ["silent", "silent", "on air", "nowhere", "nowhere"]


def test_a_camera_that_two_have_is_on_the_air_with_either() -> None:
    both = ClaimNews(1, 2, ADA, BOB)
    shown = Shown(*ALL, both)
    assert shown.states[1] == "not on air"
    shown.hear(MemberNews("bob", 2, Card(holder=BOB, capacity=9, lease=LEASE, running=1, on_air=1)))
    assert shown.states[1] == "on air"
    # What it had in another life is no longer its own.
    shown.hear(MemberNews("bob", 3, Card(holder=Holder("bob", "2"), capacity=9, lease=LEASE, running=1, on_air=1)))
    assert shown.states[1] == "not on air"


def test_while_the_store_is_away_it_is_as_it_was_and_no_state_is_known() -> None:
    shown = Shown(*ALL, Away("the connection was lost"))
    shown.now += 60.0
    report = shown.report
    assert (report.heard, report.version, [one.name for one in report.members]) == (False, 7, ["ada", "bob"])
    assert [(one.member, one.fence) for one in report.cameras[:2]] == [("ada", 4), ("ada", 1)]
    assert set(shown.states) == {"unknown"}
    # A second loss while nothing is known keeps what was known before.
    shown.hear(Away("again"))
    assert shown.report == report
    shown.hear(*ALL)
    assert shown.report.heard
    assert shown.states[:2] == ["on air", "not on air"]


def test_before_anything_was_heard_there_is_nothing() -> None:
    report = Shown().report
    assert (report.heard, report.members, report.cameras) == (False, (), ())
