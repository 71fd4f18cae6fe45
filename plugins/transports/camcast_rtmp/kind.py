"""The two transport kinds, and what can be said about a target before anything is opened."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from camcast.errors import MisconfiguredError
from camcast.kinds import Payload, TransportKind
from camcast.target import Target
from camcast_kit_rtmp import urls
from camcast_rtmp import profiles, proxy
from camcast_rtmp.options import RtmpOptions

if TYPE_CHECKING:
    from camcast.contracts import Transport, TransportContext
    from camcast.testing.local import LocalReceiver


def build(context: TransportContext) -> Transport:
    from camcast_rtmp.driver import RtmpTransport

    return RtmpTransport(context)


def check(target: Target) -> None:
    """Raises `ValueError` when `target` cannot work as it stands."""
    address = urls.parse(target)
    known = profiles.profiles()
    if target.server not in known:
        raise ValueError(f"unknown server {target.server!r}, expected one of: {', '.join(known)}")
    if target.fingerprint and not re.fullmatch(r"[0-9a-fA-F]{64}", target.fingerprint.replace(":", "").strip()):
        raise ValueError("fingerprint: expected the SHA-256 of the certificate, 64 hex digits with or without colons")
    if not address.secure and (target.ca_file or target.fingerprint or target.insecure):
        raise ValueError("ca_file, fingerprint and insecure are for rtmps://, this URL is not encrypted")
    if target.insecure and (target.ca_file or target.fingerprint):
        raise ValueError("insecure accepts any certificate, so ca_file or fingerprint beside it would do nothing")
    if target.ca_file and not os.path.isfile(target.ca_file):
        raise ValueError(f"ca_file: there is no file {target.ca_file}")
    if target.proxy:
        try:
            proxy.parse(target.proxy)
        except MisconfiguredError as error:
            raise ValueError(f"proxy: {error}") from error


def plain_receiver(directory: Path) -> LocalReceiver:
    from camcast_rtmp.receiver import Receiver

    return Receiver()


def secure_receiver(directory: Path) -> LocalReceiver:
    """With a certificate of its own in `directory`. Raises `MissingDependency`."""
    from camcast.testing.certificate import make_certificate
    from camcast_rtmp.receiver import Receiver

    ca_file, tls = make_certificate(directory)
    return Receiver(tls=tls, ca_file=ca_file)


KINDS = tuple(
    TransportKind(
        name=name,
        title=title,
        schemes=(name,),
        build=build,
        accepts=profiles.accepts,
        payload=Payload.TAGS,
        options=RtmpOptions,
        check=check,
        publish_name=urls.publish_name,
        receiver=receiver,
    )
    for name, title, receiver in (
        ("rtmp", "RTMP, with Enhanced RTMP", plain_receiver),
        ("rtmps", "RTMP over TLS", secure_receiver),
    )
)
