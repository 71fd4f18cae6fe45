"""Publishes what has changed, takes commands, and comes back by itself when the broker was away."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import AsyncIterator, Hashable
from importlib.metadata import version
from typing import TYPE_CHECKING

from camcast.camera.stats import Stats
from camcast.errors import CamcastError
from camcast.events import SessionKey
from camcast.net.dial import STAGGER
from camcast.postponed import postponed
from camcast.services import ServiceContext
from camcast_mqtt.discovery import Discovery
from camcast_mqtt.intake import Intake
from camcast_mqtt.options import MqttOptions, broker
from camcast_mqtt.steady import Steady
from camcast_mqtt.topics import OFF, OFFLINE, ON, ONLINE, Topics
from camcast_mqtt.tunnel import Tunnel

if TYPE_CHECKING:
    from aiomqtt import Client, Message

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds until a broker that was away is tried again; doubled each time."""
STEADY = 60.0
"""Seconds for which a broker that was cut off must keep to what it may before it is tried again as soon as others."""
OLD = 2.0
"""Seconds that figures may be old where nothing has happened: somebody else may have looked."""
SOON = 0.3
"""Seconds for which changes of state are collected before they are told."""
ANSWER = 10.0
"""Seconds for the broker to take or answer something."""
KEEPALIVE = 15
GOODBYE = 1.0
MOST_WAITING = 2000
"""Messages from the broker that wait; more of them are left out by the client."""
TIDY = 3.0
"""Seconds in which the broker tells what it has of ours from an earlier run."""
LONGEST_COMMAND = 32


class Mqtt:
    """The service."""

    def __init__(self, context: ServiceContext) -> None:
        self._options: MqttOptions = context.options
        self._engine = context.engine
        self._note = context.note
        self._log = context.log
        self._topics = Topics(self._options.prefix)
        prefix = self._options.discovery
        commands = self._options.commands
        self._discovery = Discovery(prefix, self._topics, version("camcast"), commands) if prefix else None
        self._configs: tuple[Hashable, dict[str, str]] = (None, {})
        """What Home Assistant is told of, and for whom it was written."""
        self._steady = Steady()
        self._look = asyncio.Event()
        self._sent: dict[str, str] = {}
        """What the broker has, by topic."""
        self._commands: dict[str, tuple[str, SessionKey]] = {}
        self._away = False
        self._intake: Intake | None = None
        self._tunnel: Tunnel | None = None
        """Of an encrypted connection."""
        self._offended = False
        """The broker was cut off, and has not been steady since."""

    async def run(self) -> None:
        events = self._engine.events()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._stay_connected())
            async for _ in events:
                self._look.set()

    async def _stay_connected(self) -> None:
        # paho asks it for a broker's SRV record, which we never have it do: 2 MB.
        with postponed("dns.resolver"):
            from aiomqtt import MqttError

        pause = FIRST_PAUSE
        while True:
            begun = None
            try:
                self._intake = self._tunnel = None
                async with self._way() as inner:
                    client = self._client(inner)
                    try:
                        async with client:
                            begun, self._away = time.monotonic(), False
                            self._note("connected", "connected to the broker")
                            await self._serve(client)
                    finally:
                        client._disconnected.add_done_callback(_taken_note_of)  # it may be another one by now
            except* (MqttError, OSError) as group:
                self._tell_away(group.exceptions[0])
            if begun is not None and self._trusted(time.monotonic() - begun):
                pause = FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _trusted(self, lasted: float) -> bool:
        """Whether a connection that `lasted` so many seconds shows that the broker may be tried again soon.

        Each new one may send a burst: a broker that floods would cost as much as if it had never been cut off.
        """
        if self._offence:
            self._offended = True
        elif lasted >= STEADY:
            self._offended = False
        return not self._offended

    def _tell_away(self, error: BaseException) -> None:
        """Once, until it is back."""
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if not self._away:
            self._away = True
            broke = self._tunnel.reason if self._tunnel is not None else ""
            why = self._offence or broke or getattr(error, "strerror", None) or str(error) or "it does not answer"
            self._note("broker_away", f"the broker is away: {why}; it is tried again")

    @property
    def _offence(self) -> str:
        """Why the broker was cut off; "" = it was not."""
        return next((one.offence for one in (self._tunnel, self._intake) if one is not None and one.offence), "")

    @contextlib.asynccontextmanager
    async def _way(self) -> AsyncIterator[socket.socket | None]:
        """What the client is to read and write where the broker's connection is encrypted; None: it connects itself.

        Then only whether there is one is looked at, without a thread: the client holds one while it connects, which
        would hold up our end. Raises `OSError`.
        """
        host, port, encrypted = broker(self._options.url)
        if encrypted:
            self._tunnel = await Tunnel.open(host, port, self._options.ca_file, ANSWER)
            try:
                yield self._tunnel.inner
            finally:
                await self._tunnel.close(GOODBYE / 2)
            return
        async with asyncio.timeout(ANSWER):
            # One of its name's families may be dead.
            _, writer = await asyncio.open_connection(host, port, happy_eyeballs_delay=STAGGER)
        writer.close()
        yield None

    def _client(self, inner: socket.socket | None) -> Client:
        import aiomqtt

        options = self._options
        host, port, _ = broker(options.url)
        # What the client would warn of comes with each message of a flood; whatever matters is a note of ours.
        quiet = logging.getLogger("camcast.mqtt")
        quiet.setLevel(logging.CRITICAL)
        client = aiomqtt.Client(
            host,
            port,
            username=options.username,
            password=options.password,
            logger=quiet,
            will=aiomqtt.Will(self._topics.status, OFFLINE, qos=1, retain=True),
            timeout=ANSWER,
            keepalive=KEEPALIVE,
            max_queued_incoming_messages=MOST_WAITING,
        )
        if inner is not None:
            # paho has no door for a socket that is connected already.
            client._client._create_socket = lambda: inner  # type: ignore[method-assign]
        self._intake = Intake(client._client)
        client._disconnected.add_done_callback(_taken_note_of)
        return client

    async def _serve(self, client: Client) -> None:
        """While it is connected. The broker may have been told other things while we were away."""
        from aiomqtt import MqttError

        self._sent = {}
        if self._options.commands:
            await client.subscribe(f"{self._options.prefix}/output/+/+/+/set", qos=1)
            await client.subscribe(f"{self._options.prefix}/output/+/+/+/retry", qos=1)
        if self._discovery is not None:
            await client.subscribe(self._discovery.birth, qos=1)
        try:
            await self._update(client)
            await client.publish(self._topics.status, ONLINE, qos=1, retain=True)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._hear(client))
                tasks.create_task(self._keep_up(client))
                tasks.create_task(self._tidy(client))
        except asyncio.CancelledError:
            client.timeout = GOODBYE / 2
            with contextlib.suppress(MqttError):
                await client.publish(self._topics.status, OFFLINE, qos=1, retain=True)
            raise

    async def _keep_up(self, client: Client) -> None:
        while True:
            try:
                async with asyncio.timeout(self._options.every):
                    await self._look.wait()
                    await asyncio.sleep(SOON)
            except TimeoutError:
                self._log.debug("nothing has happened for %g s", self._options.every)
            news = self._look.is_set()
            self._look.clear()
            await self._update(client, 0.0 if news else OLD)

    async def _tidy(self, client: Client) -> None:
        """Have the broker tell what it keeps of outputs and cameras that are gone since an earlier run; see `_hear`."""
        kept = [f"{self._options.prefix}/output/+/+/+/state", f"{self._options.prefix}/camera/+/+/state"]
        kept += [self._discovery.everything] if self._discovery is not None else []
        for topic in kept:
            await client.subscribe(topic, qos=1)
        await asyncio.sleep(TIDY)
        for topic in kept:
            await client.unsubscribe(topic)

    async def _update(self, client: Client, age: float = 0.0) -> None:
        """Tell what differs from what the broker has, and take back what there is no more; by figures that may be
        `age` seconds old."""
        stats, cameras = await self._engine.stats(age), await self._engine.cameras()
        self._commands = dict(self._topics.commands(stats))
        wanted = self._wanted(stats, {one.camera_id: one.name for one in cameras})
        for topic, text in wanted.items():
            if self._sent.get(topic) != text:
                await client.publish(topic, text, qos=1, retain=True)
                self._sent[topic] = text
        for topic in [topic for topic in self._sent if topic not in wanted]:
            await client.publish(topic, "", qos=1, retain=True)
            del self._sent[topic]

    def _wanted(self, stats: Stats, names: dict[int, str]) -> dict[str, str]:
        found = dict(self._topics.states(stats, self._steady))
        if self._discovery is not None:
            # Last, so that what is discovered has a state already.
            found |= self._discovered(self._discovery, stats, names)
        return found

    def _discovered(self, discovery: Discovery, stats: Stats, names: dict[int, str]) -> dict[str, str]:
        """What Home Assistant is told of; the same as long as there is the same."""
        outputs = [(one.key, one.label) for one in stats.sessions]
        sources = [(one.camera_id, one.stream_id, one.label) for one in stats.streams]
        there = (tuple(outputs), tuple(sources), tuple(names.items()))
        if self._configs[0] != there:
            self._configs = there, dict(discovery.configs(stats, names))
        return self._configs[1]

    async def _hear(self, client: Client) -> None:
        async for message in client.messages:
            if self._discovery is not None and message.topic.value == self._discovery.birth:
                if message.payload == ONLINE.encode():
                    self._sent = {}
                    self._look.set()
            elif message.topic.value in self._commands:
                await self._obey(message)
            elif self._is_left(message):
                await client.publish(message.topic.value, "", qos=1, retain=True)

    def _is_left(self, message: Message) -> bool:
        """Whether the broker keeps it of what there is no more. What somebody else retained there is not ours."""
        topic = message.topic.value
        kept = bool(message.retain and message.payload) and not topic.endswith(("/set", "/retry"))
        return kept and bool(self._sent) and topic not in self._sent

    async def _obey(self, message: Message) -> None:
        """What is retained was said to somebody else, some time ago."""
        asked = self._commands.get(message.topic.value)
        payload = message.payload if isinstance(message.payload, bytes) else b""
        if asked is None or message.retain or len(payload) > LONGEST_COMMAND:
            return
        word, key = asked
        try:
            match word, payload.decode("latin-1").upper():
                case "retry", _:
                    await self._engine.retry(key)
                case "set", said if said == ON:
                    await self._engine.resume(key)
                case "set", said if said == OFF:
                    await self._engine.pause(key)
                case _:
                    self._note("not_understood", f"expected ON or OFF for output {key}, got other text")
                    return
        except CamcastError as error:
            self._note("not_done", f"{word} of output {key}: {error}")
            return
        self._log.info("%s of output %s, as the broker asked", word, key)


def _taken_note_of(disconnected: asyncio.Future[None]) -> None:
    """Why it was disconnected is told where somebody waited; where nobody did, asyncio would print a trace."""
    if not disconnected.cancelled():
        disconnected.exception()
