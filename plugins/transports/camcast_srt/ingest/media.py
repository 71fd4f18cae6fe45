"""From what a transport stream carries to packets: parsers, times, and what is left out. No I/O; a clock is passed in.

What a sender sends is hostile: what cannot be read is counted and passed over. One that sends more units than any
camera does is left (`StreamError`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import attrs

from camcast.bitstream.audio_format import format_audio
from camcast.codec_kind import CodecParser
from camcast.contracts import MediaSink
from camcast.errors import MediaError
from camcast.kinds import CodecKind
from camcast.media import NS_PER_S, MediaKind
from camcast_kit_ingest.effort import Effort, TooMuch
from camcast_kit_ingest.intake import Intake
from camcast_kit_ingest.purse import Purse
from camcast_kit_ingest.unread import NO_PARAMETERS, Unread
from camcast_kit_ingest.wrapping import Unwrapped, step
from camcast_srt.ingest.demuxer import Demuxer
from camcast_srt.ingest.errors import StreamError
from camcast_srt.ingest.frames import AdtsSplitter, OpusSplitter, Splitter
from camcast_srt.ingest.programme import Elementary
from camcast_srt.programme_clock import CLOCK

CODECS = ("h264", "h265", "aac", "opus")
"""What is known of in MPEG-TS; those that are installed are taken."""
UNITS_A_SECOND = 1_000
"""120 pictures and 100 frames of sound are 220; more is what a link brings that stood still."""
MAX_TOLD = 8
"""Tracks of one sender that are left out and told."""
UNTIL_KEYFRAME, WITHOUT_TIME = "until keyframe", "without a time"
_WHOLE = 1 << 33
"""Ticks, after which the times begin anew: a day and two and a half hours."""
_MAX_COMPOSITION = 10 * CLOCK
"""Ticks by which a picture is shown later than it is decoded, at most; what is further away is damage."""
_SPLITTERS: dict[str, Callable[[], Splitter]] = {"aac": AdtsSplitter, "opus": OpusSplitter}


@attrs.define(eq=False)
class _Stream:
    """One track as it comes."""

    track: Elementary
    parser: CodecParser
    splitter: Splitter | None
    waiting: bool
    """For a keyframe."""
    goes_on: int | None = None
    """When the sound after the last frame begins, ns; None = nobody knows."""


class TsIntake:
    """Of one source; implements `demuxer.Taker`. `sink` gets what comes; `note` is told what one should know."""

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
        self._known = frozenset(name for name in CODECS if _installed(codec, name))
        self._intake = Intake(sink, note, timestamps)
        self._unread = Unread(note)
        self._times = {kind: Unwrapped(_WHOLE) for kind in MediaKind}
        self._streams: dict[MediaKind, _Stream] = {}
        self._told: set[Elementary] = set()
        self._demuxer: Demuxer | None = None
        self._units = Purse(UNITS_A_SECOND, 0.0)
        self._effort = Effort(0.0, lambda: self._intake.sending_on)
        """Of all senders together: whoever is cut off comes again."""
        self._arrival = 0

    @property
    def packets(self) -> int:
        """That have gone on."""
        return self._intake.packets

    def begin(self, now: int) -> None:
        """A sender begins: nothing of the one before holds any more. `now`: ns, as everywhere here."""
        self._demuxer = Demuxer(self, self._known, now / NS_PER_S)
        self._units = Purse(UNITS_A_SECOND, now / NS_PER_S)
        self._times = {kind: Unwrapped(_WHOLE) for kind in MediaKind}
        self._streams.clear()
        self._told.clear()
        self._unread.begin()
        self._intake.begin()

    def feed(self, data: bytes, arrival: int) -> None:
        """The next bytes. `arrival` is `time.monotonic_ns()`. Raises `StreamError`."""
        assert self._demuxer is not None
        self._arrival = arrival
        began = time.thread_time()
        try:
            self._demuxer.feed(data, arrival / NS_PER_S)
            self._effort.took(time.thread_time() - began, arrival / NS_PER_S)
        except TooMuch as error:
            raise StreamError(str(error)) from None

    def end(self, arrival: int) -> None:
        """Nothing more comes: the last units are whole. Raises `StreamError`."""
        if self._demuxer is not None:
            self._arrival = arrival
            demuxer, self._demuxer = self._demuxer, None
            try:
                demuxer.end()
            except TooMuch as error:
                raise StreamError(str(error)) from None

    def settle(self, now: int) -> None:
        """Have those tracks be all that have come, where no other has for long enough. `now`: as `arrival`."""
        self._intake.settle(now)

    # --- from the demuxer -----------------------------------------------------------------------------------

    def programme(self, taken: Sequence[Elementary], left_out: Sequence[Elementary]) -> None:
        streams = {}
        for track in taken:
            before = self._streams.get(track.kind)
            streams[track.kind] = before if before is not None and before.track == track else self._stream(track)
        self._streams = streams
        if taken and not self._intake.settled:
            self._intake.expect(streams)
        for track in left_out:
            self._tell(track, taken)

    def _stream(self, track: Elementary) -> _Stream:
        config = format_audio(48_000, track.channels or 2) if track.codec == "opus" else b""
        parser = self._codec(track.codec).parser(config)
        splitter = _SPLITTERS[track.codec]() if track.codec in _SPLITTERS else None
        return _Stream(track, parser, splitter, track.kind is MediaKind.VIDEO)

    def _tell(self, track: Elementary, taken: Sequence[Elementary]) -> None:
        if track in self._told or len(self._told) >= MAX_TOLD:
            return
        self._told.add(track)
        what = f"{track.kind.value} comes in {track.name}"
        if track.codec not in self._known:
            known = ", ".join(name for name in CODECS if name in self._known)
            self._note(
                "codec_unknown", f"{what}, which is not taken out of MPEG-TS, and is left out; taken are {known}"
            )
        elif taken:
            self._note("track_left_out", f"a second {what} (PID {track.pid}); the first is taken")

    def lost(self, track: Elementary, reason: str) -> None:
        self._sink.dropped(track.kind, reason)
        stream = self._streams.get(track.kind)
        if stream is not None and stream.track == track:
            stream.waiting = track.kind is MediaKind.VIDEO
            if stream.splitter is not None:
                stream.splitter.lost()
                stream.goes_on = None

    def unit(self, track: Elementary, data: bytes, pts: int | None, dts: int | None, came: float) -> None:
        stream = self._streams.get(track.kind)
        if stream is None or stream.track != track:
            return
        self._pay(1)
        arrival = round(came * NS_PER_S)
        begin, later = None, 0
        if pts is not None:
            decoded = pts if dts is None else dts
            later = step(decoded, pts, _WHOLE)
            if abs(later) > _MAX_COMPOSITION:
                self._sink.dropped(track.kind, "damaged")
                return
            other = next(times for kind, times in self._times.items() if kind is not track.kind)
            media = _ns(self._times[track.kind].take(decoded, other))
            begin = self._intake.time(track.kind, media, arrival)
        if stream.splitter is not None:
            self._frames(stream, stream.splitter, data, begin, arrival)
        elif begin is not None:
            self._packet(stream, data, begin, begin + _ns(later), arrival)
        else:
            self._unread.refused(track.kind, "nothing says when it is to be shown")
            self._sink.dropped(track.kind, WITHOUT_TIME)

    def _frames(self, stream: _Stream, splitter: Splitter, data: bytes, begin: int | None, arrival: int) -> None:
        """Sound. Where nothing says when it begins, it goes on from the frame before: a time stands in every packet of
        most muxers, but has to only each 0.7 s (§2.7.4)."""
        damaged = splitter.damaged
        frames = splitter.split(data)
        self._pay(len(frames))
        if splitter.damaged > damaged:
            self._unread.refused(MediaKind.AUDIO, f"no frames of {stream.track.codec} are found in it")
            self._sink.dropped(MediaKind.AUDIO, "damaged", splitter.damaged - damaged)
        if begin is None and frames and stream.goes_on is not None:
            begin = stream.goes_on - frames[0][1]
        if begin is None:
            self._unread.refused(MediaKind.AUDIO, "nothing says when it is to be heard")
            self._sink.dropped(MediaKind.AUDIO, WITHOUT_TIME)
            return
        stream.goes_on = begin + splitter.lasts
        for frame, after in frames:
            self._packet(stream, frame, begin + after, begin + after, arrival)

    def _packet(self, stream: _Stream, data: bytes, dts: int, pts: int, arrival: int) -> None:
        try:
            packet = stream.parser.parse(data, dts, pts, arrival)
        except MediaError as error:
            self._unread.refused(stream.track.kind, str(error))
            self._sink.dropped(stream.track.kind, "damaged")
            return
        if packet is None:
            if stream.parser.track is None:
                self._unread.refused(stream.track.kind, NO_PARAMETERS)
            return
        self._unread.read(stream.track.kind)
        if stream.waiting and not packet.keyframe:
            self._sink.dropped(stream.track.kind, UNTIL_KEYFRAME)
            return
        stream.waiting = False
        self._intake.packet(packet, self._arrival)

    def _pay(self, units: int) -> None:
        if self._units.spend(units, self._arrival / NS_PER_S) > 0:
            raise StreamError("it sends more pictures and sound in a second than any camera does")


def _ns(ticks: int) -> int:
    return ticks * (NS_PER_S // 10_000) // (CLOCK // 10_000)


def _installed(codec: Callable[[str], CodecKind], name: str) -> bool:
    try:
        codec(name)
    except MediaError:
        return False
    return True
