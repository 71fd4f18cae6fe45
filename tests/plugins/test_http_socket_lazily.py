"""The socket that every run has loads nothing of the web before somebody connects, and misses no event meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import asyncio, json, sys
from camcast import CameraConfig, Config, Engine, SourceConfig, StreamConfig
from camcast.config import ServiceConfig
from camcast.events import ServiceNote

WEB = ("starlette", "uvicorn", "h11", "anyio")
camera = CameraConfig(streams=(StreamConfig(source=SourceConfig(type="push")),))

async def ask(path, target):
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(f"GET {target} HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n".encode())
    answer = await reader.read()
    writer.close()
    return json.loads(answer.partition(b"\\r\\n\\r\\n")[2])

async def main(path):
    config = Config(services=(ServiceConfig(type="socket", options={"path": path}),), cameras=(camera,))
    engine = Engine(config)
    listening = asyncio.Event()
    async def hear():
        async for event in engine.events():
            if getattr(event, "code", "") == "listening":
                listening.set()
    hearing = asyncio.create_task(hear())
    async with engine:
        await listening.wait()
        engine.tell(ServiceNote(label="early", code="early", message="before anybody asked"))
        before = [name for name in WEB if name in sys.modules]
        events = await ask(path, "/api/v1/events")
        after = [name for name in WEB if name in sys.modules]
        status = await ask(path, "/api/v1/status")
    print(json.dumps({"before": before, "after": after, "events": [one["text"] for one in events],
                      "services": [one["name"] for one in status["services"]]}))

asyncio.run(main(sys.argv[1]))
"""


def test_nothing_of_the_web_is_loaded_before_somebody_connects(tmp_path: Path) -> None:
    path = tmp_path / "camcast.sock"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["before"] == []
    assert "uvicorn" in said["after"]
    assert any("before anybody asked" in text for text in said["events"])
    assert said["services"] == ["socket"]
    assert not path.exists()
