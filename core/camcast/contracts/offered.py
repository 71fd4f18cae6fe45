"""What a transport may offer as well as it must, and what is taken for said where it does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from camcast.contracts.transport import Transport
from camcast.media import TagType


class TellsUnsent(Protocol):
    """What a `Transport` may offer as well: how much of `pending` is still here.

    It tells a slow link from a long way. Media that waits *here* is congestion, and is dropped when it becomes too
    much; media that has left and is not acknowledged yet may just be far from home. Of a transport that does not know
    how much has left, the core takes off what the path's own round trip explains.
    """

    @property
    def unsent(self) -> int | None:
        """Of `pending`, the bytes that have not left this machine yet; None = not known, as if it were missing.

        The transport's own and the kernel's or the library's (TCP on Linux: `SIOCOUTQNSD`). What is sent once more
        has left.
        """


class TellsImpaired(Protocol):
    """What a `Transport` may offer as well, where what is sent may get lost on the way and the peer says so, or where
    the peer may take the sound alone.

    Over UDP everything can be acknowledged, or reported as missing, while hardly one picture arrives whole.
    """

    @property
    def impaired(self) -> bool:
        """Whether so much is lost, and has been for seconds, that the receiver can hardly show a picture, or whether it
        has refused it.

        The session is not healthy for as long; what is to be done about it is the transport's matter.
        """


class TellsFindings(Protocol):
    """What a `Transport` may offer as well: what `connect` came upon, for people (`camcast check --targets`)."""

    @property
    def findings(self) -> Sequence[str]:
        """One line each, without secrets: the certificate, how the server introduced itself, what it answered.

        Asked once `connect` is over, however it ended.
        """


@runtime_checkable
class TakesTagParts(Protocol):
    """A transport of tags that need not be given an object for each. Optional."""

    def send_tag(self, type: TagType, time: int, head: bytes, body: bytes) -> int | None:
        """As `Transport.send` of a tag made of these: the same bytes, the same position, the same promises."""


class HasPort(Protocol):
    """A transport whose plugin has C code for what `send_tag` does, or where it takes packets, what `send` does.
    Optional, beside those."""

    @property
    def native_port(self) -> object | None:
        """What `native/port.h` describes: an object with a `table`. None = there is none for this connection.

        Asked when the server has agreed, and again whenever the stream's outlets or tracks change; only where the C
        form of the fast path runs.
        """


def unsent(transport: Transport) -> int | None:
    """Of `transport.pending`, what has not left this machine; None = it does not say. See `TellsUnsent`."""
    figure: int | None = getattr(transport, "unsent", None)
    return figure


def findings(transport: Transport) -> Sequence[str]:
    """What connecting came upon; nothing where the transport does not say. See `TellsFindings`."""
    told: Sequence[str] = getattr(transport, "findings", ())
    return told


def impaired(transport: Transport) -> bool:
    """Whether what is sent arrives damaged; False where the transport does not say. See `TellsImpaired`."""
    told: bool = getattr(transport, "impaired", False)
    return told
