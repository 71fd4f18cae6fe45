"""The RTMP source: waits for a publisher, or plays a server's stream. One object is one run."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from typing import Any

from camcast.contracts import MediaSink, SourceContext
from camcast.errors import MisconfiguredError, SourceError, TransportError
from camcast.net import dial, tls
from camcast.net.tls_bounds import BoundedContext, shake_hands
from camcast.target import Target
from camcast_kit_ingest.effort import Effort, TooMuch
from camcast_rtmp.ingest import address as addresses
from camcast_rtmp.ingest import bounds
from camcast_rtmp.ingest.listener import Listener, Listeners
from camcast_rtmp.ingest.media import Intake
from camcast_rtmp.ingest.options import RtmpSourceOptions
from camcast_rtmp.ingest.place import Place
from camcast_rtmp.ingest.player import Player, Refused
from camcast_rtmp.messages import Message, ProtocolError

_PIECE = 1 << 16
_LOOK = 0.5
"""Seconds between two looks at whether further tracks are still waited for."""


class RtmpSource:
    """Implements `contracts.Source`."""

    def __init__(self, context: SourceContext, listeners: Listeners) -> None:
        self._context = context
        self._options: RtmpSourceOptions = context.options
        self._listeners = listeners
        try:
            self._address = addresses.parse(context.url)
        except ValueError as error:
            raise SourceError(str(error), fatal=True) from None
        self._shown = addresses.shown(self._address)
        self.listener: Listener | None = None
        """While it listens."""

    def __repr__(self) -> str:
        return f"<RtmpSource {self._shown} {self._options.mode}>"

    def request_keyframe(self) -> bool:
        """RTMP has no way to ask."""
        return False

    async def run(self, sink: MediaSink) -> None:
        """See `contracts.Source.run`. Raises `SourceError`."""
        options = self._options
        intake = Intake(
            self._context.codec,
            sink,
            self._context.note,
            timestamps=options.timestamps,
            track=options.track,
            sound_track=options.sound_track,
        )
        looking = asyncio.create_task(_settling(intake))
        try:
            if options.mode == "listen":
                await self._listen(intake)
            else:
                await self._play(intake)
        finally:
            looking.cancel()

    # --- listening ------------------------------------------------------------------------------------------

    async def _listen(self, intake: Intake) -> None:
        """Until it is cancelled, or a plugin breaks: publishers come and go."""
        options, where = self._options, self._address
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def media(message: Message) -> None:
            try:
                intake.add(message.type, message.time, message.payload, time.monotonic_ns())
            except TooMuch:
                raise
            except Exception as error:  # noqa: BLE001  a codec's bug is the source's failure, not the connection's
                if not failed.done():
                    failed.set_exception(error)

        waits_for = f"a publisher at {self._shown}"

        def begins() -> None:
            self._context.waits("")
            intake.begin()

        def ended(why: str) -> None:
            if not failed.done():
                self._context.waits(waits_for)
                self._context.note("publisher_gone", f"{why}; the next one is waited for at {self._shown}")

        def refused(why: str) -> None:
            self._context.note("publish_refused", f"{self._shown}: {why}")

        place = Place(
            app=where.app,
            key=where.key,
            takeover=options.takeover,
            timeout=options.timeout,
            max_rate=options.max_rate,
            on_begin=begins,
            on_media=media,
            on_end=ended,
            on_refused=refused,
            on_counted=self._context.refused,
            effort=Effort(time.monotonic(), lambda: intake.sending_on),
        )
        context, settings = self._server_tls()
        listener = self._listeners.enter(
            where.host,
            where.port,
            settings,
            lambda: Listener(where.host, where.port, context, options.connect_timeout),
            place,
        )
        self.listener = listener
        self._context.waits(waits_for)
        try:
            await failed
        finally:
            # What it would tell from here on is nobody's any more.
            place.on_end = place.on_refused = lambda why: None
            place.on_counted = lambda reason, count: None
            place.on_media = lambda message: None
            self.listener = None
            self._listeners.leave(listener, place)

    def _server_tls(self) -> tuple[BoundedContext | None, tuple[object, ...]]:
        """Raises `SourceError`."""
        certificate, key = self._options.certificate, self._options.private_key
        if not self._address.secure:
            if certificate or key:
                raise SourceError("certificate and private_key are for rtmps:// only", fatal=True)
            return None, ()
        if not certificate:
            raise SourceError("to listen at rtmps:// the option certificate must name a PEM file", fatal=True)
        try:
            context = BoundedContext.serving(certificate, key)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise SourceError(f"certificate {certificate} cannot be used: {reason}", fatal=True) from None
        return context, (certificate, key)

    # --- playing --------------------------------------------------------------------------------------------

    async def _play(self, intake: Intake) -> None:
        where = self._address
        if self._options.certificate or self._options.private_key:
            raise SourceError("certificate and private_key are for the mode listen only", fatal=True)
        connect: dict[str, Any] = {
            "app": where.app,
            "tcUrl": where.tc_url,
            "flashVer": "LNX 9,0,124,2",
            "fpad": False,
            "capabilities": 15.0,
            "audioCodecs": 4071.0,
            "videoCodecs": 252.0,
            "videoFunction": 1.0,
            "fourCcList": ["avc1", "hvc1", "av01", "vp09", "mp4a", "Opus", ".mp3"],
        }
        player = Player(connect, where.key)
        reader, writer = await self._connect()
        intake.begin()
        try:
            await self._receive(intake, player, reader, writer)
        finally:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _receive(
        self, intake: Intake, player: Player, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        options = self._options
        agreed = asyncio.get_running_loop().time() + options.connect_timeout
        writer.writelines(player.outgoing())
        allowance = bounds.Allowance(player.reader, options.max_rate, time.monotonic())
        effort = Effort(time.monotonic(), lambda: intake.sending_on)
        try:
            while True:
                now = asyncio.get_running_loop().time()
                seconds = options.timeout if player.playing else max(0.0, agreed - now)
                async with asyncio.timeout(seconds):
                    data = await reader.read(_PIECE)
                if not data:
                    raise SourceError(f"{self._shown}: the server closed the connection")
                allowance.grant(time.monotonic())
                began = time.thread_time()
                for message in player.feed(data):
                    intake.add(message.type, message.time, message.payload, time.monotonic_ns())
                    if time.thread_time() - began > bounds.TURN:
                        effort.took(time.thread_time() - began, time.monotonic())
                        await asyncio.sleep(0)
                        began = time.thread_time()
                effort.took(time.thread_time() - began, time.monotonic())
                writer.writelines(player.outgoing())
                if writer.transport.get_write_buffer_size() > bounds.MAX_UNREAD:
                    raise ProtocolError("it asks for answers and does not take them")
                if (wait := allowance.spend(len(data), time.monotonic())) > 0:
                    await asyncio.sleep(wait)
        except TimeoutError:
            what = "sent nothing" if player.playing else "did not answer"
            raise SourceError(f"{self._shown}: the server {what} within {seconds:g} s") from None
        except Refused as error:
            words = self._target().excerpt(str(error), 200)
            raise SourceError(f"{self._shown}: the server says: {words}", refused=not player.playing) from None
        except (ProtocolError, TooMuch) as error:
            raise SourceError(f"{self._shown}: {error}") from None
        except OSError as error:
            demanded = tls.certificate_demanded(error, tls.TlsSettings.of(self._target()))
            why = str(demanded or f"the connection was lost: {error.strerror or 'reset'}")
            raise SourceError(f"{self._shown}: {why}") from None

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Raises `SourceError`."""
        where, target = self._address, self._target()
        assert self._context.resolver is not None
        connection: socket.socket | None = None
        try:
            settings = tls.TlsSettings.of(target)
            tls.check(settings, encrypted=where.secure, scheme="rtmps")
            context = tls.context(settings) if where.secure else None
            connection = await dial.connect(target, where.host, where.port, self._context.resolver)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, bounds.MAX_UNREAD)
            async with asyncio.timeout(target.connect_timeout):
                shaken = await shake_hands(context, connection, where.host) if context is not None else None
                if shaken is not None:
                    tls.check_pin(shaken.tls.getpeercert(binary_form=True), settings)
                return await asyncio.open_connection(
                    sock=connection,
                    ssl=shaken.context if shaken is not None else None,
                    server_hostname=where.host if shaken is not None else None,
                    limit=_PIECE,
                )
        except (ssl.SSLError, ConnectionResetError) as error:
            _close(connection)
            why = tls.explained(error, where.host, tls.TlsSettings.of(target), plain="rtmp")
            raise SourceError(f"{self._shown}: {target.scrub(str(why))}") from None
        except (MisconfiguredError, ValueError) as error:
            _close(connection)
            raise SourceError(f"{self._shown}: {error}", fatal=True) from None
        except (TransportError, TimeoutError, OSError) as error:
            _close(connection)
            reason = str(error) or f"no TLS handshake within {target.connect_timeout:g} s"
            raise SourceError(f"{self._shown}: {target.scrub(reason)}") from None
        except BaseException:
            _close(connection)
            raise

    def _target(self) -> Target:
        """The server as what connects to one wants it."""
        options = self._options
        return Target(
            url=self._context.url,
            connect_timeout=options.connect_timeout,
            ca_file=options.ca_file,
            fingerprint=options.fingerprint,
            insecure=options.insecure,
            client_certificate=options.client_certificate,
            client_key=options.client_key,
        )


def _close(connection: socket.socket | None) -> None:
    if connection is not None:
        connection.close()


async def _settling(intake: Intake) -> None:
    """A track that comes alone is not waited for with media only."""
    while True:
        await asyncio.sleep(_LOOK)
        intake.settle(time.monotonic_ns())
