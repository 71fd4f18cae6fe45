"""What a user may set for an RTSP camera."""

from __future__ import annotations

from typing import Literal

import attrs

from camcast.options import PositiveSeconds


@attrs.frozen(kw_only=True)
class RtspOptions:
    """Options of the source kind `rtsp`. Durations are seconds."""

    transport: Literal["auto", "tcp", "udp", "multicast", "http"] = "auto"
    """"tcp": media inside the RTSP connection, without loss. "udp": beside it, for cameras that can do no other.
    "multicast": to a group, which several may listen to (IPv4). "http": all of it within HTTP, at the URL's port, where
    nothing else is let through; by `rtsp://` only. "auto": TCP first, and the others where a camera
    refuses it or sends nothing; what worked is remembered."""
    username: str | None = attrs.field(default=None, repr=False)
    """Goes before a user in the URL. Likewise `password`."""
    password: str | None = attrs.field(default=None, repr=False)
    login: Literal["any", "digest"] = "any"
    """"digest": the password is never sent in clear (Basic), except by `rtsps://` to a camera that is verified."""
    timestamps: Literal["camera", "arrival"] = "camera"
    """"camera": its own clock, watched and mended. "arrival": when the media came, smoothed, for hopeless clocks."""
    audio: bool = True
    """False leaves the camera's sound out."""
    no_data_timeout: PositiveSeconds = 5.0
    """A camera that sends no media for this long is given up, though its session may still be open."""
    connect_timeout: PositiveSeconds = 10.0
    """For connecting, and again for the exchange up to the answer to PLAY."""
    user_agent: str = "camcast"
    ca_file: str | None = None
    """Certificates to trust for `rtsps://` besides the system's."""
    insecure: bool = False
    """Accept any certificate of an `rtsps://` camera, and old TLS with it."""
    legacy_tls: bool = False
    """Take TLS 1.0 and 1.1 and the weak encryption of old cameras, with a certificate that is verified."""
    client_certificate: str | None = None
    """Our certificate, a PEM file, for `rtsps://` cameras that let in only whom they know (mutual TLS)."""
    client_key: str | None = None
    """Its key, without a passphrase; null = in the same file."""

    def __attrs_post_init__(self) -> None:
        if self.client_key and not self.client_certificate:
            raise ValueError("client_key without client_certificate does nothing: give both")
