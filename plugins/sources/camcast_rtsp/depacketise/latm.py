"""AAC as MP4A-LATM (RFC 6416 §6): the configuration in the SDP (cpresent=0), frames behind their length bytes.

Where the SDP has a configuration but does not say cpresent (whose default is 1), the configuration is what counts.
Where it says that it has one and has none, it is plain AAC-LC of the rate and the channels that it names.
Only the plain case is read, which is all that cameras send: one program, one layer, one frame a unit.
"""

from __future__ import annotations

from collections.abc import Mapping

from camcast.bitstream.bits import BitReader
from camcast.errors import MediaError

from .aac import config_of
from .common import DAMAGED, LOSS, Bytes, UnitSink

MAX_FRAME = 64 * 1024
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


def stream_config(parameters: Mapping[str, str], rate: int, channels: int) -> tuple[bytes, int]:
    """The AudioSpecificConfig, and frames a unit, out of the SDP's StreamMuxConfig. Raises `MediaError`."""
    if parameters.get("cpresent", "0" if parameters.get("config") else "1") != "0":
        raise MediaError("LATM with its configuration inside the stream (cpresent=1) is not supported")
    text = parameters.get("config", "")
    if not text:
        return config_of({}, rate, channels), 1
    try:
        data = bytes.fromhex(text)
    except ValueError:
        raise MediaError("LATM whose config is not hexadecimal") from None
    bits = BitReader(data)
    if bits.u(1) or not bits.u(1):
        raise MediaError("LATM of audioMuxVersion 1, or with frames of several times, is not supported")
    frames, programs, layers = bits.u(6) + 1, bits.u(4), bits.u(3)
    if programs or layers:
        raise MediaError("LATM with several programs or layers is not supported")
    return _copy_config(data, bits), frames


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
