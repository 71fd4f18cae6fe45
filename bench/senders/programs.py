"""Programs as senders, a process for each stream: FFmpeg and GStreamer, copying, at the pace of the clip."""

from __future__ import annotations

import shutil
from pathlib import Path

import imageio_ffmpeg


def ffmpeg(clip: Path, url: str, ca_file: Path | None) -> list[str]:
    return [
        imageio_ffmpeg.get_ffmpeg_exe(),
        *("-nostdin", "-loglevel", "error", "-re", "-i", str(clip), "-c", "copy", "-f", "flv"),
        *(("-ca_file", str(ca_file)) if ca_file else ()),
        url,
    ]


def gstreamer(clip: Path, url: str, ca_file: Path | None) -> list[str]:
    """`rtmp2sink` paced by `clocksync` on each stream."""
    program = shutil.which("gst-launch-1.0")
    if program is None:
        raise FileNotFoundError(
            "gst-launch-1.0 is missing: apt-get install gstreamer1.0-tools gstreamer1.0-plugins-bad"
        )
    return [
        *(program, "-q", "flvmux", "name=m", "streamable=true", "!", "rtmp2sink", f"location={url}", "sync=false"),
        *("filesrc", f"location={clip}", "!", "qtdemux", "name=d"),
        *("d.video_0", "!", "queue", "!", "clocksync", "!", "h264parse", "!", "m.video"),
        *("d.audio_0", "!", "queue", "!", "clocksync", "!", "aacparse", "!", "m.audio"),
    ]
