"""The engine's end of a process that media comes from: a listener with all who call it, or one connection."""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterable
from typing import Protocol

from camcast.errors import TransportError
from camcast_srt.address import Address
from camcast_srt.ingest.access import CODES, PlaceTold
from camcast_srt.keeper import Keeper
from camcast_srt.options import SrtSettings
from camcast_srt.process_end import ProcessEnd, request_of
from camcast_srt.wire import BEGAN, CONNECTION, DROP, LEFT, MEDIA, PLACES, REFUSED, TURNED_AWAY


class GateOwner(Protocol):
    """Who is told, on the loop. Numbers of connections and places are the process's words: they may be any."""

    def opened(self, gate: Gate) -> None: ...

    def failed(self, gate: Gate, error: TransportError) -> None: ...

    def broken(self, gate: Gate, why: str) -> None: ...

    def takes(self, number: int) -> None:
        """The places are those of the `Gate.take` with this number."""

    def began(self, connection: int, place: int) -> None:
        """Somebody sends to a place."""

    def media(self, connection: int, data: bytes) -> None:
        """Bytes of the transport stream, in order, cut anywhere."""

    def left(self, connection: int, why: str) -> None:
        """It has gone, or was ended."""

    def refused(self, place: int, reason: int, count: int) -> None:
        """So many were turned away; `place` -1 = none was meant, `reason` as in `access`."""


class Gate(ProcessEnd):
    """Used once."""

    def __init__(
        self,
        keeper: Keeper,
        settings: SrtSettings,
        owner: GateOwner,
        shown: str,
        words: Callable[[str], str],
        *,
        max_rate: int = 0,
    ) -> None:
        """`max_rate`: bytes/s of one that calls, 0 = as fast as it comes; places have their own."""
        super().__init__(keeper, shown, words)
        self._settings = settings
        self._owner = owner
        self._max_rate = max_rate
        if settings.mode == "listener":
            self._lost = "all who send to this address are cut off"

    def open(self, target: Address, local: Address | None, timeout: float) -> None:
        """Begin to connect, or to listen; tells the owner how it ended."""
        request = request_of(self._settings, target, local, timeout)
        self._start(request._replace(receives=True, max_rate=self._max_rate))

    def take(self, number: int, places: Iterable[PlaceTold]) -> None:
        """Have these be all places; who sends to another is cut off. The owner is told with `number` when it is so."""
        self._tell(PLACES + CONNECTION.pack(number) + marshal.dumps([tuple(place) for place in places]))

    def drop(self, connection: int) -> None:
        """End it."""
        self._tell(DROP + CONNECTION.pack(connection))

    def _tell(self, message: bytes) -> None:
        if self._process is not None:
            try:
                self._process.channel.send(message)
            except OSError as error:
                # It has ended, or has not listened for so long that it hangs.
                self._break(f"libsrt's process does not listen: {error.strerror}")

    # --- what it says -------------------------------------------------------------------------------------

    def _opened(self) -> None:
        self._owner.opened(self)

    def _failed(self, error: TransportError) -> None:
        self._owner.failed(self, error)

    def _broken(self, why: str) -> None:
        self._owner.broken(self, why)

    def _said(self, what: bytes, rest: bytes) -> None:
        if what == REFUSED:
            if len(rest) == TURNED_AWAY.size and (said := TURNED_AWAY.unpack(rest))[1] < len(CODES):
                self._owner.refused(*said)
            return
        if len(rest) < CONNECTION.size:
            return
        (connection,) = CONNECTION.unpack_from(rest)
        data = rest[CONNECTION.size :]
        if what == MEDIA:
            self._owner.media(connection, data)
        elif what == BEGAN and len(data) == CONNECTION.size:
            self._owner.began(connection, *CONNECTION.unpack(data))
        elif what == PLACES:
            self._owner.takes(connection)
        elif what == LEFT:
            self._owner.left(connection, self._words(data.decode("utf-8", "replace")))

    def _last_look(self) -> None:
        """There are no figures of what is received."""
