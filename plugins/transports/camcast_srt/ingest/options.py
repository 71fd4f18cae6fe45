"""What a user may say about an SRT source, and the settings that follow with its URL."""

from __future__ import annotations

from typing import Literal

import attrs

from camcast.options import Kbps, PositiveSeconds
from camcast.target import Target
from camcast_srt.options import SrtOptions, SrtSettings, settings_of


@attrs.frozen(kw_only=True)
class SrtSourceOptions:
    """Options of the SRT source. Those of SRT itself may stand in the URL's query as well, as everybody writes them."""

    mode: Literal["caller", "listener", "rendezvous"] | None = None
    """caller (default): the URL is a server's, which sends. listener: the URL is an address of this machine, and one
    camera calls; without a host it is 127.0.0.1. rendezvous: both call at once."""
    streamid: str | None = attrs.field(default=None, repr=False)
    """caller: what is asked of the server. listener: which caller is taken; many streams share a port, each by its own.
    Often a key, so it is treated as a secret."""
    passphrase: str | None = attrs.field(default=None, repr=False)
    """10 to 79 bytes; turns encryption on. A listener's is for this stream alone."""
    pbkeylen: int | None = None
    """Key length in bytes (16, 24, 32); null: as the sender has it, or 16."""
    latency: int | None = None
    """ms that what comes is held back so that losses can be repaired; the greater of both sides' values counts. 120 is
    libsrt's default; four round trips is a good rule. All that share a port need the same."""
    packetfilter: str | None = None
    """Forward error correction, in libsrt's words: "fec,cols:10,rows:5"."""
    bind: str | None = None
    """With caller and rendezvous: the IP address of this machine to use; null: the system chooses."""
    takeover: bool = False
    """With listener, while one sends: true lets a second one with its stream id take its place, else it is refused."""
    timeout: PositiveSeconds = 10.0
    """Nothing comes for so long: the connection is ended, and another one may begin."""
    connect_timeout: PositiveSeconds = 10.0
    """For a connection to a server, or to the other side of a rendezvous."""
    timestamps: Literal["auto", "camera", "arrival"] = "auto"
    """auto: the sender's, or those of arrival when its clock runs at less than half or more than twice its speed."""
    max_rate: Kbps = 100_000
    """Media is read no faster than this; 0: as fast as it comes."""

    def __attrs_post_init__(self) -> None:
        """What can be told without the URL is told by `camcast check`. Raises `ValueError`."""
        _of_an_output(self)


_SRTS = ("mode", "streamid", "passphrase", "pbkeylen", "latency", "packetfilter")


def target_of(url: str, options: SrtSourceOptions) -> Target:
    """The other side as what connects to one wants it."""
    return Target(url=url, connect_timeout=options.connect_timeout, bind=options.bind)


def source_settings(url: str, options: SrtSourceOptions) -> SrtSettings:
    """What URL and options ask for. Raises `ValueError` with a text that holds no secret."""
    return settings_of(target_of(url, options), _of_an_output(options))


def _of_an_output(options: SrtSourceOptions) -> SrtOptions:
    return SrtOptions(**{name: getattr(options, name) for name in _SRTS})
