"""One connection to one of several NATS servers, and the bucket there. Once it is lost, the next is a new one."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import attrs
import nats.aio.client
import nats.errors
import nats.js.errors
from nats.js import JetStreamContext, api
from nats.js.kv import KV_MARKER_REASON, KV_OP, KeyValue

from camcast.errors import ConfigError, CoordinatorError
from camcast.net.tls_bounds import BoundedContext
from camcast.redaction import Redactor
from camcast.target import option_secrets
from camcast_nats.asking import Asking, Forbidden, ending, translated
from camcast_nats.options import NatsOptions

CLOSE = 1.0
"""Seconds for a connection to end in order."""
KNOCK = 1.0
"""Seconds for the first answer, or half a deadline if that is more: a server that gives none has no leader to ask."""
CLUSTER = 3
"""Copies of each record, unless there is no cluster."""
_NO_CLUSTER = 10074
"""JetStream's error code: more than one copy is wanted of a server that stands alone."""
_NO_MESSAGE = 10037
"""… the stream has no such record."""
_EXISTS = 10058
"""… a stream of this name is there, with another configuration."""


class Gone(CoordinatorError):
    """A record that was there has been taken away without a mark of that: the stream was purged by hand."""


@attrs.frozen
class Record:
    """One change of one. `deleted`: the mark of a record that is there no more."""

    key: str
    value: bytes
    revision: int
    deleted: bool


@attrs.frozen(eq=False)
class Link:
    """What is open: writes go through `js`, reads through `bucket`. `lost` is set when the connection has ended."""

    js: JetStreamContext
    bucket: KeyValue
    asking: Asking
    lost: asyncio.Event

    async def write(self, key: str, value: bytes, last: int) -> int:
        """Replace what has this revision, 0 = nothing; returns the new one.

        Raises `Conflict`, `Gone`, `CoordinatorError`.
        """
        async with self.asking.told():
            try:
                return int(await self.bucket.update(key, value, last=last))
            except nats.js.errors.KeyWrongLastSequenceError:
                mark = await self._mark(key)
                if last and mark == 0:
                    raise Gone("a record is gone from the store") from None
                # Where somebody deleted a record, the mark of that is there, which is nothing.
                if last or not mark:
                    raise
            return int(await self.bucket.update(key, value, last=mark))

    async def _mark(self, key: str) -> int | None:
        """The revision of a deleted record's mark; 0 where nothing is there, None where a record is."""
        try:
            await self.bucket.get(key)
        except nats.js.errors.KeyNotFoundError as error:
            return int(error.entry.revision) if error.entry is not None else 0
        return None

    async def has(self, key: str) -> bool:
        """Whether a record is there, or the mark of one. Raises `CoordinatorError`."""
        async with self.asking.told():
            return await self._mark(key) != 0

    async def after(self, keys: str, revision: int) -> Record | None:
        """The oldest change of all keys that fit that is younger than this. Raises `CoordinatorError`."""
        async with self.asking.told():
            try:
                found = await self.js.get_msg(
                    self._stream, seq=revision + 1, subject=f"$KV.{self.bucket._name}.{keys}", next=True
                )
            except nats.js.errors.NotFoundError as error:
                if error.err_code != _NO_MESSAGE:
                    raise
                return None
        key = str(found.subject).removeprefix(f"$KV.{self.bucket._name}.")
        deleted = any(name in (found.headers or {}) for name in (KV_OP, KV_MARKER_REASON))
        return Record(key, found.data or b"", int(found.seq or 0), deleted)

    async def count(self) -> int:
        """How many records there are, of all kinds. Raises `CoordinatorError`."""
        async with self.asking.told():
            return int((await self.js.stream_info(self._stream)).state.messages)

    @property
    def _stream(self) -> str:
        return f"KV_{self.bucket._name}"

    async def read(self, key: str) -> bytes | None:
        """What is there now, by the leader's word. Raises `CoordinatorError`."""
        async with self.asking.told():
            try:
                return (await self.bucket.get(key)).value or b""
            except nats.js.errors.KeyNotFoundError:
                return None

    async def drop(self, keys: str) -> None:
        """Forget all keys that fit. Raises `CoordinatorError`."""
        async with self.asking.told():
            await self.js.purge_stream(self._stream, subject=f"$KV.{self.bucket._name}.{keys}")


def servers(url: str) -> Sequence[str]:
    """The URLs in a list with commas. Raises `ConfigError`: no secret may be in them."""
    found = [one.strip() for one in url.split(",") if one.strip()]
    for one in found:
        parts = urlsplit(one)
        if parts.username or parts.password:
            text = (
                "leave user and password out of the URL, where everybody sees them: -o user=NAME -o password=file:PATH"
            )
            raise ConfigError(text)
        if parts.scheme not in ("nats", "tls") or not parts.hostname:
            raise ConfigError('expected URLs such as "nats://host:4222", several with commas between them')
    if len({urlsplit(one).scheme for one in found}) > 1:
        text = (
            "some servers are named by nats:// and some by tls://, and a password would go to some of them in the clear"
        )
        raise ConfigError(f"{text}: name all by the same")
    return found


class Client(nats.aio.client.Client):
    """Tries once; and says nothing of who we are before the connection is encrypted, where it is to be.

    The library itself goes on without TLS where the server does not ask for it, also for `tls://`.
    """

    async def _select_next_server(self) -> None:
        """The one that there is, once: the library itself would try it sixty times, with 2 s between."""
        (self._current_server,) = self._server_pool
        await self._connect_to_server(self._current_server)

    def _connect_command(self) -> bytes:
        if "tls" in self.options and not self._server_info.get("tls_required"):
            raise nats.errors.SecureConnWantedError
        return super()._connect_command()


def tls_of(options: NatsOptions, url: str) -> ssl.SSLContext | None:
    """How to speak TLS; None = without. Reads files. Raises `ConfigError`."""
    if not (options.ca or options.certificate or url.startswith("tls://")):
        return None
    try:
        context = BoundedContext.verifying(options.ca)
        if options.certificate:
            context.load_cert_chain(options.certificate, options.private_key or None, password=_no_passphrase)
    except (OSError, ValueError) as error:  # `ssl.SSLError` is an `OSError`
        raise ConfigError(f"the certificates for NATS cannot be used: {error}") from None
    return context


def _no_passphrase() -> str:
    # Without this OpenSSL would ask on the terminal, and hold everything up.
    raise ValueError("the key has a passphrase; give one without")


@asynccontextmanager
async def link(url: str, name: str, fleet: str, options: NatsOptions, deadline: float) -> AsyncIterator[Link]:
    """Connect, and find or make the bucket. Raises `CoordinatorError`, `fatal` where the server does not let us in."""
    lost, asking = asyncio.Event(), Asking(deadline, Redactor(option_secrets(options)).words)
    client = Client()

    async def ended() -> None:
        lost.set()

    seconds = max(1, int(deadline))
    try:
        with translated(asking.shown):
            async with asking.told():
                await _enter(
                    client,
                    url,
                    options,
                    name=f"camcast {name}",
                    allow_reconnect=False,
                    connect_timeout=seconds,
                    ping_interval=seconds,
                    max_outstanding_pings=2,
                    closed_cb=ended,
                    disconnected_cb=ended,
                    error_cb=asking.hear,
                )
            js = client.jetstream(timeout=deadline)
            knocking = client.jetstream(timeout=max(deadline / 2, min(deadline, KNOCK)))
            yield Link(js, await _bucket(js, knocking, fleet, asking, options), asking, lost)
    finally:
        with ending(), contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSE):
                await client.close()


async def _enter(client: Client, url: str, options: NatsOptions, **more: Any) -> None:
    secret: dict[str, Any] = {
        "user": options.user,
        "password": options.password,
        "token": options.token,
        "user_credentials": options.credentials,
        "nkeys_seed_str": options.nkey_seed,
    }
    try:
        await client.connect(
            url, tls=tls_of(options, url), **{key: value for key, value in secret.items() if value}, **more
        )
    except nats.errors.SecureConnWantedError:
        text = "the NATS server speaks no TLS, so it was told nothing: switch that on, or leave out tls:// and ca"
        raise CoordinatorError(text, fatal=True) from None
    except nats.errors.Error as refused:
        if "authorization" in str(refused).lower() or "authentication" in str(refused).lower():
            text = "NATS does not let us in: look at user, password, nkey or credentials"
            raise CoordinatorError(text, fatal=True) from None
        raise


async def _bucket(
    js: JetStreamContext, knocking: JetStreamContext, fleet: str, asking: Asking, options: NatsOptions
) -> KeyValue:
    name = f"camcast_{fleet}"
    try:
        async with asking.told(alone=True):
            try:
                # What is asked before a leader is elected, nobody answers for as long as one waits.
                await knocking.stream_info(f"KV_{name}")
                return await js.key_value(name)
            except (nats.js.errors.NotFoundError, nats.js.errors.BucketNotFoundError):
                pass  # it is made below
    except Forbidden as error:
        raise CoordinatorError(f'this user has nothing to do with the fleet "{fleet}": {error}', fatal=True) from None
    try:
        async with asking.told(alone=True):
            return await _made(js, name, options.replicas or CLUSTER)
    except Forbidden:
        text = (
            f'the fleet "{fleet}" has no store yet, and this user may not make one: who may '
            "has to come first (camcast fleet apply, or fleet run)"
        )
        raise CoordinatorError(text, fatal=True) from None


async def _made(js: JetStreamContext, name: str, replicas: int) -> KeyValue:
    config = api.KeyValueConfig(
        bucket=name,
        description="A fleet of camcast's",
        history=1,
        replicas=replicas,
        storage=api.StorageType.FILE,
        # Reads are by the leader: another server may be behind.
        direct=False,
    )
    try:
        return await js.create_key_value(config)
    except nats.js.errors.APIError as error:
        if error.err_code == _NO_CLUSTER and replicas > 1:
            return await _made(js, name, 1)
        if error.err_code == _EXISTS:
            return await js.key_value(name)  # somebody else made it in the meantime, in another way
        raise
