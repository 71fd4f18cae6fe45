"""OpusHead, the identification header (RFC 7845 §5.1; fields are little-endian).

"OpusHead" ‖ version 1 ‖ channels u8 ‖ pre-skip u16 ‖ input rate u32 ‖ output gain s16 ‖ mapping family u8
[family ≠ 0: streams u8 ‖ coupled streams u8 ‖ mapping u8 × channels]
"""

from __future__ import annotations

import struct

import attrs

from camcast.errors import MediaError

MAGIC = b"OpusHead"
RATE = 48_000
"""The clock of all Opus timestamps; the input rate is a remark only."""
PRE_SKIP = 312
"""Samples that the reference encoder runs ahead; used where nothing tells."""
_SIZE = 19


@attrs.frozen(kw_only=True)
class OpusHead:
    """One identification header."""

    channels: int
    pre_skip: int = PRE_SKIP
    input_rate: int = RATE
    gain: int = 0
    """Q7.8 dB."""
    family: int = 0
    mapping: bytes = b""
    """Streams, coupled streams and channel mapping; empty in family 0."""

    @classmethod
    def parse(cls, data: bytes) -> OpusHead:
        """Read a header; raises `MediaError`."""
        if len(data) < _SIZE or not data.startswith(MAGIC):
            raise MediaError(f"OpusHead of {len(data)} bytes: expected at least {_SIZE}, beginning with {MAGIC!r}")
        version, channels, pre_skip, rate, gain, family = struct.unpack_from("<BBHIhB", data, len(MAGIC))
        if version >> 4:
            raise MediaError(f"OpusHead version {version}: expected 1")
        mapping = b""
        if family:
            mapping = data[_SIZE : _SIZE + 2 + channels]
            if len(mapping) < 2 + channels:
                raise MediaError(f"OpusHead ends inside the mapping of {channels} channels")
        if not channels or (not family and channels > 2):
            raise MediaError(f"OpusHead with {channels} channels in mapping family {family}")
        return cls(channels=channels, pre_skip=pre_skip, input_rate=rate, gain=gain, family=family, mapping=mapping)

    def __bytes__(self) -> bytes:
        fields = struct.pack("<BBHIhB", 1, self.channels, self.pre_skip, self.input_rate, self.gain, self.family)
        return MAGIC + fields + self.mapping
