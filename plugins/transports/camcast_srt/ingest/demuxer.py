"""MPEG-TS taken apart (ISO/IEC 13818-1): bytes go in as they come, what was packed comes out. Pure.

FFmpeg's demuxer is not used: it wants a thread that blocks for each camera, looks at seconds of a stream before it says
what that is, follows no programme that changes, and is C that reads what strangers send.

One programme is taken, the first with anything in it that can be used, and of that one track of each kind. What a
sender may cost is bounded: one unit of each track is kept (`elementary.MAX_UNIT`), so many tables a second are looked
at, and one that sends what is no transport stream is left.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Sequence
from typing import Protocol

from camcast.media import MediaKind
from camcast_kit_ingest.purse import Purse
from camcast_srt.ingest.elementary import PesReader
from camcast_srt.ingest.errors import StreamError
from camcast_srt.ingest.programme import Elementary, elements, number_of, programmes
from camcast_srt.ingest.sections import SectionReader, is_sound
from camcast_srt.psi import PAT_PID, TS_PACKET

MAX_PROGRAMMES = 8
"""Those whose tables are looked at."""
MAX_GARBAGE = 1 << 20
"""Bytes that are none of a packet's, beyond as many that are."""
TABLES_A_SECOND = 50
"""That differ from the one before. A programme changes now and then; each costs a checksum."""
_SYNC = 0x47
_IN_STEP = re.compile(rb"\x47(?=[\s\S]{187}\x47)")


class Taker(Protocol):
    """What becomes of it."""

    def programme(self, taken: Sequence[Elementary], left_out: Sequence[Elementary]) -> None:
        """Which tracks there are from here on; at most one of each kind is taken."""

    def unit(self, track: Elementary, data: bytes, pts: int | None, dts: int | None, came: float) -> None:
        """What one PES packet carried. Times are ticks of 90 kHz modulo 2**33; `dts` None = as `pts`. `came`: when its
        last bytes did, as `now`. May raise `StreamError`."""

    def lost(self, track: Elementary, reason: str) -> None:
        """Something of it is missing."""


class Demuxer:
    """Of one connection."""

    def __init__(self, taker: Taker, codecs: Container[str], now: float) -> None:
        """`codecs`: those that can be used. `now`: seconds of any one clock."""
        self._taker = taker
        self._codecs = codecs
        self._rest = b""
        self._garbage = 0
        self._tables = Purse(TABLES_A_SECOND, now)
        self._now = now
        self._pmts: dict[int, int] = {}
        """Their PIDs by programme."""
        self._number = 0
        """The programme that is taken; 0 = none yet."""
        self._pids: dict[int, Callable[[bytes, int], object]] = {}
        self._sections = {PAT_PID: SectionReader()}
        self._tracks: dict[int, PesReader] = {}
        self._listen()

    def feed(self, data: bytes, now: float) -> None:
        """The next bytes, cut anywhere. Raises `StreamError`."""
        self._now = now
        if self._rest:
            data = self._rest + data
        at, last = 0, len(data) - TS_PACKET
        while at <= last:
            if data[at] != _SYNC:
                at = self._find(data, at)
                continue
            if self._garbage:
                # Chance finds a packet in any garbage now and then.
                self._garbage = max(0, self._garbage - TS_PACKET)
            take = self._pids.get((data[at + 1] & 0x1F) << 8 | data[at + 2])
            if take is not None:
                take(data, at)
            at += TS_PACKET
        self._rest = data[at:]

    def end(self) -> None:
        """Nothing more comes: what has begun is whole."""
        for track in self._tracks.values():
            track.finish()

    def _find(self, data: bytes, at: int) -> int:
        """Where packets begin again, two in step, or from where on that is to be seen."""
        found = _IN_STEP.search(data, at)
        # Too near the end it cannot be seen yet.
        there = found.start() if found else data.find(b"\x47", len(data) - TS_PACKET + 1)
        there = len(data) if there < 0 else there
        self._garbage += there - at
        if self._garbage > MAX_GARBAGE:
            raise StreamError("what comes is no MPEG-TS: is the sender set to another container?")
        return there

    # --- tables ---------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        """Which packets are looked at."""
        self._pids = dict.fromkeys(self._tracks, self._media)
        # A PID that is said to be both carries a table.
        self._pids |= dict.fromkeys(self._sections, self._table)

    def _table(self, data: bytes, at: int) -> None:
        second, fourth = data[at + 1], data[at + 3]
        reader = self._sections[(second & 0x1F) << 8 | data[at + 2]]
        if second & 0x80 or fourth & 0xC0:
            reader.lost()
            return
        if not fourth & 0x10:
            return
        begin = at + 4 + (1 + data[at + 4] if fourth & 0x20 else 0)
        for section in reader.feed(data[begin : at + TS_PACKET], starts=bool(second & 0x40)):
            if self._tables.spend(1, self._now) > 0:
                raise StreamError(f"the tables of its programmes change more than {TABLES_A_SECOND} times a second")
            if not is_sound(section):
                continue
            if reader is self._sections[PAT_PID]:
                self._pat(section)
            else:
                self._pmt(section)
            if self._sections.get((second & 0x1F) << 8 | data[at + 2]) is not reader:
                return

    def _pat(self, section: bytes) -> None:
        found = dict(list(programmes(section).items())[:MAX_PROGRAMMES])
        if not found or found == self._pmts:
            return
        gone = bool(self._number) and self._number not in found
        # One whose table lies elsewhere now is read anew; so are all where the one that was taken has gone.
        known = {pid: self._sections[pid] for pid in found.values() if pid in self._pmts.values() and not gone}
        self._sections = {
            **{pid: known.get(pid) or SectionReader() for pid in found.values()},
            PAT_PID: self._sections[PAT_PID],
        }
        self._pmts = found
        if gone:
            self._number = 0
            self.end()
            self._tracks = {}
        self._listen()

    def _pmt(self, section: bytes) -> None:
        number = number_of(section)
        if number not in self._pmts or (self._number and number != self._number):
            return
        found = elements(section)
        taken: dict[MediaKind, Elementary] = {}
        for track in found:
            if track.codec in self._codecs and track.pid not in self._sections:
                taken.setdefault(track.kind, track)
        if taken:
            self._number = number
        for pid, before in self._tracks.items():
            if taken.get(before.track.kind) != before.track or pid != before.track.pid:
                before.finish()
        known = {reader.track: reader for reader in self._tracks.values()}
        taker = self._taker
        self._taker.programme(list(taken.values()), [track for track in found if track not in taken.values()])
        self._tracks = {
            track.pid: known.get(track) or PesReader(track, taker.unit, taker.lost) for track in taken.values()
        }
        self._listen()

    # --- media ----------------------------------------------------------------------------------------------

    def _media(self, data: bytes, at: int) -> None:
        # Where a sender says that its clock begins anew it counts anew too. Times that jump are seen as such.
        jumps = bool(data[at + 3] & 0x20 and data[at + 4] and data[at + 5] & 0x80)
        self._tracks[(data[at + 1] & 0x1F) << 8 | data[at + 2]].feed(data, at, self._now, jumps=jumps)
