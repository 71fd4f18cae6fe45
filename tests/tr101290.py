"""ETSI TR 101 290, priorities 1 and 2, of a transport stream as a file, and what decoders want beyond: who is due when.

What belongs to a modulator (sync loss, accuracy of the clock at a constant rate) is left out; times are those of the
stream's own clock, since there is no other in a file.
"""

from __future__ import annotations

from collections import defaultdict

import attrs

TS_PACKET = 188
CLOCK = 90_000
PAT, SDT = 0x0000, 0x0011
LIMITS = {"PAT": 0.5, "PMT": 0.5, "SDT": 2.0, "PCR": 0.1, "PTS": 0.7}
"""Seconds between two of them: 1.3.a, 1.5.a, 3.5 (SDT), 2.3.a, 2.5."""
PCR_WANTED = 0.04
"""Seconds; the older and stricter limit of 2.3.a."""


@attrs.define
class Unit:
    """One PES packet, which has a picture or some frames of sound."""

    pid: int
    pts: int
    dts: int
    pcr: int
    """The clock when it began."""
    keyframe: bool
    payload: bytearray = attrs.field(factory=bytearray, repr=False)

    @property
    def frames(self) -> int:
        """How many access units it carries: pictures come alone."""
        found = at = 0
        while at < len(self.payload):
            at += _size(self.payload[at:])
            found += 1
        return found


@attrs.define
class Report:
    errors: list[str] = attrs.field(factory=list)
    units: list[Unit] = attrs.field(factory=list)
    clocks: list[int] = attrs.field(factory=list)
    tables: dict[str, int] = attrs.field(factory=lambda: defaultdict(int))
    pids: set[int] = attrs.field(factory=set)
    clock_only: int = 0

    @property
    def frames(self) -> int:
        return sum(unit.frames for unit in self.units)


def check(stream: bytes, *, pcr_within: float = LIMITS["PCR"]) -> Report:
    """Everything that is wrong with the stream, in words."""
    return _Checker(pcr_within).run(stream)


class _Checker:
    def __init__(self, pcr_within: float) -> None:
        self.report = Report()
        self.pcr_within = pcr_within
        self.pcr: int | None = None
        self.counters: dict[int, int] = {}
        self.seen: dict[str, int] = {}
        self.pmt = self.pcr_pid = -1
        self.elementary: set[int] = set()
        self.newest: dict[int, int] = {}
        self.open: dict[int, Unit] = {}

    def run(self, stream: bytes) -> Report:
        if len(stream) % TS_PACKET:
            self.wrong("1.1 sync", f"{len(stream)} bytes are no whole number of packets")
        for at in range(0, len(stream) - TS_PACKET + 1, TS_PACKET):
            self.packet(stream[at : at + TS_PACKET])
        for name in ("PAT", "PMT", "SDT"):
            if not self.report.tables[name]:
                self.wrong(f"1 {name}", "is not there")
        missing = self.elementary - self.report.pids
        if missing:
            self.wrong("1.6 PID", f"{missing} of the PMT never come")
        return self.report

    def wrong(self, what: str, text: str) -> None:
        self.report.errors.append(f"{what}: {text}")

    def packet(self, packet: bytes) -> None:
        if packet[0] != 0x47:
            self.wrong("1.2 sync byte", hex(packet[0]))
            return
        if packet[1] & 0x80:
            self.wrong("2.1 transport error", "the indicator is set")
        start, pid = bool(packet[1] & 0x40), (packet[1] & 0x1F) << 8 | packet[2]
        control, counter = packet[3] >> 4 & 3, packet[3] & 0x0F
        if packet[3] & 0xC0:
            self.wrong("2.6 CAT", "a packet is scrambled, and there is no CAT")
        body, flags = 4, 0
        if control & 2:
            length = packet[4]
            if length > (183 if control == 2 else 182) or (control == 2 and length != 183):
                self.wrong("adaptation field", f"a length of {length} with control {control}")
            flags = packet[5] if length else 0
            self.adaptation(pid, packet[5 : 5 + length], flags)
            body = 5 + length
        self.count(pid, counter, bool(control & 1), bool(flags & 0x80))
        if not control & 1:
            self.report.clock_only += 1
            return
        self.report.pids.add(pid)
        payload = packet[body:]
        if pid in (PAT, SDT) or pid == self.pmt:
            self.section(pid, payload, start)
        elif pid in self.elementary:
            if start:
                self.pes(pid, payload, bool(flags & 0x40))
            elif pid in self.open:
                self.open[pid].payload += payload
        else:
            self.wrong("1.6 PID", f"{pid:#x} is in no table")

    def adaptation(self, pid: int, field: bytes, flags: int) -> None:
        if not flags & 0x10:
            return
        if pid != self.pcr_pid:
            self.wrong("2.3 PCR", f"on PID {pid:#x}, the PMT says {self.pcr_pid:#x}")
        raw = int.from_bytes(field[1:7])
        base, extension = raw >> 15, raw & 0x1FF
        if extension >= 300 or raw >> 9 & 0x3F != 0x3F:
            self.wrong("2.3 PCR", "its extension or its reserved bits")
        if self.pcr is not None:
            step = _difference(base, self.pcr)
            if not flags & 0x80 and not 0 < step <= self.pcr_within * CLOCK:
                self.wrong("2.3 PCR", f"a step of {step / 90:.1f} ms")
        self.pcr = base
        self.report.clocks.append(base)

    def count(self, pid: int, counter: int, payload: bool, discontinuity: bool) -> None:
        before = self.counters.get(pid)
        wanted = counter if before is None or discontinuity else (before + payload) % 16
        if counter != wanted:
            self.wrong("1.4 continuity", f"PID {pid:#x}: {counter} after {before}")
        self.counters[pid] = counter

    def section(self, pid: int, payload: bytes, start: bool) -> None:
        name = {PAT: "PAT", SDT: "SDT"}.get(pid, "PMT")
        if not start:
            self.wrong(name, "goes on in a second packet, which no table of ours needs")
            return
        section = payload[1 + payload[0] :]
        size = 3 + (int.from_bytes(section[1:3]) & 0xFFF)
        section = section[:size]
        if _crc(section) != 0:
            self.wrong("2.2 CRC", f"of the {name}")
        if section[0] != {"PAT": 0, "PMT": 2, "SDT": 0x42}[name]:
            self.wrong(f"1 {name}", f"table id {section[0]:#x}")
        self.report.tables[name] += 1
        self.within(name)
        if name == "PAT":
            self.pmt = int.from_bytes(section[10:12]) & 0x1FFF
        elif name == "PMT":
            self.pcr_pid = int.from_bytes(section[8:10]) & 0x1FFF
            at, self.elementary = 12 + (int.from_bytes(section[10:12]) & 0xFFF), set()
            while at < size - 4:
                self.elementary.add(int.from_bytes(section[at + 1 : at + 3]) & 0x1FFF)
                at += 5 + (int.from_bytes(section[at + 3 : at + 5]) & 0xFFF)

    def within(self, name: str) -> None:
        if self.pcr is not None:
            step = _difference(self.pcr, self.seen.get(name, self.pcr))
            if step > LIMITS[name] * CLOCK:
                self.wrong(f"1 {name}", f"after {step / 90:.0f} ms")
            self.seen[name] = self.pcr

    def pes(self, pid: int, payload: bytes, keyframe: bool) -> None:
        if payload[:3] != b"\0\0\1" or payload[6] >> 6 != 2:
            self.wrong("PES", f"PID {pid:#x}: no packet begins")
            return
        form = payload[7] >> 6
        if form not in (2, 3):
            self.wrong("2.5 PTS", f"PID {pid:#x}: there is none")
            return
        pts = _time(payload[9:14])
        dts = _time(payload[14:19]) if form == 3 else pts
        if self.pcr is None:
            self.wrong("2.3 PCR", "media before the first")
            self.pcr = dts
        if _difference(dts, self.pcr) <= 0:
            self.wrong("due", f"PID {pid:#x}: {_difference(self.pcr, dts) / 90:.1f} ms before the clock")
        if _difference(pts, dts) < 0:
            self.wrong("due", f"PID {pid:#x}: shown before it is decoded")
        if pid in self.newest:
            step = _difference(dts, self.newest[pid])
            if step <= 0 or step > LIMITS["PTS"] * CLOCK:
                self.wrong("2.5 PTS", f"PID {pid:#x}: a step of {step / 90:.0f} ms")
        self.newest[pid] = dts
        unit = Unit(pid, pts, dts, self.pcr, keyframe, bytearray(payload[9 + payload[8] :]))
        self.report.units.append(unit)
        self.open[pid] = unit


def _size(data: bytes | bytearray) -> int:
    """Of the access unit that the data begins with: ADTS and Opus say how long they are."""
    if data[0] == 0xFF and data[1] & 0xF6 == 0xF0:
        return (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5
    if data[0] == 0x7F and data[1] & 0xE0 == 0xE0:
        lengths = next(index for index, byte in enumerate(data[2:]) if byte != 0xFF)
        return 3 + lengths + sum(data[2 : 3 + lengths])
    return len(data)


def _time(field: bytes) -> int:
    return (field[0] >> 1 & 7) << 30 | (int.from_bytes(field[1:3]) >> 1) << 15 | int.from_bytes(field[3:5]) >> 1


def _difference(later: int, earlier: int) -> int:
    """Of two times of 33 bits."""
    step = (later - earlier) & (1 << 33) - 1
    return step - (1 << 33) if step >> 32 else step


def _crc(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        for bit in range(8):
            top = crc >> 31 ^ byte >> 7 - bit & 1
            crc = (crc << 1) & 0xFFFFFFFF ^ (0x04C11DB7 if top else 0)
    return crc
