"""The parser that NAL-based video codecs share: access units in, normal packets out.

Rules:
- Framing is found out from the first access unit and then kept; only three damaged units in a row reopen the
  question. A length-prefixed reading that fits to the last byte beats a start code, since a size field may look
  like one (`00 00 01 xx` is 256 to 511 bytes).
- An access unit with nothing to change is passed on as the very bytes that came. Delimiters, ends and filler are
  dropped and counted; everything else stays as it is.
- Where no keyframe has come for `STARVED`, points count from which pictures become right little by little (periodic
  intra refresh): recovery points, and where all parameter sets are repeated. Until a keyframe comes. Where none ever
  came, a picture that refers to no other counts too, though nothing says that those behind it do not reach back.
- A keyframe starts with every active parameter set, each once. Sets that the stream itself puts there stay.
- Sets are learned from the record, from units of their own and from access units. A new `Track` is made when
  their bytes change, never otherwise, and takes effect at the next keyframe.
- Units that are empty or shorter than their header, and those that are no slice but have their forbidden bit set, hold
  nothing that is missed: they are dropped and counted.
- Start codes inside units behind size fields divide them. They are looked for where parameter sets or a keyframe come,
  or no picture is seen, and everywhere once they were found.
- A damaged access unit raises `MediaError`, is counted, and changes nothing in the parser.

A codec fills in a `NalSyntax`, the record, and how a track is read from parameter sets.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from struct import Struct

from camcast.bitstream.nal import (
    MAX_UNITS,
    divided,
    join_prefixed,
    split_annexb,
    split_prefixed,
    starts_like_annexb,
    truncated,
)
from camcast.bitstream.parameter_sets import ParameterSets
from camcast.bitstream.sorting import Sorter
from camcast.bitstream.syntax import (
    BAD,
    DISPOSABLE,
    DROP,
    KEY,
    PICTURE,
    REFERENCE,
    SEI,
    SET,
    NalSyntax,
    ParameterSet,
)
from camcast.errors import MediaError
from camcast.media import NS_PER_S, Packet, Track
from camcast.native import extension
from camcast.native.states import ParserState

STARVED = 3 * NS_PER_S
"""Without a keyframe for so long (by decode times), a stream may be one that has none."""
REFRESHED = "begun at a point of refresh"
"""Counts such points that were taken for keyframes."""
_RETHINK_AFTER = 3

ANNEXB = 0
_UNKNOWN = -1


_size_at = Struct(">I").unpack_from


class NalParser(ParserState, ABC):
    """Implements `contracts.CodecParser`. Subclasses set `syntax` and say how sets are read."""

    syntax: NalSyntax

    def __init__(self, extradata: bytes) -> None:
        """`extradata`: a configuration record, Annex B parameter sets, or b"". Raises `MediaError`."""
        self._track: Track | None = None
        self._roles = self.syntax.roles
        self._header_size = self.syntax.header_size
        self._fresh = False
        """It has not been looked at together with a keyframe."""
        self._sorter = Sorter(self.syntax, self.in_base_layer)
        self._sets = ParameterSets(self.syntax.set_types, self.read_set, self.make_track)
        self._counts: Counter[str] = Counter()
        self._framing = _UNKNOWN
        self._record_size = 4
        self._failures = 0
        self._special = KEY | SET | DROP | BAD
        """Roles that take an access unit off the fast path. A delimiter at its beginning does not, and SEI seldom."""
        self._since_keyframe: int | None = None
        """Decode time of the last keyframe, or of the first picture."""
        self._refreshed = False
        """The stream lives on points of recovery."""
        self._keyless = True
        """Not one keyframe has come."""
        self._divided = False
        """Start codes were found inside units."""
        self._layered = False
        """Whether a disposable slice has to be looked at by `is_disposable`."""
        if extradata:
            if starts_like_annexb(extradata):
                units = split_annexb(extradata)
            else:
                self._record_size, units = self.read_record(extradata)
            kept, _, _ = self._sorter.sort(units)
            self._learn(self._sorter.sets(kept))

    # --- what a codec fills in ----------------------------------------------------------------------------

    @abstractmethod
    def read_record(self, record: bytes) -> tuple[int, list[bytes]]:
        """Bytes in a size field, and the units in a configuration record. Raises `MediaError`."""

    @abstractmethod
    def read_set(self, nal: bytes) -> ParameterSet:
        """Which set this is. Raises `MediaError`."""

    @abstractmethod
    def make_track(self, sets: Mapping[int, Sequence[bytes]]) -> Track:
        """The track that these sets (by type, each type at least once) describe. Raises `MediaError`."""

    def starts_here(self, units: Sequence[bytes], seen: int) -> bool:
        """Whether a decoder can start at this access unit; `seen` is the mask of roles in it. Never raises."""
        return bool(seen & KEY)

    def recovers_here(self, units: Sequence[bytes]) -> bool:
        """Whether a decoder that starts at this access unit shows right pictures after a while. Never raises."""
        return False

    def intra_here(self, units: Sequence[bytes]) -> bool:
        """Whether the picture of this access unit refers to no other. Never raises."""
        return False

    def passes_by(self, payload: bytes) -> bool:
        """Whether an access unit that holds SEI and no key picture is certainly none that `starts_here` takes.

        A cheap question for each of them: False only sends it the long way. `payload` has 4-byte sizes that are right.
        """
        return True

    def is_disposable(self, nal: bytes) -> bool:
        """Asked for slices of role DISPOSABLE when `_layered`."""
        return True

    def in_base_layer(self, nal: bytes) -> bool:
        """Whether a parameter set belongs to the picture that every decoder shows."""
        return True

    def enrich(self, track: Track, units: Sequence[bytes]) -> Track:
        """`track`, or a better one that the other units of its first keyframe allow. Never raises."""
        return track

    # --- CodecParser --------------------------------------------------------------------------------------

    @property
    def track(self) -> Track | None:
        return self._track

    @property
    def counts(self) -> Mapping[str, int]:
        return self._counts

    def parse(self, data: bytes | memoryview, dts: int, pts: int, arrival: int = 0) -> Packet | None:
        if not isinstance(data, bytes):
            data = bytes(data)
        try:
            if self._framing == 4 and not self._divided:
                payload, seen = data, self._scan(data)
                if seen & DROP and not seen & BAD:
                    payload, seen = self._without_delimiter(data, seen)
                track, ordinary = self._track, seen & PICTURE and not seen & self._special
                # The first picture is looked at, as it is from there on that keyframes are missed.
                ordinary = ordinary and not (self._keyless and (self._since_keyframe is None or self._starved(dts)))
                if track is not None and ordinary and (not seen & SEI or self._means_nothing(payload, dts)):
                    self._failures = 0
                    if payload is not data:
                        self.delimited(data)
                    disposable = not seen & REFERENCE and (not self._layered or self._all_disposable(payload))
                    return Packet(track, dts, pts, False, payload, disposable, arrival)
            packet = self._slow(data, dts, pts, arrival)
        except MediaError:
            self._counts["damaged"] += 1
            self._failures += 1
            if self._failures >= _RETHINK_AFTER:
                self._framing = _UNKNOWN
            raise
        self._failures = 0
        return packet

    def _scan(self, data: bytes) -> int:
        """The mask of roles in a payload with 4-byte sizes."""
        roles, header_size = self._roles, self._header_size
        position, end = 0, len(data)
        seen = 0
        for _ in range(MAX_UNITS):
            if position >= end:
                return seen
            left = end - position - 4
            if left < 0:
                raise truncated(0, left)
            length = _size_at(data, position)[0]
            if length > left:
                raise truncated(length, left)
            position += 4
            if length < header_size:
                seen |= BAD
            else:
                seen |= roles[data[position]]
            position += length
        if position < end:
            raise MediaError(f"more than {MAX_UNITS} NAL units in one access unit")
        return seen

    def _without_delimiter(self, data: bytes, seen: int) -> tuple[bytes, int]:
        """`data` without the delimiter that it begins with, and the roles in that; unchanged if it begins otherwise."""
        if self.syntax.roles[data[4]] != DROP:
            return data, seen
        payload = data[4 + _size_at(data)[0] :]
        return payload, self._scan(payload)

    def delimited(self, data: bytes) -> None:
        """Count the unit that `data` begins with, which was left out."""
        self._counts[self.syntax.dropped[self.syntax.types[data[4]]]] += 1

    def _means_nothing(self, payload: bytes, dts: int) -> bool:
        """Whether the SEI in `payload` say nothing of where a decoder can start."""
        return self._since_keyframe is not None and not self._starved(dts) and self.passes_by(payload)

    # --- anything but an ordinary frame -------------------------------------------------------------------

    def _slow(self, data: bytes, dts: int, pts: int, arrival: int) -> Packet | None:
        if not data:
            raise MediaError("empty access unit")
        framing = self._framing if self._framing != _UNKNOWN else self._detect(data)
        units = split_annexb(data) if framing == ANNEXB else self._whole(split_prefixed(data, framing))
        kept, seen, counts = self._sorter.sort(units)
        sets = self._sorter.sets(kept) if seen & SET else []
        if sets:
            self._learn(sets)
        self._framing = framing
        if counts:
            self._counts.update(counts)
        if not seen & PICTURE:
            self._count("parameter sets removed", len(sets))
            self._count("without picture", len(kept) - len(sets))
            return None
        if self._track is None:
            self._counts["waiting for parameter sets"] += 1
            return None
        keyframe = self._starts(kept, seen, dts)
        if keyframe:
            self._take_over(kept)
            kept = self._begin_with_sets(kept, sets)
        # Equal length is not enough to know that nothing changed: sets may have been swapped.
        unchanged = framing == 4 and not self._divided and kept == units
        payload = data if unchanged else join_prefixed(kept)
        disposable = not seen & (REFERENCE | KEY) and (not self._layered or self._disposable_units(kept))
        return Packet(self._track, dts, pts, keyframe, payload, disposable, arrival)

    def _whole(self, units: list[bytes]) -> list[bytes]:
        found = divided(units)
        if len(found) > MAX_UNITS:
            raise MediaError(f"more than {MAX_UNITS} NAL units in one access unit")
        if found != units:
            self._divided = True
            self._counts["start codes inside units"] += 1
        return found

    def _starts(self, units: Sequence[bytes], seen: int, dts: int) -> bool:
        if self.starts_here(units, seen):
            self._since_keyframe, self._refreshed, self._keyless = dts, False, False
            return True
        if self._since_keyframe is None:
            self._since_keyframe = dts
        if not self._starved(dts) or not (seen & (SEI | SET) or self._keyless):
            return False
        # Whoever repeats all parameter sets means that one can begin here.
        entry = self.recovers_here(units) or self._types(units).issuperset(self.syntax.set_types)
        entry = entry or (self._keyless and self.intra_here(units))
        self._refreshed = self._refreshed or entry
        self._count(REFRESHED, int(entry))
        return entry

    def _types(self, units: Sequence[bytes]) -> set[int]:
        return {self.syntax.types[unit[0]] for unit in units}

    def _starved(self, dts: int) -> bool:
        since = self._since_keyframe
        return self._refreshed or (since is not None and dts - since > STARVED)

    def _detect(self, data: bytes) -> int:
        size = self._record_size
        try:
            self._check_prefixed(data, size)
        except MediaError as error:
            if starts_like_annexb(data):
                return ANNEXB
            raise MediaError(f"neither Annex B nor {size}-byte sizes ({error})") from error
        return size

    def _check_prefixed(self, data: bytes, size: int) -> None:
        units = divided(split_prefixed(data, size))
        if not any(units):
            raise MediaError("no NAL unit but empty ones")
        if len(units[0]) == 1 and size == 4:
            # `00 00 00 01`: only an end unit is that short, and no access unit begins with it.
            raise MediaError("a first NAL unit of 1 byte")
        self._sorter.sort(units)

    def _begin_with_sets(self, kept: list[bytes], sets: list[bytes]) -> list[bytes]:
        """The keyframe's units with every active set in front, once."""
        if len(sets) == len(self._sets.front) and set(sets) == set(self._sets.front) and kept[: len(sets)] == sets:
            return kept
        present = set(sets)
        self._count("parameter sets added", sum(nal not in present for nal in self._sets.front))
        self._count("parameter sets removed", len(sets) - len(present))
        return [*self._sets.front, *(unit for unit in kept if self._sorter.role(unit) != SET)]

    def _count(self, name: str, number: int) -> None:
        if number:
            self._counts[name] += number

    def _all_disposable(self, data: bytes) -> bool:
        return self._disposable_units(split_prefixed(data))

    def _disposable_units(self, units: Sequence[bytes]) -> bool:
        return all(self.is_disposable(unit) for unit in units if self.syntax.roles[unit[0]] == DISPOSABLE)

    # --- parameter sets -----------------------------------------------------------------------------------

    def _learn(self, nals: Sequence[bytes]) -> None:
        self._sets.learn(nals)
        if self._track is None:
            self._activate()

    def _activate(self) -> None:
        track = self._sets.take()
        if track is not None:
            self._track, self._fresh = track, True

    def _take_over(self, units: Sequence[bytes]) -> None:
        """At a keyframe: from here on the newest sets count."""
        self._activate()
        if self._fresh and self._track is not None:
            self._track = self.enrich(self._track, units)
            self._fresh = False


parse_in_python = NalParser.parse
"""The Python form, also where the C form runs, which leaves to it whatever is not ordinary."""

if extension is not None:
    extension.parsers_are(
        in_python=parse_in_python,
        starved=STARVED,
        most=MAX_UNITS,
        reference=REFERENCE,
        picture=PICTURE,
        drop=DROP,
        bad=BAD,
        sei=SEI,
    )
    NalParser.parse = extension.ParserState.parse  # type: ignore[method-assign]
