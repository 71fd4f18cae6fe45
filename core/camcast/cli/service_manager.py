"""Tells the service manager that started us (systemd, with `Type=notify`) how we are, as sd_notify(3) has it.

READY once the engine runs, STATUS with how things stand, RELOADING while the configuration is read again, STOPPING at
the end, and WATCHDOG as long as the event loop runs and what should flow does flow. Without a NOTIFY_SOCKET nothing is
told.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Iterator, Mapping

import attrs

from camcast.cli.display import status_line
from camcast.engine import Engine, Stats
from camcast.events import SessionKey, SessionState

STATUS = 10.0
"""Seconds between two status lines."""
FEEDS = 3
"""How often the watchdog is fed in the time that it waits."""

log = logging.getLogger("camcast")


class ServiceManager:
    """What started this process, if it wants to be told. All calls on the loop; none waits."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._socket: socket.socket | None = None
        self._address = environment.get("NOTIFY_SOCKET", "")
        self.watchdog = _watchdog(environment) if self._address else None
        """Seconds after which a watchdog that is not fed ends us; None = there is none."""
        if self._address.startswith(("/", "@")):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)

    def tell(self, *lines: str) -> None:
        """Send it; whoever does not listen misses it."""
        if self._socket is None:
            return
        # A name that begins with "@" is one of the kernel's, which begins with a zero byte.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with contextlib.suppress(OSError):
            self._socket.sendto("\n".join(lines).encode(), address)

    def ready(self) -> None:
        """The engine runs."""
        self.tell("READY=1")

    def stopping(self) -> None:
        """The end has begun."""
        self.tell("STOPPING=1", "STATUS=stopping")

    @contextlib.contextmanager
    def reloading(self) -> Iterator[None]:
        """Within, the configuration is read again."""
        self.tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")
        try:
            yield
        finally:
            self.ready()

    async def watch(self, engine: Engine) -> None:
        """Tell how things stand, and feed the watchdog, until cancelled."""
        if self._socket is None:
            return
        between = min(STATUS, self.watchdog / FEEDS) if self.watchdog is not None else STATUS
        flow, told, due = Flow(), True, 0.0
        while True:
            stats = engine.stats()
            if flow.goes_on(stats):
                told = False
                self.tell("WATCHDOG=1")
            elif not told:
                told = True
                log.error("Cameras bring media and servers are connected, and nothing goes from one to the other")
            if time.monotonic() >= due:
                due = time.monotonic() + STATUS
                self.tell(f"STATUS={status_line(stats)}")
            await asyncio.sleep(between)


@attrs.define(eq=False)
class Flow:
    """Whether media passes through this process at all, seen from one look to the next.

    A camera, a server or an encoder that stands still is no reason to end everything else. It is one when there are
    sessions whose cameras bring pictures, and none of them is handed a single one.
    """

    _received: dict[tuple[int, int], int] = attrs.field(factory=dict, init=False)
    _offered: dict[SessionKey, int] = attrs.field(factory=dict, init=False)

    def goes_on(self, stats: Stats) -> bool:
        """False = nothing has passed since the last look, and something should have."""
        received = {(one.camera_id, one.stream_id): one.video_received for one in stats.streams}
        offered = {one.key: one.video_offered for one in stats.sessions if one.state is SessionState.CONNECTED}
        fed = {key for key, count in received.items() if count > self._received.get(key, count)}
        due = [key for key in offered if (key.camera_id, key.stream_id) in fed and key in self._offered]
        passes = any(offered[key] > self._offered[key] for key in due)
        self._received, self._offered = received, offered
        return passes or not due


def _watchdog(environment: Mapping[str, str]) -> float | None:
    """Seconds, where a watchdog waits for this very process."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    text = environment.get("WATCHDOG_USEC", "")
    return int(text) / 1e6 if text.isdecimal() and int(text) > 0 else None
