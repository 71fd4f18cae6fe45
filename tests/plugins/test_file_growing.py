"""A file that is still being written, whose sound pauses: the pictures do not wait for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path

import av
from tests.far.starved import Starved
from tests.media import encode

from camcast.host import PluginHost
from camcast.media import NS_PER_S, MediaKind, Packet, Track
from camcast_file.merge import MAX_SPAN, MAX_WAIT, Merge
from camcast_file.reader import FileReader

VIDEO = Track(kind=MediaKind.VIDEO, codec="made-up")
AUDIO = Track(kind=MediaKind.AUDIO, codec="made-up")
PAUSE = (2.0, 7.0)
"""Seconds of the clip without sound."""
LENGTH = 9.0


def packet(track: Track, seconds: float) -> Packet:
    return Packet(track, round(seconds * NS_PER_S), round(seconds * NS_PER_S), True, b"x")


def test_what_has_waited_long_at_the_end_of_the_file_is_not_kept_for_the_other_track() -> None:
    waited = 0.0
    merge = Merge([MediaKind.VIDEO, MediaKind.AUDIO], lambda: waited)
    merge.push(packet(VIDEO, 0.0))
    waited = MAX_WAIT
    merge.push(packet(VIDEO, 0.04))
    assert merge.take() == []
    waited += 0.1
    assert [one.dts for one in merge.take()] == [0]
    # As soon as there is sound again both are in order.
    merge.push(packet(AUDIO, 0.02))
    assert [one.track.kind for one in merge.take()] == [MediaKind.AUDIO]


def test_in_a_file_that_is_whole_only_the_distance_counts() -> None:
    merge = Merge([MediaKind.VIDEO, MediaKind.AUDIO])
    for second in range(MAX_SPAN // NS_PER_S + 1):
        merge.push(packet(VIDEO, second))
        assert merge.take() == []
    merge.push(packet(VIDEO, MAX_SPAN // NS_PER_S + 1))
    assert len(merge.take()) == 1


def with_a_pause(path: Path) -> list[tuple[float, int]]:
    """A transport stream; (seconds, bytes up to there) in the order of the file."""
    whole = path.with_suffix(".whole.ts")
    encode(whole, seconds=LENGTH)
    # FFmpeg would wait for the sound as well, for ten seconds.
    options = {"flush_packets": "1", "max_interleave_delta": "100000"}
    with av.open(str(whole)) as source, av.open(str(path), "w", format="mpegts", options=options) as out:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in source.streams}
        marks = []
        for one in source.demux():
            if not one.size or one.dts is None:
                continue
            at = float(one.dts * one.time_base)
            if one.stream.type == "audio" and PAUSE[0] <= at < PAUSE[1]:
                continue
            one.stream = streams[one.stream.index]
            out.mux(one)
            marks.append((at, path.stat().st_size))
    return marks


def test_pictures_come_while_the_sound_pauses(tmp_path: Path) -> None:
    """What is written in real time is there soon after, with and without the other track."""
    done = tmp_path / "done.ts"
    marks = with_a_pause(done)
    data, path = done.read_bytes(), tmp_path / "growing.ts"
    written: dict[float, float] = {}
    begun = threading.Event()

    def record() -> None:
        began, first = time.monotonic(), marks[0][0]
        with path.open("wb", buffering=0) as out:
            for at, size in marks:
                time.sleep(max(0.0, began + at - first - time.monotonic()))
                out.write(data[out.tell() : size])
                written[at] = time.monotonic()
                if at - first > 1.0:
                    begun.set()
            out.write(data[out.tell() :])

    recorder = threading.Thread(target=record)
    starved = Starved()
    recorder.start()
    begun.wait(20)
    reader = FileReader(path, PluginHost().codec, growing=True)
    lateness, pictures, sounds = late(reader, written)
    recorder.join()
    assert pictures == 25 * LENGTH
    assert sounds > 40 * (LENGTH - PAUSE[1] + PAUSE[0])
    assert lateness < MAX_WAIT + 1.5 + starved.seconds


def late(reader: FileReader, written: Mapping[float, float]) -> tuple[float, int, int]:
    """How much later than it was written the latest picture was read, how many there were, and how many sounds."""
    reader.open()
    latest, pictures, sounds, first = 0.0, 0, 0, None
    while not (batch := reader.read()).ended:
        now = time.monotonic()
        for one in batch.packets:
            first = one.dts if first is None else first
            if one.track.kind is MediaKind.AUDIO:
                sounds += 1
                continue
            pictures += 1
            at = min(written) + (one.dts - first) / NS_PER_S
            then = [moment for seconds, moment in list(written.items()) if seconds >= at - 0.01]
            latest = max(latest, now - min(then, default=now))
    pictures += sum(one.track.kind is MediaKind.VIDEO for one in batch.packets)
    sounds += sum(one.track.kind is MediaKind.AUDIO for one in batch.packets)
    reader.close()
    return latest, pictures, sounds
