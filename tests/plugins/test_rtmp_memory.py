"""What is learnt of servers: for how long, of how many, and what makes it forgotten."""

from __future__ import annotations

import pytest

from camcast.target import Target
from camcast_kit_rtmp import urls
from camcast_kit_rtmp.urls import Address
from camcast_rtmp.memory import KNOWN_FOR, MAX_REMEMBERED, USELESS_FOR, BareServers, ShownServers


def place(name: str = "h") -> Address:
    return urls.parse(Target(url=f"rtmp://{name}/live/k"))


def test_that_it_helps_to_leave_them_out_is_known_for_a_day() -> None:
    bare = BareServers()
    assert not bare.needs_bare(place(), 0.0)
    bare.helped(place(), "an old one", 1000.0)
    assert bare.needs_bare(place(), 1000.0 + KNOWN_FOR)
    assert not bare.needs_bare(place(), 1001.0 + KNOWN_FOR)
    assert bare.worth_trying(place(), 1001.0 + KNOWN_FOR), "then it may help again"


@pytest.mark.parametrize(("who", "known"), [("an old one", True), ("a new one", False), ("", False)])
def test_another_server_at_its_place_is_asked_with_them(who: str, known: bool) -> None:
    bare = BareServers()
    bare.helped(place(), "an old one", 0.0)
    bare.met(place(), who)
    assert bare.needs_bare(place(), 1.0) is known


def test_that_it_does_not_help_is_known_for_a_while_whoever_is_met() -> None:
    bare = BareServers()
    bare.useless(place(), 0.0)
    bare.met(place(), "somebody")
    assert not bare.needs_bare(place(), 1.0)
    assert not bare.worth_trying(place(), USELESS_FOR)
    assert bare.worth_trying(place(), USELESS_FOR + 1)


def test_what_a_server_showed_is_known_for_a_day_since_it_was_seen_last() -> None:
    shown = ShownServers()
    assert shown.of(place(), 0.0) == ""
    shown.remember(place(), "nginx-rtmp", 0.0)
    shown.remember(place(), "nginx-rtmp", 1000.0)
    assert shown.of(place(), 1000.0 + KNOWN_FOR) == "nginx-rtmp"
    assert shown.of(place(), 1001.0 + KNOWN_FOR) == ""
    shown.remember(place(), "nginx-rtmp", 2000.0)
    shown.forget(place())
    shown.forget(place("never-seen"))
    assert shown.of(place(), 2000.0) == ""


def test_what_is_remembered_of_servers_is_bounded() -> None:
    bare, shown = BareServers(), ShownServers()
    places = [place(f"h{number}") for number in range(MAX_REMEMBERED + 2)]
    for one in places:
        bare.helped(one, "", 0.0)
        shown.remember(one, "nginx-rtmp", 0.0)
        # Used again, so not among the oldest.
        bare.helped(places[0], "", 0.0)
    assert [bare.needs_bare(one, 1.0) for one in (*places[:4], places[-1])] == [True, False, False, True, True]
    assert [shown.of(one, 1.0) for one in (*places[:3], places[-1])] == ["", "", "nginx-rtmp", "nginx-rtmp"]
