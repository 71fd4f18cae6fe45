"""State and commands over MQTT, against mosquitto: what a broker is told and may ask, and one that goes away."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, ClassVar

import aiomqtt
import attrs
import pytest
from tests.core.session.test_session import KEY, chain
from tests.core.world import World, until
from tests.plugins.test_prometheus import session, stats
from tests.servers.mosquitto import Mosquitto

import camcast_mqtt
from camcast.config import Config, RetryPolicy, ServiceConfig, loads
from camcast.engine import Engine
from camcast.errors import ConfigError, NetworkError
from camcast.events import ServiceNote, SessionKey, SessionState, SourceState
from camcast.host import PluginHost
from camcast.services import ServiceContext
from camcast.session.health import Health
from camcast.testing.conformance import ServiceConformance
from camcast_mqtt import service
from camcast_mqtt.discovery import Discovery
from camcast_mqtt.options import MqttOptions
from camcast_mqtt.steady import Steady
from camcast_mqtt.topics import Topics, plain

STATE, SET, RETRY = (f"camcast/output/0/0/rtmp/{word}" for word in ("state", "set", "retry"))
SWITCH = "homeassistant/switch/camcast/0_0_rtmp_wanted/config"


class TestMqtt(ServiceConformance):
    kind = "mqtt"
    options: ClassVar = {"url": "mqtt://127.0.0.1:9"}


# --- what is said, worked out ---------------------------------------------------------------------------------------


def test_names_of_outputs_break_out_of_no_topic() -> None:
    names = ["rtmp", "a+b", "a#b", "a b", "ü", "a_b", "a_2b_b"]
    assert [plain(name) for name in names[:2]] == ["rtmp", "a_2b_b"]
    assert len({plain(name) for name in names}) == len(names)
    assert all(plain(name).isascii() and not {"+", "#", "/", " "} & set(plain(name)) for name in names)


def test_a_discovered_device_is_the_camera_with_all_its_outputs() -> None:
    cloud = session(key=SessionKey(0, 0, "cloud"), label="cam0_main/cloud")
    discovery = Discovery("homeassistant", Topics("camcast"), "1.0")
    found = {topic: json.loads(text) for topic, text in discovery.configs(stats(session(), cloud), {0: "gate"})}
    assert len(found) == 2 * 5 + 1
    assert {text["device"]["name"] for text in found.values()} == {"gate"}
    assert {tuple(text["device"]["identifiers"]) for text in found.values()} == {("camcast_camera_0",)}
    assert len({text["unique_id"] for text in found.values()}) == len(found)
    assert {text["availability_topic"] for text in found.values()} == {"camcast/status"}
    assert found[SWITCH]["command_topic"] == SET
    assert found[SWITCH]["value_template"] == "{{ value_json.wanted }}"
    silent = Discovery("homeassistant", Topics("camcast"), "1.0", commands=False)
    assert not [text for _, text in silent.configs(stats(session()), {}) if "command_topic" in text]


def test_states_say_how_it_is_in_words_that_switches_take() -> None:
    one = session(health=Health.UNHEALTHY, state=SessionState.ERROR, last_error="no route", bitrate=2.4e6)
    found = {topic: json.loads(text) for topic, text in Topics("camcast").states(stats(one), Steady())}
    expected = {"on_air": "OFF", "problem": "ON", "wanted": "ON", "reason": "no route", "bitrate": 2400}
    assert {key: found[STATE][key] for key in expected} == expected


def test_a_bitrate_is_told_anew_once_it_differs_by_a_twentieth() -> None:
    steady, topics = Steady(), Topics("camcast")

    def told(bitrate: float) -> int:
        (text, *_) = dict(topics.states(stats(session(bitrate=bitrate)), steady)).values()
        found: int = json.loads(text)["bitrate"]
        return found

    rates = (4.0e6, 4.1e6, 3.81e6, 4.21e6, 4.1e6, 0.0, 0.0, 3.0e5, 3.14e5, 3.2e5)
    assert [told(rate) for rate in rates] == [4000, 4000, 4000, 4210, 4210, 0, 0, 300, 300, 320]
    list(topics.states(stats(), steady))
    assert told(3.1e5) == 310  # of an output that was gone nothing is remembered


@pytest.mark.parametrize(
    ("state", "why", "problem"),
    [
        (SourceState.WAITING, "no answer", "ON"),
        (SourceState.STARTING, "no answer", "ON"),  # it is tried again
        (SourceState.STARTING, "", "OFF"),
        (SourceState.RUNNING, "no answer", "OFF"),
        (SourceState.FAILED, "no such camera", "ON"),
    ],
)
def test_a_lost_camera_is_a_problem_until_it_brings_something(state: SourceState, why: str, problem: str) -> None:
    found = {
        topic: json.loads(text)
        for topic, text in Topics("camcast").states(stats(state=state, last_error=why), Steady())
    }
    shown = found["camcast/camera/0/0/state"]
    assert (shown["problem"], shown["reason"]) == (problem, why if problem == "ON" else "")


# --- at a broker ----------------------------------------------------------------------------------------------------


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "mosquitto") as one:
        yield one


@contextlib.asynccontextmanager
async def impatient(patch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """Where the service waits for next to nothing."""
    for name, value in (("SOON", 0.02), ("FIRST_PAUSE", 0.1), ("LONGEST_PAUSE", 0.3)):
        patch.setattr(service, name, value)
    world = World()
    yield world
    await world.close()


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    async with impatient(monkeypatch) as world:
        yield world


async def start(world: World, url: str, **options: Any) -> Engine:
    world.host.register(camcast_mqtt)
    kind = ServiceConfig(type="mqtt", options={"url": url, "every": 0.2, **options})
    policy = RetryPolicy(initial_delay=0.5, max_delay=0.5, max_attempts=None, jitter=0)
    config = world.config(chain("a", retry_policy=policy))
    camera = attrs.evolve(config.cameras[0], name="gate")
    world.engine = Engine(attrs.evolve(config, cameras=(camera,), services=(kind,)), host=world.host)
    await world.engine.start()
    await until(lambda: (0, 0) in world.sinks)
    world.flow()
    return world.engine


class Other:
    """Another client of the broker, which remembers the last message of each topic."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client
        self.seen: dict[str, bytes] = {}
        self.count = 0

    async def hear(self) -> None:
        async for message in self.client.messages:
            self.count += 1
            assert isinstance(message.payload, bytes)
            self.seen[message.topic.value] = message.payload

    def state(self, field: str) -> object:
        return json.loads(self.seen[STATE])[field] if self.seen.get(STATE) else None


@contextlib.asynccontextmanager
async def other(broker: Mosquitto, **settings: Any) -> AsyncIterator[Other]:
    async with aiomqtt.Client("127.0.0.1", broker.port, **settings) as client:
        await client.subscribe("#", qos=1)
        one = Other(client)
        task = asyncio.create_task(one.hear())
        yield one
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_the_broker_knows_how_it_is_and_is_told_goodbye(world: World, broker: Mosquitto) -> None:
    engine = await start(world, broker.url)
    async with other(broker) as one:
        await until(lambda: one.state("on_air") == "ON", 20)
        await until(lambda: one.seen.get("camcast/status") == b"online", 20)
        assert json.loads(one.seen[SWITCH])["device"]["name"] == "gate"
        # What is told of an output comes before what is told of its camera.
        await until(lambda: json.loads(one.seen["camcast/camera/0/0/state"])["state"] == "running", 20)
        world.servers.down["connect", "a"] = NetworkError("no route")
        world.servers.lose("a", NetworkError("reset"))
        await until(lambda: one.state("problem") == "ON", 20)
        await engine.stop()
        await until(lambda: one.seen["camcast/status"] == b"offline", 20)


async def test_commands_are_done_and_what_was_said_long_ago_is_not(world: World, broker: Mosquitto) -> None:
    async with other(broker) as one:
        await one.client.publish(SET, "OFF", qos=1, retain=True)
        engine = await start(world, broker.url)
        await until(lambda: one.state("on_air") == "ON", 20)
        await one.client.publish(SET, "", qos=1, retain=True)
        await one.client.publish(SET, "OFF", qos=1)
        await until(lambda: one.state("wanted") == "OFF", 20)
        session = engine.sessions.get(KEY)
        assert session is not None
        assert session.health is Health.PAUSED
        await one.client.publish(SET, "on", qos=1)
        await until(lambda: one.state("on_air") == "ON", 20)
        await one.client.publish(SET, "x" * 31, qos=1)
        await until(lambda: any("expected ON or OFF" in event.text for event in world.events), 20)
        await one.client.publish(SET, b"\xff" * 100_000, qos=1)
        await one.client.publish("camcast/output/9/9/none/set", "OFF", qos=1)
        world.servers.down["connect", "a"] = NetworkError("no route")
        world.servers.lose("a", NetworkError("reset"))
        await until(lambda: one.state("problem") == "ON", 20)
        attempts = session.metrics.attempts
        await one.client.publish(RETRY, "PRESS", qos=1)
        await until(lambda: session.metrics.attempts > attempts, 20)


async def test_without_commands_nothing_is_obeyed(world: World, broker: Mosquitto) -> None:
    engine = await start(world, broker.url, commands=False)
    async with other(broker) as one:
        await until(lambda: one.state("on_air") == "ON", 20)
        await one.client.publish(SET, "OFF", qos=1)
        await asyncio.sleep(0.5)
        session = engine.sessions.get(KEY)
        assert session is not None
        assert session.health is not Health.PAUSED
        assert SWITCH not in one.seen


async def test_home_assistant_that_begins_anew_is_told_all_again(world: World, broker: Mosquitto) -> None:
    await start(world, broker.url)
    async with other(broker) as one:
        await until(lambda: SWITCH in one.seen, 20)
        one.seen.clear()
        await one.client.publish("homeassistant/status", "online", qos=1)
        await until(lambda: SWITCH in one.seen and STATE in one.seen, 20)


async def test_what_is_removed_is_taken_back(world: World, broker: Mosquitto) -> None:
    engine = await start(world, broker.url)
    async with other(broker) as one:
        await until(lambda: SWITCH in one.seen, 20)
        await engine.reload(attrs.evolve(Config(), services=engine.config.services))
        await until(lambda: one.seen[SWITCH] == b"" and one.seen[STATE] == b"", 20)
    async with other(broker) as late:
        await until(lambda: "camcast/status" in late.seen, 20)
        assert SWITCH not in late.seen


async def test_what_an_earlier_run_left_at_the_broker_is_taken_back(world: World, broker: Mosquitto) -> None:
    ghosts = ["homeassistant/switch/camcast/7_0_rtmp_wanted/config", "camcast/output/7/0/rtmp/state"]
    others = ["homeassistant/switch/zigbee/1/config", "other/output/7/0/rtmp/state"]
    async with other(broker) as one:
        for topic in (*ghosts, *others):
            await one.client.publish(topic, "{}", qos=1, retain=True)
        await start(world, broker.url)
        await until(lambda: all(one.seen.get(topic) == b"" for topic in ghosts), 20)
        await until(lambda: SWITCH in one.seen, 20)
        assert [one.seen[topic] for topic in (*others, SWITCH)][:2] == [b"{}", b"{}"]
        assert one.seen[SWITCH]


@pytest.mark.parametrize("how", ["killed", "stopped"])
async def test_a_broker_that_goes_and_comes_back_is_up_to_date_again(
    world: World, broker: Mosquitto, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "ANSWER", 1.0)
    monkeypatch.setattr(service, "KEEPALIVE", 2)
    engine = await start(world, broker.url)
    await until(lambda: any("connected to the broker" in event.text for event in world.events), 20)
    if how == "killed":
        broker.stop()
    else:
        os.kill(broker.pid, signal.SIGSTOP)
    await until(lambda: any("the broker is away" in event.text for event in world.events), 30)
    session = engine.sessions.get(KEY)
    assert session is not None
    await until(lambda: session.state is SessionState.CONNECTED)
    if how == "killed":
        broker.start()
    else:
        os.kill(broker.pid, signal.SIGCONT)
    async with other(broker) as one:
        await until(lambda: one.state("on_air") == "ON" and one.seen.get("camcast/status") == b"online", 30)
    away = [event for event in world.events if isinstance(event, ServiceNote) and event.code == "broker_away"]
    assert len(away) == 1


async def test_a_password_is_used_and_never_shown(world: World, tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "m", {"camcast": "very-secret"}) as broker:
        engine = await start(world, broker.url, username="camcast", password="wrong-secret")
        await until(lambda: any("the broker is away" in event.text for event in world.events), 20)
        right = ServiceConfig(
            type="mqtt", options={"url": broker.url, "username": "camcast", "password": "very-secret"}
        )
        await engine.reload(attrs.evolve(engine.config, services=(right,)))
        async with other(broker, username="camcast", password="very-secret") as one:
            await until(lambda: one.seen.get("camcast/status") == b"online", 20)
    assert not [event for event in world.events if "secret" in event.text]


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"url": "http://x"}, "url: expected a broker such as mqtt://host:1883"),
        ({"url": "mqtt://user:pass@x"}, "url: must hold no password"),
        ({"url": "mqtt://x:port"}, "url: expected a broker"),
        ({"prefix": "a/#"}, "prefix: expected letters, digits"),
        ({"discovery": ""}, "discovery: expected letters, digits"),
        ({"pasword": "x"}, 'pasword: unknown key; did you mean "password"?'),
    ],
)
def test_what_is_wrong_is_told_before_anything_runs(options: dict[str, Any], fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loads(json.dumps({"services": {"mqtt": options}, "cameras": []}), PluginHost())
    assert fault in str(caught.value)


async def test_where_nothing_has_happened_figures_may_be_what_somebody_else_has_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "SOON", 0.0)
    options = MqttOptions(url="mqtt://127.0.0.1:9", every=0.01)
    nobody: Any = None
    one = service.Mqtt(ServiceContext(name="mqtt", options=options, engine=nobody, log=logging.getLogger("test")))
    ages: list[float] = []

    async def update(client: aiomqtt.Client, age: float = 0.0) -> None:
        ages.append(age)

    monkeypatch.setattr(one, "_update", update)
    keeping = asyncio.create_task(one._keep_up(nobody))
    await until(lambda: len(ages) > 2, 10)
    assert set(ages) == {service.OLD}
    one._look.set()
    await until(lambda: 0.0 in ages, 10)
    keeping.cancel()
    await asyncio.wait({keeping})
