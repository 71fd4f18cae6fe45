"""The cap on connects to one host, and who is woken when it is back."""

from __future__ import annotations

import asyncio
import time

from camcast.session.hosts import Hosts, Waiter
from camcast.session.redirects import MAX_HOPS, refusal


async def test_slots_are_given_in_order_and_never_above_the_cap():
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


async def test_a_late_loop_gives_no_bunch_of_slots():
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


def test_those_waiting_for_a_host_are_woken_once():
    hosts, woken = Hosts(50), []
    waiter, elsewhere = Waiter(lambda: woken.append("a")), Waiter(lambda: woken.append("b"))
    hosts.failed("host", waiter)
    hosts.failed("other", elsewhere)
    hosts.reached("host")
    hosts.reached("host")
    assert woken == ["a"]


def test_redirects_within_the_rules():
    assert refusal("a://h:1/x", "a://h:2/y", (), 0) is None
    assert refusal("a://h/x", "a://k/y", ("K",), 0) is None
    assert refusal("a://h/x", "a://k/y", (), 0) == 'k is another host; allow it by "allow_redirect_hosts": ["k"]'
    assert refusal("as://h/x", "a://h/y", (), 0) == "it leads from as to a"
    assert refusal("a://h/x", "a:///y", (), 0) == "the address has no host"
    assert refusal("a://h/x", "a://h:port/y", (), 0) == "the address is not a valid URL"
    assert refusal("a://h/x", "a://h/y", (), MAX_HOPS) == "it would be redirect number 6 in a row"
