"""A thread for one encoder or transcoder: frames or packets in, packets out, never a wait on the loop.

The input is bounded: when it is full, what comes is dropped and counted, up to the next entry that can start afresh.
What cannot keep up with real time for `PATIENCE` is told once, so that its owner stops it. What does not come back from
one step is something else, and nobody's machine is too slow for it: it has hung, and is left behind.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Protocol

from camcast.contracts import Decoder, Encoder, Handover
from camcast.descriptors import exhausted
from camcast.encode.smaller import Sparse
from camcast.errors import CamcastError, EncoderError, MediaError, PluginError
from camcast.host import PluginHost
from camcast.hosting.culprit import culprit
from camcast.media import Frame, MediaKind, Packet

log = logging.getLogger(__name__)

MAX_INPUT = 90
PATIENCE = 5.0
"""Seconds of falling behind after which a thread is told to be too slow."""
HANG = 10.0
"""Seconds in one step after which it has hung. Opening an encoder is a step, too: hardware may take two or three."""
LOOKS = 10
"""Looks that must have found the same step: a process that was suspended was not looked at."""
MAX_DAMAGED = 250
"""Packets in a row of which nothing can be decoded, after which a transcoder gives up."""


class Process(Protocol):
    """What such a thread runs: one step, and the end."""

    def step(self, item: Frame | Packet) -> Sequence[Packet]: ...

    def close(self) -> None: ...


class Encode:
    """Frames to packets."""

    def __init__(self, open_encoder: Callable[[], Encoder]) -> None:
        self.sparse = Sparse()
        self._open = open_encoder
        self._anew = False
        self.encoder: Encoder | None = None

    def anew(self) -> None:
        """Open the encoder anew for the next frame, which becomes a keyframe; what the old one holds is not lost."""
        self._anew = True

    def step(self, item: Frame | Packet) -> Sequence[Packet]:
        packets: list[Packet] = []
        if self._anew and self.encoder is not None:
            packets += self.encoder.flush()
            self.encoder.close()
            self.encoder = None
        self._anew = False
        if self.encoder is None:
            self.encoder = self._open()
        assert isinstance(item, Frame)
        return packets + self.encoder.encode(item) if self.sparse.takes(item) else packets

    def close(self) -> None:
        if self.encoder is not None:
            self.encoder.close()


class Transcode:
    """Packets to packets. Opens its decoder at a keyframe and anew when the track changes.

    What cannot be decoded is left out: `on_damaged` is called for each such packet, on the thread.
    """

    def __init__(
        self,
        open_decoder: Callable[[Packet], Decoder],
        open_encoder: Callable[[Frame], Encoder],
        on_damaged: Callable[[Packet], object] = lambda packet: None,
    ) -> None:
        self._open_decoder = open_decoder
        self._open_encoder = open_encoder
        self._on_damaged = on_damaged
        self.sparse = Sparse()
        self._decoder: Decoder | None = None
        self._track: object = None
        self._format: tuple[int, int, int, int] | None = None
        self._damaged = 0
        self._from: int | None = None
        self.encoder: Encoder | None = None

    def prime(self, group: Sequence[Packet]) -> None:
        """Begin in the middle of a group of pictures: decode it, and encode none before its last."""
        self._from = group[-1].pts
        for packet in group[:-1]:
            self._decode(packet)

    def anew(self) -> None:
        """Open the encoder anew for the next frame, which becomes a keyframe."""
        self._format = None

    def step(self, item: Frame | Packet) -> Sequence[Packet]:
        assert isinstance(item, Packet)
        packets: list[Packet] = []
        for frame in self._decode(item):
            if (self._from is None or frame.pts >= self._from) and self.sparse.takes(frame):
                packets += self._encode(frame)
        return packets

    def _decode(self, packet: Packet) -> list[Frame]:
        frames: list[Frame] = []
        try:
            if packet.track is not self._track:
                if not packet.keyframe:
                    return []
                frames += self._end_decoder()
                self._decoder = self._open_decoder(packet)
                self._track = packet.track
            assert self._decoder is not None
            frames += self._decoder.decode(packet)
        except MediaError as error:
            self._on_damaged(packet)
            self._damaged += 1
            if self._damaged >= MAX_DAMAGED:
                raise EncoderError(f"none of {self._damaged} packets in a row can be decoded: {error}") from error
        else:
            self._damaged = 0
        return frames

    def _end_decoder(self) -> list[Frame]:
        decoder, self._decoder, self._track = self._decoder, None, None
        if decoder is None:
            return []
        try:
            return decoder.flush()
        except MediaError as error:
            log.debug("The last pictures before a change are lost: %s", error)
            return []
        finally:
            decoder.close()

    def _encode(self, frame: Frame) -> list[Packet]:
        track = frame.track
        form = (track.width, track.height, track.sample_rate, track.channels)
        packets: list[Packet] = []
        if form != self._format:
            if self.encoder is not None:
                packets += self.encoder.flush()
                self.encoder.close()
            self.encoder = self._open_encoder(frame)
            self._format = form
        assert self.encoder is not None
        return packets + self.encoder.encode(frame)

    def close(self) -> None:
        for part in (self._decoder, self.encoder):
            if part is not None:
                part.close()


class Held:
    """Whether one step does not end, by a clock passed in."""

    def __init__(self) -> None:
        self._step: int | None = None
        self._since = 0.0
        self._looks = 0

    def see(self, step: int | None, now: float) -> bool:
        """The thread is within this step, None = waits for work. True once a step that has hung: say so now."""
        if step is None or step != self._step:
            self._step, self._since, self._looks = step, now, 0
            return False
        self._looks += 1
        if self._looks < LOOKS or now - self._since < HANG:
            return False
        self._since = float("inf")
        return True


class EncoderThread:
    """Runs a `Process` on a thread of its own. All methods are called on the loop.

    Making one raises `EncoderError` where no thread can be started.
    """

    def __init__(
        self,
        process: Process,
        handover: Handover,
        host: PluginHost,
        *,
        name: str,
        on_packet: Callable[[Packet], object],
        on_error: Callable[[CamcastError], object],
        on_drop: Callable[[MediaKind, int], object],
        on_slow: Callable[[], object] = lambda: None,
    ) -> None:
        self.process = process
        self._handover = handover
        self._host = host
        self._on_packet = on_packet
        self._on_error = on_error
        self._on_drop = on_drop
        self._on_slow = on_slow
        self._input: deque[Frame | Packet] = deque()
        self._ready = threading.Condition()
        self._stopping = False
        self._commands: deque[Callable[[], object]] = deque()
        self._behind_since: float | None = None
        self._skipping = False
        self._step = 0
        """Of the thread: its number, and whether it is within it."""
        self._busy = False
        self._held = Held()
        self._thread = threading.Thread(target=self._run, name=f"camcast-{name}", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            raise EncoderError(exhausted(error) or str(error)) from None

    def put(self, item: Frame | Packet) -> None:
        """Queue one item; when full, drop it and what depends on it."""
        keyframe = isinstance(item, Frame) or item.keyframe
        with self._ready:
            full = len(self._input) >= MAX_INPUT
            if full or (self._skipping and not keyframe):
                self._skipping = True
                self._on_drop(item.track.kind, 1)
            else:
                self._skipping = False
                self._input.append(item)
                self._ready.notify()
            behind = len(self._input) > MAX_INPUT // 2
            step = self._step if self._busy else None
        if self._held.see(step, monotonic()):
            self._hung()
        self._watch(behind)

    def command(self, call: Callable[[], object]) -> None:
        """Run `call` on the thread, before the next item."""
        with self._ready:
            if len(self._commands) < MAX_INPUT:
                self._commands.append(call)
                self._ready.notify()

    def stop(self) -> None:
        """End the thread soon; does not wait for it."""
        with self._ready:
            self._stopping = True
            self._input.clear()
            self._ready.notify()

    def join(self, timeout: float) -> bool:
        """Wait for the thread's end; not on the loop. False = still running."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _watch(self, behind: bool) -> None:
        if not behind:
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = monotonic()
        elif monotonic() - self._behind_since > PATIENCE:
            self._behind_since = float("inf")
            self._on_slow()

    def _hung(self) -> None:
        """One step does not end. The thread cannot be: it goes when the step does, if ever."""
        plugin, where = culprit(sys._current_frames().get(self._thread.ident or 0), self._host.plugins)
        who = f"plugin {plugin.name}" if plugin is not None else self._thread.name
        self._host.faults.count(who)
        self._behind_since = float("inf")
        self._on_error(
            PluginError(f"{who} has hung for {HANG:g} s in {where}: it is left behind; this machine is not too slow")
        )

    def _bug(self, error: Exception) -> CamcastError:
        """What the step raised, as its owner is told it."""
        if isinstance(error, CamcastError):
            return error
        if told := exhausted(error):
            return EncoderError(told)
        traced = error.__traceback__
        while traced is not None and traced.tb_next is not None:
            traced = traced.tb_next
        plugin, where = culprit(traced.tb_frame if traced is not None else None, self._host.plugins)
        who = f"plugin {plugin.name}" if plugin is not None else self._thread.name
        self._host.faults.tell(who, where, error)
        return PluginError(f"{who} failed in {where}, by a bug of its own: {type(error).__name__}: {error}")

    def _run(self) -> None:
        try:
            while True:
                with self._ready:
                    while not (self._input or self._stopping or self._commands):
                        self._ready.wait()
                    if self._stopping:
                        return
                    command = self._commands.popleft() if self._commands else None
                    item = self._input.popleft() if self._input and command is None else None
                    self._step, self._busy = self._step + 1, True
                if command is not None:
                    command()
                elif item is not None:
                    self._take(item)
                self._busy = False
        except Exception as error:  # noqa: BLE001  a plugin's bug
            told = self._bug(error)
            if not self._stopping:  # else its owner may have another thread by now, which is well
                self._handover.call(self._on_error, told)
        finally:
            self.process.close()

    def _take(self, item: Frame | Packet) -> None:
        for packet in self.process.step(item):
            if not self._handover.call_wait(self._on_packet, packet, timeout=1.0):
                self._handover.call(self._on_drop, packet.track.kind, 1)
