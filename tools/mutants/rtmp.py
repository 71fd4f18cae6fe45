"""Faults in what goes over the wire."""

from __future__ import annotations

from tools.mutants.mutant import Mutant

_CHUNK = "plugins/transports/camcast_rtmp/chunk.py"
_CHUNK_TESTS = ("tests/plugins/test_rtmp_chunk.py",)

MUTANTS = (
    Mutant(
        "no extended timestamp at exactly 0xFFFFFF",
        _CHUNK,
        'extended = b"" if time < EXTENDED else time.to_bytes(4, "big")',
        'extended = b"" if time <= EXTENDED else time.to_bytes(4, "big")',
        _CHUNK_TESTS,
    ),
    Mutant(
        "a delta of 0xFFFFFF is taken for a time that has no room",
        _CHUNK,
        "(delta := (time - last.time) & _MASK) < EXTENDED",
        "(delta := (time - last.time) & _MASK) <= EXTENDED",
        _CHUNK_TESTS,
    ),
    Mutant(
        "the extended timestamp is not repeated after a continuation",
        _CHUNK,
        "bytes((0xC0 | chunk_stream,)) + extended",
        "bytes((0xC0 | chunk_stream,))",
        _CHUNK_TESTS,
    ),
    Mutant(
        "a reader takes 0xFFFFFF for a time",
        _CHUNK,
        "extended = time == EXTENDED if form < 3 else stream.extended",
        "extended = time > EXTENDED if form < 3 else stream.extended",
        _CHUNK_TESTS,
    ),
    Mutant(
        "a continuation's extended timestamp is read as payload",
        _CHUNK,
        "extended = time == EXTENDED if form < 3 else stream.extended",
        "extended = time == EXTENDED",
        _CHUNK_TESTS,
    ),
    Mutant(
        "memory for unfinished messages without bound",
        _CHUNK,
        "if self._held > 2 * self.max_message:",
        "if self._held > 2000 * self.max_message:",
        _CHUNK_TESTS,
    ),
    Mutant(
        "an aborted message still counts as held",
        _CHUNK,
        "            self._held -= len(stream.payload)\n            stream.payload = None\n",
        "            stream.payload = None\n",
        _CHUNK_TESTS,
    ),
)
