"""The WHEP transport kind. It uses the threads that the WHIP kind has."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from camcast.contracts import Transport, TransportContext
from camcast.errors import MissingDependency
from camcast.kinds import Payload, TransportKind, importing
from camcast.target import Target
from camcast_kit_http.whep import SCHEMES
from camcast_whip.kind import ACCEPTANCE, Threads
from camcast_whip.whep import options
from camcast_whip.whep.options import WhepOptions

if TYPE_CHECKING:
    from camcast_whip.thread import WhipThread
    from camcast_whip.whep.transport import Shared

_NEEDED = ("aiortc", "starlette", "uvicorn")


class WhepPlugin:
    """What the WHEP outputs of one plugin host share."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._shared: WeakKeyDictionary[WhipThread, Shared] = WeakKeyDictionary()

    def kind(self) -> TransportKind:
        return TransportKind(
            name="whep",
            title="WHEP: browsers watch a stream here (H.264 without B-frames, Opus)",
            schemes=tuple(SCHEMES),
            build=self.build,
            load=importing("camcast_whip.thread", "camcast_whip.whep.transport"),
            accepts=lambda target: ACCEPTANCE,
            payload=Payload.PACKETS,
            options=WhepOptions,
            available=available,
            check=lambda target: options.check(target, _options(target)),
            remarks=_remarks,
            waits=lambda target: True,
            listens=lambda target: f"tcp {options.address_of(target).place}",
            publish_name=_publish_name,
            spares=False,
        )

    def build(self, context: TransportContext) -> Transport:
        from camcast_whip.whep.transport import Shared, WhepTransport

        available()
        thread = self._threads.of(context.handover)
        shared = self._shared.get(thread)
        if shared is None:
            shared = self._shared[thread] = Shared()
        return WhepTransport(context, thread, shared)


def available() -> None:
    """Raises `MissingDependency`. Only looks: importing them takes a second."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise MissingDependency(f"this transport needs {' and '.join(missing)}: pip install 'camcast[whip]'")


def _options(target: Target) -> WhepOptions:
    return target.options if isinstance(target.options, WhepOptions) else WhepOptions()


def _remarks(target: Target) -> tuple[str, ...]:
    if target.bind:
        return ("`bind` changes nothing here: the address in its URL is the one at which it waits for viewers",)
    return ()


def _publish_name(target: Target) -> str:
    try:
        address = options.address_of(target)
    except ValueError:
        return target.url
    return f"{address.place}{address.path}"
