"""Faults of a real server's process: killed, stopped, restarted, listening but silent, and behind a cut cable."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from camcast.errors import ErrorClass
from camcast.events import AttemptFailed, Moved, SessionState
from tests.compare import Media, compare
from tests.faults.netns import Namespace
from tests.integration.air import arrived, chain, moves_on, of, on_air, only, quick_moves, recorded, stable
from tests.integration.kit import camera, until
from tests.media import made
from tests.servers.nginx import Nginx

__all__ = ["quick_moves"]

Start = Callable[..., Nginx]


async def test_a_killed_server_and_the_backup_carries_on(start_nginx: Start) -> None:
    first, second = start_nginx(), start_nginx()
    path = made("h264_b_aac")
    async with on_air(camera(0, path, chain(first.url("cam0"), second.url("cam0")))) as (running, events):
        one = only(running)
        await stable(running)
        first.kill()
        await until(lambda: of(events, Moved))
        await moves_on(one, 40)
    (moved,) = of(events, Moved)
    assert isinstance(moved, Moved)
    assert moved.why == "failover"
    assert sum(one.recorder.errors.values()) == 1
    compare(path, Media.read(second.recording("cam0")), loop=True, from_keyframe=1)
    arrived(one, recorded([*first.recordings("cam0"), *second.recordings("cam0")]), clean=False)


async def test_a_killed_server_comes_back_on_its_port(nginx: Nginx) -> None:
    path = made("h264_b_aac")
    async with on_air(camera(0, path, chain(nginx.url("cam0")))) as (running, events):
        one = only(running)
        await stable(running)
        nginx.kill()
        await until(lambda: len(of(events, AttemptFailed)) >= 3)
        assert one.state in (SessionState.ERROR, SessionState.CONNECTING)
        nginx.start()
        await moves_on(one, 40)
    compare(path, Media.read(nginx.recording("cam0")), loop=True, from_keyframe=1)
    arrived(one, recorded(nginx.recordings("cam0")), clean=False)


async def test_a_restarted_server(nginx: Nginx) -> None:
    async with on_air(camera(0, made("h264_aac"), chain(nginx.url("cam0")))) as (running, _):
        one = only(running)
        await stable(running)
        nginx.restart()
        await until(lambda: one.state is not SessionState.CONNECTED)
        await moves_on(one, 25)
    arrived(one, recorded(nginx.recordings("cam0")), clean=False)


async def test_a_stopped_server_is_left_and_returned_to(start_nginx: Start, quick_moves: None) -> None:
    """SIGSTOP: its kernel goes on acknowledging until its buffers are full."""
    first, second = start_nginx(), start_nginx()
    path = made("camera_1080p")
    config = chain(first.url("cam0"), second.url("cam0"), failback_after=0.5)
    async with on_air(camera(0, path, config)) as (running, events):
        one = only(running)
        await stable(running)
        first.freeze()
        await until(lambda: of(events, Moved))
        assert "none acknowledged" in one.metrics.last_error
        await moves_on(one, 10)
        first.thaw()
        await until(lambda: len(of(events, Moved)) == 2)
        await moves_on(one, 10)
    assert [event.why for event in of(events, Moved) if isinstance(event, Moved)] == ["failover", "failback"]
    servers = (first, second)
    arrived(one, recorded(path for server in servers for path in server.recordings("cam0")), clean=False)


async def test_a_server_that_listens_and_is_silent(start_nginx: Start) -> None:
    first, second = start_nginx(), start_nginx()
    first.freeze()
    config = chain(first.url("cam0"), second.url("cam0"))
    async with on_air(camera(0, made("h264_aac"), config)) as (running, events):
        one = only(running)
        await moves_on(one, 25)
        (failed,) = of(events, AttemptFailed)
    assert isinstance(failed, AttemptFailed)
    assert (failed.error_class, failed.stage) == (ErrorClass.NETWORK, "handshake")
    arrived(one, recorded([second.recording("cam0")]), clean=True)


async def test_a_cut_cable(tmp_path: Path, nginx: Nginx) -> None:
    """Packets vanish: no FIN, no RST, nothing acknowledged."""
    with Namespace() as host, Nginx(tmp_path / "far", host=host.address, prefix=host.prefix) as far:
        config = chain(far.url("cam0"), nginx.url("cam0"))
        async with on_air(camera(0, made("h264_aac"), config)) as (running, events):
            one = only(running)
            await stable(running)
            host.cut()
            await until(lambda: of(events, Moved))
            await moves_on(one, 25)
        assert "none acknowledged" in one.metrics.last_error
        arrived(one, recorded([*far.recordings("cam0"), *nginx.recordings("cam0")]), clean=False)
