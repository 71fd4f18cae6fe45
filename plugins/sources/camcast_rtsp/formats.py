"""Which of a camera's formats we can take, and what unpacks each. A new payload format is one function and one line."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from camcast.bitstream.audio_format import format_audio
from camcast.contracts import CodecParser
from camcast.errors import MediaError
from camcast.kinds import CodecKind
from camcast.media import MediaKind

from . import sdp
from .depacketise import aac, av1, h264, h265, latm
from .depacketise.common import Depacketiser, UnitSink
from .depacketise.plain import PlainDepacketiser

FindCodec = Callable[[str], CodecKind]
MakeDepacketiser = Callable[[UnitSink], Depacketiser]


@attrs.frozen
class Payload:
    """A format with all that is needed to receive it."""

    kind: MediaKind
    payload_type: int
    clock_rate: int
    parser: CodecParser
    depacketiser: MakeDepacketiser


def _h264(found: sdp.Format, find: FindCodec) -> tuple[CodecParser, MakeDepacketiser]:
    return _video_parser(find("h264"), h264.parameter_sets(found.parameters)), h264.H264Depacketiser


def _h265(found: sdp.Format, find: FindCodec) -> tuple[CodecParser, MakeDepacketiser]:
    numbered = h265.is_numbered(found.parameters)
    parser = _video_parser(find("h265"), h265.parameter_sets(found.parameters))
    return parser, lambda sink: h265.H265Depacketiser(sink, numbered)


def _av1(found: sdp.Format, find: FindCodec) -> tuple[CodecParser, MakeDepacketiser]:
    return find("av1").parser(b""), av1.Av1Depacketiser


def _generic(found: sdp.Format, find: FindCodec) -> tuple[CodecParser, MakeDepacketiser]:
    config = aac.config_of(found.parameters, found.clock_rate, found.channels)
    step = aac.frame_step(config, found.clock_rate)
    # Made once to have its complaints before the camera is asked to play.
    aac.AacDepacketiser(_Nowhere(), found.parameters, step)
    return find("aac").parser(config), lambda sink: aac.AacDepacketiser(sink, found.parameters, step)


def _latm(found: sdp.Format, find: FindCodec) -> tuple[CodecParser, MakeDepacketiser]:
    config, frames = latm.stream_config(found.parameters)
    step = aac.frame_step(config, found.clock_rate)
    return find("aac").parser(config), lambda sink: latm.LatmDepacketiser(sink, frames, step)


def _plain(name: str) -> Callable[[sdp.Format, FindCodec], tuple[CodecParser, MakeDepacketiser]]:
    def make(found: sdp.Format, find: FindCodec) -> tuple[CodecParser, MakeDepacketiser]:
        return find(name).parser(format_audio(found.clock_rate, found.channels)), PlainDepacketiser

    return make


_FORMATS: dict[str, Callable[[sdp.Format, FindCodec], tuple[CodecParser, MakeDepacketiser]]] = {
    "H264": _h264,
    "H265": _h265,
    "HEVC": _h265,
    "AV1": _av1,
    "MPEG4-GENERIC": _generic,
    "MP4A-LATM": _latm,
    "PCMA": _plain("PCMA"),
    "PCMU": _plain("PCMU"),
    "OPUS": _plain("opus"),
}


def choose(media: sdp.Media, find: FindCodec) -> Payload:
    """The first format of `media` that we can take. Raises `MediaError` that names what is offered and why not."""
    reasons = []
    for found in media.formats:
        make = _FORMATS.get(found.encoding.upper())
        if make is None:
            reasons.append(f"{found.encoding[:32]} is not supported")
            continue
        try:
            parser, depacketiser = make(found, find)
        except MediaError as error:
            reasons.append(f"{found.encoding}: {error}")
            continue
        return Payload(media.kind, found.payload_type, found.clock_rate, parser, depacketiser)
    known = ", ".join(_FORMATS)
    raise MediaError(f"{'; '.join(reasons) or 'no format is named'} (supported: {known})")


def _video_parser(kind: CodecKind, sets: bytes) -> CodecParser:
    try:
        return kind.parser(sets)
    except MediaError:
        # A camera's SDP may be out of date or cut short; the stream repeats its parameter sets.
        return kind.parser(b"")


class _Nowhere:
    def unit(self, data: bytes, timestamp: int) -> None: ...

    def missing(self, reason: str) -> None: ...
