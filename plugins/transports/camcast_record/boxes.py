"""The boxes of a fragmented MP4 behind its header (ISO/IEC 14496-12): fragments, and the index at the end. Pure.

prft  when the fragment's first unit came (§8.16.5)
moof  what is in it: for each track where on its timeline, then of each unit how long, how large, of what kind (§8.8)
mdat  the units themselves, track by track
…
mfra  where the fragments are that begin with a keyframe (§8.8.9)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import attrs

_KEY, _OTHER = 0x0200_0000, 0x0101_0000
"""Sample flags (§8.8.3.1): depends on no other; depends on others, and is no place to begin."""
_BASE_IS_MOOF = 0x02_0000
_RUN = 0x01 | 0x100 | 0x200 | 0x400 | 0x800
"""A run's flags (§8.8.8): where its data is; of each sample its duration, size, flags, and composition offset."""
_LONGEST, _LATEST = (1 << 32) - 1, (1 << 31) - 1
"""Ticks: as long as a unit may last, and as late as it may be shown. Where the next one is says its fragment."""
_MOOF, _TRAF, _SAMPLE = 24, 64, 16
"""Bytes of a `moof` without its tracks, of one of these without its samples, and of a sample."""
_REAL_TIME = 24
"""Flags of `prft`: clock and media time go along with each other, as the recording's do."""
_NTP_EPOCH = 2_208_988_800
"""Seconds from 1900 to 1970."""


@attrs.define(eq=False)
class Run:
    """Units of one track in one fragment. Times are the track's ticks."""

    track: int
    """Its number in the header, from 1."""
    begin: int = 0
    """Decode time of the first."""
    durations: Sequence[int] = ()
    shifts: Sequence[int] = ()
    """From decoding to showing."""
    keys: Sequence[bool] = ()
    payloads: Sequence[bytes] = attrs.field(default=(), repr=False)

    @property
    def size(self) -> int:
        return sum(map(len, self.payloads))


@attrs.frozen
class Begun:
    """A fragment that begins with a keyframe."""

    time: int
    """When that is shown, in its track's ticks."""
    at: int
    """Where its `moof` is in the file."""


def box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), name) + body


def fragment(number: int, runs: Sequence[Run], taken: float) -> tuple[list[bytes], int]:
    """The bytes, in pieces, of one fragment of these runs; and how many are before its `moof`. `number`: from 1;
    `taken`: `time.time()` of the first run's first unit, when it came."""
    first = runs[0]
    before = _reference_time(first.track, first.begin + first.shifts[0], taken)
    sizes = [run.size for run in runs]
    length = _MOOF + sum(_TRAF + _SAMPLE * len(run.payloads) for run in runs)
    offsets = [length + 8 + sum(sizes[:index]) for index in range(len(runs))]
    mdat = struct.pack(">I4s", 8 + sum(sizes), b"mdat")
    pieces = [before, _moof(number, runs, offsets), mdat]
    for run in runs:
        pieces += run.payloads
    return pieces, len(before)


def index(track: int, begun: Sequence[Begun]) -> bytes:
    """The box at the end of the file."""
    entries = b"".join(struct.pack(">QQBBB", one.time, one.at, 1, 1, 1) for one in begun)
    found = box(b"tfra", struct.pack(">IIII", 1 << 24, track, 0, len(begun)), entries)
    return box(b"mfra", found, box(b"mfro", struct.pack(">II", 0, 8 + len(found) + 16)))


def timescales(header: bytes) -> list[int]:
    """Ticks a second of each track, as its header says (§8.4.2). Raises `ValueError` for what is none."""
    found = []
    for name, body in _boxes(header):
        if name == b"moov":
            for inner, trak in _boxes(body):
                if inner == b"trak":
                    mdhd = dict(_boxes(dict(_boxes(trak))[b"mdia"]))[b"mdhd"]
                    found.append(int.from_bytes(mdhd[20:24] if mdhd[0] else mdhd[12:16], "big"))
    if not found:
        raise ValueError("an MP4 header without tracks")
    return found


def header_only(data: bytes) -> bytes:
    """Of a file as a muxer writes it, what is in front of the first fragment."""
    at = 0
    for name, body in _boxes(data):
        at += 8 + len(body)
        if name == b"moov":
            break
    return data[:at]


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        yield name, data[at + 8 : at + size]
        at += max(size, 8)


def _moof(number: int, runs: Sequence[Run], offsets: Sequence[int]) -> bytes:
    parts = [_traf(run, offset) for run, offset in zip(runs, offsets, strict=True)]
    return box(b"moof", box(b"mfhd", struct.pack(">II", 0, number)), *parts)


def _at_most(ticks: Sequence[int], most: int) -> Sequence[int]:
    return ticks if max(ticks) <= most else [min(one, most) for one in ticks]


def _traf(run: Run, offset: int) -> bytes:
    count = len(run.payloads)
    flat = [0] * (4 * count)
    flat[0::4] = _at_most(run.durations, _LONGEST)
    flat[1::4] = map(len, run.payloads)
    flat[2::4] = [_KEY if key else _OTHER for key in run.keys]
    flat[3::4] = _at_most(run.shifts, _LATEST)
    return box(
        b"traf",
        box(b"tfhd", struct.pack(">II", _BASE_IS_MOOF, run.track)),
        box(b"tfdt", struct.pack(">IQ", 1 << 24, run.begin)),
        box(b"trun", struct.pack(">IIi", 1 << 24 | _RUN, count, offset), struct.pack(f">{len(flat)}I", *flat)),
    )


def _reference_time(track: int, media: int, taken: float) -> bytes:
    seconds = int(taken)
    ntp = seconds + _NTP_EPOCH << 32 | int((taken - seconds) * (1 << 32))
    return box(b"prft", struct.pack(">IIQQ", 1 << 24 | _REAL_TIME, track, ntp & 0xFFFF_FFFF_FFFF_FFFF, media))
