"""A thread for one encoder or transcoder: frames or packets in, packets out, never a wait on the loop.

The input is bounded; when it is full, the oldest entries up to the next one that can start afresh are dropped
and counted. What cannot keep up with real time for `PATIENCE` is told once, so that its owner stops it.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Protocol

from camcast.contracts import Decoder, Encoder, Handover
from camcast.errors import CamcastError
from camcast.media import Frame, MediaKind, Packet

log = logging.getLogger(__name__)

MAX_INPUT = 90
PATIENCE = 5.0
"""Seconds of falling behind after which a worker is told to be too slow."""


class Process(Protocol):
    """What a worker runs: one step, and the end."""

    def step(self, item: Frame | Packet) -> Sequence[Packet]: ...

    def close(self) -> None: ...


class Encode:
    """Frames to packets."""

    def __init__(self, open_encoder: Callable[[], Encoder]) -> None:
        self._open = open_encoder
        self.encoder: Encoder | None = None

    def step(self, item: Frame | Packet) -> Sequence[Packet]:
        if self.encoder is None:
            self.encoder = self._open()
        assert isinstance(item, Frame)
        return self.encoder.encode(item)

    def close(self) -> None:
        if self.encoder is not None:
            self.encoder.close()


class Transcode:
    """Packets to packets. Opens its decoder at a keyframe and anew when the track changes."""

    def __init__(self, open_decoder: Callable[[Packet], Decoder], open_encoder: Callable[[Frame], Encoder]) -> None:
        self._open_decoder = open_decoder
        self._open_encoder = open_encoder
        self._decoder: Decoder | None = None
        self._track: object = None
        self._format: tuple[int, int, int, int] | None = None
        self.encoder: Encoder | None = None

    def step(self, item: Frame | Packet) -> Sequence[Packet]:
        assert isinstance(item, Packet)
        frames: list[Frame] = []
        if item.track is not self._track:
            if not item.keyframe:
                return ()
            if self._decoder is not None:
                frames += self._decoder.flush()
                self._decoder.close()
            self._decoder = self._open_decoder(item)
            self._track = item.track
        assert self._decoder is not None
        frames += self._decoder.decode(item)
        packets: list[Packet] = []
        for frame in frames:
            packets += self._encode(frame)
        return packets

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


class Worker:
    """Runs a `Process` on a thread of its own. All methods are called on the loop."""

    def __init__(
        self,
        process: Process,
        handover: Handover,
        *,
        name: str,
        on_packet: Callable[[Packet], object],
        on_error: Callable[[str], object],
        on_drop: Callable[[MediaKind, int], object],
        on_slow: Callable[[], object] = lambda: None,
    ) -> None:
        self.process = process
        self._handover = handover
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
        self._thread = threading.Thread(target=self._run, name=f"camcast-{name}", daemon=True)
        self._thread.start()

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
                if command is not None:
                    command()
                elif item is not None:
                    self._step(item)
        except Exception as error:
            known = isinstance(error, CamcastError)
            if not known:
                log.exception("%s failed", self._thread.name)
            self._handover.call(self._on_error, str(error) if known else f"{type(error).__name__}: {error}")
        finally:
            self.process.close()

    def _step(self, item: Frame | Packet) -> None:
        for packet in self.process.step(item):
            if not self._handover.call_wait(self._on_packet, packet, timeout=1.0):
                self._handover.call(self._on_drop, packet.track.kind, 1)
