"""What knows one format: its kind, its parser and decoder, and the forms in which FLV carries it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import attrs

from camcast.media import Frame, MediaKind, Packet, Track


class CodecParser(Protocol):
    """Turns what a source or encoder brings into normal packets of one track. No I/O, no clock.

    Normal means: 4-byte length-prefixed NAL units or bare frames, delimiters and filler gone, parameter sets
    in front of keyframes, keyframe and disposable flags from the bits themselves.
    """

    @property
    def track(self) -> Track | None:
        """The track as known by now; None until its parameter sets have been seen."""

    @property
    def counts(self) -> Mapping[str, int]:
        """What was left out or added, by reason: "aud", "filler", "parameter sets added", "damaged", …"""

    def parse(self, data: bytes | memoryview, dts: int, pts: int, arrival: int = 0) -> Packet | None:
        """One access unit, in any framing the codec allows (Annex B or length-prefixed; ADTS or raw).

        None = nothing to send (only parameter sets, or still waiting for them). Raises `MediaError` for
        damaged data; the parser stays usable.
        """


class Decoder(Protocol):
    """Makes frames from packets. May be slow: the core runs it in a thread of the transcoder's own."""

    def decode(self, packet: Packet) -> list[Frame]: ...

    def flush(self) -> list[Frame]: ...

    def close(self) -> None: ...


class TakesLess(Protocol):
    """What a `Decoder` may offer as well."""

    def take_less(self) -> None:
        """Before the first packet: pictures are shown at half their size or less, and one at a time. Whatever that
        hides may be left out."""


def take_less(decoder: Decoder) -> None:
    """Tell a decoder so, where it can be told. See `TakesLess`."""
    told: Callable[[], None] | None = getattr(decoder, "take_less", None)
    if told is not None:
        told()


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


class PictureOrder(Protocol):
    """Tells in which order pictures are shown, by their bits alone. For sources that have no times."""

    def place(self, packet: Packet) -> int:
        """A number for each picture, asked in decode order, that rises in display order. Raises `MediaError` where the
        bits do not tell."""


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
    order: Callable[[Track], PictureOrder] | None = None
    """(track) → how its pictures are ordered; None = nothing tells where decode order is not display order."""
    silence: Callable[[int, int], tuple[Track, bytes, int]] | None = None
    """(sample rate, channels) → track, payload and duration in samples of one silent packet. Audio only."""
