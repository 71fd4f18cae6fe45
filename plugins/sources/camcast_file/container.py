"""A media file while FFmpeg has it open, with no more of FFmpeg's own work than it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import av.error

from camcast.errors import SourceError
from camcast_file.growing import GrowingFile
from camcast_file.programme import Programme
from camcast_file.rest import RestOfFile
from camcast_file.tracks import KINDS

_OPEN_OPTIONS = {
    # Only this file: a playlist inside it must not make FFmpeg open sockets.
    "protocol_whitelist": "file,crypto,data",
    "analyzeduration": "1000000",
}
_FULL = {"probesize": "262144"}
_BRIEF = {"probesize": "32"}
"""The least FFmpeg takes. Where the container's header says all (mp4), FFmpeg need not decode pictures to find out
what the codecs' own parsers read anyway: that is ten times cheaper, for each pass."""
_LEAN = {**_BRIEF, "codec_whitelist": "none", "fflags": "+noparse"}
"""Neither opens FFmpeg's decoders nor runs its parsers: 300 KB less for each open file. For codecs whose samples in mp4
are whole access units; others (MP3 in mov) are cut by FFmpeg's parser."""
_TELLING = {"mov", "mp4"}
_WHOLE = {"h264", "hevc", "av1", "libdav1d", "aac"}


class Container:
    """Opened and closed as often as one likes; what is learnt of the file the first time is kept."""

    def __init__(self, path: Path, *, growing: bool) -> None:
        """`growing`: the file may still be written; its end is waited for."""
        self.path = path
        self.growing = growing
        self.av: Any = None
        """PyAV's, while it is open."""
        self._way = _LEAN
        self._file: GrowingFile | None = None
        self._rest: RestOfFile | None = None
        self._programme: Programme | None = None

    @property
    def waited(self) -> float:
        """Seconds spent so far at the end of a file that is being written."""
        return 0.0 if self._file is None else self._file.waited

    def stop_waiting(self) -> None:
        """From any thread: whoever waits for more of the file stops waiting."""
        if (growing := self._file) is not None:
            growing.closed = True

    def open(self, begin: int) -> None:
        """From this byte on. Raises `SourceError`."""
        try:
            self.av = self._open(begin)
            if self._way is _LEAN and (way := _way_for(self.av)) is not _LEAN:
                self.close()
                self._way = way
                self.av = self._open(begin)
            if self.av.format.name == "mpegts" and not self.growing:
                self._programme = Programme(self.path, begin)
        except FileNotFoundError:
            raise SourceError(f"{self.path}: there is no such file") from None
        except PermissionError:
            raise SourceError(f"{self.path}: this file may not be read by this user") from None
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise SourceError(
                f"{self.path}: not a media file that FFmpeg can read ({error.__class__.__name__}: "
                f"{getattr(error, 'strerror', '') or error})",
                fatal=True,
            ) from error

    def _open(self, begin: int) -> Any:
        options = {**_OPEN_OPTIONS, **self._way}
        if begin:
            self._rest = RestOfFile(self.path, begin)
            return av.open(self._rest, options=options)
        if not self.growing:
            return av.open(f"file:{self.path}", options=options)
        if self._file is not None:
            self._file.close()
        self._file = GrowingFile(self.path)
        return av.open(self._file, options=options)

    def changed_before(self, position: int) -> int | None:
        """Where tracks of other codecs begin under the numbers of those at hand, if that is in front of `position`."""
        return None if self._programme is None else self._programme.changed_before(position)

    def close(self) -> None:
        if self._programme is not None:
            self._programme.close()
            self._programme = None
        if self.av is not None:
            self.av.close()
            self.av = None
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._rest is not None:
            self._rest.close()
            self._rest = None


def _way_for(container: Any) -> dict[str, str]:
    """How much FFmpeg has to do for this file."""
    if _TELLING.isdisjoint(container.format.name.split(",")):
        return _FULL
    streams = [stream for stream in container.streams if stream.type in KINDS]
    known = all(stream.codec_context is not None and stream.codec_context.name in _WHOLE for stream in streams)
    return _LEAN if known else _BRIEF
