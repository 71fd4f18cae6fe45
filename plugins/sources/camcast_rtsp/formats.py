"""Which of a camera's formats we can take, and what unpacks each. A new payload format is one function and one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from camcast.bitstream.audio_format import format_audio
from camcast.contracts import CodecParser
from camcast.errors import MediaError
from camcast.kinds import CodecKind
from camcast.media import MediaKind, Packet, Track

from . import sdp
from .depacketise import aac, av1, h264, h265, latm
from .depacketise.amr import AmrDepacketiser
from .depacketise.common import Depacketiser, UnitSink
from .depacketise.dolby import DolbyDepacketiser
from .depacketise.jpeg import JpegDepacketiser
from .depacketise.pictures import (
    H263Depacketiser,
    Mpeg4Depacketiser,
    MpegAudioDepacketiser,
    MpegVideoDepacketiser,
    OldH263Depacketiser,
    Vp8Depacketiser,
)
from .depacketise.plain import PlainDepacketiser
from .depacketise.vp9 import Vp9Depacketiser

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
    own = aac.frame_length(config)
    return kind, kind.parser(config), lambda sink: aac.AacDepacketiser(sink, found.parameters, step, own)


def _latm(found: sdp.Format, find: FindCodec) -> _Made:
    if latm.is_inside(found.parameters):
        kind, rate = find("aac"), found.clock_rate
        known = latm.stream_config(found.parameters, rate, 1)[0] if found.parameters.get("config") else b""
        return kind, kind.parser(b""), lambda sink: latm.InsideDepacketiser(sink, rate, known)
    config, frames = latm.stream_config(found.parameters, found.clock_rate, found.channels)
    step = aac.frame_step(config, found.clock_rate)
    kind = find("aac")
    return kind, kind.parser(config), lambda sink: latm.LatmDepacketiser(sink, frames, step)


def _picture(name: str, depacketiser: MakeDepacketiser) -> Callable[[sdp.Format, FindCodec], _Made]:
    """A codec whose pictures are only collected."""

    def make(found: sdp.Format, find: FindCodec) -> _Made:
        kind = find(name)
        try:
            config = bytes.fromhex(found.parameters.get("config", ""))
        except ValueError:
            config = b""
        return kind, kind.parser(config), depacketiser

    return make


def _mpeg_audio(found: sdp.Format, find: FindCodec) -> _Made:
    kind = find("mp3")
    return kind, _ByLayer(find), MpegAudioDepacketiser


def _jpeg(found: sdp.Format, find: FindCodec) -> _Made:
    kind = find("mjpeg")
    return kind, kind.parser(b""), lambda sink: JpegDepacketiser(sink, found.size)


def _plain(name: str) -> Callable[[sdp.Format, FindCodec], _Made]:
    def make(found: sdp.Format, find: FindCodec) -> _Made:
        kind = find(name)
        return kind, kind.parser(format_audio(found.clock_rate, found.channels)), PlainDepacketiser

    return make


def _amr(name: str, *, wide: bool) -> Callable[[sdp.Format, FindCodec], _Made]:
    def make(found: sdp.Format, find: FindCodec) -> _Made:
        def depacketiser(sink: UnitSink) -> Depacketiser:
            return AmrDepacketiser(sink, found.parameters, found.clock_rate, wide=wide)

        # Made once to have its complaints before the camera is asked to play.
        depacketiser(_Nowhere())
        if found.channels != 1:
            raise MediaError(f"AMR in RTP with {found.channels} channels is not supported")
        kind = find(name)
        return kind, kind.parser(format_audio(found.clock_rate, 1)), depacketiser

    return make


def _dolby(name: str) -> Callable[[sdp.Format, FindCodec], _Made]:
    def make(found: sdp.Format, find: FindCodec) -> _Made:
        kind, rate = find(name), found.clock_rate
        return kind, kind.parser(format_audio(rate, found.channels)), lambda sink: DolbyDepacketiser(sink, rate)

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
    "L8": _plain("L8"),
    "L16": _plain("L16"),
    "L24": _plain("L24"),
    **{name: _plain(name) for rate in (16, 24, 32, 40) for name in (f"G726-{rate}", f"AAL2-G726-{rate}")},
    "G722": _plain("G722"),
    "AMR": _amr("amrnb", wide=False),
    "AMR-WB": _amr("amrwb", wide=True),
    "AC3": _dolby("ac3"),
    "EAC3": _dolby("eac3"),
    "MPA": _mpeg_audio,
    "JPEG": _jpeg,
    "MPV": _picture("mpeg2video", MpegVideoDepacketiser),
    "MP4V-ES": _picture("mpeg4", Mpeg4Depacketiser),
    "H263": _picture("h263", OldH263Depacketiser),
    "H263-1998": _picture("h263", H263Depacketiser),
    "H263-2000": _picture("h263", H263Depacketiser),
    "VP8": _picture("vp8", Vp8Depacketiser),
    "VP9": _picture("vp9", Vp9Depacketiser),
}


def choose(media: sdp.Media, find: FindCodec, shown: Callable[[str], str] = str) -> tuple[Payload, ...]:
    """The formats of `media` that we can take, in its order: a camera may send any of them. Raises `MediaError` that
    names what is offered and why not, when there is none. `shown` makes a name in the camera's text fit to be shown."""
    if media.encrypted:
        raise MediaError("it is encrypted (SRTP), which is not supported: switch that off in the camera's settings")
    reasons = []
    found: list[Payload] = []
    for offer in media.formats:
        make = _FORMATS.get(offer.encoding.upper())
        if make is None:
            reasons.append(f"{shown(offer.encoding)} is not supported")
            continue
        try:
            kind, parser, depacketiser = make(offer, find)
        except MediaError as error:
            reasons.append(f"{shown(offer.encoding)}: {error}")
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


class _ByLayer:
    """MPEG audio, whose layer only its frames tell."""

    def __init__(self, find: FindCodec) -> None:
        self._find = find
        self._parser: CodecParser | None = None

    @property
    def track(self) -> Track | None:
        return self._parser.track if self._parser is not None else None

    @property
    def counts(self) -> Mapping[str, int]:
        return self._parser.counts if self._parser is not None else {}

    def parse(self, data: bytes | memoryview, dts: int, pts: int, arrival: int = 0) -> Packet | None:
        """See `contracts.CodecParser`."""
        if self._parser is None:
            # Two bits: 1 is layer III, 2 layer II.
            self._parser = self._find("mp3" if data[1] & 6 == 2 else "mp2").parser(b"")
        return self._parser.parse(data, dts, pts, arrival)


class _Nowhere:
    def unit(self, data: bytes, timestamp: int) -> None: ...

    def missing(self, reason: str) -> None: ...

    def odd(self, text: str) -> None: ...

    def runs_at(self, rate: int) -> None: ...
