"""VP9 (RFC 9628 §4.2): a descriptor of one to some dozen bytes, then a piece of a frame.

    I picture number ‖ P predicted ‖ L layer ‖ F flexible ‖ B begins a frame ‖ E ends it ‖ V structure ‖ Z unused above

A picture may come as one frame for each spatial layer, all with one timestamp; the marker is on its last packet. They
are put together as a superframe (VP9 Annex B), which is how decoders and containers want them.
"""

from __future__ import annotations

from .common import Bytes, Damage, UnitSink
from .pictures import PictureAssembler

_NUMBER, _PREDICTED, _LAYER, _FLEXIBLE, _BEGINS, _STRUCTURE = 0x80, 0x40, 0x20, 0x10, 0x08, 0x02
_MAX_FRAMES = 8
"""That a superframe has room for."""
_MAX_REFERENCES = 3


class Vp9Depacketiser(PictureAssembler):
    def __init__(self, sink: UnitSink) -> None:
        super().__init__(sink)
        self._frames: list[int] = []
        """Where in the picture each of its frames but the first begins."""

    def _take(self, payload: Bytes) -> None:
        at, _ = _descriptor(payload)
        if at >= len(payload):
            raise Damage
        if payload[0] & _BEGINS:
            if self._unit:
                self._frames.append(len(self._unit))
        elif not self._unit:
            # The rest of a frame whose beginning never came.
            raise Damage
        if len(self._frames) >= _MAX_FRAMES:
            raise Damage
        self._unit += payload[at:]

    def _begins(self, payload: Bytes) -> bool:
        return bool(payload[0] & _BEGINS) and _descriptor(payload)[1] == 0

    def _finished(self) -> bytes:
        return superframe(bytes(self._unit), self._frames) if self._frames else bytes(self._unit)

    def _flush(self) -> None:
        super()._flush()
        self._frames = []


def _descriptor(payload: Bytes) -> tuple[int, int]:
    """Where the frame's data begins, and the spatial layer. Raises `IndexError` where it is cut off."""
    first, at, layer = payload[0], 1, 0
    if first & _NUMBER:
        at += 2 if payload[at] & 0x80 else 1
    if first & _LAYER:
        layer = payload[at] >> 1 & 7
        # Without flexible mode, a byte with the number of the lowest layer's picture follows.
        at += 1 if first & _FLEXIBLE else 2
    if first & _FLEXIBLE and first & _PREDICTED:
        for _ in range(_MAX_REFERENCES):
            at += 1
            if not payload[at - 1] & 1:
                break
    if first & _STRUCTURE:
        at = _behind_structure(payload, at)
    return at, layer


def _behind_structure(payload: Bytes, at: int) -> int:
    head = payload[at]
    at += 1
    if head & 0x10:
        # Width and height of each layer.
        at += 4 * ((head >> 5) + 1)
    if head & 0x08:
        pictures = payload[at]
        at += 1
        for _ in range(pictures):
            at += 1 + (payload[at] >> 2 & 3)
    return at


def superframe(data: bytes, begins: list[int]) -> bytes:
    """Frames one behind the other, with the index that tells them apart. `begins`: of each but the first."""
    ends = [*begins, len(data)]
    sizes = [end - begin for begin, end in zip([0, *begins], ends, strict=True)]
    width = (max(sizes).bit_length() + 7) // 8
    marker = bytes((0xC0 | width - 1 << 3 | len(sizes) - 1,))
    return data + marker + b"".join(size.to_bytes(width, "little") for size in sizes) + marker
