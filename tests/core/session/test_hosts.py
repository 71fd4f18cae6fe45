"""The cap on connects to one host, and who is woken when it is back."""

from __future__ import annotations

import asyncio
import time

from camcast.session.hosts import Hosts, Patience, Waiter, host_of


async def test_slots_are_given_in_order_and_never_above_the_cap() -> None:
    loop = asyncio.get_running_loop()
    hosts = Hosts(200)
    times: list[tuple[int, float]] = []

    async def one(number: int) -> None:
        await hosts.slot("host")
        times.append((number, loop.time()))

    await asyncio.gather(*(one(number) for number in range(20)))
    assert [number for number, _ in times] == list(range(20))
    assert times[-1][1] - times[0][1] >= 19 / 200 - 0.002
    await asyncio.wait_for(hosts.slot("other host"), 0.05)


async def test_whoever_comes_after_a_line_has_ended_has_a_turn_too() -> None:
    hosts = Hosts(100)
    for _ in range(3):
        await asyncio.wait_for(asyncio.gather(hosts.slot("host"), hosts.slot("host")), 1.0)


async def test_a_late_loop_gives_no_bunch_of_slots() -> None:
    loop = asyncio.get_running_loop()
    hosts = Hosts(200)
    last: list[float] = []

    async def one() -> None:
        await hosts.slot("host")
        last.append(loop.time())

    waiting = [asyncio.create_task(one()) for _ in range(20)]
    given_up = asyncio.create_task(one())
    await asyncio.sleep(0)
    given_up.cancel()
    time.sleep(0.15)  # noqa: ASYNC251  the loop is held up for longer than all turns take
    free_again = loop.time()
    await asyncio.gather(*waiting)
    assert last[-1] - free_again >= 17 / 200
    await asyncio.wait_for(hosts.slot("host"), 1.0)


def test_those_waiting_for_a_host_are_woken_once() -> None:
    hosts, woken = Hosts(50), []
    waiter, elsewhere = Waiter(lambda: woken.append("a")), Waiter(lambda: woken.append("b"))
    hosts.failed("host", waiter)
    hosts.failed("other", elsewhere)
    hosts.reached("host")
    hosts.reached("host")
    assert woken == ["a"]


def test_a_host_is_down_until_somebody_gets_through() -> None:
    hosts = Hosts(50)
    assert not hosts.is_down("host")
    for _ in range(2):
        hosts.failed("host", Waiter(lambda: None))
        assert hosts.is_down("host")
        assert not hosts.is_down("other")
        hosts.reached("host")
        assert not hosts.is_down("host")


def test_a_session_waits_for_all_hosts_of_its_chain_where_it_last_looked_for_them() -> None:
    hosts, woken = Hosts(50), []
    patience = Patience(hosts, ["a://one:1/x", "a://two:2/x", "a:///x"], lambda: woken.append(1))
    patience.looked(1, "found:3")
    patience.wait()
    for host in ("two:2", "", "one:1", "one:1"):
        hosts.reached(host)
    assert woken == [1]
    hosts.reached("found:3")
    assert woken == [1, 1]


def test_what_a_url_says_of_its_host() -> None:
    assert host_of("a://user:secret@Host:1935/live/key") == "Host:1935"
    assert host_of("a://[::1]:1/x") == "[::1]:1"
    assert host_of("a:///x") == ""
    assert host_of("a://[half/x") == ""
