"""Push what OpenCV reads: a camera, a video file, or whatever your detector has drawn into.

    pip install opencv-python-headless
    python examples/push_opencv.py 0            # the first camera
    python examples/push_opencv.py clip.mp4     # a file

Set CAMCAST_URL to an RTMP address to send it there; otherwise a receiver inside this program takes it.
This program has no asyncio: the engine runs in a thread of its own.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from camcast import CameraConfig, Config, EncoderConfig, EngineThread, SessionConfig, SourceConfig, StreamConfig
from camcast_rtmp.receiver import Receiver

try:
    import cv2
except ImportError:
    cv2 = None

SECONDS = 10


def config(url: str, width: int, height: int, fps: float) -> Config:
    stream = StreamConfig(
        source=SourceConfig(type="push", options={"video": "raw", "format": "bgr24"}),
        encoder=EncoderConfig(width=width & ~1, height=height & ~1, framerate=round(fps), bitrate_kbps=1500),
        sessions=(SessionConfig(camera_id=0, stream_id=0, url=url),),
    )
    return Config(cameras=(CameraConfig(camera_id=0, name="opencv", streams=(stream,)),))


def push(capture: Any, url: str) -> None:
    fps = capture.get(cv2.CAP_PROP_FPS) or 25.0
    width, height = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    with EngineThread(config(url, width, height, fps)) as engine:
        feed = engine.push(0, 0)
        feed.wait_ready(10)
        begun, number, refused = time.monotonic(), 0, 0
        while time.monotonic() - begun < SECONDS:
            there, image = capture.read()
            if not there:
                break
            cv2.putText(image, f"frame {number}", (20, 40), cv2.FONT_HERSHEY_SIMPLEX, 1, (255, 255, 255), 2)
            # False means that the encoder cannot keep up just now: leave this picture out, never wait for it.
            refused += not feed.frame(image)
            number += 1
            time.sleep(max(0.0, begun + number / fps - time.monotonic()))
        state = engine.stats().sessions[0].state.value
        print(f"pushed {number} pictures, {refused} refused; the session is {state}")


@contextmanager
def own_receiver() -> Iterator[str]:
    """A receiver on a loop in a thread of its own; gives its URL."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    receiver = asyncio.run_coroutine_threadsafe(Receiver().start(), loop).result(5)
    try:
        yield receiver.url("live", "opencv")
        print(f"received {sum(recording.size for recording in receiver.recordings)} bytes")
    finally:
        asyncio.run_coroutine_threadsafe(receiver.stop(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


def main() -> int:
    if cv2 is None:
        print("This example needs OpenCV: pip install opencv-python-headless", file=sys.stderr)
        return 1
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 1
    what = sys.argv[1]
    capture = cv2.VideoCapture(int(what) if what.isdigit() else what)
    if not capture.isOpened():
        print(f"OpenCV cannot open {what!r}: give a camera's number or a video file", file=sys.stderr)
        return 1
    if url := os.environ.get("CAMCAST_URL"):
        push(capture, url)
    else:
        with own_receiver() as url:
            push(capture, url)
    capture.release()
    return 0


if __name__ == "__main__":
    sys.exit(main())
