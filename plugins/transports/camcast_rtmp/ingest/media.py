"""From RTMP messages to packets: sequence headers, and times on the wire. No I/O; a clock is passed in.

What a peer sends is hostile: a body that cannot be read is counted and passed over.
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
from camcast.media import NS_PER_MS, MediaKind, TagType
from camcast_kit_ingest import intake
from camcast_kit_ingest.unread import NO_PARAMETERS, Unread
from camcast_kit_ingest.wrapping import Unwrapped

CODECS = ("h264", "h265", "av1", "vp9", "aac", "opus", "mp3", "pcm_alaw", "pcm_mulaw")
"""What RTMP is known to carry; those that are installed are taken."""
MAX_TOLD = 4
"""Unknown codecs of one kind that are told; whoever sends more means no media."""
MAX_VALUES = 200
"""Values of onMetaData that are read."""
_KINDS = {TagType.VIDEO: MediaKind.VIDEO, TagType.AUDIO: MediaKind.AUDIO}
_TELLS = {MediaKind.VIDEO: ("videocodecid", "width"), MediaKind.AUDIO: ("audiocodecid", "audiosamplerate")}
_WHOLE = 1 << 32
"""ms, after which a wire's times begin anew."""


@attrs.define(eq=False)
class _Stream:
    """One kind of media: its parser, and its times on the wire."""

    codec: str = ""
    header: bytes | None = None
    parser: CodecParser | None = None
    times: Unwrapped = attrs.field(factory=lambda: Unwrapped(_WHOLE))
    """ms."""
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
        track: int = 0,
        sound_track: int = 0,
    ) -> None:
        """`track` and `sound_track`: which ones are taken of a sender that sends several."""
        self._codec = codec
        self._sink = sink
        self._note = note
        self._intake = intake.Intake(sink, note, timestamps)
        self._unread = Unread(note)
        self._unpacker = Unpacker(_installed(codec))
        self._taken = {MediaKind.VIDEO: track, MediaKind.AUDIO: sound_track}
        self._streams = {kind: _Stream() for kind in MediaKind}

    @property
    def packets(self) -> int:
        """That have gone on."""
        return self._intake.packets

    @property
    def sending_on(self) -> float:
        """CPU seconds that their sink took for them."""
        return self._intake.sending_on

    def begin(self) -> None:
        """A publication begins: nothing of the one before holds any more."""
        self._streams = {kind: _Stream() for kind in MediaKind}
        self._unread.begin()
        self._intake.begin()

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
        except MediaError as error:
            self._damaged(kind, error)
            return
        for piece in pieces:
            if piece.track_id != self._taken[kind]:
                self._sink.dropped(kind, "another track")
            elif piece.part in (Part.HEADER, Part.FRAME):
                self._piece(kind, piece, time, arrival)

    def settle(self, now: int) -> None:
        """Have those tracks be all that have come, where no other has for long enough. `now`: as `arrival`."""
        self._intake.settle(now)

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
            shown = self._time(kind, stream, time, arrival) + piece.nanoseconds
            packet = stream.parser.parse(piece.payload, shown, shown + piece.composition * NS_PER_MS, arrival)
        except MediaError as error:
            self._damaged(kind, error)
            return
        if packet is not None:
            self._unread.read(kind)
            self._intake.packet(packet, arrival)
        elif stream.parser.track is None:
            self._unread.refused(kind, NO_PARAMETERS)

    def _damaged(self, kind: MediaKind, error: MediaError) -> None:
        self._unread.refused(kind, str(error))
        self._sink.dropped(kind, "damaged")

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
            self._intake.give_up(kind)
        self._sink.dropped(kind, "unknown codec")

    def _metadata(self, body: bytes) -> None:
        """onMetaData says which tracks are to come. Whatever else it says is the peer's words only."""
        values, _ = amf0.decode_some(body, MAX_VALUES)
        found = next((value for value in values[:3] if isinstance(value, dict)), None)
        if found is not None and not self._intake.settled:
            self._intake.expect(kind for kind, words in _TELLS.items() if any(found.get(word) for word in words))

    def _time(self, kind: MediaKind, stream: _Stream, time: int, arrival: int) -> int:
        """Decode time in ns."""
        other = next((one.times for one in self._streams.values() if one is not stream), None)
        return self._intake.time(kind, stream.times.take(time, other) * NS_PER_MS, arrival)


def _installed(codec: Callable[[str], CodecKind]) -> Sequence[CodecKind]:
    found = []
    for name in CODECS:
        try:
            found.append(codec(name))
        except MediaError:
            continue
    return found
