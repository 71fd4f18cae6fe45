"""What a user may say about an RTMP source."""

from __future__ import annotations

from typing import Literal

import attrs
from attrs import validators

from camcast.options import Kbps, PositiveSeconds


@attrs.frozen(kw_only=True)
class RtmpSourceOptions:
    """Options of the RTMP source. What does not fit the mode is an error."""

    mode: Literal["play", "listen"] = "play"
    """play: the URL is a server's, whose stream is played. listen: the URL is an address of this machine and a key, to
    which one camera publishes; without a host it is 127.0.0.1."""
    takeover: bool = False
    """With listen, while one publishes: true lets a second one with the same key take its place, else it is refused."""
    timeout: PositiveSeconds = 10.0
    """Nothing comes for so long: the connection is ended, and another one may begin."""
    connect_timeout: PositiveSeconds = 10.0
    """For each step of a connection, up to its stream."""
    timestamps: Literal["auto", "camera", "arrival"] = "auto"
    """auto: the sender's, or those of arrival when its clock runs at less than half or more than twice its speed."""
    track: int = attrs.field(default=0, validator=[validators.ge(0), validators.le(255)])
    """Which picture is taken of a sender that sends several in one connection (Enhanced RTMP v2, multitrack)."""
    sound_track: int = attrs.field(default=0, validator=[validators.ge(0), validators.le(255)])
    """Likewise, which sound."""
    max_rate: Kbps = 100_000
    """Media is read no faster than this; 0: as fast as it comes."""
    certificate: str | None = None
    """With listen and rtmps://: our certificate chain, a PEM file."""
    private_key: str | None = None
    """Its key; null: in the same file."""
    ca_file: str | None = None
    """With play and rtmps://: authorities to trust instead of the system's."""
    fingerprint: str | None = None
    """With play and rtmps://: SHA-256 of the only certificate to accept."""
    insecure: bool = False
    """With play and rtmps://: accept any certificate."""
    client_certificate: str | None = None
    """With play and rtmps://: our certificate for a server that asks for one, a PEM file."""
    client_key: str | None = None
    """Its key, without a passphrase; null: in the same file."""
