"""Sixteen RTSP cameras for a long time: no frame lost, memory flat, sound and picture in step.

    python -m bench.cameras --hours 1

One GStreamer server plays to all cameras; the receiver is a process of its own. The tests run a minute of it.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import attrs
from tests.servers.gst_rtsp import GstRtsp

from bench import long
from bench.peers import Peer
from bench.report import Row
from bench.watch import Watch
from camcast import CameraConfig, Config, Engine, SessionConfig, SourceConfig, StreamConfig, SystemConfig
from camcast.events import SessionState

CAMERA = (
    "( videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1 "
    "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 bitrate=300 "
    "! rtph264pay name=pay0 pt=96 config-interval=-1 "
    "audiotestsrc is-live=true samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2 "
    "! avenc_aac ! rtpmp4gpay name=pay1 pt=97 )"
)
BEFORE = ("nice", "-n", "-10")
"""A camera shares its processor with nobody; a server that waits for one is a camera whose clocks run slow. Without the
right to it, `nice` runs the server all the same."""
PICTURE, SOUND = 40.0, 1024 / 48
"""ms that one lasts."""
MAX_DRIFT = 40.0
"""ms that sound and picture may part over the whole run."""
REPORTED = 10.0
"""Seconds until sound is beside the picture: GStreamer's RTP-Info may be 80 ms off (each track's own first packet), and
its first sender reports, which are exact, come after up to 4 s. What is mended then is no drift."""
JOINED = 1.0
"""Seconds: a camera that is joined in mid-picture cannot bring that picture whole."""
LOOK = 2.0
HEADERS = 2
"""Tags of a publication that hold no picture: the sequence header and the end of sequence."""


@attrs.define
class Camera:
    """What came of one."""

    number: int
    sent: int = 0
    lost_at_source: int = 0
    dropped: int = 0
    missing_at_receiver: int = 0
    """Known at the end only."""
    drift: float = 0.0
    """ms between sound and picture, over the run so far, without its first `REPORTED`."""

    @property
    def bad(self) -> bool:
        return bool(self.lost_at_source or self.dropped or self.missing_at_receiver) or self.drift >= MAX_DRIFT


class Cameras:
    """One run; its figures may be asked for at any time."""

    def __init__(self, seconds: float, cameras: int = 16) -> None:
        self.seconds = seconds
        self.watch = Watch()
        self.cameras = [Camera(number) for number in range(cameras)]
        self._joined: Sequence[int] = [0] * cameras
        self._off: list[str] = []

    async def run(self) -> None:
        """Until the time is over or it is cancelled."""
        mounts = {"/cam": {"launch": CAMERA, "shared": True}}
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            server = stack.enter_context(GstRtsp(Path(folder), mounts, prefix=BEFORE))
            peer = stack.enter_context(Peer(keep=False))
            self.watch = Watch(lambda: [server.pid, peer.pid])
            async with Engine(self._config(server.url("/cam"), peer)) as engine:
                async with asyncio.timeout(60):
                    while not all(one.state is SessionState.CONNECTED for one in engine.sessions):  # noqa: ASYNC110
                        await asyncio.sleep(0.1)
                await asyncio.sleep(JOINED)
                self._joined = _lost(engine)
                self.watch.start()
                await self._look(engine, peer)
            self._sent(engine)
            counts = peer.ask("counts")
            for camera in self.cameras:
                camera.missing_at_receiver = camera.sent - (counts[f"cam{camera.number}"]["video"] - HEADERS)

    async def _look(self, engine: Engine, peer: Peer) -> None:
        watching = asyncio.create_task(self.watch.run())
        reported = False
        try:
            while (left := self.seconds - self.watch.seconds) > 0:
                await asyncio.sleep(min(LOOK, left))
                self._sent(engine)
                if not reported and self.watch.seconds > REPORTED:
                    reported = True
                    await asyncio.to_thread(peer.ask, "anew")
                    continue
                rates: Mapping[str, Sequence[float]] = await asyncio.to_thread(peer.ask, "rates")
                for camera, lost, joined in zip(self.cameras, _lost(engine), self._joined, strict=True):
                    video, audio, last = rates[f"cam{camera.number}"]
                    camera.lost_at_source = lost - joined
                    camera.drift = abs(video / PICTURE - audio / SOUND) * last
            self._off = [one.label for one in engine.sessions if one.state is not SessionState.CONNECTED]
        finally:
            watching.cancel()

    def _sent(self, engine: Engine) -> None:
        for camera, session in zip(self.cameras, engine.sessions, strict=True):
            metrics = session.metrics
            camera.sent, camera.dropped = metrics.video_sent + metrics.replayed, metrics.frames_dropped

    def _config(self, url: str, peer: Peer) -> Config:
        cameras = []
        for camera in self.cameras:
            session = SessionConfig(camera_id=camera.number, url=peer.url(f"cam{camera.number}"))
            stream = StreamConfig(source=SourceConfig(type="rtsp", url=url), sessions=(session,))
            cameras.append(CameraConfig(camera_id=camera.number, streams=(stream,)))
        return Config(system=SystemConfig(max_cameras=len(cameras)), cameras=tuple(cameras))

    # --- figures

    @property
    def pictures(self) -> int:
        return sum(camera.sent for camera in self.cameras)

    @property
    def trouble(self) -> list[str]:
        """Why the run has failed; empty = it has not."""
        bad = [f"a camera lost something or is out of step: {camera}" for camera in self.cameras if camera.bad]
        return [*bad, *(f"not connected: {label}" for label in self._off), *self.watch.trouble()]

    def rows(self) -> list[Row]:
        return [
            {
                "camera": camera.number,
                "pictures": camera.sent,
                "lost_at_source": camera.lost_at_source,
                "dropped": camera.dropped,
                "missing_at_receiver": camera.missing_at_receiver,
                "drift_ms": round(camera.drift, 1),
            }
            for camera in self.cameras
        ]

    def summary(self) -> Row:
        return {
            "seconds": round(self.watch.seconds),
            "cameras": len(self.cameras),
            "pictures": self.pictures,
            "widest_drift_ms": round(max(camera.drift for camera in self.cameras), 1),
            **self.watch.row(),
            "trouble": self.trouble,
        }


def _lost(engine: Engine) -> list[int]:
    return [sum(stream.dropped.values()) for stream in engine.stats().streams]


_NOTE = """Sixteen cameras with sound over RTSP, to one receiver. Drift is how far sound and picture part over the whole
run but its first ten seconds, by their paces; what is missing at the receiver is known at the end."""


def main() -> int:
    parser = long.arguments(__doc__, hours=1.0)
    parser.add_argument("--cameras", type=int, default=16)
    options = parser.parse_args()
    return long.go("soak-cameras", "RTSP cameras", Cameras(long.seconds(options), options.cameras), _NOTE)


if __name__ == "__main__":
    sys.exit(main())
