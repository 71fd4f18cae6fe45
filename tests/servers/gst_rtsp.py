"""GStreamer as an IP camera. Debian: gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-{good,bad}, python3-gi."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import av
from av.bitstream import BitStreamFilterContext

from tests.servers.process import ServerProcess

SCRIPT = Path(__file__).with_name("gst_rtsp_server.py")
PYTHON = "/usr/bin/python3"

PAYLOADERS = {
    "h264": "h264parse ! rtph264pay config-interval=-1",
    "h265": "h265parse ! rtph265pay config-interval=-1",
    "aac": "aacparse ! rtpmp4gpay",
    "latm": "aacparse ! rtpmp4apay",
    "pcma": "rtppcmapay",
    "pcmu": "rtppcmupay",
    "opus": "opusparse ! rtpopuspay",
}
_DEMUXERS = {".mp4": "qtdemux", ".mov": "qtdemux", ".mkv": "matroskademux"}


def play(path: Path, video: str = "", audio: str = "") -> dict[str, object]:
    """A mount that plays a file once for each client, from its beginning, in real time."""
    parts = [f"filesrc location={path} ! {_DEMUXERS[path.suffix]} name=d"]
    for number, (kind, codec) in enumerate(
        (kind, codec) for kind, codec in (("video", video), ("audio", audio)) if codec
    ):
        parts.append(f"d.{kind}_0 ! queue ! {PAYLOADERS[codec]} name=pay{number} pt={96 + number}")
    return {"launch": f"( {' '.join(parts)} )"}


def loop(path: Path, codec: str, fps: int, feed: Path) -> dict[str, object]:
    """A mount that plays a file's video for ever, the same for all clients. `feed`: a file that is made."""
    name = {"h264": "h264", "h265": "hevc"}[codec]
    with av.open(str(path)) as container, feed.open("wb") as out:
        stream = container.streams.video[0]
        to_annexb = BitStreamFilterContext(f"{name}_mp4toannexb", stream)
        for packet in container.demux(stream):
            for made in to_annexb.filter(packet if packet.size else None):
                out.write(len(bytes(made)).to_bytes(4, "big") + bytes(made))
    caps = f"video/x-{codec},stream-format=byte-stream,alignment=au,framerate={fps}/1"
    return {
        "launch": f'( appsrc name=feed format=time caps="{caps}" ! {PAYLOADERS[codec]} name=pay0 pt=96 )',
        "shared": True,
        "feed": str(feed),
        "fps": fps,
    }


class GstRtsp(ServerProcess):
    """A camera with these mounts: path → what `play` or `loop` made."""

    def __init__(
        self,
        directory: Path,
        mounts: Mapping[str, Mapping[str, object]],
        *,
        user: str = "",
        password: str = "",
        auth: str = "digest",
        host: str = "127.0.0.1",
        port: int = 0,
        prefix: Sequence[str] = (),
    ) -> None:
        super().__init__(directory, host=host, port=port, prefix=prefix)
        self.mounts = mounts
        self._login = {"user": user, "password": password, "auth": auth} if user else {}

    def command(self) -> Sequence[str]:
        return [PYTHON, str(SCRIPT), json.dumps(self._settings())]

    def _settings(self) -> dict[str, object]:
        return {"host": self.host, "port": self.port, "mounts": self.mounts, **self._login}

    def url(self, path: str, login: str = "") -> str:
        return f"rtsp://{login + '@' if login else ''}{self.address}{path}"
