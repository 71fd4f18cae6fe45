"""Finding cameras: what a discoverer implements, what it is built with, and what it says of each camera.

Two steps, because a password is worth protecting: `look` asks everybody and gives nothing away; `ask` gives a user's
name and a proof of the password to one camera that somebody chose. Neither ever sends a password itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import attrs

from camcast.contracts import Resolver
from camcast.redaction import redact_url


@attrs.frozen(kw_only=True)
class FoundStream:
    """One stream of a camera that was found."""

    name: str
    """As a stream of the configuration may be called: "main" for the largest picture, "sub" for the smallest."""
    url: str = attrs.field(repr=redact_url)
    """For a source's `url`: by which it is found again though the camera's address changes, where that is possible."""
    address: str = attrs.field(repr=redact_url)
    """The URL at which it is now, without user and password."""
    codec: str = ""
    """As the camera spells it."""
    width: int = 0
    height: int = 0
    frame_rate: float = 0.0
    bitrate_kbps: int = 0
    """The most that it is set to; 0 = not told, likewise above."""
    snapshot: str = attrs.field(default="", repr=redact_url)
    """The URL of a still picture; "" = there is none."""


@attrs.frozen(kw_only=True)
class FoundCamera:
    """One camera that answered. Texts are the camera's own words, printable and short."""

    identity: str
    """What stays when its address changes; "" = it says nothing of the kind."""
    host: str
    """Its address now."""
    service: str = attrs.field(repr=redact_url)
    """The URL at which it is asked."""
    other_services: tuple[str, ...] = attrs.field(default=(), repr=False)
    """URLs at which it is asked where that one does not answer."""
    name: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""
    mac: str = ""
    streams: tuple[FoundStream, ...] = ()
    notes: tuple[str, ...] = ()
    """What is odd about it, and anything that keeps it from telling more, with what to do."""


@attrs.frozen(kw_only=True)
class CameraLogin:
    """A user of cameras. Hidden from its own repr."""

    username: str = attrs.field(repr=False)
    password: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class DiscoveryContext:
    """What a discoverer is built with."""

    interfaces: tuple[str, ...] = ()
    """Network interfaces on which everybody is asked; none = all that can."""
    addresses: tuple[str, ...] = ()
    """Hosts to ask one by one, each with a port behind a colon where one was given. A few hundred at most."""
    everybody: bool = True
    """Whether the networks at hand are asked. False = the addresses only."""
    seconds: float = 3.0
    """How long answers are waited for."""
    timeout: float = 5.0
    """Seconds for each connection and each answer."""
    resolver: Resolver = attrs.field(repr=False)
    log: logging.Logger | logging.LoggerAdapter[Any] = attrs.field(repr=False)


class Discoverer(Protocol):
    """Finds cameras. Used once, on one event loop."""

    async def look(self) -> Sequence[FoundCamera]:
        """Those that answer within the context's time, each once. Sends nothing that is secret.

        Raises `OSError` or a `CamcastError` where nobody could be asked at all.
        """

    async def ask(self, camera: FoundCamera, login: CameraLogin | None) -> FoundCamera:
        """The same camera with all that it tells of itself and its streams.

        `login` is proved to this camera and no other, never sent in clear. Raises a `CamcastError` that says what keeps
        it from telling, and what to do.
        """


@attrs.frozen(kw_only=True)
class SourceAddress:
    """What `camcast_resolve_source` answers: where a source's media is now."""

    url: str = attrs.field(repr=redact_url)
    options: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    """Options of the source's kind, for whatever the configuration does not say itself."""


def _always() -> None:
    """Nothing to miss."""


def _anything(url: str) -> None:
    """Nothing is wrong with it."""


@attrs.frozen(kw_only=True)
class DiscovererKind:
    """A way to find cameras."""

    name: str
    title: str
    build: Callable[[DiscoveryContext], Discoverer]
    source: str
    """Name of the source kind that reads what it finds."""
    schemes: tuple[str, ...] = ()
    """Of source URLs that name a camera by what it is, which this plugin's `camcast_resolve_source` answers."""
    present: Callable[[str], None] = _anything
    """Raises `ValueError` with a readable text where such a URL names nothing. Pure."""
    credentials: Callable[[str, str], Mapping[str, Any]] = lambda username, password: {
        "username": username,
        "password": password,
    }
    """Options of the source's kind for a user's name and password, which may be references to secrets."""
    available: Callable[[], None] = _always
    """Raises `MissingDependency`."""
    load: Callable[[], None] = _always
    """Imports what `available` and `build` need; may take its time."""
