"""Whether what a server received is what a file holds, bit for bit. Reads both with FFmpeg, not with camcast.

Compared: per access unit the hashes of its slices and SEI in order, audio frames byte for byte, and times in ms up to
one constant offset common to audio and video. Delimiters, filler and parameter sets may come and go: they are counted.
"""

from __future__ import annotations

import hashlib
import pickle
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs
import av


@attrs.frozen
class Unit:
    """One packet as FFmpeg hands it out. Times are ms."""

    kind: str
    """"video" or "audio"."""
    codec: str
    extradata: bytes = attrs.field(repr=False)
    dts: float
    pts: float
    keyframe: bool
    data: bytes = attrs.field(repr=False)
    arrived: float = attrs.field(default=0.0, eq=False)
    """When FFmpeg handed it out, on this machine's monotonic clock."""
    position: int = attrs.field(default=-1, eq=False)
    """The byte at which it begins in a file; -1 = unknown."""
    track: int = attrs.field(default=0, eq=False)
    """Which stream of the container it is of."""


@attrs.define
class Media:
    """A stream's packets in order of arrival, by kind."""

    video: list[Unit] = attrs.field(factory=list)
    audio: list[Unit] = attrs.field(factory=list)

    @classmethod
    def read(cls, path: Path | str) -> Media:
        """All packets of a file."""
        return cls.of(demux(str(path)))

    @classmethod
    def of(cls, units: Iterator[Unit] | Sequence[Unit]) -> Media:
        media = cls()
        for unit in units:
            (media.video if unit.kind == "video" else media.audio).append(unit)
        return media

    @classmethod
    def load(cls, path: Path) -> Media:
        """Packets pickled one by one; a last incomplete one is left out."""
        units = []
        with path.open("rb") as kept:
            while True:
                try:
                    units.append(pickle.load(kept))
                except (EOFError, pickle.UnpicklingError):
                    return cls.of(units)

    def kinds(self) -> dict[str, list[Unit]]:
        return {"video": self.video, "audio": self.audio}


def demux(url: str, options: Mapping[str, str] | None = None, *, every: bool = False) -> Iterator[Unit]:
    """Packets of a file or live stream until it ends, cleanly or not: of the first picture and sound, or of `every`."""
    with av.open(url, options=dict(options or {})) as container:
        first = container.streams.video[:1] + container.streams.audio[:1]
        try:
            for packet in container.demux() if every else container.demux(first):
                if packet.size and packet.dts is not None and packet.stream.type in ("video", "audio"):
                    stream, context = packet.stream, packet.stream.codec_context
                    base = float(packet.time_base) * 1000
                    yield Unit(
                        kind=stream.type,
                        codec=_CODECS.get(context.name, context.name),
                        extradata=bytes(context.extradata or b""),
                        dts=packet.dts * base,
                        pts=(packet.dts if packet.pts is None else packet.pts) * base,
                        keyframe=bool(packet.is_keyframe),
                        data=bytes(packet),
                        arrived=time.monotonic(),
                        position=-1 if packet.pos is None else packet.pos,
                        track=packet.stream_index,
                    )
        except av.error.OSError:
            return  # How FFmpeg's RTMP ends when the publisher or server goes.


def decoded(units: Sequence[Unit]) -> int:
    """How many pictures, or frames of sound, FFmpeg makes of one track's packets."""
    if not units:
        return 0
    context = av.CodecContext.create(units[0].codec, "r")
    context.extradata = units[0].extradata or None
    count = 0
    for packet in [*(av.Packet(unit.data) for unit in units), None]:
        count += len(context.decode(packet))  # type: ignore[attr-defined]
    return count


_CODECS = {"libdav1d": "av1", "mp3float": "mp3", "libopus": "opus"}


@attrs.frozen
class Comparison:
    """What `compare` found; all its differences that are not errors."""

    frames: int
    """Video access units that are the same in both."""
    samples: int
    """Audio frames that are the same in both."""
    missing_head: Mapping[str, int]
    """By kind: units of the source before the first received one."""
    missing_tail: Mapping[str, int]
    """By kind: units of the source after the last received one."""
    added: Mapping[str, int]
    """Non-picture NAL units in the recording beyond the source's, by name."""
    removed: Mapping[str, int]
    offset: float
    """Recorded time - source time, ms: the middle of what was seen."""
    spread: float
    """Widest difference between any two units' offsets, ms."""

    @property
    def whole(self) -> bool:
        return not any(self.missing_head.values()) and not any(self.missing_tail.values())


def compare(
    source: Path | str | Media,
    received: Path | str | Media,
    *,
    loop: bool = False,
    times: bool = True,
    tolerance: float = 1.0,
    whole: bool = True,
    from_keyframe: int = 0,
) -> Comparison:
    """Assert that `received` holds a gapless run of `source`'s units, and with `whole` all of them.

    `loop`: the source was played again and again (then the tail is never missing, and times are compared within a
    pass). `tolerance`: how far a time may be from source time + the common offset, ms. AssertionErrors name the
    first unit that differs.

    `from_keyframe`: leave out what was received before that keyframe (0 = the first). A session that begins in
    mid-stream starts with a squeezed replay without its disposable pictures; from keyframe 1 on it is as sent.
    """
    sent = source if isinstance(source, Media) else Media.read(source)
    got = received if isinstance(received, Media) else Media.read(received)
    if from_keyframe:
        got = _after_keyframe(got, from_keyframe)
        whole = False
    head: dict[str, int] = {}
    tail: dict[str, int] = {}
    offsets: list[float] = []
    nals: dict[str, Counter[str]] = {"sent": Counter(), "got": Counter()}
    for kind, (wanted, have) in {kind: (sent.kinds()[kind], got.kinds()[kind]) for kind in sent.kinds()}.items():
        if not wanted:
            assert not have, f"received {len(have)} {kind} units, the source has no {kind}"
            continue
        assert have, f"received no {kind}, the source has {len(wanted)} units"
        assert wanted[0].codec == have[0].codec, f"{kind}: sent {wanted[0].codec}, received {have[0].codec}"
        wanted_keys = [fingerprint(unit, nals["sent"]) for unit in wanted]
        have_keys = [fingerprint(unit, nals["got"]) for unit in have]
        first = _alignment(kind, wanted_keys, have_keys, loop=loop)
        for index, (unit, key) in enumerate(zip(have, have_keys, strict=True)):
            position = first + index
            assert loop or position < len(wanted), f"{kind}: {len(have)} units received, {len(wanted)} sent"
            original = wanted[position % len(wanted)]
            assert key == wanted_keys[position % len(wanted)], _difference(
                kind, index, unit, position, original, wanted_keys, key
            )
            if not loop or position < len(wanted):
                offsets += [unit.dts - original.dts, unit.pts - original.pts]
        head[kind] = first
        tail[kind] = 0 if loop else len(wanted) - first - len(have)
    spread = max(offsets) - min(offsets)
    assert not times or spread <= 2 * tolerance + 1e-6, (
        f"times differ by offsets between {min(offsets):.3f} and {max(offsets):.3f} ms, allowed are ±{tolerance:g} ms"
    )
    result = Comparison(
        frames=len(got.video),
        samples=len(got.audio),
        missing_head=head,
        missing_tail=tail,
        added=dict(nals["got"] - nals["sent"]),
        removed=dict(nals["sent"] - nals["got"]),
        offset=(max(offsets) + min(offsets)) / 2,
        spread=spread,
    )
    assert not whole or result.whole, f"not everything arrived: {result}"
    return result


def _after_keyframe(media: Media, number: int) -> Media:
    keyframes = [index for index, unit in enumerate(media.video) if unit.keyframe]
    assert len(keyframes) > number, f"received {len(keyframes)} keyframes, expected more than {number}"
    first = media.video[keyframes[number]]
    return Media(media.video[keyframes[number] :], [unit for unit in media.audio if unit.dts >= first.dts])


def _alignment(kind: str, wanted: Sequence[bytes], have: Sequence[bytes], *, loop: bool) -> int:
    """Index in `wanted` of the first received unit; where units look the same, the index that fits the next ones."""
    candidates = [index for index, key in enumerate(wanted) if key == have[0]]
    assert candidates, f"{kind}: the first received unit is not in the source"

    def fits(start: int) -> int:
        length = 0
        for index, key in enumerate(have):
            position = start + index
            if (position >= len(wanted) and not loop) or wanted[position % len(wanted)] != key:
                break
            length += 1
        return length

    return max(candidates, key=lambda start: (fits(start), -start))


def _difference(
    kind: str, index: int, unit: Unit, position: int, original: Unit, wanted: Sequence[bytes], key: bytes
) -> str:
    elsewhere = [place for place, other in enumerate(wanted) if other == key]
    where = f"it is unit {elsewhere[:3]} of the source" if elsewhere else "it is nowhere in the source"
    return (
        f"{kind} unit {index} ({len(unit.data)} bytes, dts {unit.dts:.1f}) should be unit {position} of the source "
        f"({len(original.data)} bytes, dts {original.dts:.1f}); {where}"
    )


# --- what makes a unit the same -----------------------------------------------------------------------------


def fingerprint(unit: Unit, counts: Counter[str] | None = None) -> bytes:
    """What makes a unit the one it is, however it came; NAL units that may come and go are added to `counts`."""
    split = _SPLIT.get(unit.codec)
    digest = hashlib.sha256()
    if split is None:
        # MPEG-TS carries AAC with ADTS headers, of 7 bytes or, with a checksum, 9.
        adts = unit.codec == "aac" and unit.data[:1] == b"\xff" and unit.data[1] & 0xF6 == 0xF0
        digest.update(unit.data[(7 if unit.data[1] & 1 else 9) if adts else 0 :])
        return digest.digest()
    for name, piece in split(unit):
        if name in ("slice", "sei"):
            digest.update(len(piece).to_bytes(4) + piece)
        elif counts is not None:
            counts[name] += 1
    return digest.digest()


def nal_units(unit: Unit) -> list[bytes]:
    """The NAL units of an H.264 or HEVC packet, whichever way they are framed."""
    data = unit.data
    if unit.extradata[:1] != b"\x01":
        pieces = [piece.rstrip(b"\0") for piece in data.split(b"\0\0\1")]
        return [piece for piece in pieces if piece]
    found = []
    while data:
        size = int.from_bytes(data[:4])
        assert 0 < size <= len(data) - 4, f"damaged framing: a NAL unit of {size} bytes with {len(data) - 4} left"
        found.append(data[4 : 4 + size])
        data = data[4 + size :]
    return found


def _split_h264(unit: Unit) -> Iterator[tuple[str, bytes]]:
    names = {6: "sei", 7: "sps", 8: "pps", 9: "aud", 10: "end", 11: "end", 12: "filler", 13: "sps"}
    for nal in nal_units(unit):
        kind = nal[0] & 0x1F
        yield "slice" if 1 <= kind <= 5 or kind >= 19 else names.get(kind, f"type {kind}"), nal


def _split_hevc(unit: Unit) -> Iterator[tuple[str, bytes]]:
    names = {32: "vps", 33: "sps", 34: "pps", 35: "aud", 36: "end", 37: "end", 38: "filler", 39: "sei", 40: "sei"}
    for nal in nal_units(unit):
        kind = nal[0] >> 1 & 0x3F
        yield "slice" if kind < 32 else names.get(kind, f"type {kind}"), nal


def _split_av1(unit: Unit) -> Iterator[tuple[str, bytes]]:
    names = {1: "sequence header", 2: "temporal delimiter", 8: "tile list", 15: "padding"}
    data = unit.data
    while data:
        kind, start = data[0] >> 3 & 15, 2 if data[0] & 4 else 1
        size = len(data) - start
        if data[0] & 2:
            size, shift = 0, 0
            while True:
                byte = data[start]
                size |= (byte & 0x7F) << shift
                start, shift = start + 1, shift + 7
                if not byte & 0x80:
                    break
        yield names.get(kind, "slice"), data[start : start + size]
        data = data[start + size :]


_SPLIT = {"h264": _split_h264, "hevc": _split_hevc, "av1": _split_av1}
