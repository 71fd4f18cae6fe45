"""Notices where an MPEG transport stream begins to carry another codec under a number (PID) that it had before.

FFmpeg keeps the codec with which a PID began, whatever the stream's tables (ISO 13818-1 §2.4.4) say later, and
calls all that follows by its name. So the tables are read beside it, up to where it has come. This costs the picture
before the change: FFmpeg tells that it has ended only at the next one's beginning, of which it knows nothing.
"""

from __future__ import annotations

from pathlib import Path

SIZE = 188
MOST = 8 * 1024 * 1024
"""Bytes that are looked at in one go; what is further on was jumped to, and is taken as it is."""
MAX_TABLES = 64
"""PIDs that are looked for; a broadcaster's whole multiplex has some dozens."""
_SYNC = 0x47
_START = 0x40
"""In the second byte: a section begins."""
_PAT, _PMT = 0, 2
"""Table numbers; the first one's PID is 0, too."""

Types = dict[int, int]
"""PID → stream type (§2.4.4.10)."""


class Programme:
    """Of one file, or of the part of it that begins at a byte."""

    def __init__(self, path: Path, begin: int) -> None:
        self._file = path.open("rb")
        self._file.seek(begin)
        self._at = 0
        """Bytes of it that have been looked at."""
        self._types: Types = {}
        self._tables = {0}
        """PIDs of the tables."""
        self._association = -1
        """Where the last list of tables stood."""

    def changed_before(self, position: int) -> int | None:
        """Where the tables that say so begin, if a PID carries another codec at `position` than at first."""
        if position - self._at < SIZE:
            return None
        if position - self._at > MOST:
            self._file.seek(position - self._at, 1)
            self._at = position
            return None
        data = self._file.read(position - self._at)
        found = self._look(data, self._at)
        # The last packet may not be whole; it is looked at again.
        rest = SIZE - 1
        self._file.seek(-min(rest, len(data)), 1)
        self._at += max(0, len(data) - rest)
        return found

    def close(self) -> None:
        self._file.close()

    def _look(self, data: bytes, begin: int) -> int | None:
        for at in _heads(data, 0):
            if len(self._tables) < MAX_TABLES:
                self._tables |= _programmes(_section(data[at : at + SIZE]))
        places = sorted((at, pid) for pid in self._tables for at in _heads(data, pid))
        for at, pid in places:
            section = _section(data[at : at + SIZE])
            if pid == 0:
                self._association = begin + at
            elif changed := _types(section):
                if any(changed.get(pid, kind) != kind for pid, kind in self._types.items()):
                    # Without the list of tables in front of it, the table means nothing to who begins here.
                    return self._association if self._association >= 0 else begin + at
                self._types |= changed
        return None


def _heads(data: bytes, pid: int) -> list[int]:
    """Where packets of this PID stand in which a section begins."""
    head = bytes((_SYNC, _START | pid >> 8, pid & 0xFF))
    found, at = [], data.find(head)
    while 0 <= at <= len(data) - SIZE:
        found.append(at)
        at = data.find(head, at + SIZE)
    return found


def _section(packet: bytes) -> bytes:
    """The section that begins in a packet and ends in it; b"" where that is not so."""
    control = packet[3] >> 4 & 3
    at = 4 + (packet[4] + 1 if control & 2 else 0)
    if not control & 1 or at >= SIZE:
        return b""
    at += 1 + packet[at]
    if at + 3 > SIZE:
        return b""
    end = at + 3 + ((packet[at + 1] & 0x0F) << 8 | packet[at + 2])
    return packet[at : end - 4] if end <= SIZE else b""


def _programmes(section: bytes) -> set[int]:
    if not section or section[0] != _PAT:
        return set()
    entries = [section[at : at + 4] for at in range(8, len(section) - 3, 4)]
    return {(entry[2] & 0x1F) << 8 | entry[3] for entry in entries if entry[:2] != b"\0\0"}


def _types(section: bytes) -> Types:
    if len(section) < 12 or section[0] != _PMT:
        return {}
    at = 12 + ((section[10] & 0x0F) << 8 | section[11])
    found: Types = {}
    while at + 5 <= len(section):
        found[(section[at + 1] & 0x1F) << 8 | section[at + 2]] = section[at]
        at += 5 + ((section[at + 3] & 0x0F) << 8 | section[at + 4])
    return found
