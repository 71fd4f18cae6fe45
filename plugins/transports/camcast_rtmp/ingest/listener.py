"""An address of this machine to which cameras publish: one for all sources that name it, each with a key of its own.

Hostile input is bounded before anything else: so many connections in all, so many that do not publish yet, and what one
of them may send (`bounds.py`). Where there are too many, one of the strangers makes room for the newcomer
(`admission.py`), and accepting rests for a moment. Connections in a TLS handshake count like any other.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import socket
import ssl
from collections import deque
from collections.abc import Callable
from functools import partial

from camcast.errors import SourceError
from camcast.net import accept_pace, admission, tls
from camcast.net.accept_pace import AcceptPace
from camcast.net.tls_bounds import BoundedContext
from camcast_kit_ingest.refusals import Refusals
from camcast_rtmp.ingest import bounds, refusals
from camcast_rtmp.ingest.place import Place
from camcast_rtmp.ingest.publisher import Publisher

_BACKLOG = 128
_EACH = 4
"""As many of those one counts that another had to make room for: a few hundred in a second change places, no more."""


class Listener:
    """On one address. Made and used on one loop."""

    def __init__(self, host: str, port: int, tls: BoundedContext | None, patience: float) -> None:
        """`patience`: seconds from connecting to publish."""
        self.patience = patience
        self.troubles: deque[str] = deque(maxlen=100)
        """What clients did wrong, without a word of theirs."""
        self.refusals = Refusals(self._tell, self._count)
        """Of those who named no place."""
        self._host = host
        self._port = port
        self._tls = tls
        self._places: list[Place] = []
        self._clients: dict[Publisher, None] = {}
        """In the order in which they came."""
        self._arriving: dict[Publisher, asyncio.Task[None]] = {}
        """Those of them that are accepted, and are in their TLS handshake."""
        self._socket: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The one that it listens on."""
        assert self._socket is not None
        found: int = self._socket.getsockname()[1]
        return found

    @property
    def clients(self) -> int:
        """Connections that there are."""
        return len(self._clients)

    @property
    def refused(self) -> int:
        """Connections that were not let in, or had to make room."""
        return self.refusals.total + sum(place.refusals.total for place in self._places)

    @property
    def publishers(self) -> tuple[Publisher, ...]:
        """Those that are on the air."""
        return tuple(client for client in self._clients if client.place is not None)

    # --- life -----------------------------------------------------------------------------------------------

    def enter(self, place: Place) -> None:
        """Take publications to this place too. Raises `SourceError`."""
        if any((one.app, one.key) == (place.app, place.key) for one in self._places):
            raise SourceError("another stream takes publications to this key already; give each a key of its own")
        if self._socket is None:
            self._listen()
        self._places.append(place)

    def leave(self, place: Place) -> bool:
        """Its publisher is cut off. Whether this was the last one, and nobody listens any more."""
        self._places.remove(place)
        place.refusals.close()
        if place.publisher is not None:
            place.publisher.drop()
        if not self._places:
            self._close()
        return not self._places

    def _listen(self) -> None:
        try:
            family, _, _, _, address = socket.getaddrinfo(
                self._host, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICHOST
            )[0]
            self._socket = socket.create_server(address, family=family, backlog=_BACKLOG)
        except socket.gaierror:
            raise SourceError(f"{self._host} is no address of this machine to listen at", fatal=True) from None
        except OSError as error:
            raise SourceError(
                f"cannot listen at port {self._port} of {self._host}: {error.strerror or error}"
            ) from None
        self._socket.setblocking(False)
        self._accepting = asyncio.create_task(self._accept(self._socket), name="camcast-rtmp-listen")

    def _close(self) -> None:
        if self._accepting is not None:
            self._accepting.cancel()
        if self._socket is not None:
            self._socket.close()
        self._socket = self._accepting = None
        self.refusals.close()
        for client in tuple(self._clients):
            client.drop()

    # --- clients --------------------------------------------------------------------------------------------

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        pace, refused = AcceptPace(self._tls), self.refused
        while True:
            try:
                connection, peer = await loop.sock_accept(listening)
            except OSError:  # no descriptor is left, or it had gone again
                await asyncio.sleep(accept_pace.REST)
                continue
            if self._room(origin := admission.origin(peer[0]) if peer else ""):
                publisher = Publisher(self, origin, self._gone)
                self._clients[publisher] = None
                task = asyncio.create_task(self._take(publisher, connection), name="camcast-rtmp-client")
                self._arriving[publisher] = task
                task.add_done_callback(partial(self._arrived, publisher, connection))
            else:
                connection.close()
            count = 1
            if self.refused > refused:
                refused = self.refused
                count += _EACH
            if rest := pace.rest(count):
                await asyncio.sleep(rest)

    def _room(self, origin: str) -> bool:
        """Whether there is room for another one from there, for which somebody may have to go."""
        strangers = [client for client in self._clients if client.place is None]
        if not bounds.full([client.address for client in strangers], origin, self.clients):
            return True
        self.refusals.add(refusals.TOO_MANY)
        loser = admission.displaced(strangers, origin)
        if loser is not None:
            loser.drop()
        return loser is not None

    def _gone(self, publisher: Publisher) -> None:
        self._clients.pop(publisher, None)
        if not publisher.connected and (task := self._arriving.get(publisher)) is not None:
            task.cancel()

    async def _take(self, publisher: Publisher, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            # It is told little, and may leave little unread.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, bounds.MAX_UNREAD)
            await loop.connect_accepted_socket(
                lambda: publisher,
                connection,
                ssl=self._tls,
                ssl_handshake_timeout=self.patience if self._tls else None,
                ssl_shutdown_timeout=1.0 if self._tls else None,
            )
        except (OSError, ssl.SSLError) as error:
            connection.close()
            self._arriving.pop(publisher, None)
            refusal = refusals.UNTRUSTED if tls.certificate_refused(error) else refusals.NO_TLS
            self.broken(refusal, refusal)
            publisher.drop()

    def _arrived(self, publisher: Publisher, connection: socket.socket, task: asyncio.Task[None]) -> None:
        """It is connected, or it is not: `_take` has done the rest, if it has run at all."""
        self._arriving.pop(publisher, None)
        if task.cancelled():
            connection.close()

    def claim(self, publisher: Publisher, app: str, key: str) -> tuple[Place | None, str]:
        """The place for `key`, or the reason why there is none."""
        found = bare = None
        for place in self._places:  # all of them, so that the time tells nothing
            if hmac.compare_digest(mine := _name(place.app, place.key), _name(app, key)):
                found = place
            # Encoders and people add a query; who knows the name without it knows enough.
            if hmac.compare_digest(mine, _name(app.partition("?")[0], key.partition("?")[0])):
                bare = place
        found = found or bare
        if found is None:
            self.broken("it published to a key that nobody here takes", refusals.UNKNOWN)
            return None, "not here"
        if found.publisher is not None and not found.takeover:
            found.refusals.add(refusals.BUSY)
            return None, "already publishing"
        if not found.rests.let_in(asyncio.get_running_loop().time()):
            found.refusals.add(refusals.RESTS)
            return None, "not now"
        if found.publisher is not None:
            before, found.publisher = found.publisher, None
            before.place = None
            before.drop()
        return found, ""

    def broken(self, what: str, refusal: str = "") -> None:
        """A client did something wrong; `refusal`: why it was not let in, for one that had not been."""
        self.troubles.append(what)
        if refusal:
            self.refusals.add(refusal)

    def _count(self, reason: str, count: int) -> None:
        if self._places:
            self._places[0].on_counted(reason, count)

    def _tell(self, text: str) -> None:
        if self._places:
            self._places[0].on_refused(text)


def _name(app: str, key: str) -> bytes:
    """However somebody shares the path out between the two."""
    return f"{app.strip('/')}/{key.strip('/')}".strip("/").encode("utf-8", "surrogatepass")


class Listeners:
    """All of one plugin host, by address."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, str, int], tuple[Listener, tuple[object, ...]]] = {}

    def enter(
        self, host: str, port: int, settings: tuple[object, ...], make: Callable[[], Listener], place: Place
    ) -> Listener:
        """The listener at that address, with this place. `settings`: what all that share it must agree on.

        Raises `SourceError`.
        """
        # Each loop has its own: two engines of one host may listen one after the other.
        name = (id(asyncio.get_running_loop()), host, port)
        listener, agreed = self._known.get(name) or (make(), settings)
        if agreed != settings:
            text = f"another stream listens at port {port} of {host} with another certificate or scheme"
            # Which may be about to end, or to be given the same.
            raise SourceError(text)
        listener.enter(place)
        self._known[name] = (listener, settings)
        return listener

    def leave(self, listener: Listener, place: Place) -> None:
        if listener.leave(place):
            for name, (known, _) in list(self._known.items()):
                if known is listener:
                    with contextlib.suppress(KeyError):
                        del self._known[name]
