"""What the core and a running plugin owe each other. Plugins implement the protocols; the core makes the contexts.

Everything here runs on the engine's event loop unless a docstring says otherwise. A plugin whose library
blocks brings its own thread and hands over through `Handover`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import attrs

from camcast.acceptance import Acceptance
from camcast.codec_kind import CodecKind, CodecParser, Decoder
from camcast.errors import TransportError
from camcast.media import Frame, MediaKind, Packet, TagType, Track, Unit
from camcast.target import Target

__all__ = [
    "CodecParser",
    "Decoder",
    "Delivery",
    "Encoder",
    "EncoderSettings",
    "Handover",
    "HasPort",
    "MediaSink",
    "PushCounts",
    "PushHandle",
    "Resolver",
    "Segment",
    "Source",
    "SourceContext",
    "TellsImpaired",
    "TellsUnsent",
    "Transport",
    "TransportContext",
    "TransportEvents",
    "findings",
    "impaired",
    "unsent",
]


class Handover(Protocol):
    """The engine's one bounded queue from threads to the loop."""

    def call(self, function: Callable[..., object], *args: object) -> bool:
        """Run `function(*args)` on the loop soon, in order. From any thread; never blocks. False = full, dropped."""

    def call_wait(self, function: Callable[..., object], *args: object, timeout: float) -> bool:
        """The same, waiting up to `timeout` seconds for room. Raises `WrongState` where that would be on the loop."""


# --- sources ----------------------------------------------------------------------------------------------


class MediaSink(Protocol):
    """Where a source puts its media. All calls on the loop."""

    def tracks(self, tracks: Sequence[Track]) -> None:
        """Say which tracks there are, before the first packet or frame, and again when the set changes.

        At most one track of each kind. Parameter changes need no call: packets carry their track.
        """

    def packet(self, packet: Packet) -> None:
        """Hand over one access unit. Timestamps are the source's own; the clock stage rebases them."""

    def frame(self, frame: Frame) -> None:
        """Hand over one unencoded frame."""

    def discontinuity(self) -> None:
        """The next packet's timestamps do not continue the last one's (reconnect, seek)."""

    def dropped(self, kind: MediaKind, reason: str, count: int = 1) -> None:
        """Count what the source had to leave out: "damaged", "rtp loss", "overflow", …"""


class Source(Protocol):
    """One camera stream's media, while it runs."""

    async def run(self, sink: MediaSink) -> None:
        """Bring media until it ends (return), fails (`SourceError`) or is cancelled. Runs once per object.

        Must let the loop run, must return within 2 s of cancellation, must leave nothing open behind it. The
        camera instance reconnects by building a new source.
        """

    def request_keyframe(self) -> bool:
        """Ask for a keyframe soon. False = this source cannot."""


@attrs.frozen(kw_only=True)
class PushCounts:
    """What became of everything that was pushed: `offered == delivered + absorbed + waiting + sum(dropped)`, always."""

    offered: int
    """Calls of `packet`, `frame` and `audio` that were well-formed."""
    delivered: int
    """Handed to the engine."""
    absorbed: int
    """Held only parameter sets, which go along with the next keyframe."""
    waiting: int
    """On their way from a thread to the loop, or held until every track is known."""
    dropped: Mapping[str, int]
    """By reason: "not running", "full", "damaged", "another size", "stopped", …"""


class PushHandle(Protocol):
    """The embedding program's way into one stream, before, while and after its source runs. From any thread.

    `packet`, `frame` and `audio` say whether the media was taken. What is damaged, of another size than the pictures
    before it, too much for now, or comes while the source does not run, is not: it is counted in `counts` by reason. (A
    packet from another thread is read later, on the loop: where it is damaged only `counts` can say so.) They wait only
    when given a `timeout` (seconds). Times are ns on any timeline of yours, None = now.
    """

    on_keyframe_request: Callable[[], object] | None
    """Yours: called on the engine's loop when a receiver wants a keyframe soon. Tell your encoder; do not wait."""

    @property
    def counts(self) -> PushCounts:
        """A snapshot of what became of it all."""

    def packet(
        self,
        data: bytes | bytearray | memoryview,
        *,
        kind: MediaKind = MediaKind.VIDEO,
        codec: str | None = None,
        pts: int | None = None,
        dts: int | None = None,
        keyframe: bool | None = None,
        timeout: float = 0.0,
    ) -> bool:
        """Push one access unit in any framing its codec has. Raises `MediaError` for a codec that nobody knows."""

    def frame(self, picture: Any, *, pts: int | None = None, timeout: float = 0.0) -> bool:
        """Push one picture: an array in the configured format, or a PyAV frame. Raises `ValueError` for others."""

    def audio(self, samples: Any, *, pts: int | None = None, timeout: float = 0.0) -> bool:
        """Push a block of sound: an array, or a PyAV frame. Raises `ValueError` for others."""

    def end(self) -> None:
        """There will be no more: the source ends when what was pushed has been delivered."""

    @property
    def running(self) -> bool:
        """Whether the engine takes media now."""

    async def ready(self) -> None:
        """Wait until it does. On the engine's loop."""

    def wait_ready(self, timeout: float) -> bool:
        """The same for other threads; False after `timeout` seconds. Raises `WrongState` on an event loop."""


@attrs.frozen(kw_only=True)
class SourceContext:
    """What a source is built with."""

    url: str = attrs.field(repr=False)
    options: Any = attrs.field(repr=False)
    """Instance of the kind's options class."""
    camera_id: int
    stream_id: int
    stream_name: str
    camera_name: str
    width: int = 0
    """Wanted picture size and rate for sources that make or choose pictures; 0 = as the source likes."""
    height: int = 0
    frame_rate: float = 0.0
    codec: Callable[[str], CodecKind]
    """Finds a codec kind by any of its names; raises `MediaError` naming those known."""
    handover: Handover
    log: logging.Logger | logging.LoggerAdapter[Any]
    resolver: Resolver | None = attrs.field(default=None, repr=False)
    """For sources that connect somewhere; None = the system's own look-up."""
    note: Callable[[str, str], object] = attrs.field(default=lambda code, text: None, repr=False)
    """Tell an operator something about this source; becomes a `SourceNote`. `(code, text)`: the code is stable, the
    text is for people and must not hold a secret. "camera_odd" is for what is put right and needs no action."""

    @property
    def label(self) -> str:
        return f"cam{self.camera_id}_{self.stream_name}"


# --- codecs and encoders ----------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class EncoderSettings:
    """What an encoder is opened with. 0 or None means: choose well."""

    width: int = 0
    height: int = 0
    frame_rate: float = 0.0
    pixel_format: str = "yuv420p"
    sample_rate: int = 0
    channels: int = 0
    bitrate: int = 0
    """bit/s."""
    max_bitrate: int = 0
    """Upper limit that `set_bitrate` will ever ask for, bit/s; 0 = `bitrate`."""
    rate_control: str = "cbr"
    """"cbr", "vbr" or "avbr"."""
    gop: float = 2.0
    """Seconds between keyframes."""
    b_frames: int = 0
    options: Any = None
    """Instance of the kind's options class, or None for its defaults."""


class Encoder(Protocol):
    """Makes normal packets of one codec. Used by one thread at a time, which is not the loop's."""

    def encode(self, frame: Frame) -> list[Packet]:
        """Packets that became ready; raises `EncoderError`. Their `arrival` is that of the frame shown in them."""

    def flush(self) -> list[Packet]: ...

    def request_keyframe(self) -> None:
        """The next frame becomes a keyframe."""

    def set_bitrate(self, bitrate: int) -> None:
        """Aim at `bitrate` bit/s from now on, by reopening at a keyframe where the library needs it."""

    def close(self) -> None: ...


# --- transports -------------------------------------------------------------------------------------------


class TellsUnsent(Protocol):
    """What a `Transport` may offer as well: how much of `pending` is still here.

    It tells a slow link from a long way. Media that waits *here* is congestion, and is dropped when it becomes too
    much; media that has left and is not acknowledged yet may just be far from home. Of a transport that does not know
    how much has left, the core takes off what the path's own round trip explains.
    """

    @property
    def unsent(self) -> int | None:
        """Of `pending`, the bytes that have not left this machine yet; None = not known, as if it were missing.

        The transport's own and the kernel's or the library's (TCP on Linux: `SIOCOUTQNSD`). What is sent once more
        has left.
        """


class TellsImpaired(Protocol):
    """What a `Transport` may offer as well, where what is sent may get lost on the way and the peer says so.

    Over UDP everything can be acknowledged, or reported as missing, while hardly one picture arrives whole.
    """

    @property
    def impaired(self) -> bool:
        """Whether so much is lost, and has been for seconds, that the receiver can hardly show a picture.

        The session is not healthy for as long; what is to be done about it is the transport's matter.
        """


class TellsFindings(Protocol):
    """What a `Transport` may offer as well: what `connect` came upon, for people (`camcast check --targets`)."""

    @property
    def findings(self) -> Sequence[str]:
        """One line each, without secrets: the certificate, how the server introduced itself, what it answered.

        Asked once `connect` is over, however it ended.
        """


@runtime_checkable
class TakesTagParts(Protocol):
    """A transport of tags that need not be given an object for each. Optional."""

    def send_tag(self, type: TagType, time: int, head: bytes, body: bytes) -> int | None:
        """As `Transport.send` of a tag made of these: the same bytes, the same position, the same promises."""


class HasPort(Protocol):
    """A transport whose plugin has C code for what `send_tag` does. Optional, beside `send_tag`."""

    @property
    def native_port(self) -> object | None:
        """What `native/port.h` describes: an object with a `table`. None = there is none for this connection.

        Asked when the server has agreed, and again whenever the stream's outlets or tracks change; only where the C
        form of the fast path runs.
        """


@attrs.frozen(kw_only=True)
class Segment:
    """A file of a recording that is complete."""

    path: str
    begin: float
    """`time.time()` seconds of its first frame; likewise `end`, of its last."""
    end: float
    size: int
    """Bytes."""
    frames: int


@attrs.frozen(kw_only=True)
class Delivery:
    """How an output does at this moment."""

    delivers: bool
    """On the air, acknowledged, and with a picture gone out within its usual distance."""
    lost: int
    """Frames that it has dropped, or lost with a connection, since it began."""


class TransportEvents(Protocol):
    """What a transport tells its attempt. All calls on the loop; harmless after `close()`."""

    def lost(self, error: TransportError) -> None:
        """The connection is gone or refused. Only the first call counts."""

    def redirect(self, url: str) -> None:
        """The server asks to move there; the attempt goes on meanwhile. The session decides."""

    def keyframe_wanted(self) -> None:
        """The receiver needs a keyframe (PLI)."""

    def note(self, code: str, text: str) -> None:
        """Something an operator should know; becomes an event. `text` must not hold a secret."""

    def segment(self, segment: Segment) -> None:
        """A file of a recording is complete; becomes an event, and the hook `camcast_segment` is called."""


class Resolver(Protocol):
    """Name look-ups on a pool of their own, with a deadline and the last good answer as fallback."""

    async def resolve(self, host: str, port: int, family: str = "both") -> list[tuple[int, tuple[Any, ...]]]:
        """(address family, socket address) pairs in the order to try; raises `NetworkError`."""


@attrs.frozen(kw_only=True)
class TransportContext:
    """What a transport is built with."""

    target: Target
    options: Any = attrs.field(repr=False)
    """Instance of the kind's options class."""
    events: TransportEvents = attrs.field(repr=False)
    resolver: Resolver = attrs.field(repr=False)
    handover: Handover = attrs.field(repr=False)
    codec: Callable[[str], CodecKind] = attrs.field(repr=False)
    """Finds a codec kind by any of its names; raises `MediaError`."""
    label: str = ""
    beside: Callable[[str], Delivery | None] = attrs.field(default=lambda output: None, repr=False)
    """How another output of the same stream does, by its name; None = there is none. Costs little; on the loop."""


class Transport(Protocol):
    """One attempt on one target: `connect`, `publish`, `send` …, `close`; used once.

    Failures of `connect` and `publish` are raised as `TransportError`; later ones are told by `events.lost`.
    Both honour `target.connect_timeout` for each step, and cancellation at any await. No method ever waits
    for longer than its deadline, and `send` never waits at all.
    """

    async def connect(self) -> Acceptance | None:
        """Open the connection up to the point where publishing may begin.

        Returns what the server's answer says about codecs, or None to keep what the kind's `accepts` said.
        """

    async def publish(self, tracks: Sequence[Track]) -> None:
        """Begin publishing these tracks. Returns when the server has agreed."""

    def send(self, unit: Unit, time: int) -> int | None:
        """Send one tag or packet; keep what the socket does not take. Never blocks, never raises for the network.

        `time` is the decode time in ms on this attempt's own timeline: near 0 at first, never falling within
        one kind of media, or within one `track` of it where the tag's is not 0: that is sent only to a target whose
        `Acceptance.tracks` says that it takes several. A packet's composition time is its own pts - dts.

        Returns the position in this transport's stream of bytes at which the unit ends: the peer has all of it once
        `acked` has reached that position. So whatever the transport adds (a handshake, headers, control messages)
        is counted exactly. A unit that is left out ends where the one before it did. None = not known: units then
        count by their own sizes against `pending`, and a transport returns None always or never.
        """

    @property
    def pending(self) -> int:
        """Bytes handed to `send` that the peer has not acknowledged."""

    @property
    def acked(self) -> int:
        """Bytes that the peer has acknowledged, counted as the positions are that `send` returns; never falls.

        Whatever is counted before publishing begins is no media: from then on only its growth says something.
        """

    async def close(self) -> None:
        """End cleanly if possible, within 2 s, and free everything. Safe at any time and more than once."""

    def stats(self) -> Mapping[str, float]:
        """Figures of this protocol's own (losses, …), by snake_case name with the unit in it; `rtt_ms` = round trip."""


def unsent(transport: Transport) -> int | None:
    """Of `transport.pending`, what has not left this machine; None = it does not say. See `TellsUnsent`."""
    figure: int | None = getattr(transport, "unsent", None)
    return figure


def findings(transport: Transport) -> Sequence[str]:
    """What connecting came upon; nothing where the transport does not say. See `TellsFindings`."""
    told: Sequence[str] = getattr(transport, "findings", ())
    return told


def impaired(transport: Transport) -> bool:
    """Whether what is sent arrives damaged; False where the transport does not say. See `TellsImpaired`."""
    told: bool = getattr(transport, "impaired", False)
    return told
