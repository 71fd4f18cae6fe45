"""One connection to one of several NATS servers, and the bucket there. Once it is lost, the next is a new one."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit

import attrs
import nats.aio.client
import nats.errors
import nats.js.errors
from nats.js import JetStreamContext, api
from nats.js.kv import KeyValue

from camcast.errors import ConfigError, Conflict, CoordinatorError
from camcast_nats.options import NatsOptions

CLOSE = 1.0
"""Seconds for a connection to end in order."""
CLUSTER = 3
"""Copies of each record, unless there is no cluster."""
_WRONG_SEQUENCE = 10071
"""JetStream's error code: something else is there than was expected."""
_NO_CLUSTER = 10074
"""… more than one copy is wanted of a server that stands alone."""
_EXISTS = 10058
"""… a stream of this name is there, with another configuration."""


@attrs.frozen(eq=False)
class Link:
    """What is open: writes go through `js`, reads through `bucket`. `lost` is set when the connection has ended."""

    js: JetStreamContext
    bucket: KeyValue
    lost: asyncio.Event

    async def write(self, key: str, value: bytes, last: int) -> int:
        """Replace what has this revision, 0 = nothing; returns the new one. Raises `Conflict`, `CoordinatorError`."""
        with told():
            return int(await self.bucket.update(key, value, last=last))

    async def read(self, key: str) -> bytes | None:
        """What is there now, by the leader's word. Raises `CoordinatorError`."""
        with told():
            try:
                return (await self.bucket.get(key)).value or b""
            except nats.js.errors.KeyNotFoundError:
                return None

    async def drop(self, keys: str) -> None:
        """Forget all keys that fit. Raises `CoordinatorError`."""
        with told():
            await self.js.purge_stream(f"KV_{self.bucket._name}", subject=f"$KV.{self.bucket._name}.{keys}")


@contextmanager
def told() -> Iterator[None]:
    """Errors of the library as camcast's."""
    try:
        yield
    except nats.js.errors.KeyWrongLastSequenceError:
        raise Conflict("something else is there already") from None
    except nats.js.errors.APIError as error:
        if error.err_code == _WRONG_SEQUENCE:
            raise Conflict("something else is there already") from None
        raise CoordinatorError(f"NATS refuses: {error.description or type(error).__name__}") from None
    except (nats.errors.NoRespondersError, nats.js.errors.NoStreamResponseError):
        raise CoordinatorError("no JetStream answers: is it switched on, and has its cluster a leader?") from None
    except (nats.errors.TimeoutError, TimeoutError):
        raise CoordinatorError("NATS does not answer in time") from None
    except (nats.errors.Error, OSError) as error:
        raise CoordinatorError(f"NATS: {error or type(error).__name__}") from None


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
    """Says nothing of who we are before the connection is encrypted, where it is to be.

    The library itself goes on without TLS where the server does not ask for it, also for `tls://`.
    """

    def _connect_command(self) -> bytes:
        if "tls" in self.options and not self._server_info.get("tls_required"):
            raise nats.errors.SecureConnWantedError
        return super()._connect_command()


def tls_of(options: NatsOptions, url: str) -> ssl.SSLContext | None:
    """How to speak TLS; None = without. Reads files. Raises `ConfigError`."""
    if not (options.ca or options.certificate or url.startswith("tls://")):
        return None
    try:
        context = ssl.create_default_context(cafile=options.ca or None)
        if options.certificate:
            context.load_cert_chain(options.certificate, options.private_key or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"the certificates for NATS cannot be used: {error}") from None
    return context


@asynccontextmanager
async def link(url: str, name: str, bucket: str, options: NatsOptions, deadline: float) -> AsyncIterator[Link]:
    """Connect, and find or make the bucket. Raises `CoordinatorError`, `fatal` where the server does not let us in."""
    lost = asyncio.Event()
    client = Client()

    async def ended() -> None:
        lost.set()

    async def error(_: Exception) -> None:
        """Told by what fails because of it."""

    secret = {
        "user": options.user or None,
        "password": options.password or None,
        "token": options.token or None,
        "user_credentials": options.credentials or None,
        "nkeys_seed_str": options.nkey_seed or None,
    }
    try:
        with told():
            try:
                async with asyncio.timeout(2 * deadline):
                    await client.connect(
                        url,
                        name=f"camcast {name}",
                        allow_reconnect=False,
                        connect_timeout=max(1, int(deadline)),
                        ping_interval=max(1, int(deadline)),
                        max_outstanding_pings=2,
                        tls=tls_of(options, url),
                        closed_cb=ended,
                        disconnected_cb=ended,
                        error_cb=error,
                        **{key: value for key, value in secret.items() if value},  # type: ignore[arg-type]
                    )
            except nats.errors.SecureConnWantedError:
                text = (
                    "the NATS server speaks no TLS, so it was told nothing: switch that on, or leave out tls:// and ca"
                )
                raise CoordinatorError(text, fatal=True) from None
            except nats.errors.Error as refused:
                if "authorization" in str(refused).lower() or "authentication" in str(refused).lower():
                    text = "NATS does not let us in: look at user, password, nkey or credentials"
                    raise CoordinatorError(text, fatal=True) from None
                raise
            js = client.jetstream(timeout=deadline)
            yield Link(js, await _bucket(js, bucket, options), lost)
    finally:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSE):
                await client.close()


async def _bucket(js: JetStreamContext, name: str, options: NatsOptions) -> KeyValue:
    try:
        return await js.key_value(name)
    except nats.js.errors.BucketNotFoundError:
        return await _made(js, name, options.replicas or CLUSTER)


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
