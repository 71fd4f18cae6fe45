"""What plugins return from their hooks: inert, frozen descriptions of what they can build.

Listing kinds imports nothing heavy and opens nothing. `available()` raises `MissingDependency` when the
kind's library is absent; `build`, `open` and `parser` may do so too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from camcast.acceptance import Acceptance, Confidence, Take
from camcast.codec_kind import CodecKind, FlvForm
from camcast.config_form import ConfigForm, Conversion, Fate, Remark, Wish
from camcast.contracts import (
    Encoder,
    EncoderSettings,
    PushHandle,
    Source,
    SourceContext,
    Transport,
    TransportContext,
)
from camcast.coordinators import CoordinatorKind
from camcast.discovery import DiscovererKind
from camcast.platform import BitrateRange, Figure, Platform, Reading
from camcast.services import ServiceKind
from camcast.target import Target

if TYPE_CHECKING:
    from camcast.testing.local import LocalReceiver

__all__ = [
    "Acceptance",
    "BitrateRange",
    "CodecKind",
    "Confidence",
    "ConfigForm",
    "Conversion",
    "CoordinatorKind",
    "Device",
    "DiscovererKind",
    "EncoderKind",
    "Fate",
    "Figure",
    "FlvForm",
    "Gives",
    "Kind",
    "NoOptions",
    "Payload",
    "Platform",
    "Reading",
    "Remark",
    "ServiceKind",
    "SourceKind",
    "Take",
    "TransportKind",
    "Wish",
    "importing",
]


def _always() -> None:
    """Nothing to miss."""


def importing(*modules: str) -> Callable[[], None]:
    """A `load` that imports these modules, by their full names."""

    def load() -> None:
        for module in modules:
            import_module(module)

    return load


@attrs.frozen
class NoOptions:
    """For kinds without options: any key is an error."""


class Gives(Enum):
    """What a source brings."""

    PACKETS = "packets"
    FRAMES = "frames"
    EITHER = "either"


@attrs.frozen
class Device:
    """One device that a source kind found on this machine, with what it offers, one line each."""

    url: str
    name: str
    offers: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class SourceKind:
    """A way to bring a stream's media in."""

    name: str
    title: str
    build: Callable[[SourceContext], Source]
    options: type = NoOptions
    gives: Gives = Gives.PACKETS
    needs_url: bool = True
    one_reader: bool = False
    """Two streams that open one `url` may be one too many for it: a camera, a device."""
    place: Callable[[str], str] = str
    """What of a `url` tells one camera or device from another, the same for all its spellings, without secrets. Never
    raises: what it cannot read it returns as it is."""
    takes: Callable[[str], bool] = lambda text: False
    """Whether a word on a command line plainly names one of these: an address, a device, a file. A kind that needs no
    `url` is named by its own name too."""
    present: Callable[[str], None] = lambda url: None
    """Raises `ValueError`, `OSError` or a `CamcastError` with a readable text where a `url` is none of this kind's, or
    the file or device that it names is not on this machine now. `camcast check` asks, on its own thread; running waits
    for it instead."""
    listens: Callable[[str, Any], str] = lambda url, options: ""
    """The address of this machine at which a source with this `url` and these options would listen, the same text for
    all that share one socket; "" = at none. A `url` that is not known yet is "": then any text, where it would listen
    somewhere. Streams that share an address run in one process. Pure."""
    may_rest: bool = False
    """It may bring nothing for as long as it likes, as a program that pushes or a file that is still being written. Any
    other that brings nothing for long is taken to hang, and started anew (`restart_after` of the configuration)."""
    in_process: bool = False
    """Fed by the embedding program, so it cannot be moved to a worker process."""
    feed: Callable[[int, int], PushHandle] | None = None
    """For kinds fed by the embedding program: (camera_id, stream_id) → the handle that it pushes into."""
    available: Callable[[], None] = _always
    devices: Callable[[], Sequence[Device]] | None = None
    """Lists this machine's devices; None where there is nothing to list."""
    load: Callable[[], None] = _always
    """Imports what `available` and `build` need, see `importing`. On a thread, since on the loop it would hold every
    camera; once, before they are called for the first time."""


@attrs.frozen(kw_only=True)
class EncoderKind:
    """One implementation that makes packets of a codec from frames."""

    name: str
    """As FFmpeg or the vendor names it."""
    codec: str
    title: str
    priority: int = 0
    """The highest that probes well is taken when the configuration names none."""
    options: type = NoOptions
    hardware: bool = False
    probe: Callable[[], None] = _always
    """Opens the encoder for real and closes it; raises `EncoderError` or `MissingDependency` with the reason."""
    open: Callable[[EncoderSettings], Encoder]
    """Opens it for use; raises `EncoderError`."""


class Payload(Enum):
    """What a transport is handed."""

    TAGS = "tags"
    PACKETS = "packets"


@attrs.frozen(kw_only=True)
class TransportKind:
    """A way to carry one attempt."""

    name: str
    title: str
    schemes: tuple[str, ...]
    build: Callable[[TransportContext], Transport]
    accepts: Callable[[Target], Acceptance]
    """What this target takes, as far as the configuration tells. Pure."""
    payload: Payload = Payload.TAGS
    options: type = NoOptions
    by_name_only: bool = False
    """Used only when the configuration names it; another kind may own its schemes."""
    available: Callable[[], None] = _always
    check: Callable[[Target], None] = lambda target: None
    """Raises `ValueError` with a readable text when the target cannot work (no stream key, bad port), or `ConfigError`
    whose issues name the keys beside the URL that are wrong."""
    remarks: Callable[[Target], Sequence[str]] = lambda target: ()
    """What is odd about a target that passes `check`, for people to read: it may be meant, and is hardly ever."""
    waits: Callable[[Target], bool] = lambda target: False
    """Whether a target that passes `check` goes nowhere but takes an address here and waits until somebody calls: so
    there is nobody who could be tried by `camcast check --targets`. Pure."""
    listens: Callable[[Target], str] = lambda target: ""
    """As that of `SourceKind`, of a target that `waits`."""
    publish_name: Callable[[Target], str] = lambda target: target.url
    """Identifies what is published: two attempts with the same name would be in each other's way."""
    spares: bool = True
    """Whether what is published may be connected to a second time, without publishing. Not where connecting is that
    already, or takes an address here: what is renewed by plan is connected there when the old connection has ended."""
    receiver: Callable[[Path], LocalReceiver] | None = None
    """Makes a receiver on this machine for demos and tests, which may keep files in the folder given; raises
    `MissingDependency`. None where the kind has none."""
    load: Callable[[], None] = _always
    """As that of `SourceKind`."""


Kind = (
    SourceKind
    | CodecKind
    | EncoderKind
    | TransportKind
    | ServiceKind
    | CoordinatorKind
    | DiscovererKind
    | ConfigForm
    | Platform
)
