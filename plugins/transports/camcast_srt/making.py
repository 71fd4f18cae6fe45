"""libsrt's sockets as both kinds of process make them, and what they say to the engine."""

from __future__ import annotations

import select
import socket
from collections.abc import Mapping

from camcast.errors import MisconfiguredError, NetworkError
from camcast_srt.library import INVALID, Library
from camcast_srt.wire import FAILED, MOST, Failure

_IPV4 = 16
"""Bytes of such an address (struct sockaddr_in)."""

Options = Mapping[str, str | float | bool]


class LetGo(Exception):
    """The engine has closed its end."""


def make(library: Library, options: Options) -> int:
    """A socket with options by the names of `library.OPTION`. Raises `NetworkError` and `MisconfiguredError`."""
    made = int(library.lib.srt_create_socket())
    if made == INVALID:
        raise NetworkError(f"cannot make an SRT socket: {library.error()[1]}")
    for name, value in options.items():
        put(library, made, name, value)
    return made


def put(library: Library, made: int, name: str, value: str | float | bool) -> None:
    """Set an option. Raises `MisconfiguredError`."""
    if not library.set_option(made, name, value):
        raise MisconfiguredError(f"libsrt does not take this {name}: {library.error()[1]}")


def bind(library: Library, made: int, local: bytes) -> None:
    """Raises `NetworkError`."""
    if len(local) > _IPV4:
        # libsrt wants this said for the wildcard, and does not mind otherwise.
        library.set_option(made, "ipv6only", 1)
    if library.lib.srt_bind(made, local, len(local)) != 0:
        raise NetworkError(f"cannot bind its local address: {library.error()[1]}")


class Speech:
    """The process's end of the channel, which does not block. All of it raises `LetGo`."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self.poll = select.poll()
        """Says when the engine has something to say."""
        self.poll.register(channel, select.POLLIN)

    def say(self, message: bytes | memoryview, *, may_be_left: bool = False) -> bool:
        """`may_be_left`: whether it need not be said to an engine that is busy. Whether it was said."""
        while True:
            try:
                self.channel.send(message)
            except BlockingIOError:
                if may_be_left:
                    return False
                self._wait_for_room()
            except OSError:
                raise LetGo from None
            else:
                return True

    def fail(self, failure: Failure) -> None:
        self.say(FAILED + bytes(failure))
        self.end()

    def end(self) -> None:
        """Nothing is left to do but to be let go."""
        while True:
            self.poll.poll()
            if not self.channel.recv(MOST):
                raise LetGo

    def sleep(self, milliseconds: int) -> None:
        """Only the engine's letting go is news meanwhile: what it sends waits in the channel, which is bounded."""
        self.poll.modify(self.channel, select.POLLRDHUP)
        gone = self.poll.poll(milliseconds)
        self.poll.modify(self.channel, select.POLLIN)
        if gone:
            raise LetGo

    def _wait_for_room(self) -> None:
        self.poll.modify(self.channel, select.POLLOUT | select.POLLRDHUP)
        found = self.poll.poll()
        self.poll.modify(self.channel, select.POLLIN)
        if any(event & ~select.POLLOUT for _, event in found):
            raise LetGo
