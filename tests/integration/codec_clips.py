"""Clips of any picture beside any sound, put together from the made ones without encoding them again."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import av

from tests.media import RECIPES, encode, made

PICTURES = {"h264": "h264_aac", "h264b": "h264_b_aac", "h265": "hevc_aac", "h265b": "hevc_b_aac", "av1": "av1_aac"}
SOUNDS = {"aac": "h264_aac", "opus": "h264_opus", "g711a": "h264_pcma", "mp2": "sound_mp2", "pcm": "sound_pcm"}


def clip_of(picture: str, sound: str | None) -> Path:
    """A file with this picture and this sound, four seconds of each."""
    name = f"mix_{picture}_{sound}"
    suffix = ".mov" if sound in ("g711a", "pcm") else ".mkv"
    RECIPES.setdefault(name, (suffix, lambda path: _mix(path, PICTURES[picture], SOUNDS[sound] if sound else None)))
    return made(name)


RECIPES.setdefault("sound_mp2", (".mkv", lambda path: encode(path, video="", audio="mp2", rate=44_100)))
RECIPES.setdefault(
    "sound_pcm", (".mov", lambda path: encode(path, video="", audio="pcm_s16le", rate=16_000, layout="mono"))
)


def _mix(path: Path, picture: str, sound: str | None) -> None:
    with ExitStack() as stack:
        out = stack.enter_context(av.open(str(path), "w"))
        streams = [stack.enter_context(av.open(str(made(picture)))).streams.video[0]]
        if sound:
            streams.append(stack.enter_context(av.open(str(made(sound)))).streams.audio[0])  # type: ignore[arg-type]
        copies = {stream: out.add_stream_from_template(stream, opaque=True) for stream in streams}
        for packet in heapq.merge(*map(_packets, streams), key=lambda packet: float(packet.dts * packet.time_base)):  # type: ignore[operator]
            packet.stream = copies[packet.stream]
            out.mux(packet)


def _packets(stream: av.VideoStream | av.AudioStream) -> Iterator[av.Packet[Any]]:
    return (packet for packet in stream.container.demux(stream) if packet.size and packet.dts is not None)  # type: ignore[attr-defined]
