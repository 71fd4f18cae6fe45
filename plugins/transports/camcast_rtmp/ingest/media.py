"""From RTMP messages to packets: sequence headers, times, and which tracks there are. No I/O; a clock is passed in.

What a peer sends is hostile: a body that cannot be read is counted and passed over, and nothing is kept but what waits
for the tracks to be known, which is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from camcast.bitstream.audio_format import format_audio
from camcast.codec_kind import CodecParser
from camcast.contracts import MediaSink
from camcast.errors import MediaError
from camcast.flv import amf0
from camcast.flv.unpack import Part, Piece, Unpacker
from camcast.kinds import CodecKind
from camcast.media import NS_PER_MS, NS_PER_S, MediaKind, Packet, TagType, Track
from camcast_rtmp.ingest.pace import Pace

CODECS = ("h264", "h265", "av1", "vp9", "aac", "opus", "mp3", "pcm_alaw", "pcm_mulaw")
"""What RTMP is known to carry; those that are installed are taken."""
SETTLE = NS_PER_S
"""ns for which the first track waits for another one that may come."""
MAX_HELD = 512
"""Packets that wait meanwhile."""
MAX_TOLD = 4
"""Unknown codecs of one kind that are told; whoever sends more means no media."""
MAX_VALUES = 200
"""Values of onMetaData that are read."""
HELD_BACK = 500 * NS_PER_MS
"""A time that falls by less is held; one that falls by more begins anew."""
_KINDS = {TagType.VIDEO: MediaKind.VIDEO, TagType.AUDIO: MediaKind.AUDIO}
_TELLS = {MediaKind.VIDEO: ("videocodecid", "width"), MediaKind.AUDIO: ("audiocodecid", "audiosamplerate")}
_HALF, _WHOLE = 1 << 31, 1 << 32


@attrs.define(eq=False)
class _Stream:
    """One kind of media: its parser, and where its time is."""

    codec: str = ""
    header: bytes | None = None
    parser: CodecParser | None = None
    wire: int | None = None
    """The last time on the wire, ms modulo 2**32, and unwrapped."""
    unwrapped: int = 0
    dts: int | None = None
    """Of the last packet, ns."""
    refused: set[str] = attrs.field(factory=set)
    """The codecs that it was said of that nobody knows them."""


class Intake:
    """Of one source. `sink` gets what comes; `note` is told what an operator should know."""

    def __init__(
        self,
        codec: Callable[[str], CodecKind],
        sink: MediaSink,
        note: Callable[[str, str], object],
        *,
        timestamps: str = "auto",
    ) -> None:
        self._codec = codec
        self._sink = sink
        self._note = note
        self._timestamps = timestamps
        self._kinds = _installed(codec)
        self._unpacker = Unpacker(self._kinds)
        self._streams = {kind: _Stream() for kind in MediaKind}
        self._pace = Pace()
        self._expected: set[MediaKind] = set(MediaKind)
        self._first: int | None = None
        self._held: list[Packet] = []
        self._told: dict[MediaKind, str] = {}
        self._settled = False
        self.packets = 0
        """That have gone on."""

    def begin(self) -> None:
        """A publication begins: nothing of the one before holds any more."""
        self._streams = {kind: _Stream() for kind in MediaKind}
        self._pace = Pace()
        self._expected = set(MediaKind)
        self._first, self._settled = None, False
        self._held.clear()
        if self.packets:
            self._sink.discontinuity()

    def add(self, type: int, time: int, body: bytes, arrival: int) -> None:
        """One message of audio, video or data. `time` is ms modulo 2**32, `arrival` is `time.monotonic_ns()`."""
        if type == TagType.SCRIPT.value:
            self._metadata(body)
            return
        tag = TagType(type)
        kind = _KINDS[tag]
        if not body:
            return  # sent by some where a picture has been left out
        try:
            pieces = self._unpacker.unpack(tag, body)
        except MediaError:
            self._sink.dropped(kind, "damaged")
            return
        for piece in pieces:
            if piece.track_id:
                self._sink.dropped(kind, "another track")
            elif piece.part in (Part.HEADER, Part.FRAME):
                self._piece(kind, piece, time, arrival)

    def settle(self, now: int) -> None:
        """Have those tracks be all that have come, where no other has for long enough. `now`: as `arrival`."""
        if not self._settled and self._first is not None and now - self._first >= SETTLE:
            self._go_on()

    def _piece(self, kind: MediaKind, piece: Piece, time: int, arrival: int) -> None:
        stream = self._streams[kind]
        try:
            if piece.part is Part.HEADER:
                self._header(kind, stream, piece)
                return
            if not piece.codec:
                self._unknown(kind, stream, piece)
                return
            if stream.codec != piece.codec or stream.parser is None:
                self._without_header(stream, piece)
            assert stream.parser is not None
            shown = self._time(stream, time, arrival) + piece.nanoseconds
            packet = stream.parser.parse(piece.payload, shown, shown + piece.composition * NS_PER_MS, arrival)
        except MediaError:
            self._sink.dropped(kind, "damaged")
            return
        if packet is not None:
            self._packet(kind, stream, packet, arrival)

    # --- headers --------------------------------------------------------------------------------------------

    def _header(self, kind: MediaKind, stream: _Stream, piece: Piece) -> None:
        """Raises `MediaError`."""
        if not piece.codec:
            self._unknown(kind, stream, piece)
        elif (stream.codec, stream.header) != (piece.codec, piece.payload):
            parser = self._codec(piece.codec).parser(piece.payload)
            stream.codec, stream.header, stream.parser = piece.codec, piece.payload, parser

    def _without_header(self, stream: _Stream, piece: Piece) -> None:
        """Some codecs have none. Raises `MediaError` for those that cannot be read without."""
        config = format_audio(8000, 1) if piece.codec.startswith("pcm") else b""
        stream.parser = self._codec(piece.codec).parser(config)
        stream.codec, stream.header = piece.codec, None

    def _unknown(self, kind: MediaKind, stream: _Stream, piece: Piece) -> None:
        name = piece.codec_id.to_bytes(4, "big")
        called = name.decode("ascii", "replace") if piece.codec_id > 0xFFFF else str(piece.codec_id)
        if called not in stream.refused and len(stream.refused) < MAX_TOLD:
            stream.refused.add(called)
            text = f"{kind.value} comes in a codec that no plugin here knows ({called[:8]!a}), and is left out"
            self._note("codec_unknown", text)
            self._expected.discard(kind)
        self._sink.dropped(kind, "unknown codec")

    def _metadata(self, body: bytes) -> None:
        """onMetaData says which tracks are to come. Whatever else it says is the peer's words only."""
        values, _ = amf0.decode_some(body, MAX_VALUES)
        found = next((value for value in values[:3] if isinstance(value, dict)), None)
        if found is not None and not self._settled:
            named = {kind for kind, words in _TELLS.items() if any(found.get(word) for word in words)}
            self._expected = named or self._expected

    # --- times ----------------------------------------------------------------------------------------------

    def _time(self, stream: _Stream, time: int, arrival: int) -> int:
        """Decode time in ns."""
        if stream.wire is None:
            # The other one's, where there is one, so that both have wrapped around as often.
            other = next((one for one in self._streams.values() if one.wire is not None), None)
            stream.unwrapped = time if other is None else other.unwrapped + _step(other.wire or 0, time)
        else:
            stream.unwrapped += _step(stream.wire, time)
        stream.wire = time
        media = stream.unwrapped * NS_PER_MS
        if self._timestamps == "camera":
            return media
        if self._timestamps == "auto" and not self._pace.wrong:
            if stream is self._streams[MediaKind.VIDEO] and self._pace.look(media, arrival):
                speed = f"{self._pace.speed:.2g} times the real speed"
                self._note("clock_wrong", f"the sender's clock runs at {speed}; times of arrival are taken instead")
                self._sink.discontinuity()
                for one in self._streams.values():
                    one.dts = None
            else:
                return media
        return arrival

    # --- packets --------------------------------------------------------------------------------------------

    def _packet(self, kind: MediaKind, stream: _Stream, packet: Packet, arrival: int) -> None:
        last = stream.dts
        if last is not None and packet.dts < last:
            if last - packet.dts > HELD_BACK:
                self._sink.discontinuity()
                for one in self._streams.values():
                    one.dts = None
            else:
                packet.pts = max(packet.pts, last)
                packet.dts = last
        stream.dts = packet.dts
        if self._settled:
            if self._told.get(kind) != packet.track.codec:
                self._tell({**self._tracks(), kind: packet.track})
            self._give(packet)
            return
        if self._first is None:
            self._first = arrival
        self._held.append(packet)
        if self._expected <= {one.track.kind for one in self._held} or len(self._held) >= MAX_HELD:
            self._go_on()
        else:
            self.settle(arrival)

    def _go_on(self) -> None:
        self._settled = True
        held, self._held = self._held, []
        tracks = {packet.track.kind: packet.track for packet in reversed(held)}
        if tracks and {kind: track.codec for kind, track in tracks.items()} != self._told:
            self._tell(tracks)
        for packet in held:
            self._give(packet)

    def _tracks(self) -> dict[MediaKind, Track]:
        """Those that have been told, as they are now."""
        now = ((kind, self._streams[kind].parser) for kind in self._told)
        return {kind: parser.track for kind, parser in now if parser is not None and parser.track is not None}

    def _tell(self, tracks: dict[MediaKind, Track]) -> None:
        self._told = {kind: track.codec for kind, track in tracks.items()}
        self._sink.tracks([tracks[kind] for kind in MediaKind if kind in tracks])

    def _give(self, packet: Packet) -> None:
        self.packets += 1
        self._sink.packet(packet)


def _step(last: int, time: int) -> int:
    """From one time on the wire to the next, ms, the shorter way around."""
    return (time - last + _HALF) % _WHOLE - _HALF


def _installed(codec: Callable[[str], CodecKind]) -> Sequence[CodecKind]:
    found = []
    for name in CODECS:
        try:
            found.append(codec(name))
        except MediaError:
            continue
    return found
