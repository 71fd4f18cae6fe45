"""Name look-ups: shared, bounded, with a deadline and a memory."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any, Never

import pytest

from camcast.errors import NetworkError
from camcast.net.host import Address
from camcast.session.resolver import MAX_ADDRESSES, NameResolver

ADDRESS = (socket.AF_INET, ("127.0.0.9", 1935))


async def test_literals_need_no_look_up() -> None:
    resolver = NameResolver(lambda *key: pytest.fail("looked up"))
    assert await resolver.resolve("127.0.0.1", 1935) == [(socket.AF_INET, ("127.0.0.1", 1935))]
    assert await resolver.resolve("::1", 80) == [(socket.AF_INET6, ("::1", 80, 0, 0))]
    with pytest.raises(NetworkError, match=r"127\.0\.0\.1 is not an ipv6 address"):
        await resolver.resolve("127.0.0.1", 1935, "ipv6")


async def test_a_zone_is_an_interface_as_people_and_as_urls_write_it() -> None:
    resolver = NameResolver(lambda *key: pytest.fail("looked up"))
    for zone in ("lo", "25lo", "1", "251"):
        assert await resolver.resolve(f"fe80::1%{zone}", 1935) == [(socket.AF_INET6, ("fe80::1", 1935, 0, 1))]
    with pytest.raises(NetworkError, match="no network interface nothing"):
        await resolver.resolve("fe80::1%25nothing", 1935)


async def test_a_name_with_thousands_of_addresses_has_a_few() -> None:
    """An attempt tries each, and each costs something; neither family is left out."""
    many: list[Address] = [(socket.AF_INET6, (f"2001:db8::{n:x}", 1, 0, 0)) for n in range(3000)]
    many += [(socket.AF_INET, (f"192.0.2.{n}", 1)) for n in range(250)]
    found = await NameResolver(lambda *key: list(many)).resolve("many.example", 1)
    assert found == many[:MAX_ADDRESSES] + many[3000 : 3000 + MAX_ADDRESSES]


async def test_one_look_up_serves_all_who_ask_meanwhile() -> None:
    release, count = threading.Event(), []

    def look_up(*key: Any) -> Any:
        count.append(key)
        release.wait(5)
        return [ADDRESS]

    resolver = NameResolver(look_up)
    waiting = [asyncio.create_task(resolver.resolve("cam.example", 1935)) for _ in range(5)]
    await asyncio.sleep(0)
    release.set()
    assert await asyncio.gather(*waiting) == [[ADDRESS]] * 5
    assert len(count) == 1


async def test_hung_look_ups_delay_nobody_else_and_the_last_answer_serves() -> None:
    hung = threading.Event()
    hang = {"bad.example"}

    def look_up(host: Any, port: Any, family: Any) -> Any:
        if host in hang:
            hung.wait(10)
        return [ADDRESS]

    resolver = NameResolver(look_up, deadline=0.05)
    assert await resolver.resolve("good.example", 1) == [ADDRESS]
    hang.add("good.example")
    with pytest.raises(NetworkError, match=r"cannot look up bad\.example: no answer within 0\.05 s"):
        await resolver.resolve("bad.example", 1)
    assert await resolver.resolve("good.example", 1) == [ADDRESS]
    hung.set()


async def test_no_more_than_its_threads() -> None:
    hung = threading.Event()
    resolver = NameResolver(lambda *key: hung.wait(10) and [ADDRESS], deadline=0.02, threads=1)  # type: ignore[arg-type]
    with pytest.raises(NetworkError, match="no answer"):
        await resolver.resolve("one.example", 1)
    with pytest.raises(NetworkError, match="too many name look-ups hang already"):
        await resolver.resolve("two.example", 1)
    hung.set()


async def test_a_failed_look_up_says_why() -> None:
    def look_up(*key: Any) -> Never:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(NetworkError, match="cannot look up cam: Name or service not known; check the name"):
        await NameResolver(look_up).resolve("cam", 1)


async def test_a_cancellation_that_comes_with_the_answer_is_heard() -> None:
    release = threading.Event()
    answered: list[bool] = []

    def look_up(*key: Any) -> Any:
        release.wait(5)
        return [ADDRESS]

    resolver = NameResolver(look_up)
    asking = asyncio.create_task(resolver.resolve("cam.example", 1935))
    await asyncio.sleep(0)
    (running,) = resolver._running.values()
    # Called with the answer, when the one who asks has been told and not yet gone on.
    running.add_done_callback(lambda _: asking.cancel())
    running.add_done_callback(lambda _: answered.append(True))
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert answered
