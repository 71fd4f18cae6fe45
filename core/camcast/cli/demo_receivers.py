"""Where the demo's cameras are published: receivers of whichever transport kinds offer one on this machine."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import attrs

from camcast.cli.terminal import warn
from camcast.errors import MissingDependency
from camcast.host import PluginHost
from camcast.testing.local import LocalReceiver


@attrs.frozen
class Receivers:
    """The running ones."""

    primary: LocalReceiver
    """Fails and comes back."""
    backup: LocalReceiver
    other: LocalReceiver | None
    """Of another kind; None where there is none, or where it cannot be made."""

    def all(self) -> list[LocalReceiver]:
        return [receiver for receiver in (self.primary, self.backup, self.other) if receiver is not None]


@contextlib.asynccontextmanager
async def demo_receivers(host: PluginHost, directory: Path) -> AsyncIterator[Receivers]:
    """At least one transport kind must offer a receiver: `demo_needs.require` says so."""
    offers = [(kind.name, kind.receiver) for kind in host.transports.values() if kind.receiver is not None]
    (_, make), *others = offers
    other = None
    for name, make_other in others:
        try:
            other = make_other(directory)
            break
        except MissingDependency as error:
            warn(f"no camera uses {name}: {error}")
    receivers = Receivers(make(directory), make(directory), other)
    async with contextlib.AsyncExitStack() as stack:
        for receiver in receivers.all():
            await receiver.start()
            stack.push_async_callback(receiver.stop)
        yield receivers
