"""Addresses at which streams listen that move in one reload: to another port and back, and two that trade theirs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from camcast import CameraConfig, Config, Engine, SessionConfig, SourceConfig, StreamConfig, SystemConfig
from camcast.events import Event, SessionState, SourceChanged, SourceState
from tests.integration.kit import camera, until
from tests.media import made
from tests.plugins.source_kit import program
from tests.plugins.test_rtmp_source import ffmpeg
from tests.servers.certificates import Authority, Certificate
from tests.servers.process import free_port


def rtmp(number: int, port: int) -> SourceConfig:
    return SourceConfig(type="rtmp", url=f"rtmp://127.0.0.1:{port}/live/key{number}", options={"mode": "listen"})


def srt(number: int, port: int) -> SourceConfig:
    return SourceConfig(type="srt", url=f"srt://127.0.0.1:{port}?mode=listener&streamid=key{number}")


def publisher(source: SourceConfig, trusts: str) -> tuple[str, ...]:
    """FFmpeg, which publishes for as long as it may."""
    url = source.url.replace("mode=listener", "mode=caller").replace("rtmps://127.0.0.1", "rtmps://localhost")
    command = ffmpeg(made("h264_aac"), url, "-stream_loop", "-1", live=True)
    flv_or_ts = ("mpegts" if one == "flv" and source.type == "srt" else one for one in command)
    return ("env", f"SSL_CERT_FILE={trusts}", *flv_or_ts)


def config(workers: int, *sources: SourceConfig) -> Config:
    cameras = tuple(
        CameraConfig(camera_id=number, streams=(StreamConfig(source=source),)) for number, source in enumerate(sources)
    )
    return Config(system=SystemConfig(workers=workers), cameras=cameras)


@contextlib.asynccontextmanager
async def running(asked: Config) -> AsyncIterator[tuple[Engine, list[Event]]]:
    """An engine, and all that it tells."""
    told: list[Event] = []

    async def read(engine: Engine) -> None:
        async for event in engine.events():
            told.append(event)  # noqa: PERF401  each is asked for at once

    engine = Engine(asked)
    reading = asyncio.create_task(read(engine))
    await asyncio.sleep(0)
    try:
        async with engine:
            yield engine, told
    finally:
        await reading


def troubles(told: list[Event]) -> list[str]:
    """Of sources that could not begin."""
    bad = (SourceState.WAITING, SourceState.FAILED)
    return [one.text for one in told if isinstance(one, SourceChanged) and one.new in bad]


async def taken(engine: Engine, *sources: SourceConfig, trusts: str = "") -> None:
    """Each stream waits for a publisher, and takes the one that comes to where it listens now."""
    async with contextlib.AsyncExitStack() as stack:
        await until(lambda: all(one.waits_for for one in engine.stats().streams), 30)
        for source in sources:
            await stack.enter_async_context(program(*publisher(source, trusts)))
        await until(lambda: all(one.state is SourceState.RUNNING for one in engine.stats().streams), 30)
        assert not any(one.waits_for for one in engine.stats().streams)


@pytest.mark.parametrize("kind", [rtmp, srt])
async def test_a_source_moves_to_another_port_and_back(kind: Callable[[int, int], SourceConfig]) -> None:
    here, there = kind(0, free_port()), kind(0, free_port())
    async with running(config(1, here)) as (engine, told):
        for source in (here, there, here):
            if source != here or told:
                assert await engine.reload(config(1, source)) in ([], ["stream cam0_main restarted (source.url)"])
            await taken(engine, source)
        assert not troubles(told)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("kind", [rtmp, srt])
async def test_two_sources_change_places(kind: Callable[[int, int], SourceConfig], workers: int) -> None:
    one, other = free_port(), free_port()
    before, after = [kind(0, one), kind(1, other)], [kind(0, other), kind(1, one)]
    async with running(config(workers, *before)) as (engine, told):
        await taken(engine, *before)
        for sources in (after, before):
            assert await engine.reload(config(workers, *sources)) == [
                f"stream cam{number}_main restarted (source.url)" for number in (0, 1)
            ]
            await taken(engine, *sources)
        assert not troubles(told)


@pytest.mark.parametrize("kind", [rtmp, srt])
async def test_two_sources_come_together_at_a_port_and_part(
    kind: Callable[[int, int], SourceConfig],
) -> None:
    """Each in a process of its own at first: one of them moves to where the other is."""
    one, other, third = free_port(), free_port(), free_port()
    apart = [kind(0, one), kind(1, other)]
    async with running(config(2, *apart)) as (engine, told):
        await taken(engine, *apart)
        for ports in ((other, other), (third, third), (one, other), (one, one)):
            sources = [kind(number, port) for number, port in enumerate(ports)]
            lines = await engine.reload(config(2, *sources))
            assert lines
            assert all(" restarted (" in line for line in lines), lines
            await taken(engine, *sources)
        assert not troubles(told)


async def test_a_certificate_changes_places_with_none(authority: Authority, certificate: Certificate) -> None:
    one, other, trusts = free_port(), free_port(), str(authority.ca_file)
    pem: dict[str, Any] = {"certificate": str(certificate.cert_file), "private_key": str(certificate.key_file)}

    def secure(number: int, port: int) -> SourceConfig:
        url = f"rtmps://127.0.0.1:{port}/live/key{number}"
        return SourceConfig(type="rtmp", url=url, options={"mode": "listen", **pem})

    before, after = [secure(0, one), rtmp(1, other)], [secure(0, other), rtmp(1, one)]
    async with running(config(1, *before)) as (engine, told):
        await taken(engine, *before, trusts=trusts)
        assert len(await engine.reload(config(1, *after))) == 2
        await taken(engine, *after, trusts=trusts)
        assert not troubles(told)


async def test_all_streams_of_a_port_get_another_certificate_at_once(
    authority: Authority, certificate: Certificate, tmp_path: Path
) -> None:
    port, trusts = free_port(), str(authority.ca_file)
    again = tmp_path / "again.pem"
    again.write_bytes(certificate.cert_file.read_bytes())

    def sources(pem: Path) -> list[SourceConfig]:
        options = {"mode": "listen", "certificate": str(pem), "private_key": str(certificate.key_file)}
        return [
            SourceConfig(type="rtmp", url=f"rtmps://127.0.0.1:{port}/live/key{number}", options=options)
            for number in range(3)
        ]

    async with running(config(1, *sources(certificate.cert_file))) as (engine, told):
        await taken(engine, *sources(certificate.cert_file), trusts=trusts)
        assert len(await engine.reload(config(1, *sources(again)))) == 3
        await taken(engine, *sources(again), trusts=trusts)
        assert not troubles(told)


@pytest.mark.parametrize("workers", [1, 2])
async def test_two_outputs_that_are_watched_change_places(workers: int) -> None:
    one, other = free_port(), free_port()

    def asked(*ports: int) -> Config:
        cameras = [
            camera(number, made("h264_aac"), SessionConfig(camera_id=number, url=f"whep://127.0.0.1:{port}/{number}"))
            for number, port in enumerate(ports)
        ]
        return Config(system=SystemConfig(workers=workers), cameras=tuple(cameras))

    async def watched(engine: Engine) -> None:
        await until(lambda: all(one.state is SessionState.CONNECTED for one in engine.sessions), 30)

    async with running(asked(one, other)) as (engine, _):
        await watched(engine)
        for ports in ((other, one), (one, other)):
            assert await engine.reload(asked(*ports)) == [
                f"session cam{number}_main restarted (targets[0].url)" for number in (0, 1)
            ]
            await watched(engine)
            for number, port in enumerate(ports):
                assert await status(port, f"/{number}") == 204
                assert await status(port, f"/{1 - number}") == 404
        assert all(one.metrics.failed_attempts == 0 for one in engine.sessions)


async def status(port: int, path: str) -> int:
    """What a GET is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return int(answer.split()[1])
