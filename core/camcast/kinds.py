"""What plugins return from their hooks: inert, frozen descriptions of what they can build.

Listing kinds imports nothing heavy and opens nothing. `available()` raises `MissingDependency` when the
kind's library is absent; `build`, `open` and `parser` may do so too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum

import attrs

from camcast.contracts import (
    CodecParser,
    Decoder,
    Encoder,
    EncoderSettings,
    PushHandle,
    Source,
    SourceContext,
    Transport,
    TransportContext,
)
from camcast.media import MediaKind, Packet, Track
from camcast.target import Target


def _always() -> None:
    """Nothing to miss."""


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
    in_process: bool = False
    """Fed by the embedding program, so it cannot be moved to a worker process."""
    feed: Callable[[int, int], PushHandle] | None = None
    """For kinds fed by the embedding program: (camera_id, stream_id) → the handle that it pushes into."""
    available: Callable[[], None] = _always
    devices: Callable[[], Sequence[Device]] | None = None
    """Lists this machine's devices; None where there is nothing to list."""


@attrs.frozen(kw_only=True)
class FlvForm:
    """How FLV carries a codec. A codec may have several forms; all share the packet's payload."""

    name: str
    """"legacy" or "enhanced"; the words of the configuration."""
    codec_id: int
    """Value of onMetaData's videocodecid or audiocodecid."""
    header: Callable[[Track], bytes]
    """Whole body of the sequence header tag; b"" where the codec has none (G.711)."""
    head: Callable[[Track, bool, int], bytes]
    """(track, keyframe, composition time in ms) → the bytes in front of each payload."""
    end: bytes = b""
    """Whole body of the end-of-sequence tag; b"" where there is none."""
    colour: Callable[[Track], bytes] | None = None
    """Whole body of a metadata tag to send before the header (HDR); b"" or None = none."""
    check: Callable[[Track], None] = lambda track: None
    """Raises `MediaError` when this form cannot carry this very track (a sampling rate FLV has no word for)."""


@attrs.frozen(kw_only=True)
class CodecKind:
    """What knows one format."""

    name: str
    media: MediaKind
    title: str
    aliases: tuple[str, ...] = ()
    """Other names: FFmpeg's, RTP's, the configuration's. Looked up without regard to case."""
    parser: Callable[[bytes], CodecParser]
    """(configuration record, Annex B parameter sets, or b"") → a parser for one track.

    For audio without a record: what `bitstream.audio_format.format_audio(sample_rate, channels)` makes."""
    flv: Mapping[str, FlvForm] = attrs.field(factory=dict)
    """Forms by name, the preferred one first; empty = FLV cannot carry it."""
    annexb: Callable[[Packet], bytes] | None = None
    """The packet as MPEG-TS, RTP and decoders want it: start codes with in-band parameter sets, ADTS, …"""
    decoder: Callable[[Track], Decoder] | None = None
    """Opens a decoder; raises `EncoderError`. None = cannot be decoded, so never transcoded."""
    silence: Callable[[int, int], tuple[Track, bytes, int]] | None = None
    """(sample rate, channels) → track, payload and duration in samples of one silent packet. Audio only."""


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


class Confidence(Enum):
    """How sure it is that a peer takes a codec."""

    YES = "yes"
    UNKNOWN = "unknown"
    NO = "no"


@attrs.frozen
class Take:
    """Whether a target takes a codec, and in which FLV form ("" for transports that take packets)."""

    confidence: Confidence
    form: str = ""


@attrs.frozen(kw_only=True)
class Acceptance:
    """What a target takes."""

    codecs: Mapping[str, Take]
    others: Take = Take(Confidence.NO)
    """For codecs not named in `codecs`."""
    fallback: Mapping[MediaKind, str] = attrs.field(factory=dict)
    """The codec to transcode to when the stream's own is not taken, by kind of media."""
    needs_audio: bool = False
    """The platform wants an audio track, so a silent one is made where the source has none."""
    reorder: bool = True
    """Takes pictures out of display order (B-frames)."""
    choices: tuple[str, ...] = ()
    """Server profiles that the user may name, for the advice in events."""

    def take(self, codec: str) -> Take:
        return self.codecs.get(codec, self.others)


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
    """Raises `ValueError` with a readable text when the target cannot work (no stream key, bad port)."""
    publish_name: Callable[[Target], str] = lambda target: target.url
    """Identifies what is published: two attempts with the same name would be in each other's way."""


Kind = SourceKind | CodecKind | EncoderKind | TransportKind
