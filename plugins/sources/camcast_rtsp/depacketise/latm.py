"""AAC as MP4A-LATM (RFC 6416 §6): the configuration in the SDP (cpresent=0), frames behind their length bytes; or the
configuration in front of frames (cpresent=1), where fields begin at any bit.

Where the SDP has a configuration but does not say cpresent (whose default is 1), the configuration is what counts.
Where it says that it has one and has none, it is plain AAC-LC of the rate and the channels that it names.
Only the plain case is read, which is all that cameras send: one program, one layer.
"""

from __future__ import annotations

from collections.abc import Mapping

from camcast.bitstream.bits import BitReader
from camcast.errors import MediaError

from .aac import config_of, frame_step
from .common import DAMAGED, LOSS, Bytes, UnitSink

MAX_FRAME = 64 * 1024
MAX_ADTS = (1 << 13) - 1
_ADTS_HEADER = 7
_SBR, _PARAMETRIC_STEREO = 5, 29


class LatmDepacketiser:
    def __init__(self, sink: UnitSink, frames: int, step: int) -> None:
        """`frames` in each unit; `step` is a frame's duration in units of the RTP clock."""
        self._sink = sink
        self._frames = frames
        self._step = step
        self._piece = bytearray()
        self._timestamp = -1
        self._broken = ""

    def feed(self, payload: Bytes, timestamp: int, marker: bool) -> None:
        if timestamp != self._timestamp:
            if self._piece:
                # Without its marker; the lengths inside tell whether it is whole.
                self._flush()
            self._timestamp = timestamp
        if len(self._piece) + len(payload) <= MAX_FRAME:
            self._piece += payload
        else:
            self._broken = DAMAGED
        if marker:
            self._flush()

    def lost(self, count: int) -> None:
        if self._piece:
            self._broken = LOSS
        else:
            self._sink.missing(LOSS)

    def _flush(self) -> None:
        units = [] if self._broken else self._split(bytes(self._piece))
        if not units:
            self._sink.missing(self._broken or DAMAGED)
        for number, unit in enumerate(units):
            self._sink.unit(unit, self._timestamp + number * self._step & 0xFFFFFFFF)
        self._piece.clear()
        self._broken = ""

    def _split(self, data: bytes) -> list[bytes]:
        """PayloadLengthInfo and PayloadMux (ISO 14496-3 §1.7.3): a length is bytes of 255 and one below."""
        units = []
        at = 0
        for _ in range(self._frames):
            size = 0
            while at < len(data):
                size += data[at]
                at += 1
                if data[at - 1] != 255:
                    break
            if not size or at + size > len(data):
                return []
            units.append(data[at : at + size])
            at += size
        return units


class InsideDepacketiser(LatmDepacketiser):
    """The configuration stands in front of frames, where it does not say "as before". They are handed on as ADTS, which
    tells it to their reader likewise."""

    def __init__(self, sink: UnitSink, rate: int, config: bytes = b"") -> None:
        """`rate`: of the RTP clock; `config`: what holds before one comes."""
        super().__init__(sink, 1, frame_step(config, rate) if config else 0)
        self._rate = rate
        self._config = config

    def _split(self, data: bytes) -> list[bytes]:
        """AudioMuxElement(1) (ISO 14496-3 §1.7.3)."""
        bits = BitReader(data)
        try:
            if not bits.u(1):
                self._config, self._frames = _mux_config(data, bits)
                self._step = frame_step(self._config, self._rate)
                _rest_of_config(bits)
            return [self._frame(bits) for _ in range(self._frames)] if self._config else []
        except MediaError:
            return []

    def _frame(self, bits: BitReader) -> bytes:
        size = 0
        while (more := bits.u(8)) == 255:
            size += more
        size += more
        return _adts_header(self._config, size) + bits.u(8 * size).to_bytes(size, "big")


def is_inside(parameters: Mapping[str, str]) -> bool:
    """Whether the configuration stands in the stream."""
    return parameters.get("cpresent", "0" if parameters.get("config") else "1") != "0"


def stream_config(parameters: Mapping[str, str], rate: int, channels: int) -> tuple[bytes, int]:
    """The AudioSpecificConfig, and frames a unit, out of the SDP's StreamMuxConfig. Raises `MediaError`."""
    text = parameters.get("config", "")
    if not text:
        return config_of({}, rate, channels), 1
    try:
        data = bytes.fromhex(text)
    except ValueError:
        raise MediaError("LATM whose config is not hexadecimal") from None
    return _mux_config(data, BitReader(data))


def _mux_config(data: bytes, bits: BitReader) -> tuple[bytes, int]:
    """StreamMuxConfig up to the end of the AudioSpecificConfig: that, and frames a unit."""
    if bits.u(1) or not bits.u(1):
        raise MediaError("LATM of audioMuxVersion 1, or with frames of several times, is not supported")
    frames, programs, layers = bits.u(6) + 1, bits.u(4), bits.u(3)
    if programs or layers:
        raise MediaError("LATM with several programs or layers is not supported")
    return _copy_config(data, bits), frames


def _rest_of_config(bits: BitReader) -> None:
    """What follows of StreamMuxConfig."""
    if bits.u(3):
        raise MediaError("LATM with frames of a fixed length, or of other codecs, is not supported")
    bits.skip(8)
    if bits.u(1):
        # How long other data is, in bytes of which each says whether another follows.
        while bits.u(1):
            bits.skip(8)
        bits.skip(8)
    if bits.u(1):
        bits.skip(8)


def _adts_header(config: bytes, size: int) -> bytes:
    """ISO 14496-3 §1.A.2.2, for a frame of AAC-LC."""
    index, channels, size = (config[0] & 7) << 1 | config[1] >> 7, config[1] >> 3 & 0x0F, size + _ADTS_HEADER
    if index == 0x0F or channels > 7 or size > MAX_ADTS:
        raise MediaError(f"ADTS cannot say {size} bytes, rate index {index}, channels {channels}")
    fields = 1 << 6 | index << 2 | channels >> 2, (channels & 3) << 6 | size >> 11, size >> 3 & 0xFF
    return bytes((0xFF, 0xF1, *fields, (size & 7) << 5 | 0x1F, 0xFC))


def _copy_config(data: bytes, bits: BitReader) -> bytes:
    """The AudioSpecificConfig that begins here, byte-aligned, with zero bits behind its end (§1.6.2.1)."""
    start = bits.position
    kind = bits.u(5)
    _frequency(bits)
    channels = bits.u(4)
    if kind in (_SBR, _PARAMETRIC_STEREO):
        _frequency(bits)
        kind = bits.u(5)
    if kind != 2 or not channels:
        raise MediaError(f"LATM with AAC object type {kind}, channels {channels}: only plain AAC-LC is supported")
    bits.skip(3)
    length = bits.position - start
    again = BitReader(data, start)
    return (again.u(length) << -length % 8).to_bytes((length + 7) // 8, "big")


def _frequency(bits: BitReader) -> None:
    if bits.u(4) == 15:
        bits.skip(24)
