"""AAC as mpeg4-generic (RFC 3640): AU headers in front, one or more frames behind, or a piece of one large frame.

The modes AAC-hbr and AAC-lbr differ only in the numbers that the SDP gives: sizelength, indexlength, indexdeltalength.
Interleaving is not used by cameras; an index other than 0 is a mistake, and passed over. Some cameras send whole ADTS
frames without any AU header: such a packet is known by its first frames' headers, whose sizes fill it exactly.
"""

from __future__ import annotations

from collections.abc import Mapping

from camcast.errors import MediaError

from ..numbers import whole
from .common import DAMAGED, LOSS, Bytes, Damage, UnitSink

MAX_FRAME = 1 << 13
MAX_FRAMES = 64
"""In one packet."""
MAX_LOST = 1000
"""More frames than that in one gap are not believed, nor counted one by one."""
FREQUENCIES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_ADTS_HEADER = 7
_MODES = {"aac-lbr": (6, 2, 2)}
_HBR = (13, 3, 3)
"""sizelength, indexlength and indexdeltalength of each mode (§3.3.5, §3.3.6), for an SDP that leaves them out."""
_OTHER_FIELDS = ("ctsdeltalength", "dtsdeltalength", "randomaccessindication", "streamstateindication")


class AacDepacketiser:
    def __init__(self, sink: UnitSink, parameters: Mapping[str, str], step: int, own: tuple[int, int] = (0, 0)) -> None:
        """`step`: a frame's duration in units of the RTP clock; `own`: the same by the sound's own rate, and that rate,
        as some cameras count whatever they say. Raises `MediaError` for modes it cannot read."""
        self._sink = sink
        self._step = step
        self._own = own if own[0] and own[0] != step else None
        self._frames = 0
        """Of the packet before."""
        self._size_bits, self._index_bits, self._delta_bits = _sizes(parameters)
        self._auxiliary_bits = _number(parameters, "auxiliarydatasizelength")
        if not 0 < self._size_bits <= 16 or max(self._index_bits, self._delta_bits) > 16:
            raise MediaError(f"AAC in RTP with sizelength {self._size_bits}: expected 1 to 16 (13 in mode AAC-hbr)")
        for name in _OTHER_FIELDS:
            if _number(parameters, name):
                raise MediaError(f"AAC in RTP with {name} in its AU headers is not supported")
        self._lost = 0
        """Packets lost before the next one; how many frames were in them, its timestamp tells."""
        self._next = -1
        """Timestamp after the last frame."""
        self._piece = bytearray()
        self._piece_time = 0
        self._wanted = 0

    def feed(self, payload: Bytes, timestamp: int, marker: bool) -> None:
        if self._lost:
            self._count_lost(timestamp)
        try:
            self._take(payload, timestamp)
        except Damage:
            self._drop(DAMAGED)

    def lost(self, count: int) -> None:
        if self._wanted:
            self._piece.clear()
            self._wanted = 0
        self._lost += count

    def _count_lost(self, timestamp: int) -> None:
        ticks = (timestamp - self._next) & 0xFFFFFFFF
        frames = ticks // self._step if self._next >= 0 else 0
        for _ in range(frames if 0 < frames < MAX_LOST else min(self._lost, MAX_LOST)):
            self._sink.missing(LOSS)
        self._lost = 0

    def _take(self, payload: Bytes, timestamp: int) -> None:
        sizes, at = (adts_sizes(payload), 0) if payload[0] == 0xFF else ([], 0)
        if sizes:
            self._sink.odd("its sound has ADTS headers, which its description does not name")
        else:
            sizes, at = self._headers(payload)
        end = len(payload)
        if len(sizes) == 1 and sizes[0] > end - at:
            self._fragment(payload[at:], sizes[0], timestamp)
            return
        if self._wanted:
            self._drop(LOSS)
        if self._own is not None:
            self._compare(timestamp, *self._own)
            self._frames = len(sizes)
        for number, size in enumerate(sizes):
            if size > end - at:
                raise Damage
            if size:
                self._sink.unit(bytes(payload[at : at + size]), timestamp + number * self._step & 0xFFFFFFFF)
            at += size
        self._next = timestamp + len(sizes) * self._step & 0xFFFFFFFF

    def _compare(self, timestamp: int, samples: int, rate: int) -> None:
        """By which of two clocks this packet is later than the one before."""
        if self._next < 0:
            return
        begun = self._next - self._frames * self._step
        passed = (timestamp - begun) & 0xFFFFFFFF
        if passed == self._frames * samples:
            self._step = samples
            self._sink.runs_at(rate)
        self._own = None

    def _headers(self, payload: Bytes) -> tuple[list[int], int]:
        """The frames' sizes and where the first begins."""
        if len(payload) < 2:
            raise Damage
        bits = payload[0] << 8 | payload[1]
        at = 2 + (bits + 7 >> 3)
        if at > len(payload):
            raise Damage
        fields = int.from_bytes(payload[2:at], "big")
        position = (at - 2) * 8
        last = position - bits
        sizes: list[int] = []
        while position > last:
            index_bits = self._delta_bits if sizes else self._index_bits
            position -= self._size_bits + index_bits
            if position < last:
                # Not enough for one more header: padding.
                break
            if len(sizes) == MAX_FRAMES:
                raise Damage
            sizes.append(fields >> position + index_bits & ((1 << self._size_bits) - 1))
        if self._auxiliary_bits:
            at += self._auxiliary(payload, at)
        if at > len(payload):
            raise Damage
        if not sizes:
            # One frame is all there is.
            self._sink.odd("its sound comes without the headers that its description promises")
        return sizes or [len(payload) - at], at

    def _auxiliary(self, payload: Bytes, at: int) -> int:
        """Bytes of the auxiliary section (§3.2.2)."""
        length = self._auxiliary_bits
        head = payload[at : at + (length + 7 >> 3)]
        size = int.from_bytes(head, "big") >> (-length % 8)
        return (length + size + 7) >> 3

    def _fragment(self, data: Bytes, size: int, timestamp: int) -> None:
        if size > MAX_FRAME * 8:
            raise Damage
        if self._wanted and (timestamp != self._piece_time or size != self._wanted):
            self._drop(LOSS)
        if not self._wanted:
            self._wanted, self._piece_time = size, timestamp
        self._piece += data
        if len(self._piece) < size:
            return
        whole, exact = bytes(self._piece), len(self._piece) == size
        self._piece.clear()
        self._wanted = 0
        if not exact:
            raise Damage
        self._sink.unit(whole, timestamp)
        self._next = timestamp + self._step & 0xFFFFFFFF

    def _drop(self, reason: str) -> None:
        self._piece.clear()
        self._wanted = 0
        self._sink.missing(reason)


def adts_sizes(payload: Bytes) -> list[int]:
    """Sizes of the ADTS frames (ISO 14496-3 §1.A.2.2) that a payload consists of; [] unless they fill it exactly."""
    sizes: list[int] = []
    at, end = 0, len(payload)
    while end - at >= _ADTS_HEADER and len(sizes) < MAX_FRAMES:
        if payload[at] != 0xFF or payload[at + 1] & 0xF6 != 0xF0:
            return []
        size = (payload[at + 3] & 3) << 11 | payload[at + 4] << 3 | payload[at + 5] >> 5
        if size <= _ADTS_HEADER:
            return []
        sizes.append(size)
        at += size
    return sizes if at == end else []


def config_of(parameters: Mapping[str, str], rate: int, channels: int) -> bytes:
    """The AudioSpecificConfig in the SDP; where there is none, plain AAC-LC as the rtpmap says. Raises `MediaError`."""
    text = parameters.get("config", "")
    try:
        config = bytes.fromhex(text)
    except ValueError:
        config = b""
    if len(config) >= 2:
        return config
    if rate not in FREQUENCIES or not 1 <= channels <= 7:
        raise MediaError(f"AAC in RTP with a config that is none, {rate} Hz and {channels} channels: no such AAC")
    # Object type 2, frequency index, channel configuration (ISO 14496-3 §1.6.2.1).
    return (2 << 11 | FREQUENCIES.index(rate) << 7 | channels << 3).to_bytes(2, "big")


def frame_step(config: bytes, clock_rate: int) -> int:
    """A frame's duration in units of the RTP clock."""
    samples, rate = frame_length(config)
    return samples * clock_rate // rate if rate else samples


def frame_length(config: bytes) -> tuple[int, int]:
    """A frame's samples, and how many there are in a second: 1024 or 960 of the core's (ISO 14496-3 §1.6.2.1); 0 = not
    told."""
    value = int.from_bytes(config[:8].ljust(8, b"\0"), "big")
    position = 64 - 5
    if value >> position == 31:
        position -= 6
    position -= 4
    index = value >> position & 15
    if index == 15:
        position -= 24
        rate = value >> position & 0xFFFFFF
    else:
        rate = FREQUENCIES[index] if index < len(FREQUENCIES) else 0
    position -= 4
    samples = 960 if position > 0 and value >> (position - 1) & 1 and config[0] >> 3 == 2 else 1024
    return samples, rate


def _sizes(parameters: Mapping[str, str]) -> tuple[int, int, int]:
    """Bits of the fields of an AU header."""
    if not _number(parameters, "sizelength"):
        return _MODES.get(parameters.get("mode", "").lower(), _HBR)
    return tuple(_number(parameters, name) for name in ("sizelength", "indexlength", "indexdeltalength"))  # type: ignore[return-value]


def _number(parameters: Mapping[str, str], name: str) -> int:
    return whole(parameters.get(name, ""), 4) or 0
