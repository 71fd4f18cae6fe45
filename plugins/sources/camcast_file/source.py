"""A file played as a camera: packets handed over at their decode times, pass after pass."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from camcast.contracts import MediaSink, SourceContext
from camcast.errors import SourceError
from camcast_file.feeds import Feed, MemoryFeed, ReadAhead
from camcast_file.growing import is_written
from camcast_file.options import FileOptions
from camcast_file.player import Player
from camcast_file.reader import FileReader
from camcast_file.readers import Readers
from camcast_file.shared import Desk, Shared


class FileSource:
    """Plays one file; see `FileOptions`."""

    def __init__(self, context: SourceContext, shared: Shared) -> None:
        self._context = context
        self._options: FileOptions = context.options if isinstance(context.options, FileOptions) else FileOptions()
        self._shared = shared

    async def run(self, sink: MediaSink) -> None:
        path = local_path(self._context.url)
        with self._shared.desk() as desk:
            player = Player(sink, desk.pacer, self._options)
            feed = await self._feed(path, desk, player, sink)
            try:
                player.start(feed)
                await player.done
            finally:
                player.stop()
                await feed.close()

    def request_keyframe(self) -> bool:
        return False

    async def _feed(self, path: Path, desk: Desk, player: Player, sink: MediaSink) -> Feed:
        options, codec = self._options, self._context.codec
        if options.loop and options.cache and not options.start_at:
            cached = await desk.clip(path, codec)
            if cached is not None:
                clip, leave = cached
                self._note(clip.notes)
                return MemoryFeed(clip, leave, sink.dropped)
        growing = not options.loop and not options.start_at and await desk.readers.run(lambda: is_written(path), path)
        reader = FileReader(path, codec, loop=options.loop, start_at=options.start_at, growing=growing)
        # Waiting for more of a file must not hold the others' threads.
        readers = Readers(asyncio.get_running_loop(), threads=1) if growing else desk.readers
        opening = readers.submit(reader.open, path)
        try:
            tracks = await opening
        except BaseException:
            # A thread may still be opening it; it is closed as soon as that is done.
            reader.close()
            readers.submit(reader.close, path, closing=True)
            if growing:
                readers.close()
            raise
        self._note(reader.notes)
        return ReadAhead(reader, tracks, readers, player.wake, sink.dropped, own_readers=growing)

    def _note(self, notes: Sequence[str]) -> None:
        for note in notes:
            self._context.note("file", note)


def local_path(url: str) -> Path:
    """The path that a file source's `url` means. Raises `SourceError`."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    if "://" in url:
        raise SourceError(
            f"the file source plays local files, not {parts.scheme}:// addresses; for a camera use source type "
            f'"{parts.scheme}" if there is one (`camcast plugins` lists them)',
            fatal=True,
        )
    if not url:
        raise SourceError('the file source needs a path: {"type": "file", "url": "clip.mp4"}', fatal=True)
    try:
        return Path(url).expanduser()
    except RuntimeError as error:  # nobody's home folder
        raise SourceError(f"{url} is no path on this machine: {error}", fatal=True) from None
