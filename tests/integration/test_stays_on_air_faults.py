"""Faults that a proxy makes between a session and its server: the session is back on the air without help."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from camcast.config import TargetConfig
from camcast.errors import ErrorClass
from camcast.events import AttemptFailed, DropEpisode, Moved, SessionState
from camcast.media import MediaKind
from camcast_rtmp.receiver import Receiver
from tests.faults.proxy import FaultProxy, Greeting
from tests.integration.air import arrived, chain, moves_on, of, on_air, only, quick_moves, received, stable
from tests.integration.kit import camera, until
from tests.media import made
from tests.servers.certificates import Certificate

__all__ = ["quick_moves"]


@pytest.fixture
def proxies() -> Iterator[Callable[[Receiver], FaultProxy]]:
    """Starts proxies in front of receivers."""
    with ExitStack() as stack:
        yield lambda receiver: stack.enter_context(FaultProxy((receiver.host, receiver.port)))


Proxies = Callable[[Receiver], FaultProxy]
BREAKS: dict[str, Callable[[FaultProxy], object]] = {
    "rst": FaultProxy.reset,
    "fin": FaultProxy.finish,
    # Not what could be the head of a long message, which one of four random bytes begins.
    "garbage": lambda proxy: proxy.inject(b"\xff" + os.urandom(8191)),
}


@pytest.mark.parametrize("fault", list(BREAKS))
async def test_a_broken_connection_is_made_again_at_once(proxies: Proxies, fault: str) -> None:
    async with Receiver() as receiver:
        proxy = proxies(receiver)
        config = chain(f"rtmp://{proxy.address}/live/cam0", stall_timeout=2.0)
        async with on_air(camera(0, made("h264_aac"), config)) as (running, events):
            one = only(running)
            await stable(running)
            BREAKS[fault](proxy)
            await until(lambda: len(receiver.of("cam0")) == 2)
            await moves_on(one, 25)
            assert len(of(events, AttemptFailed)) >= 1
        await receiver.until(lambda: not receiver.live())
        arrived(one, received(receiver.of("cam0")), clean=False)


@pytest.mark.parametrize("greeting", [Greeting.GARBAGE, Greeting.FIN, Greeting.RESET, Greeting.DEAF, Greeting.SILENT])
async def test_bad_greetings_are_failures_of_the_network(proxies: Proxies, greeting: Greeting) -> None:
    async with Receiver() as receiver:
        proxy = proxies(receiver)
        proxy.greeting = greeting
        target = TargetConfig(url=f"rtmp://{proxy.address}/live/cam0", connect_timeout=0.5)
        async with on_air(camera(0, made("h264_aac"), chain(target))) as (running, events):
            one = only(running)
            await until(lambda: len(of(events, AttemptFailed)) >= 2)
            assert one.recorder.errors.keys() == {ErrorClass.NETWORK}
            proxy.greeting = Greeting.PASS
            await moves_on(one, 15)
        await receiver.until(lambda: not receiver.live())
        arrived(one, received(receiver.of("cam0")), clean=True)


async def test_half_open_and_its_ghost_holds_the_name(proxies: Proxies, quick_moves: None) -> None:
    """Nothing is acknowledged any more, nothing is closed; the server believes in the old connection for a while."""
    async with Receiver() as receiver:
        proxy = proxies(receiver)
        config = chain(f"rtmp://{proxy.address}/live/cam0")
        async with on_air(camera(0, made("camera_1080p"), config)) as (running, events):
            one = only(running)
            await stable(running)
            proxy.freeze()
            await until(lambda: one.recorder.errors.get(ErrorClass.BUSY, 0) >= 2)
            proxy.thaw()
            await until(lambda: len(receiver.of("cam0")) == 2)
            await moves_on(one, 15)
            assert "none acknowledged" in str(of(events, AttemptFailed)[0])
        await receiver.until(lambda: not receiver.live())
        arrived(one, received(receiver.of("cam0")), clean=False)


async def test_a_broken_tls_record(proxies: Proxies, authority: Any, certificate: Certificate) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert_file, certificate.key_file)
    async with Receiver(tls=context) as receiver:
        proxy = proxies(receiver)
        url = f"rtmps://{proxy.address}/live/cam0"
        target = TargetConfig(url=url, connect_timeout=5.0, ca_file=str(authority.ca_file))
        async with on_air(camera(0, made("h264_aac"), chain(target))) as (running, _):
            one = only(running)
            await stable(running)
            proxy.corrupt(64, down=False)
            await until(lambda: len(receiver.of("cam0")) == 2)
            await moves_on(one, 15)
            await until(lambda: one.policy.stable)
            assert sum(one.recorder.errors.values()) == 1
        await receiver.until(lambda: not receiver.live())
        arrived(one, received(receiver.of("cam0")), clean=False)


@pytest.mark.parametrize(("delay", "rate_down"), [(0.15, None), (0.0, 30_000.0)], ids=["far away", "slow handshake"])
async def test_slow_is_not_broken(proxies: Proxies, delay: float, rate_down: float | None) -> None:
    """0.3 s of round trip; or a handshake that takes most of a second to come. Not a frame is dropped."""
    async with Receiver() as receiver:
        proxy = proxies(receiver)
        proxy.delay, proxy.rate_down = delay, rate_down
        config = chain(TargetConfig(url=f"rtmp://{proxy.address}/live/cam0", connect_timeout=5.0))
        async with on_air(camera(0, made("h264_b_aac"), config)) as (running, events):
            one = only(running)
            await stable(running)
            await moves_on(one, 25)
            assert not of(events, AttemptFailed)
            assert one.metrics.frames_dropped == 0
        await receiver.until(lambda: not receiver.live())
        arrived(one, received(receiver.of("cam0")), clean=True)


async def test_a_throttled_link_recovers_at_a_keyframe(proxies: Proxies) -> None:
    """Half of what the stream needs: pictures go to the next keyframe, sound last; then all of it again."""
    async with Receiver() as receiver:
        proxy = proxies(receiver)
        config = chain(f"rtmp://{proxy.address}/live/cam0", stall_timeout=5.0)
        async with on_air(camera(0, made("h264_b_aac"), config)) as (running, events):
            one = only(running)
            await stable(running)
            proxy.rate_up = 250_000
            await until(lambda: one.recorder.flow.dropped[MediaKind.VIDEO, "link behind"] > 20)
            assert one.metrics.pending > 0
            proxy.rate_up = None
            # There may have been a short one before it.
            told = len(of(events, DropEpisode))
            await until(lambda: [event for event in of(events, DropEpisode)[told:] if getattr(event, "over", False)])
            drops = one.metrics.frames_dropped
            await moves_on(one, 50)
            assert one.metrics.frames_dropped == drops
            assert one.state is SessionState.CONNECTED
        assert not of(events, AttemptFailed)
        assert not of(events, Moved)
        await receiver.until(lambda: not receiver.live())
        arrived(one, received(receiver.of("cam0")), clean=True)
