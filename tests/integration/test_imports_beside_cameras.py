"""Nothing of a plugin is imported on the event loop: while that goes on, every camera of the process stands still."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.media import made
from tests.servers.process import free_port

SCRIPT = """
import asyncio, json, sys, threading
from camcast import Engine
from camcast.config import loads
from camcast.host import PluginHost

made = []

class Watch:
    # Asked first for every module that is not imported yet, by whichever thread imports it.

    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is threading.main_thread():
            made.append(name)
        return None

CONFIG = {"cameras": [
    {"camera_id": number, "streams": [{"source": source, "outputs": outputs}]}
    for number, (source, outputs) in enumerate([
        ({"type": "testsrc"}, {"a": {"url": "rtmp://127.0.0.1:1/live/a"},
          "f": {"url": "rtmp://127.0.0.1:1/live/f", "transport": "librtmp"},
          "g": {"url": f"record://{sys.argv[2]}/g.mp4"}, "h": {"url": f"whep://127.0.0.1:{sys.argv[3]}/h"}}),
        ({"type": "file", "url": sys.argv[1], "options": {"loop": True}},
         {"b": {"url": "srt://127.0.0.1:1?streamid=b"},
          "c": {"url": "http://127.0.0.1:1/whip/c", "transport": "whip"}}),
        ({"type": "rtsp", "url": "rtsp://127.0.0.1:1/d"}, {"d": {"url": "rtmp://127.0.0.1:1/live/d"}}),
        ({"type": "v4l2", "url": "/dev/video99"}, {"e": {"url": "rtmp://127.0.0.1:1/live/e"}}),
        ({"type": "rtmp", "url": "rtmp://127.0.0.1:1/live/i"}, {"i": {"url": "rtmp://127.0.0.1:1/live/i"}}),
        ({"type": "srt", "url": "srt://127.0.0.1:1?streamid=j"}, {"j": {"url": "rtmp://127.0.0.1:1/live/j"}}),
    ])
]}

async def main():
    host = PluginHost()
    engine = Engine(loads(json.dumps(CONFIG), host), host=host)
    await engine.start()
    sys.meta_path.insert(0, Watch())
    async with asyncio.timeout(60):
        while not all(one.metrics.attempts for one in engine.sessions if one.label.startswith(("cam0", "cam1"))):
            await asyncio.sleep(0.05)
        # These have no media to send; that they failed says that they were built, or could not be.
        while not all(one.last_error for one in engine.stats().streams if not one.label.startswith(("cam0", "cam1"))):
            await asyncio.sleep(0.05)
        await asyncio.sleep(1)
    sys.meta_path.pop(0)
    await engine.stop()
    print(json.dumps(made))

asyncio.run(main())
"""
HEAVY = ("aiortc", "av", "cffi", "numpy", "PIL")


def test_no_plugin_is_imported_on_the_event_loop(tmp_path: Path) -> None:
    """Each kind of source and transport that a configuration file can name, from the start of its engine on."""
    command = [sys.executable, "-c", SCRIPT, str(made("h264_aac")), str(tmp_path), str(free_port())]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    # "aiortc" alone is looked for, not imported: see whether it is installed.
    found = [name for name in json.loads(ended.stdout) if name != "aiortc"]
    assert [name for name in found if name.startswith("camcast_") or name.partition(".")[0] in HEAVY] == []
