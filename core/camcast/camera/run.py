"""One run of a stream's source: built, run until its media ends or it fails, and ended whatever happened."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from camcast.camera.door import Door
from camcast.camera.standstill import Standstill, whereabouts
from camcast.config import CameraConfig, StreamConfig
from camcast.contracts import Source, SourceContext
from camcast.descriptors import exhausted
from camcast.errors import CamcastError, SourceError, SourceFault
from camcast.hosting.timed import timed, timed_steps
from camcast.patience import quiet
from camcast.redaction import redact_text, url_secrets
from camcast.session.environment import Environment
from camcast.stream.feed import Feed
from camcast.target import option_secrets
from camcast.threaded import ThreadedSource

log = logging.getLogger(__name__)

STOP_DEADLINE = 3.0
"""Seconds that a source may take to end once it is cancelled; its contract says 2."""


class _Cancelled(Exception):
    """It ended as cancelled though nobody here cancelled it."""


class SourceRun:
    """Runs one source object. Used once; whoever wants another try makes another run."""

    def __init__(
        self,
        camera: CameraConfig,
        stream: StreamConfig,
        label: str,
        environment: Environment,
        note: Callable[[str, str], object] = lambda code, text: None,
        door: Door | None = None,
    ) -> None:
        """`note` takes what the source has to say to an operator: (code, text). `door`: where others come to it."""
        self.source: Source | None = None
        """While it runs."""
        self.rest: asyncio.Future[None] | None = None
        """Afterwards: what did not end when it was told to, which is done once it has; None = all did."""
        self.holds_sink = False
        """Whether that may still fill the feed."""
        self._camera = camera
        self._stream = stream
        self._label = label
        self._environment = environment
        self._note = note
        self._door = door or Door()
        self._secrets: frozenset[str] = frozenset()
        self._work: object = None
        """What the source's `run` gave."""
        self._fault: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self, feed: Feed) -> SourceError | None:
        """Fill `feed`. Returns why the source failed, or None at the end of its media."""
        fault = self._fault
        running: asyncio.Task[None] | None = None
        standstill: Standstill | None = None
        source: Source | None = None
        try:
            source = self.source = await self._build()
            running = quiet(asyncio.create_task(self._play(source, feed), name=f"camcast-media-{self._label}"))
            after = self._stream.source.restart_after
            if after is not None and not self._environment.host.source(self._stream.source.type).may_rest:
                standstill = Standstill(lambda: feed.pulse.source, after, partial(self._hangs, source, after))
            await asyncio.wait({running, fault}, return_when=asyncio.FIRST_COMPLETED)
            if not fault.done() and running.cancelled():
                raise _Cancelled
            (fault if fault.done() else running).result()
        except Exception as error:  # noqa: BLE001  whatever the plugin raises ends this run of its source only
            return self._failure(error)
        finally:
            self.source = None
            self._door.waits("")
            fault.cancel()
            if standstill is not None:
                standstill.stop()
            if running is not None and not running.done():
                running.cancel()
                await asyncio.wait({running}, timeout=STOP_DEADLINE)
            self._look_at_rest(source, running)
        return None

    async def _play(self, source: Source, feed: Feed) -> None:
        self._work = source.run(feed)
        await timed_steps(self._work, partial(self._held, "run"))

    def request_keyframe(self) -> bool:
        """Ask the source. False = it cannot, or has a bug there."""
        try:
            with timed(partial(self._held, "request_keyframe")):
                return self.source is not None and bool(self.source.request_keyframe())
        except Exception as error:  # noqa: BLE001  a plugin's bug
            who = f"source {self._stream.source.type}"
            self._environment.host.faults.tell(who, "request_keyframe", error, clean=self._scrub)
            return False

    def _held(self, where: str, seconds: float) -> None:
        self._environment.host.faults.held(f"source {self._stream.source.type}", where, seconds)

    def _waits(self, what: str) -> None:
        if self.source is not None:  # what does not end waits for nothing any more
            self._door.waits(self._scrub(what))

    def fail(self, error: SourceError) -> None:
        """What the source brings cannot be used: the run ends with `error`."""
        if not self._fault.done():
            self._fault.set_exception(error)

    def _hangs(self, source: Source, after: float) -> None:
        """It has brought nothing for so many seconds: the run ends, and the next one may do better."""
        where = whereabouts(source, self._work, self._environment.host.plugins)
        place = f"; it is in {where}" if where else ""
        self.fail(SourceError(f"source {self._stream.source.type} hangs: nothing came for {after:g} s{place}"))

    def _look_at_rest(self, source: Source | None, running: asyncio.Task[None] | None) -> None:
        """Note what did not end when it was told to."""
        if running is not None and not running.done():
            self.rest, self.holds_sink = running, True
        elif isinstance(source, ThreadedSource):
            self.rest = source.left
        if self.rest is not None:
            self._environment.host.faults.count(f"source {self._stream.source.type}")

    def _failure(self, error: Exception) -> SourceError:
        """What the source raised, as the run's failure, without secrets. A bug is traced once."""
        if told := exhausted(error):
            return SourceError(told)  # whatever it was taken for
        if isinstance(error, SourceFault):
            return SourceFault(self._scrub(str(error)))
        if isinstance(error, SourceError):
            return SourceError(self._scrub(str(error)), fatal=error.fatal, refused=error.refused)
        if isinstance(error, CamcastError):
            return SourceError(self._scrub(str(error)), fatal=True)
        text, who = self._scrub(f"{type(error).__name__}: {error}"), f"source {self._stream.source.type}"
        if isinstance(error, _Cancelled):
            return SourceError(f"{who} was cancelled by its own library")
        if isinstance(error, OSError):
            # What a library says of the network or a device when nobody translates it.
            return SourceError(text)
        self._environment.host.faults.tell(who, "run", error, clean=self._scrub)
        return SourceFault(f"{who} failed by a bug of its own: {text}")

    def _scrub(self, text: str) -> str:
        """`text` without the source's secrets: libraries name the URL in their errors."""
        return redact_text(text, self._secrets)

    async def _build(self) -> Source:
        host, stream, camera = self._environment.host, self._stream, self._camera
        config = await self._environment.source(stream.source)
        self._secrets = url_secrets(config.url) | option_secrets(config.options)
        try:
            kind = host.source(config.type)
        except LookupError as error:
            raise SourceError(str(error), fatal=True) from error
        try:
            await self._environment.loading.of(kind)
        except TimeoutError:
            raise SourceError(f"importing what source {kind.name} needs takes too long") from None
        kind.available()
        path = f"cameras[{camera.camera_id}].streams[{stream.stream_id}].source.options"
        options: Any = host.structure_options(kind, dict(config.options), path)
        context = SourceContext(
            url=config.url,
            options=options,
            camera_id=camera.camera_id,
            stream_id=stream.stream_id,
            stream_name=stream.name,
            camera_name=camera.name,
            width=stream.encoder.width,
            height=stream.encoder.height,
            frame_rate=stream.encoder.framerate,
            codec=host.codec,
            handover=self._environment.handover,
            log=logging.LoggerAdapter(log, {"stream": self._label}),
            resolver=self._environment.resolver,
            note=lambda code, text: self._note(code, self._scrub(text)),
            waits=self._waits,
            refused=self._door.refuse,
        )
        with timed(partial(self._held, "build")):
            return kind.build(context)
