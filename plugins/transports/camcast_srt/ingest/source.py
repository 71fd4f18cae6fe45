"""The SRT source: waits for cameras that call, or calls a server. One object is one run."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

import attrs

from camcast.contracts import MediaSink, SourceContext
from camcast.errors import ErrorClass, SourceError, TransportError
from camcast_srt import address as addresses
from camcast_srt.ingest.calling import Calling
from camcast_srt.ingest.errors import StreamError
from camcast_srt.ingest.gate import Gate, GateOwner
from camcast_srt.ingest.listener import CLOSED_WITHIN, Listener, Listeners
from camcast_srt.ingest.media import TsIntake
from camcast_srt.ingest.options import SrtSourceOptions, source_settings, target_of
from camcast_srt.ingest.place import Place
from camcast_srt.keeper import Keeper
from camcast_srt.opening import Opening
from camcast_srt.options import SrtSettings

_LOOK = 0.5
"""Seconds between two looks at whether further tracks are still waited for."""
_BYTES_A_KBIT = 125


class SrtSource:
    """Implements `contracts.Source`."""

    def __init__(self, context: SourceContext, keeper: Keeper, listeners: Listeners) -> None:
        self._context = context
        self._options: SrtSourceOptions = context.options
        self._keeper = keeper
        self._listeners = listeners
        try:
            self._settings: SrtSettings = source_settings(context.url, self._options)
        except ValueError as error:
            raise SourceError(str(error), fatal=True) from None
        self._target = target_of(context.url, self._options)
        host = self._settings.host
        self._shown = f"srt://{f'[{host}]' if ':' in host else host}:{self._settings.port}"
        self.listener: Listener | None = None
        """While it listens."""

    def __repr__(self) -> str:
        return f"<SrtSource {self._shown} {self._settings.mode}>"

    def request_keyframe(self) -> bool:
        """SRT has no way to ask."""
        return False

    async def run(self, sink: MediaSink) -> None:
        """See `contracts.Source.run`. Raises `SourceError`."""
        if remark := self._settings.remark:
            self._context.note("srt_ignored", remark)
        intake = TsIntake(self._context.codec, sink, self._context.note, timestamps=self._options.timestamps)
        looking = asyncio.create_task(_settling(intake))
        try:
            if self._settings.mode == "listener":
                await self._listen(intake)
            else:
                await self._call(intake)
        finally:
            looking.cancel()

    # --- listening ------------------------------------------------------------------------------------------

    async def _listen(self, intake: TsIntake) -> None:
        """Until it is cancelled, or libsrt or a plugin breaks: publishers come and go."""
        settings, options = self._settings, self._options
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Whoever could not enter has another reason.
        failed.add_done_callback(lambda done: done.cancelled() or done.exception())

        def take(step: Callable[[], object]) -> None:
            try:
                step()
            except StreamError:
                raise
            except Exception as error:  # noqa: BLE001  a codec's bug is the source's failure, not the connection's
                if not failed.done():
                    failed.set_exception(error)

        def data(said: bytes) -> None:
            take(lambda: intake.feed(said, time.monotonic_ns()))

        waits_for = f"a publisher at {self._shown}"

        def begins() -> None:
            self._context.waits("")
            intake.begin(time.monotonic_ns())

        def ended(why: str) -> None:
            self._context.waits(waits_for)
            with contextlib.suppress(StreamError):
                take(lambda: intake.end(time.monotonic_ns()))
            self._context.note("publisher_gone", f"{why}; the next one is waited for at {self._shown}")

        def broken(why: str) -> None:
            if not failed.done():
                failed.set_exception(SourceError(f"{self._shown}: {why}"))

        place = Place(
            streamid=settings.streamid,
            passphrase=settings.passphrase or "",
            takeover=options.takeover,
            timeout=options.timeout,
            max_rate=options.max_rate * _BYTES_A_KBIT,
            on_begin=begins,
            on_data=data,
            on_end=ended,
            on_refused=lambda why: self._context.note("publish_refused", f"{self._shown}: {why}"),
            on_counted=self._context.refused,
            on_broken=broken,
        )
        try:
            address = addresses.literal(settings.host or "127.0.0.1", settings.port)
        except ValueError:
            text = f"{settings.host} is no address of this machine to listen at"
            raise SourceError(text, fatal=True) from None
        shared = attrs.evolve(settings, streamid="", passphrase=None, ignored=(), clamped=())
        listener = await self._listeners.enter(
            address, shared, lambda: Listener(address, self._gate, options.connect_timeout), place
        )
        self.listener = listener
        self._context.waits(waits_for)
        try:
            await failed
        finally:
            self.listener = None
            self._listeners.leave(listener, place)
            await listener.closed()

    def _gate(self, owner: GateOwner) -> Gate:
        rate = self._options.max_rate * _BYTES_A_KBIT
        return Gate(self._keeper, self._settings, owner, self._shown, self._target.words, max_rate=rate)

    # --- calling --------------------------------------------------------------------------------------------

    async def _call(self, intake: TsIntake) -> None:
        """Until it is over, which is an error: a server that ends its stream is asked again."""
        assert self._context.resolver is not None
        calling = Calling(intake)
        opening = Opening(self._target, self._settings, self._context.resolver, lambda: self._gate(calling))
        calling.opening = opening
        try:
            await opening.run()
            await self._receive(calling)
        except TransportError as error:
            raise self._error(error) from None
        finally:
            opening.stop()
            for gate in opening.links:
                gate.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSED_WITHIN):
                    for gate in opening.links:
                        await gate.closed.wait()

    async def _receive(self, calling: Calling) -> None:
        """Raises `SourceError`, `StreamError`."""
        loop, timeout = asyncio.get_running_loop(), self._options.timeout
        while not calling.over.done():
            left = calling.heard + timeout - loop.time()
            if left > 0:
                await asyncio.wait({calling.over}, timeout=left)
            else:
                calling.end(f"the sender sent nothing within {timeout:g} s")
        raise SourceError(f"{self._shown}: {calling.over.result()}")

    def _error(self, error: TransportError) -> SourceError:
        text = str(error)
        text = text if text.startswith("srt://") else f"{self._shown}: {text}"
        fatal = error.error_class is ErrorClass.MISCONFIGURED
        return SourceError(self._target.scrub(text), fatal=fatal, refused=error.error_class is ErrorClass.REFUSED)


async def _settling(intake: TsIntake) -> None:
    """A track that comes alone is not waited for with media only."""
    while True:
        await asyncio.sleep(_LOOK)
        intake.settle(time.monotonic_ns())
