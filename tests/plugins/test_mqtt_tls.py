"""MQTT over TLS, against mosquitto and against brokers that are none: what is said goes both ways, and has bounds."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt
import pytest
from tests.core.world import World, until
from tests.plugins.test_mqtt import SET, STATE, Other, impatient, start
from tests.servers.certificates import Authority, Certificate
from tests.servers.mosquitto import Mosquitto

from camcast.errors import NetworkError
from camcast.events import ServiceNote
from camcast_mqtt import service
from camcast_mqtt.tunnel import Tunnel

CONNACK, PINGRESP = b"\x20\x02\x00\x00", b"\xd0\x00"


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    async with impatient(monkeypatch) as world:
        yield world


def notes(world: World, code: str) -> list[str]:
    return [event.message for event in world.events if isinstance(event, ServiceNote) and event.code == code]


@contextlib.asynccontextmanager
async def other(broker: Mosquitto, authority: Authority) -> AsyncIterator[Other]:
    trust = ssl.create_default_context(cafile=authority.ca_file)
    async with aiomqtt.Client("127.0.0.1", broker.port, tls_context=trust) as client:
        await client.subscribe("#", qos=1)
        one = Other(client)
        task = asyncio.create_task(one.hear())
        yield one
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_is_said_goes_both_ways_and_goodbye_is_heard(
    world: World, authority: Authority, certificate: Certificate, tmp_path: Path
) -> None:
    with Mosquitto(tmp_path / "m", certificate=certificate) as broker:
        engine = await start(world, broker.url, ca_file=str(authority.ca_file))
        async with other(broker, authority) as one:
            await until(lambda: one.state("on_air") == "ON", 20)
            await one.client.publish(SET, "OFF", qos=1)
            await until(lambda: one.state("wanted") == "OFF", 20)
            await one.client.publish(SET, "ON", qos=1)
            await until(lambda: one.state("on_air") == "ON", 20)
            # As large a message as is taken, in pieces, and what follows it.
            await one.client.publish(STATE.replace("rtmp", "gone"), b"x" * 60_000, qos=1)
            world.servers.down["connect", "a"] = NetworkError("no route")
            world.servers.lose("a", NetworkError("reset"))
            await until(lambda: one.state("problem") == "ON", 20)
            await engine.stop()
            await until(lambda: one.seen["camcast/status"] == b"offline", 20)
    assert not notes(world, "broker_away")


async def test_a_broker_that_goes_and_comes_back_leaves_nothing_open(
    world: World, authority: Authority, certificate: Certificate, tmp_path: Path
) -> None:
    with Mosquitto(tmp_path / "m", certificate=certificate) as broker:
        await start(world, broker.url, ca_file=str(authority.ca_file))
        await until(lambda: len(notes(world, "connected")) == 1, 20)
        settled = len(os.listdir("/proc/self/fd"))
        for back in (2, 3, 4):
            broker.stop()
            await until(lambda: len(notes(world, "broker_away")) == back - 1, 30)  # noqa: B023  called within the turn
            broker.start()
            await until(lambda: len(notes(world, "connected")) == back, 30)  # noqa: B023
        await until(lambda: len(os.listdir("/proc/self/fd")) <= settled, 20)


async def test_a_certificate_that_is_not_trusted_is_told(
    world: World, certificate: Certificate, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path / "stranger", "Somebody Else")
    with Mosquitto(tmp_path / "m", certificate=certificate) as broker:
        await start(world, broker.url, ca_file=str(stranger.ca_file))
        await until(lambda: notes(world, "broker_away"), 20)
    assert "certificate verify failed" in notes(world, "broker_away")[0]


async def test_nobody_at_the_port_is_told(world: World, authority: Authority) -> None:
    await start(world, "mqtts://127.0.0.1:9", ca_file=str(authority.ca_file))
    await until(lambda: notes(world, "broker_away"), 20)
    assert "cannot connect to 127.0.0.1:9: Connection refused; it is tried again" in notes(world, "broker_away")[0]


@pytest.mark.parametrize("between", [b"", PINGRESP], ids=["nothing", "answers"])
async def test_a_broker_that_floods_below_mqtt_is_cut_off_with_the_reason(
    world: World, authority: Authority, certificate: Certificate, between: bytes
) -> None:
    """KeyUpdates without end, also between what MQTT has a broker say; a stream beside it loses no picture."""
    arguments = [str(certificate.cert_file), str(certificate.key_file), "between", (CONNACK + between).hex()]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.servers.tls_flood", *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        await start(world, f"mqtts://127.0.0.1:{port}", ca_file=str(authority.ca_file))
        await until(lambda: world.servers.live("a"))
        began = time.process_time()
        await until(lambda: notes(world, "broker_away"), 30)
        assert time.process_time() - began < 5.0
        (publication,) = world.servers.live("a")
        count = len(publication.numbers())
        await until(lambda: len(publication.numbers()) > count + 50)
        numbers = publication.numbers()
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    finally:
        process.kill()
        await process.wait()
    assert "the other side sends over 20 KiB of TLS that carry nothing: cut off" in notes(world, "broker_away")[0]


async def test_a_handshake_that_never_ends_is_given_up(
    world: World, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "ANSWER", 0.5)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        await start(world, f"mqtts://127.0.0.1:{server.sockets[0].getsockname()[1]}", ca_file=str(authority.ca_file))
        await until(lambda: notes(world, "broker_away"), 20)
        await world.close()
    assert "it does not answer" in notes(world, "broker_away")[0]


async def test_what_the_client_said_last_goes_out(authority: Authority, certificate: Certificate) -> None:
    """Though the client has closed its end by then."""
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.set_result(await reader.read(-1))
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert_file, certificate.key_file)
    async with await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        tunnel = await Tunnel.open("localhost", port, str(authority.ca_file), 10.0)
        said = b"goodbye" * 20_000
        await asyncio.get_running_loop().sock_sendall(tunnel.inner, said)
        tunnel.inner.close()
        await tunnel.close(10.0)
        assert await asyncio.wait_for(heard, 10) == said
        await tunnel.close(10.0)
