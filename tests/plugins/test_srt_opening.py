"""How an SRT attempt comes to its connection, with links that do as they are told."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, cast

import attrs
import pytest

from camcast.errors import MisconfiguredError, NetworkError, TransportError
from camcast.target import Target
from camcast_srt.address import Address
from camcast_srt.opening import Opening
from camcast_srt.options import SrtOptions, settings_of

ONE, OTHER = ((socket.AF_INET, (host, 9000)) for host in ("192.0.2.1", "192.0.2.2"))


class Network:
    """Names with two addresses, and what happens at each."""

    def __init__(self) -> None:
        self.opened: list[Address] = []
        self.closed = 0
        self.at: dict[Address, TransportError | str] = {}
        self.opening: Opening[FakeLink] | None = None
        self.found: list[Address] = [ONE, OTHER]

    async def resolve(self, host: str, port: int, family: str) -> list[Address]:
        return self.found

    def answer(self, link: FakeLink, place: Address) -> None:
        self.opened.append(place)
        assert self.opening is not None
        match self.at.get(place, "up"):
            case TransportError() as error:
                self.opening.failed(error)
            case "up":
                self.opening.opened(link)
            case "broken":
                self.opening.broken("why")


@attrs.define
class FakeLink:
    network: Network

    def open(self, place: Address, local: Address | None, timeout: float) -> None:
        self.network.answer(self, place)

    def close(self) -> None:
        self.network.closed += 1


@pytest.fixture
def network() -> Network:
    return Network()


def begun(network: Network, query: str = "", **more: Any) -> Opening[FakeLink]:
    target = Target(url=f"srt://somewhere:9000{query}", connect_timeout=2.0, **more)
    settings = settings_of(target, SrtOptions())
    network.opening = made = Opening(target, settings, cast("Any", network), lambda: FakeLink(network))
    return made


async def test_the_next_address_is_tried_when_one_fails(network: Network) -> None:
    network.at[ONE] = NetworkError("refused")
    link = await begun(network).run()
    assert isinstance(link, FakeLink)
    assert (network.opened, network.closed) == ([ONE, OTHER], 1)


async def test_the_last_error_is_told(network: Network) -> None:
    network.at = {ONE: NetworkError("first"), OTHER: NetworkError("second")}
    with pytest.raises(NetworkError, match="second"):
        await begun(network).run()
    assert network.closed == 2


async def test_all_that_were_made_are_the_callers_to_see_to_their_end(network: Network) -> None:
    network.at[ONE] = NetworkError("refused")
    made = begun(network)
    link = await made.run()
    assert len(made.links) == 2
    assert made.links[-1] is link


async def test_what_no_address_can_mend_ends_it(network: Network) -> None:
    network.at[ONE] = MisconfiguredError("no such option")
    with pytest.raises(MisconfiguredError):
        await begun(network).run()
    assert network.opened == [ONE]


async def test_one_that_breaks_at_once_is_no_connection(network: Network) -> None:
    network.at = dict.fromkeys((ONE, OTHER), "broken")
    with pytest.raises(NetworkError, match="closed at once: why"):
        await begun(network).run()


async def test_each_has_its_share_of_the_deadline(network: Network) -> None:
    network.at = dict.fromkeys((ONE, OTHER), "silent")
    with pytest.raises(NetworkError, match="no answer within"):
        await begun(network).run()
    assert network.opened == [ONE, OTHER]


async def test_a_listener_has_one_address(network: Network) -> None:
    network.at[ONE] = NetworkError("in use")
    with pytest.raises(NetworkError, match="in use"):
        await begun(network, "?mode=listener").run()
    assert network.opened == [ONE]


async def test_a_name_without_an_address(network: Network) -> None:
    network.found = []
    with pytest.raises(NetworkError, match="has no address"):
        await begun(network).run()


async def test_stopped_it_opens_nothing_more(network: Network) -> None:
    """Also where it waits for the first of several addresses."""
    network.at[ONE] = "silent"
    made = begun(network)
    running = asyncio.create_task(made.run())
    while not network.opened:  # noqa: ASYNC110  it has no event of its own
        await asyncio.sleep(0)
    made.stop()
    with pytest.raises(NetworkError, match="closed while connecting"):
        await running
    assert (network.opened, network.closed) == ([ONE], 1)


async def test_stopped_before_it_begins(network: Network) -> None:
    made = begun(network)
    made.stop()
    with pytest.raises(NetworkError, match="closed while connecting"):
        await made.run()
    assert network.opened == []


async def test_what_it_binds_to_must_fit(network: Network) -> None:
    with pytest.raises(ValueError, match="bind: SRT sends from an IP address"):
        begun(network, bind="eth0")
    assert settings_of(Target(url="srt://0.0.0.0:9000?mode=listener", bind="eth0"), SrtOptions()).mode == "listener"
    with pytest.raises(NetworkError, match="bind"):
        await begun(network, bind="::1").run()
    assert network.opened == []
