"""Which of a file's tracks are played: the first picture and the first sound that can be used, and what is left out."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camcast.bitstream.audio_format import format_audio
from camcast.errors import MediaError, SourceError
from camcast.media import MediaKind
from camcast_file.lane import Lane

if TYPE_CHECKING:
    from camcast.contracts import CodecParser
    from camcast.kinds import CodecKind

KINDS = {"video": MediaKind.VIDEO, "audio": MediaKind.AUDIO}


class Tracks:
    """The lanes of the pass at hand, by the container's stream index. Parsers live as long as this does."""

    def __init__(self, path: Path, codec: Callable[[str], CodecKind]) -> None:
        self.lanes: dict[int, Lane] = {}
        self.left_out: dict[int, MediaKind] = {}
        """Streams of codecs that cannot be used, where others of their kind are or none is."""
        self.notes: list[str] = []
        self._path = path
        self._codec = codec
        self._parsers: dict[tuple[MediaKind, str, bytes], CodecParser] = {}

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def choose(self, container: Any) -> None:
        """Look at all streams of `container` and take what is to be played. Raises `SourceError`."""
        self.lanes.clear()
        self.left_out.clear()
        refusals: dict[MediaKind, list[str]] = {kind: [] for kind in MediaKind}
        for kind in MediaKind:
            lane: Lane | None = None
            usable = self._usable(container, kind, refusals[kind])
            for index, found in usable:
                # One that must be made another codec comes behind those that need not.
                if lane is None or (found.codec.flv and not lane.codec.flv):
                    lane, chosen = found, index
            if lane is not None:
                self.lanes[chosen] = lane
                others = ", ".join(found.codec.name for index, found in usable if index != chosen)
                if others:
                    self.note(
                        f"{self._path}: of its {kind.value} tracks {lane.codec.name} is played, and {others} left out"
                    )
            elif refusals[kind] and kind is MediaKind.VIDEO:
                raise SourceError(f"{self._path}: its video cannot be used: {'; '.join(refusals[kind])}", fatal=True)
            self._tell_left_out(kind, refusals[kind])
        if not any(stream.type in KINDS for stream in container.streams):
            raise SourceError(
                f"{self._path}: holds neither video nor audio; an MP4 that was broken off while it was written lacks "
                "its index and cannot be played",
                fatal=True,
            )
        if not self.lanes:
            why = f": {refusals[MediaKind.AUDIO][0]}" if refusals[MediaKind.AUDIO] else ""
            raise SourceError(f"{self._path}: holds no video and no audio that can be used{why}", fatal=True)

    def _tell_left_out(self, kind: MediaKind, refusals: list[str]) -> None:
        name = "an audio" if kind is MediaKind.AUDIO else "a video"
        for text in refusals:
            self.note(f"{self._path}: {name} track is left out: {text}")

    def _usable(self, container: Any, kind: MediaKind, refusals: list[str]) -> list[tuple[int, Lane]]:
        usable: list[tuple[int, Lane]] = []
        for stream in container.streams:
            if KINDS.get(stream.type) is not kind or "attached_pic" in _dispositions(stream):
                continue
            name = stream.codec_context.name if stream.codec_context is not None else ""
            try:
                usable.append((stream.index, self._lane(kind, name, stream)))
            except MediaError as error:
                refusals.append(str(error))
                self.left_out[stream.index] = kind
        return usable

    def _lane(self, kind: MediaKind, name: str, stream: Any) -> Lane:
        if not name:
            raise MediaError("FFmpeg does not know its codec")
        extradata = bytes(stream.codec_context.extradata or b"")
        told = extradata
        if kind is MediaKind.AUDIO and not extradata and stream.codec_context.sample_rate:
            told = format_audio(stream.codec_context.sample_rate, stream.codec_context.channels or 1)
        codec = self._codec(name)
        key = (kind, name, told)
        # The same parser goes on in the next pass, so that an unchanged track stays the same object.
        parser = self._parsers.get(key)
        if parser is None:
            parser = self._parsers[key] = codec.parser(told)
        base = Fraction(stream.time_base)
        if kind is MediaKind.VIDEO:
            seconds = 1 / Fraction(stream.average_rate or 25)
        else:
            seconds = Fraction(stream.codec_context.frame_size or 1024, stream.codec_context.sample_rate or 48_000)
        return Lane(kind, codec, parser, extradata, base, max(1, round(seconds / base)))


def _dispositions(stream: Any) -> str:
    disposition = getattr(stream, "disposition", None)
    return str(getattr(disposition, "name", "") or "")
