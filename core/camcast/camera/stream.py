"""One stream of a camera: runs its source, brings it back when it is lost, and fills the feed."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import Callable
from typing import Any

import attrs

from camcast.config import CameraConfig, SlateConfig, StreamConfig
from camcast.contracts import Source, SourceContext
from camcast.errors import CamcastError, ErrorClass, SourceError
from camcast.events import Event, SourceChanged, SourceNote, SourceState
from camcast.media import MediaKind
from camcast.redaction import redact_text, url_secrets
from camcast.session.connection import ConnectionManager
from camcast.session.environment import Environment
from camcast.stream.feed import Feed
from camcast.target import option_secrets

log = logging.getLogger(__name__)

STOP_DEADLINE = 3.0
_GOOD_NEWS = frozenset({"encoder_chosen", "slate_off"})
"""Codes of notes that nobody needs to act upon."""


@attrs.frozen(kw_only=True)
class StreamMetrics:
    """A snapshot of a stream's source side."""

    camera_id: int
    stream_id: int
    label: str
    state: SourceState
    video_received: int
    audio_received: int
    bytes_received: int
    dropped: dict[str, int]
    restarts: int
    last_error: str
    clock_jumps: int
    renditions: int
    transcoders: int

    @classmethod
    def empty(cls, camera_id: int, stream_id: int, label: str) -> StreamMetrics:
        """Of a stream that has not been heard of yet."""
        return cls(
            camera_id=camera_id,
            stream_id=stream_id,
            label=label,
            state=SourceState.STOPPED,
            video_received=0,
            audio_received=0,
            bytes_received=0,
            dropped={},
            restarts=0,
            last_error="",
            clock_jumps=0,
            renditions=0,
            transcoders=0,
        )


class CameraStream:
    """Runs one stream. Its first media makes it RUNNING."""

    def __init__(
        self, camera: CameraConfig, config: StreamConfig, environment: Environment, emit: Callable[[Event], object]
    ) -> None:
        self.config = config
        self.camera = camera
        self.label = f"cam{camera.camera_id}_{config.name}"
        self.state = SourceState.STOPPED
        self.source: Source | None = None
        self.restarts = 0
        self.last_error = ""
        self._environment = environment
        self._emit = emit
        self._task: asyncio.Task[None] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._retry = asyncio.Event()
        self._secrets: frozenset[str] = frozenset()
        self.feed = Feed(
            environment.host,
            environment.handover,
            config.encoder,
            label=self.label,
            note=self._note,
            request_keyframe=self._ask_source,
        )

    @property
    def metrics(self) -> StreamMetrics:
        counters = self.feed.counters
        return StreamMetrics(
            camera_id=self.camera.camera_id,
            stream_id=self.config.stream_id,
            label=self.label,
            state=self.state,
            video_received=counters.received[MediaKind.VIDEO],
            audio_received=counters.received[MediaKind.AUDIO],
            bytes_received=counters.bytes,
            dropped={f"{kind.value}: {reason}": count for (kind, reason), count in counters.dropped.items()},
            restarts=self.restarts,
            last_error=self.last_error,
            clock_jumps=self.feed.clock.jumps,
            renditions=len(self.feed.renditions),
            transcoders=self.feed.transcoders,
        )

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"camcast-source-{self.label}")
            slate = self.config.slate
            if slate is not None and slate.enabled:
                self._watcher = asyncio.create_task(self._watch(slate), name=f"camcast-slate-{self.label}")

    async def stop(self) -> None:
        """End the source within `STOP_DEADLINE`, then the feed."""
        task, self._task = self._task, None
        if self._watcher is not None:
            self._watcher.cancel()
        if task is not None:
            task.cancel()
            _, pending = await asyncio.wait({task}, timeout=STOP_DEADLINE)
            if pending:
                log.error("Source %s did not stop within %g s", self.label, STOP_DEADLINE)
        self.feed.close()
        self._to(SourceState.STOPPED)

    def request_keyframe(self) -> bool:
        """Ask whoever makes this stream's picture. False = nobody can."""
        return self.feed.request_keyframe()

    def set_bitrate(self, bitrate: int) -> bool:
        """kbit/s for the picture, where it is made here. False = it is not. Raises `ValueError` below 1."""
        if bitrate < 1:
            raise ValueError(f"bitrate {bitrate}: expected kbit/s, at least 1")
        return self.feed.set_bitrate(bitrate * 1000)

    def retry_now(self) -> None:
        """Try a lost source at once."""
        self._retry.set()

    async def _run(self) -> None:
        config = self.config.source
        policy = ConnectionManager(1, config.retry_policy)
        while True:
            self._to(SourceState.STARTING)
            self.feed.on_first = self._running
            started = time.monotonic()
            error = await self._once()
            if error is None:
                self._to(SourceState.ENDED)
                return
            self.last_error = str(error)
            if self.feed.counters.received.total() and self.state is SourceState.RUNNING:
                policy.on_flow(time.monotonic() - started)
            policy.on_disconnect(ErrorClass.MISCONFIGURED if error.fatal else ErrorClass.NETWORK)
            if not policy.should_reconnect():
                self._to(SourceState.FAILED, str(error))
                return
            self._to(SourceState.WAITING, f"{error}; next try in {policy.get_backoff_delay():g}s")
            self._retry.clear()
            try:
                # Not `wait_for`: before Python 3.12 it loses a cancellation that comes together with the event.
                async with asyncio.timeout(max(0.0, policy.next_attempt_at - time.monotonic())):
                    await self._retry.wait()
            except TimeoutError:
                log.debug("Source %s: trying again", self.label)
            self.restarts += 1
            self.feed.discontinuity()

    async def _watch(self, slate: SlateConfig) -> None:
        """Put the slate on the air while the source is gone, for as long as the configuration says."""
        while True:
            await asyncio.sleep(min(slate.after / 4, 0.25))
            silent = self.feed.silent_for
            if silent is None or silent < slate.after or self.state is SourceState.ENDED:
                continue
            if slate.up_to is not None and silent >= slate.up_to:
                self.feed.end_slate()
            elif not self.feed.slate_on_air:
                self.feed.show_slate(slate, self.camera.name)

    async def _once(self) -> SourceError | None:
        """Run one source object; returns why it failed, or None at the end of its media."""
        fault: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.feed.on_fault = lambda error: None if fault.done() else fault.set_exception(error)
        running: asyncio.Task[None] | None = None
        try:
            self.source = await self._build()
            running = asyncio.create_task(self.source.run(self.feed), name=f"camcast-media-{self.label}")
            await asyncio.wait({running, fault}, return_when=asyncio.FIRST_COMPLETED)
            (fault if fault.done() else running).result()
        except SourceError as error:
            return SourceError(self._scrub(str(error)), fatal=error.fatal)
        except CamcastError as error:
            return SourceError(self._scrub(str(error)), fatal=True)
        except Exception as error:  # noqa: BLE001  whatever the library raises ends this run of the source only
            log.error("Source %s failed: %s", self.label, self._scrub(traceback.format_exc()))
            return SourceError(f"internal error: {type(error).__name__}")
        finally:
            self.source = None
            fault.cancel()
            if running is not None and not running.done():
                running.cancel()
                await asyncio.wait({running}, timeout=STOP_DEADLINE)
        return None

    def _scrub(self, text: str) -> str:
        """`text` without the source's secrets: libraries name the URL in their errors."""
        return redact_text(text, self._secrets)

    async def _build(self) -> Source:
        host, stream, camera = self._environment.host, self.config, self.camera
        config = await self._environment.source(stream.source)
        self._secrets = url_secrets(config.url) | option_secrets(config.options)
        try:
            kind = host.source(config.type)
        except LookupError as error:
            raise SourceError(str(error).strip("'\""), fatal=True) from error
        kind.available()
        path = f"cameras[{camera.camera_id}].streams[{stream.stream_id}].source.options"
        options: Any = host.structure_options(kind, dict(config.options), path)
        return kind.build(
            SourceContext(
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
                log=logging.LoggerAdapter(log, {"stream": self.label}),
                resolver=self._environment.resolver,
            )
        )

    def _running(self) -> None:
        if self.state is SourceState.STARTING:
            self._to(SourceState.RUNNING)

    def _ask_source(self) -> bool:
        return self.source is not None and self.source.request_keyframe()

    def _to(self, new: SourceState, reason: str = "") -> None:
        old, self.state = self.state, new
        if old is not new:
            self._emit(
                SourceChanged(
                    label=self.label,
                    camera_id=self.camera.camera_id,
                    stream_id=self.config.stream_id,
                    old=old,
                    new=new,
                    reason=reason,
                )
            )

    def _note(self, code: str, text: str) -> None:
        self._emit(
            SourceNote(
                label=self.label,
                camera_id=self.camera.camera_id,
                stream_id=self.config.stream_id,
                code=code,
                message=text,
                level="info" if code in _GOOD_NEWS else "warning",
            )
        )
