"""One service, kept running: started, watched, and started anew after a pause when it fails, hangs or ends."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from camcast.camera.stats import ServiceMetrics
from camcast.config.service import ServiceConfig
from camcast.engine.service_thread import LOOK, ServiceThread
from camcast.engine.view import View
from camcast.errors import CamcastError, ConfigError, MissingDependency, ServiceError
from camcast.events import Event, ServiceChanged, ServiceNote, ServiceState
from camcast.hosting.culprit import culprit
from camcast.kinds import ServiceKind
from camcast.printable import printable
from camcast.redaction import redact_text
from camcast.services import ServiceContext
from camcast.session.environment import Environment
from camcast.target import option_secrets

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds until it is started again; doubled each time."""
STABLE = 30.0
"""Seconds of running after which the pauses begin anew."""
UNREAD = 30.0
"""Seconds for which a full queue of events may stay unread."""
END_DEADLINE = 2.0
"""Seconds for a service to end, by its contract."""
MOST_LEFT = 3
"""Threads of one service that hang; with so many it is not started again by itself."""
NOTES_AT_ONCE, NOTES_A_SECOND = 20, 1.0
MAX_REASON = 300
MOST_FIGURES = 32


class ServiceRun:
    """All calls on the engine's loop, but for what the service tells."""

    def __init__(
        self,
        name: str,
        config: ServiceConfig,
        environment: Environment,
        view: Callable[[], View],
    ) -> None:
        self.name = name
        self.config = config
        self.state = ServiceState.STOPPED
        self._environment = environment
        self._new_view = view
        self._starts = self._failures = 0
        self._last_error = ""
        self._lost = 0
        self._view: View | None = None
        self._left = 0
        self._task: asyncio.Task[None] | None = None
        self._retry = asyncio.Event()
        self._notes = _Allowance()
        self._secrets: set[str] = set()
        self._figures: dict[str, float] = {}

    @property
    def metrics(self) -> ServiceMetrics:
        """A snapshot."""
        return ServiceMetrics(
            name=self.name,
            type=self.config.type,
            state=self.state,
            starts=self._starts,
            failures=self._failures,
            last_error=self._last_error,
            events_lost=self._lost + (self._view.lost if self._view is not None else 0),
            figures=self._figures.copy(),
        )

    def start(self) -> None:
        """Begin; does nothing where it has begun."""
        if self._task is None:
            self._task = asyncio.create_task(self._supervise(), name=f"camcast-service-{self.name}")

    async def stop(self) -> None:
        """End it, within `END_DEADLINE` and a little more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task}, timeout=2 * END_DEADLINE)
        self._to(ServiceState.STOPPED)

    def retry_now(self) -> None:
        """Start it now where it waits or has failed."""
        self._left = 0
        self._retry.set()

    async def _supervise(self) -> None:
        pause = FIRST_PAUSE
        while True:
            began = time.monotonic()
            error = await self._once()
            if time.monotonic() - began >= STABLE:
                pause = FIRST_PAUSE
            self._failures += 1
            self._last_error = self._reason(error)
            final = self._is_final(error)
            self._to(ServiceState.FAILED if final else ServiceState.WAITING, self._last_error, None if final else pause)
            self._retry.clear()
            try:
                async with asyncio.timeout(None if final else pause):
                    await self._retry.wait()
            except TimeoutError:
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                pause = FIRST_PAUSE

    async def _once(self) -> BaseException:
        """One run; returns why it ended, or could not begin."""
        try:
            return await self._run()
        except Exception as error:  # noqa: BLE001  the plugin's, or what the configuration lacks
            return error

    async def _run(self) -> BaseException:
        host = self._environment.host
        kind = self._kind()
        kind.available()
        options = await self._environment.options(self.config.options)
        self._secrets = option_secrets(options)
        structured = host.structure_options(kind, dict(options), f"services.{self.name}")
        self._secrets |= option_secrets(structured)
        view, figures = self._new_view(), dict[str, float]()
        self._view, self._figures = view, figures

        def figure(name: str, value: float) -> None:
            # Of this run alone: one that hangs and was left behind tells nothing any more.
            if name in figures or len(figures) < MOST_FIGURES:
                figures[name] = float(value)

        context = ServiceContext(
            name=self.name,
            options=structured,
            engine=view,
            log=logging.LoggerAdapter(log, {"service": self.name}),
            note=self._note,
            figure=figure,
        )

        async def main() -> None:
            await kind.build(context).run()

        thread = ServiceThread(self.name, main)
        self._starts += 1
        self._to(ServiceState.RUNNING)
        try:
            thread.start()
            return await self._watch(thread, view)
        finally:
            view.close()
            self._lost += view.lost
            self._view, self._figures = None, {}
            await self._end(thread)

    async def _watch(self, thread: ServiceThread, view: View) -> BaseException:
        """Until it ends by itself or hangs."""
        while True:
            try:
                async with asyncio.timeout(LOOK):
                    await thread.ended.wait()
            except TimeoutError:
                if not thread.look():
                    _plugin, where = culprit(thread.frame(), self._environment.host.plugins)
                    return ServiceError(f"it hangs, in {where or 'a thread that is gone'}")
                if view.unread_for() > UNREAD:
                    return ServiceError(f"it has not read its events for {UNREAD:g} s")
                continue
            return thread.error or ServiceError("it ended by itself")

    async def _end(self, thread: ServiceThread) -> None:
        """Whatever happens: what does not end is left behind, where it can do nothing any more."""
        thread.cancel()
        ended = asyncio.create_task(thread.ended.wait())
        try:
            await asyncio.wait({ended}, timeout=END_DEADLINE)
        finally:
            ended.cancel()
            if not thread.ended.is_set():
                self._left += 1
                log.error("Service %s does not end within %g s; its thread is left behind", self.name, END_DEADLINE)

    def _kind(self) -> ServiceKind:
        try:
            return self._environment.host.service(self.config.type)
        except LookupError as error:
            raise ServiceError(str(error.args[0]), fatal=True) from None

    def _is_final(self, error: BaseException) -> bool:
        """Whether starting it again cannot help."""
        fatal = isinstance(error, ServiceError) and error.fatal
        return fatal or isinstance(error, ConfigError | MissingDependency) or self._left >= MOST_LEFT

    def _reason(self, error: BaseException) -> str:
        text = self._scrub(str(error))
        if not isinstance(error, CamcastError):
            self._environment.host.faults.tell(f"service {self.name}", "run", error, clean=self._scrub)
            text = f"it failed by a bug of its own: {type(error).__name__}: {text}"
        text = text[:MAX_REASON]
        if self._left >= MOST_LEFT:
            text += f"; {self._left} of its threads hang, so it is not started again by itself"
        return printable(text)

    def _scrub(self, text: str) -> str:
        return redact_text(text, self._secrets)

    def _to(self, new: ServiceState, reason: str = "", retry_in: float | None = None) -> None:
        old, self.state = self.state, new
        if old is not new:
            self._emit(ServiceChanged(label=self.name, old=old, new=new, reason=reason, retry_in=retry_in))

    def _note(self, code: str, text: str) -> None:
        """From any thread."""
        if not self._notes.take():
            return
        left_out, self._notes.refused = self._notes.refused, 0
        more = f" ({left_out} notes before it were left out)" if left_out else ""
        note = ServiceNote(label=self.name, code=code, message=self._scrub(text)[:MAX_REASON] + more)
        self._environment.handover.call(self._emit, note)

    def _emit(self, event: Event) -> None:
        self._environment.emit(event)


class _Allowance:
    """So many at once, and so many a second afterwards."""

    def __init__(self) -> None:
        self.refused = 0
        self._left = float(NOTES_AT_ONCE)
        self._at = time.monotonic()

    def take(self) -> bool:
        """Whether one more may be told."""
        now = time.monotonic()
        self._left = min(NOTES_AT_ONCE, self._left + (now - self._at) * NOTES_A_SECOND)
        self._at = now
        if self._left < 1:
            self.refused += 1
            return False
        self._left -= 1
        return True
