"""What goes wrong: each fault does its harm and mends it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tests.faults.proxy import Greeting

from bench.soak.place import Place


async def _proxy(place: Place, do: str, name: str, **how: Any) -> None:
    await asyncio.to_thread(lambda: place.proxies.ask(do, name, **how))


async def _killed(place: Place) -> None:
    await asyncio.to_thread(place.near.kill)
    await asyncio.sleep(place.rng.uniform(0.5, 4))
    await asyncio.to_thread(place.near.start)


async def _stopped(place: Place) -> None:
    place.near.freeze()
    await asyncio.sleep(place.rng.uniform(2, 9))
    place.near.thaw()


async def _restarted(place: Place) -> None:
    await asyncio.to_thread(place.near.restart)


async def _receiver_killed(place: Place) -> None:
    peer = place.rng.choice(place.peers)
    await asyncio.to_thread(peer.kill)
    await asyncio.sleep(place.rng.uniform(0.5, 4))
    await asyncio.to_thread(peer.start)


async def _link_cut(place: Place) -> None:
    seconds = place.rng.uniform(0.3, 10)
    place.path.cut(seconds)
    await asyncio.sleep(seconds)


async def _link_held(place: Place) -> None:
    seconds = place.rng.uniform(0.3, 3)
    place.path.hold(seconds)
    await asyncio.sleep(seconds)


async def _link_lossy(place: Place) -> None:
    place.path.set(loss=place.rng.uniform(0.01, 0.1))
    await asyncio.sleep(place.rng.uniform(3, 8))
    place.path.set(loss=0.0)


async def _link_slow(place: Place) -> None:
    place.path.set(rate=place.rng.uniform(200_000, 800_000))
    await asyncio.sleep(place.rng.uniform(4, 10))
    place.path.set(rate=None)


async def _reset(place: Place) -> None:
    await _proxy(place, "reset", place.proxy())


async def _finished(place: Place) -> None:
    await _proxy(place, "finish", place.proxy())


async def _garbage(place: Place) -> None:
    await _proxy(place, "inject", place.proxy(), data=place.rng.randbytes(8192).hex())


async def _half_open(place: Place) -> None:
    name = place.proxy()
    await _proxy(place, "freeze", name)
    await asyncio.sleep(place.rng.uniform(3, 9))
    await _proxy(place, "thaw", name)


async def _throttled(place: Place) -> None:
    name = place.proxy()
    await _proxy(place, "set", name, rate_up=place.rng.uniform(60_000, 300_000))
    await asyncio.sleep(place.rng.uniform(4, 10))
    await _proxy(place, "set", name, rate_up=None)


async def _delayed(place: Place) -> None:
    name = place.proxy()
    await _proxy(place, "set", name, delay=place.rng.uniform(0.05, 0.3))
    await asyncio.sleep(5)
    await _proxy(place, "set", name, delay=0.0)


async def _port_closed(place: Place) -> None:
    name = place.proxy()
    await _proxy(place, "refuse", name)
    await _proxy(place, "reset", name)
    await asyncio.sleep(place.rng.uniform(1, 4))
    await _proxy(place, "listen", name)


async def _bad_greeting(place: Place) -> None:
    name = place.proxy()
    bad = [greeting.value for greeting in Greeting if greeting is not Greeting.PASS]
    await _proxy(place, "set", name, greeting=place.rng.choice(bad))
    await _proxy(place, "reset", name)
    await asyncio.sleep(place.rng.uniform(1, 4))
    await _proxy(place, "set", name, greeting=Greeting.PASS.value)
    await _proxy(place, "reset", name)


async def _tls_broken(place: Place) -> None:
    await _proxy(place, "corrupt", "tls", count=64, down=False)


FAULTS: dict[str, Callable[[Place], Awaitable[None]]] = {
    "server killed": _killed,
    "server stopped (SIGSTOP)": _stopped,
    "server restarted": _restarted,
    "receiver killed": _receiver_killed,
    "far link cut": _link_cut,
    "far link held": _link_held,
    "far link loses packets": _link_lossy,
    "far link slow": _link_slow,
    "RST": _reset,
    "FIN": _finished,
    "garbage": _garbage,
    "half-open": _half_open,
    "throttled": _throttled,
    "delayed": _delayed,
    "port closed": _port_closed,
    "bad greeting": _bad_greeting,
    "TLS record broken": _tls_broken,
}
