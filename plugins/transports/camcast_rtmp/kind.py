"""The two transport kinds, and what can be said about a target before anything is opened."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from camcast.errors import ConfigError, Issue, MisconfiguredError
from camcast.kinds import Payload, TransportKind, importing
from camcast.net import proxy, tls
from camcast.platform_wants import key_fault
from camcast.structure import shortened, suggest
from camcast.target import Target
from camcast_kit_rtmp import urls
from camcast_rtmp import profiles
from camcast_rtmp.memory import BareServers, ShownServers
from camcast_rtmp.options import RtmpOptions

if TYPE_CHECKING:
    from camcast.contracts import Transport, TransportContext
    from camcast.testing.local import LocalReceiver


def check(target: Target) -> None:
    """Raises `ValueError`, or `ConfigError` with the key, when `target` cannot work as it stands."""
    address = urls.parse(target)
    known = profiles.names(target)
    if target.server not in known:
        raise ConfigError(
            [Issue("server", f'unknown server "{shortened(target.server)}"{suggest(target.server, known)}')]
        )
    platform = target.platform
    if (
        platform is not None
        and platform.app is not None
        and not address.app
        and address.key.partition("?")[0] == platform.app.value
    ):
        raise ValueError(
            # The last part of the URL is hidden wherever it stands, and here that is the word for an application.
            f"the stream key is missing: {platform.title} wants one; write it after the URL's last slash, or beside "
            'the URL as "stream_key": "env:NAME"'
        )
    tls.check(tls.TlsSettings.of(target), encrypted=address.secure, scheme="rtmps")
    if target.proxy:
        try:
            proxy.parse(target.proxy)
        except MisconfiguredError as error:
            raise ValueError(f"proxy: {error}") from error


def remarks(target: Target) -> tuple[str, ...]:
    """What is odd about its URL, and about a key of a platform's. Raises `ValueError` where `check` does."""
    platform = target.platform
    told = key_fault(platform, urls.parse(target).key) if platform is not None else ""
    return (*urls.remarks(target), *filter(None, (told,)))


def plain_receiver(directory: Path) -> LocalReceiver:
    from camcast_rtmp.receiver import Receiver

    return Receiver()


def secure_receiver(directory: Path) -> LocalReceiver:
    """With a certificate of its own in `directory`. Raises `MissingDependency`."""
    from camcast.testing.certificate import make_certificate
    from camcast_rtmp.receiver import Receiver

    ca_file, tls_context = make_certificate(directory)
    return Receiver(tls=tls_context, ca_file=ca_file)


class RtmpPlugin:
    """What the transports of one plugin host share."""

    def __init__(self) -> None:
        self._bare = BareServers()
        self._shown = ShownServers()

    def kinds(self) -> Sequence[TransportKind]:
        return [
            TransportKind(
                name=name,
                title=title,
                schemes=(name,),
                build=self.build,
                load=importing("camcast_rtmp.driver"),
                accepts=profiles.accepts,
                payload=Payload.TAGS,
                options=RtmpOptions,
                check=check,
                remarks=remarks,
                publish_name=urls.publish_name,
                receiver=receiver,
            )
            for name, title, receiver in (
                ("rtmp", "RTMP, with Enhanced RTMP", plain_receiver),
                ("rtmps", "RTMP over TLS", secure_receiver),
            )
        ]

    def build(self, context: TransportContext) -> Transport:
        from camcast_rtmp.driver import RtmpTransport

        return RtmpTransport(context, self._bare, self._shown)
