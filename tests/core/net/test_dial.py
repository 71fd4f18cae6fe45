"""Addresses one after another, families by turns, the first that answers; nothing left open."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.servers.process import free_port

from camcast.errors import MisconfiguredError, NetworkError
from camcast.net.dial import by_turns, connect, dial
from camcast.net.host import Address
from camcast.target import Target

V4, V6 = socket.AF_INET, socket.AF_INET6


def here(port: int) -> Address:
    return V4, ("127.0.0.1", port)


@contextlib.contextmanager
def listening(backlog: int = 16) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0), backlog=backlog) as listener:
        yield listener.getsockname()[1]


@contextlib.contextmanager
def silent() -> Iterator[int]:
    """A port whose backlog is full, so that nobody's connection is ever answered."""
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(listening(backlog=0))
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        yield port


@pytest.fixture(autouse=True)
def nothing_is_left_open() -> Iterator[None]:
    before = len(list(Path("/proc/self/fd").iterdir()))
    yield
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_families_take_turns_in_the_resolvers_order() -> None:
    a, b, c = ((V6, (f"2001:db8::{index}", 1, 0, 0)) for index in range(3))
    x, y = here(1), here(2)
    assert by_turns([a, b, c, x, y]) == [a, x, b, y, c]
    assert by_turns([x, y, a]) == [x, a, y]
    assert by_turns([]) == []


async def test_the_first_that_connects_wins_and_is_not_blocking() -> None:
    with listening() as port:
        sock = await dial([here(free_port()), here(port)], timeout=2.0)
        assert sock.getpeername() == ("127.0.0.1", port)
        assert not sock.getblocking()
        sock.close()


async def test_one_that_does_not_answer_holds_the_next_up_for_a_moment_only() -> None:
    with silent() as dead, listening() as port:
        began = time.monotonic()
        sock = await dial([here(dead), here(port)], timeout=5.0, stagger=0.1)
        assert 0.1 <= time.monotonic() - began < 1.0
        assert sock.getpeername()[1] == port
        sock.close()


async def test_a_slow_first_one_still_wins_if_the_second_is_refused() -> None:
    with silent() as slow:
        dead = free_port()
        with pytest.raises(NetworkError) as caught:
            await dial([here(slow), here(dead)], timeout=0.4, stagger=0.05)
        assert str(caught.value) == (
            f"cannot connect to 127.0.0.1:{dead}: Connection refused; 127.0.0.1:{slow}: no answer within 0.4 s"
        )


async def test_every_address_says_its_own() -> None:
    one, two = free_port(), free_port()
    with pytest.raises(NetworkError) as caught:
        await dial([here(one), (V6, ("::1", two, 0, 0))], timeout=2.0)
    assert str(caught.value) == (
        f"cannot connect to 127.0.0.1:{one}: Connection refused; [::1]:{two}: Connection refused"
    )
    assert caught.value.stage == "connect"
    with pytest.raises(NetworkError, match="a name without addresses"):
        await dial([], timeout=2.0)


async def test_the_deadline_is_for_all_of_them() -> None:
    with silent() as dead:
        began = time.monotonic()
        with pytest.raises(NetworkError, match=r"no answer within 0\.3 s.*not tried"):
            await dial([here(dead)] * 10, timeout=0.3, stagger=0.1)
        assert time.monotonic() - began < 1.0


async def test_cancelling_leaves_nothing_open() -> None:
    with silent() as dead:
        task = asyncio.create_task(dial([here(dead)] * 3, timeout=5.0, stagger=0.01))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_two_that_connect_at_once_leave_one() -> None:
    with listening() as one, listening() as two:
        sock = await dial([here(one), here(two)], timeout=2.0, stagger=0.0)
        assert sock.getpeername()[1] in (one, two)
        sock.close()


async def test_binding() -> None:
    with listening() as port:
        sock = await dial([here(port)], bind="127.0.0.9", timeout=2.0)
        assert sock.getsockname()[0] == "127.0.0.9"
        sock.close()
        with pytest.raises(NetworkError, match="cannot be reached from ::1"):
            await dial([here(port)], bind="::1", timeout=2.0)
        with pytest.raises(NetworkError, match=r"this machine has no address 192\.0\.2\.1 to send from"):
            await dial([here(port)], bind="192.0.2.1", timeout=2.0)
        with pytest.raises(NetworkError, match="neither an interface nor an address 'nosuchif0' now"):
            await dial([here(port)], bind="nosuchif0", timeout=2.0)
        sock = await dial([here(port)], bind="lo", timeout=2.0)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0") == b"lo"
        sock.close()


async def test_where_the_system_binds_to_no_interface_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "SO_BINDTODEVICE")
    with (
        listening() as port,
        pytest.raises(MisconfiguredError, match="expected a local address or the name of a network interface"),
    ):
        await dial([here(port)], bind="lo", timeout=2.0)


class Hanging:
    async def resolve(self, host: str, port: int, family: str = "both") -> list[tuple[int, tuple[Any, ...]]]:
        await asyncio.sleep(60)
        return []


class Answering(Hanging):
    def __init__(self, *answers: Address) -> None:
        self.answers = answers
        self.asked: list[tuple[str, int, str]] = []

    async def resolve(self, host: str, port: int, family: str = "both") -> list[tuple[int, tuple[Any, ...]]]:
        self.asked.append((host, port, family))
        return list(self.answers)


async def test_looking_up_has_a_deadline_and_asks_for_the_family() -> None:
    with pytest.raises(NetworkError, match=r"no answer to the look-up of far within 0\.1 s") as caught:
        await connect(Target(url="x://far/", connect_timeout=0.1), "far", 1, Hanging())
    assert caught.value.stage == "resolve"
    with listening() as port:
        resolver = Answering(here(port))
        sock = await connect(Target(url="x://far/", ip_family="ipv4"), "far", port, resolver)
        assert resolver.asked == [("far", port, "ipv4")]
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        sock.close()
