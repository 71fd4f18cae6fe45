"""What the demo's receivers got, counted and decoded, beside what was sent."""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Iterable, Sequence

import attrs
from rich.console import Group
from rich.table import Table
from rich.text import Text

from camcast.cli.terminal import table
from camcast.engine import Stats
from camcast.kinds import CodecKind
from camcast.media import NS_PER_MS, MediaKind, TagType
from camcast.session.metrics import SessionMetrics
from camcast.stream.flow import REASON_LOST
from camcast.testing.local import LocalReceiver
from camcast.testing.recording import ReceivedFrame, Recording


@attrs.define
class _Arrived:
    """All that came of one stream, at whichever receiver."""

    codec: str = ""
    size: str = ""
    frames: int = 0
    decoded: int = 0
    first: int | None = None
    """`time.monotonic_ns()` of the first frame."""
    latencies: list[float] = attrs.field(factory=list)
    """ms between the making of a test picture and its arrival."""


def report(
    stats: Stats, receivers: Sequence[LocalReceiver], codecs: Iterable[CodecKind], started: int
) -> tuple[Group, bool]:
    """The final table, and whether every frame that a receiver read came whole and could be decoded.

    `started`: `time.monotonic_ns()` when the engine was started.
    """
    kinds = list(codecs)
    shown = table(
        "",
        *("stream", "codec", "size", "sent", "received", "decoded", "lost", "first frame", "latency", "moves"),
        numbers=("sent", "received", "decoded", "lost", "first frame", "latency", "moves"),
    )
    well, unread = True, 0
    for metrics in stats.sessions:
        arrived = _arrived([one for receiver in receivers for one in receiver.of(metrics.label)], kinds)
        good, left = _row(shown, metrics, arrived, started)
        well, unread = well and good, unread + left
    if well:
        verdict = Text("Every frame that a receiver read was received whole and decoded.", "bold green")
        if unread:
            verdict.append(f"\n{unread} lay unread in the first receiver's sockets when it was switched off.", "yellow")
    else:
        verdict = Text("NOT every frame that a receiver read was received whole and decoded.", "bold red")
    return Group(shown, verdict), well


def _row(shown: Table, metrics: SessionMetrics, arrived: _Arrived, started: int) -> tuple[bool, int]:
    """Add a stream's row. (whether all is well with it, frames that the receiver that failed had not read)."""
    # What was on its way when a connection broke may have arrived or not: nobody acknowledged it.
    in_flight = metrics.dropped.get(f"{MediaKind.VIDEO.value}: {REASON_LOST}", 0)
    sent = metrics.video_sent + metrics.replayed + in_flight
    lost = sent - arrived.frames
    latency = statistics.median(arrived.latencies) if arrived.latencies else metrics.latency * 1000
    first = f"{(arrived.first - started) / NS_PER_MS:.0f} ms" if arrived.first is not None else "-"
    shown.add_row(
        metrics.label,
        arrived.codec,
        arrived.size,
        str(sent),
        str(arrived.frames),
        str(arrived.decoded),
        Text(str(lost), "red" if lost else "green"),
        first,
        f"{latency:.0f} ms",
        str(metrics.moves),
    )
    # Its kernel acknowledged them, it never saw them: only where a receiver was switched off.
    unread = max(0, lost - in_flight) if metrics.moves else 0
    return sent > 0 and 0 <= lost <= in_flight + unread and arrived.decoded == arrived.frames, unread


def _arrived(recordings: Iterable[Recording], codecs: Sequence[CodecKind]) -> _Arrived:
    found = _Arrived()
    for recording in recordings:
        frames = [frame for frame in recording.frames(codecs) if frame.type is TagType.VIDEO]
        if not frames:
            continue
        found.frames += len(frames)
        found.codec = frames[-1].codec
        found.first = min(frames[0].arrival, found.first) if found.first is not None else frames[0].arrival
        _decode(recording, frames, found)
    return found


def _decode(recording: Recording, frames: Sequence[ReceivedFrame], found: _Arrived) -> None:
    """Count the pictures that FFmpeg makes of a recording, and read the clock in those that show one."""
    import av

    from camcast.testing.strip import read

    arrivals = {frame.time + frame.composition: frame.arrival for frame in frames}
    behind = time.time_ns() - time.monotonic_ns()
    with av.open(io.BytesIO(recording.flv()), "r") as container:
        for picture in container.decode(video=0):
            found.decoded += 1
            found.size = f"{picture.width}x{picture.height}"
            shown = round((picture.time or 0.0) * 1000)
            mark = read(picture) if shown in arrivals else None
            if mark is not None:
                found.latencies.append((arrivals[shown] + behind) / NS_PER_MS - mark.wall_ms)
