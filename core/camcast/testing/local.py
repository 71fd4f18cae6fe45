"""What a transport kind may offer beside its transport: a receiver on this machine, for demos and tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from camcast.testing.recording import Recording


class LocalReceiver(Protocol):
    """A server in this process, on loopback, that takes any number of publications. Used on one loop."""

    async def start(self) -> Self:
        """Listen; from then on `address` holds. After `stop` it may be started again, where it was before."""

    async def stop(self) -> None:
        """Stop listening and drop every connection. Recordings stay."""

    def address(self, name: str) -> str:
        """The URL that publishes as `name`, which may be a template: it stands in the URL as it is."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """What an output is configured with beside the URL (what it trusts the server by, say)."""

    def of(self, name: str) -> Sequence[Recording]:
        """All publications of a name so far, oldest first."""
