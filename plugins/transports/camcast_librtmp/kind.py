"""The librtmp transport kind, and what can be said about a target before anything is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camcast.kinds import Acceptance, Confidence, Payload, Take, TransportKind
from camcast.media import MediaKind
from camcast.target import Target
from camcast_librtmp.options import LibrtmpOptions
from camcast_rtmp import urls
from camcast_rtmp.kind import publish_name

if TYPE_CHECKING:
    from camcast.contracts import Transport, TransportContext
    from camcast_librtmp.binding import Binding

_NATIVE = 'use the native transport (leave out "transport")'

_ACCEPTANCE = Acceptance(
    codecs={"h264": Take(Confidence.YES, "legacy"), "aac": Take(Confidence.YES, "legacy")},
    fallback={MediaKind.VIDEO: "h264", MediaKind.AUDIO: "aac"},
)


class LibrtmpPlugin:
    """Holds the imported library for the transports of one plugin host."""

    def __init__(self) -> None:
        self._binding: Binding | None = None

    def kind(self) -> TransportKind:
        return TransportKind(
            name="librtmp",
            title="RTMP by librtmp (python-librtmp): IPv4, H.264 and AAC, no verified TLS",
            schemes=("rtmp", "rtmps"),
            build=self.build,
            accepts=lambda target: _ACCEPTANCE,
            payload=Payload.TAGS,
            options=LibrtmpOptions,
            by_name_only=True,
            available=self.available,
            check=check,
            publish_name=publish_name,
        )

    def available(self) -> None:
        self.binding()

    def binding(self) -> Binding:
        """python-librtmp, imported at the first call. Raises `MissingDependency`."""
        if self._binding is None:
            from camcast_librtmp.binding import load

            self._binding = load()
        return self._binding

    def build(self, context: TransportContext) -> Transport:
        from camcast_librtmp.transport import LibrtmpTransport

        return LibrtmpTransport(context, self.binding())


def check(target: Target) -> None:
    """Raises `ValueError` when librtmp cannot do what `target` asks for."""
    address = urls.parse(target)
    if address.secure and not target.insecure:
        raise ValueError(
            f"librtmp verifies no certificate, so its rtmps:// is open to anybody on the way: {_NATIVE}, "
            "or set insecure if you accept that"
        )
    if target.ca_file or target.fingerprint:
        raise ValueError(f"librtmp verifies no certificate, ca_file and fingerprint would do nothing: {_NATIVE}")
    if target.proxy or target.bind:
        raise ValueError(f"librtmp takes neither proxy nor bind: {_NATIVE}")
    if target.ip_family == "ipv6" or ":" in address.host:
        raise ValueError(f"librtmp knows IPv4 only: {_NATIVE}")
    if address.user or address.password:
        raise ValueError(f"user and password in the URL are not supported through librtmp: {_NATIVE}")
