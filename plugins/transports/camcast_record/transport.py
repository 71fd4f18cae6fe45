"""One attempt of a recording: what comes goes into memory at once, and from there to a thread that writes it.

Nothing of a disk is ever waited for on the loop. A disk that is slow, or stands still for seconds, costs memory
(`memory`); one that takes nothing for `patience`, or is full, ends the attempt with an error that says so, and it is
tried again like any other. What has been handed over counts as acknowledged: how far a link may fall behind (`queue`)
is no measure for a disk, from which nobody looks on live.
"""

from __future__ import annotations

import asyncio
import time as clock
from collections.abc import Callable, Mapping, Sequence

from camcast.contracts import Segment, TransportContext
from camcast.errors import MisconfiguredError, MissingDependency, NetworkError, TransportError
from camcast.lane import Lane, LaneClosed
from camcast.media import NS_PER_S, MediaKind, Packet, Track, Unit
from camcast_record.batch import Batch
from camcast_record.gate import Gate
from camcast_record.naming import FileName
from camcast_record.options import RecordOptions
from camcast_record.recorder import Recorder, told
from camcast_record.sweep import Sweeper
from camcast_record.upload import HANGS, Uploader

BATCH_BYTES = 4 << 20
"""What comes is handed to the thread by whole fragments, since to wake it costs more than what it does; and when it is
so much."""
REST = 0.25
"""Seconds over the length of a fragment after which what there is of one is handed over: no more may come."""
LOOK = 0.25
"""Seconds between two looks at the output whose failures are recorded."""
CARE = 5.0
"""Seconds between two looks at whether the archive is to be swept, and how uploads do."""
_DRAIN = 1.2
_DRAIN_STEP = 0.01
_END = 0.4
_VIDEO = MediaKind.VIDEO


class RecordTransport:
    """Implements `camcast.contracts.Transport`."""

    def __init__(
        self,
        context: TransportContext,
        name: FileName,
        sweeper: Sweeper,
        held: Callable[[], bool],
        left_behind: Callable[[Recorder], object],
        uploads: dict[str, Uploader],
    ) -> None:
        """`held`: whether an earlier attempt's thread still hangs in this recording's disk; `left_behind` is told the
        recorder of one that does. `uploads`: who uploads, or did last, by recording."""
        options = context.options if isinstance(context.options, RecordOptions) else RecordOptions()
        self._context = context
        self._options = options
        self._folder = sweeper.archive
        self._sweeper = sweeper
        self._held = held
        self._left_behind = left_behind
        self._recorder = Recorder(name, context.label or "recording", options, sweeper, self._complete, self._note)
        self._lane = Lane(
            f"camcast-record-{context.label}",
            context.handover,
            interrupt=lambda: None,  # nothing ends a write that hangs
            failed=self._failed,
            limit=options.memory,
            deadline=options.patience,
        )
        self._uploads = uploads
        self._uploader: Uploader | None = None
        self._upload_hangs = False
        self._gate: Gate | None = None
        self._batch = Batch()
        self._most = min(BATCH_BYTES, options.memory // 8)
        self._wait = options.fragment + REST
        self._length = int(options.fragment * 1000)
        self._timer: asyncio.TimerHandle | None = None
        self._care_timer: asyncio.TimerHandle | None = None
        self._handed = 0
        self._look_at = 0.0
        self._missed = _Missed()
        self._state = "new"
        self._ending: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<RecordTransport {self._context.target.shown} {self._state}>"

    async def connect(self) -> None:
        """Look at the folder. Raises `TransportError`."""
        if self._state != "new":
            raise NetworkError("this attempt has been used already", stage="connect")
        self._state = "connected"
        if self._held():
            raise NetworkError(
                f"the disk of {self._folder} still hangs in an earlier write: is its mount dead?", stage="connect"
            )
        await self._step(self._recorder.look, "connect")

    async def publish(self, tracks: Sequence[Track]) -> None:
        """Raises `TransportError`."""
        if self._state != "connected":
            raise NetworkError("publish comes once, after connect", stage="publish")
        if not tracks:
            raise MisconfiguredError("there is neither picture nor sound to record", stage="publish")
        if self._options.while_down:
            pictures = any(track.kind is MediaKind.VIDEO for track in tracks)
            self._gate = Gate(
                before=self._options.before, after=self._options.after, most=self._options.memory, pictures=pictures
            )
        await self._step(lambda: self._recorder.begin(tracks), "publish")
        if self._state == "connected":
            self._state = "recording"
            self._care()
        self._look(clock.monotonic())

    def send(self, unit: Unit, time: int) -> int | None:
        batch = self._batch
        if isinstance(unit, Packet) and not batch.take(unit, time) and self._state == "recording":
            batch.taken += len(unit.payload)
            self._take(unit, time)
        return batch.taken

    @property
    def native_port(self) -> Batch | None:
        """Where there is a C form; for the fast path."""
        return self._batch if Batch.table is not None else None

    @property
    def pending(self) -> int:
        return 0

    @property
    def acked(self) -> int:
        return self._batch.taken

    def stats(self) -> Mapping[str, float]:
        recorder = self._recorder
        return {
            "recorded_bytes": float(recorder.bytes),
            "recorded_segments": float(recorder.segments),
            "waiting_bytes": float(self._lane.backlog + self._batch.size),
            "kept_bytes": float(self._gate.kept if self._gate is not None else 0),
            "recording": float(self._gate is None or self._gate.open),
            "left_out_frames": float(recorder.left_out + self._missed.total),
        }

    async def close(self) -> None:
        if self._ending is None:
            self._ending = asyncio.create_task(self._close())
        await asyncio.shield(self._ending)

    # --- inside -------------------------------------------------------------------------------------------

    def _look(self, now: float) -> None:
        """How the output does whose failures are recorded."""
        if self._gate is not None and now >= self._look_at:
            first = not self._look_at
            self._look_at = now + LOOK
            other = self._context.beside(self._options.while_down)
            if other is None and first:
                self._context.events.note(
                    "while_down_unknown",
                    "`while_down` names an output that this stream does not have, so all is recorded",
                )
            self._gate.look(other, now)

    def _take(self, packet: Packet, time: int) -> None:
        gate = self._gate
        if gate is None:
            self._add(packet, time)
            return
        self._look(clock.monotonic())
        was = gate.open
        for kept, at in gate.add(packet, time):
            self._add(kept, at)
        if was and not gate.open:
            self._flush()
            self._lane.post(0, self._recorder.pause)

    def _add(self, packet: Packet, time: int) -> None:
        batch = self._batch
        size = batch.size + len(packet.payload)
        if self._missed.leaves_out(packet, self._lane.backlog + size > self._options.memory):
            batch.room = 0
            return
        batch.units.append((packet, time))
        batch.size = size
        if (packet.keyframe and packet.track.kind is _VIDEO) or time >= batch.whole_at:
            # With the unit that begins the next fragment, which tells how long this one's last is.
            batch.whole_at = time + self._length
            self._flush()
        elif size >= self._most:
            self._flush()
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._wait, self._flush)
        if self._gate is None and not self._missed.wait_keyframe:
            batch.room = min(self._most, self._options.memory - self._lane.backlog)

    def _flush(self) -> None:
        """Hand over what there is; what comes next is looked at."""
        self._batch.room = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batch, size = self._batch.units, self._batch.size
        self._batch.units, self._batch.size = [], 0
        holed = self._missed.now > 0
        if self._missed.over:
            self._tell_missed()
        if batch and not self._lane.post(size, self._recorder.write, batch, holed) and self._state != "lost":
            self._missed.count(len(batch))
        else:
            # What comes behind a write that failed is of the gap that the recorder's end writes down.
            self._handed += len(batch)

    def _tell_missed(self) -> None:
        count, begin, end = self._missed.told()
        text = f"the disk of {self._folder} is too slow: {count} frames were left out of the recording"
        self._context.events.note("record_too_slow", text)
        self._lane.post(0, self._recorder.missed, "the disk was too slow", count, begin, end)

    def _care(self) -> None:
        """For the archive and its uploads, also while nothing comes or no file ends."""
        if self._state == "recording":
            if self._sweeper.due:
                self._lane.post(0, self._recorder.sweep)
            if self._options.upload:
                self._care_for_uploads()
            self._care_timer = asyncio.get_running_loop().call_later(CARE, self._care)

    def _care_for_uploads(self) -> None:
        options, url = self._options, self._context.target.url
        uploader = self._uploads.get(url)
        if self._uploader is None and (uploader is None or not uploader.thread.is_alive()):
            uploader = self._begin_uploads(options, url)
        hangs = uploader is not None and uploader.hangs
        if hangs and not self._upload_hangs:
            self._context.events.note(
                "upload_hangs",
                f"the store of recordings does not answer (for {HANGS:g} s): recording goes on, uploads wait",
            )
        elif self._upload_hangs and not hangs:
            self._context.events.note("upload_goes_on", "recordings are uploaded again")
        self._upload_hangs = hangs

    def _begin_uploads(self, options: RecordOptions, url: str) -> Uploader:
        uploader = Uploader(
            self._recorder.shelf,
            options.upload,
            options.upload_options,
            options.upload_rate,
            self._note,
        )
        self._uploader = self._uploads[url] = uploader
        uploader.thread.start()
        return uploader

    def _note(self, code: str, text: str) -> None:
        """On any thread."""
        self._context.handover.call(self._context.events.note, code, text)

    def _complete(self, segment: Segment) -> None:
        """On the thread."""
        if self._uploader is not None:
            self._uploader.more()
        self._context.handover.call(self._context.events.segment, segment)

    def _failed(self, error: BaseException) -> None:
        if self._state == "recording":
            self._state = "lost"
            self._batch.room = 0
            if isinstance(error, TimeoutError) and not error.errno:
                text = f"the disk of {self._folder} has taken nothing for {self._options.patience:g} s"
            else:
                text = told(error, self._folder)
            self._context.events.lost(NetworkError(text, stage="streaming"))

    async def _step(self, doing: Callable[[], object], stage: str) -> None:
        """On the thread, within the target's deadline. Raises `TransportError`."""
        seconds = self._context.target.connect_timeout
        try:
            await self._lane.call(seconds, doing)
        except TransportError:
            raise
        except MissingDependency as error:
            raise MisconfiguredError(str(error), stage=stage) from None
        except TimeoutError:
            raise NetworkError(f"the disk of {self._folder} did not answer within {seconds:g} s", stage=stage) from None
        except LaneClosed:
            raise NetworkError("closed meanwhile", stage=stage) from None
        except Exception as error:  # noqa: BLE001  FFmpeg raises errors of many kinds
            # Not chained: the original text holds the file's name.
            raise NetworkError(told(error, self._folder), stage=stage) from None

    async def _close(self) -> None:
        recording = self._state == "recording"
        self._flush()
        if self._missed.now:
            self._tell_missed()
        self._state = "closed"
        if self._care_timer is not None:
            self._care_timer.cancel()
        until = clock.monotonic() + _DRAIN
        # Looked at: the thread tells nobody of a job that went well.
        while self._lane.backlog and recording and clock.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(_DRAIN_STEP)
        handed = self._handed
        ended = await self._lane.stop(lambda: self._recorder.finish(handed), patience=_END, after=0.1)
        if not ended:
            self._left_behind(self._recorder)
        if recording:
            self._tell_cut_off(ended)
        if self._uploader is not None:
            self._uploader.stop()
            await self._uploader.ended(_END)

    def _tell_cut_off(self, ended: bool) -> None:
        """What an end cost that nobody waits longer for, or that failed."""
        recorder = self._recorder
        missing, error = self._handed - recorder.taken, recorder.error
        if missing or error is not None or not ended:
            why = f"the disk of {self._folder} is too slow" if error is None else told(error, self._folder)
            what = f"up to {missing} frames were not written" if missing else "its last file may lack its end"
            self._context.events.note("record_cut_off", f"the recording's end is not whole: {why}; {what}")


class _Missed:
    """What is left out because the disk is too slow: after a picture, the picture goes on with a keyframe."""

    def __init__(self) -> None:
        self.total = 0
        self.now = 0
        """Of those, what has not been told."""
        self._since = self._until = 0.0
        self.wait_keyframe = False
        """Whether pictures are left out until a keyframe comes."""

    def leaves_out(self, packet: Packet, full: bool) -> bool:
        """Whether `packet` is left out, now that there is no room (`full`), or after what was."""
        video = packet.track.kind is MediaKind.VIDEO
        if video and packet.keyframe and not full:
            self.wait_keyframe = False
        if not full and not (video and self.wait_keyframe):
            return False
        self.wait_keyframe |= video
        self.count(1)
        return True

    def count(self, frames: int) -> None:
        now = clock.time_ns() / NS_PER_S
        self._since = self._since if self.now else now
        self._until = now
        self.now += frames
        self.total += frames

    @property
    def over(self) -> bool:
        """Whether something was left out, and no more is."""
        return self.now > 0 and not self.wait_keyframe

    def told(self) -> tuple[int, float, float]:
        """How many, and from when to when; counted anew from here on."""
        count, self.now = self.now, 0
        return count, self._since, self._until
