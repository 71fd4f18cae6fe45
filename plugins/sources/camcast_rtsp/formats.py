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

MAX_WAYS = 8
"""Formats of one medium that are made ready for."""

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
    encoding: str = ""
    """The camera's name of it."""
    carried: bool = True
    """False for a codec that no container of ours takes: it has to be made another one."""


_Made = tuple[CodecKind, CodecParser, MakeDepacketiser]


def _h264(found: sdp.Format, find: FindCodec) -> _Made:
    kind = find("h264")
    return kind, _video_parser(kind, h264.parameter_sets(found.parameters)), h264.H264Depacketiser


def _h265(found: sdp.Format, find: FindCodec) -> _Made:
    numbered = h265.is_numbered(found.parameters)
    kind = find("h265")
    parser = _video_parser(kind, h265.parameter_sets(found.parameters))
    return kind, parser, lambda sink: h265.H265Depacketiser(sink, numbered)


def _av1(found: sdp.Format, find: FindCodec) -> _Made:
    kind = find("av1")
    return kind, kind.parser(b""), av1.Av1Depacketiser


def _generic(found: sdp.Format, find: FindCodec) -> _Made:
    config = aac.config_of(found.parameters, found.clock_rate, found.channels)
    step = aac.frame_step(config, found.clock_rate)
    # Made once to have its complaints before the camera is asked to play.
    aac.AacDepacketiser(_Nowhere(), found.parameters, step)
    kind = find("aac")
    return kind, kind.parser(config), lambda sink: aac.AacDepacketiser(sink, found.parameters, step)


def _latm(found: sdp.Format, find: FindCodec) -> _Made:
    config, frames = latm.stream_config(found.parameters)
    step = aac.frame_step(config, found.clock_rate)
    kind = find("aac")
    return kind, kind.parser(config), lambda sink: latm.LatmDepacketiser(sink, frames, step)


def _plain(name: str) -> Callable[[sdp.Format, FindCodec], _Made]:
    def make(found: sdp.Format, find: FindCodec) -> _Made:
        kind = find(name)
        return kind, kind.parser(format_audio(found.clock_rate, found.channels)), PlainDepacketiser

    return make


_FORMATS: dict[str, Callable[[sdp.Format, FindCodec], _Made]] = {
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


def choose(media: sdp.Media, find: FindCodec) -> tuple[Payload, ...]:
    """The formats of `media` that we can take, in its order: a camera may send any of them. Raises `MediaError` that
    names what is offered and why not, when there is none."""
    reasons = []
    found: list[Payload] = []
    for offer in media.formats:
        make = _FORMATS.get(offer.encoding.upper())
        if make is None:
            reasons.append(f"{offer.encoding[:32]} is not supported")
            continue
        try:
            kind, parser, depacketiser = make(offer, find)
        except MediaError as error:
            reasons.append(f"{offer.encoding}: {error}")
            continue
        found.append(
            Payload(
                media.kind,
                offer.payload_type,
                offer.clock_rate,
                parser,
                depacketiser,
                offer.encoding,
                bool(kind.flv),
            )
        )
        if len(found) == MAX_WAYS:
            break
    if found:
        return tuple(found)
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
