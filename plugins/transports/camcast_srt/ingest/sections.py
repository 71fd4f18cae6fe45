"""Sections of tables out of a PID's payloads (ISO/IEC 13818-1 §2.4.4). Pure.

What has not the right length or checksum is none. A table comes again and again: only one that differs is news. Those
of several programmes may share a PID.
"""

from __future__ import annotations

from collections.abc import Iterator

from camcast_srt.psi import crc32

MAX_SECTION = 1024
"""Bytes of one of a PAT or PMT, at most (§2.4.4.4, §2.4.4.9)."""
MAX_KNOWN = 32
"""Tables of one PID that are remembered."""
_HEAD = 3
_LEAST = 12
"""Bytes of a section with nothing in it."""
_STUFFING = 0xFF


class SectionReader:
    """Of one PID."""

    def __init__(self) -> None:
        self._partial: bytes | None = None
        self._last: dict[bytes, bytes] = {}
        """By table and what it is of (table_id_extension)."""

    def lost(self) -> None:
        """A packet is missing."""
        self._partial = None

    def feed(self, payload: bytes, *, starts: bool) -> Iterator[bytes]:
        """A packet's payload; the sections that differ from their last one, before anybody has looked at their sums.

        `starts`: it begins with a pointer to where a section begins (payload_unit_start_indicator).
        """
        if starts and payload:
            begin = 1 + payload[0]
            if self._partial is not None:
                yield from self._whole(self._partial + payload[1:begin])
            self._partial = None
            yield from self._whole(payload[begin:])
        elif self._partial is not None:
            yield from self._whole(self._partial + payload)

    def _whole(self, data: bytes) -> Iterator[bytes]:
        """Those that are complete; what is left is kept."""
        self._partial = None
        while data and data[0] != _STUFFING:
            if len(data) < _HEAD:
                self._partial = data
                return
            size = _HEAD + ((data[1] & 0x0F) << 8 | data[2])
            if not _LEAST <= size <= MAX_SECTION:
                return
            if len(data) < size:
                self._partial = data
                return
            section, data = data[:size], data[size:]
            name = section[:1] + section[3:5]
            if section != self._last.get(name):
                if len(self._last) >= MAX_KNOWN:
                    self._last.clear()
                self._last[name] = section
                yield section


def is_sound(section: bytes) -> bool:
    """Whether it is one of the long form, its checksum is right, and it holds now (current_next_indicator)."""
    return bool(section[1] & 0x80) and bool(section[5] & 1) and crc32(section) == 0
