"""Run a configuration file inside your own asyncio program, watch its events, change it while it runs.

python examples/embed_asyncio.py system_config.json [seconds]
"""

from __future__ import annotations

import asyncio
import sys

from camcast import ConfigError, Engine


async def watch(engine: Engine) -> None:
    async for event in engine.events():
        print(event.text)


async def main(path: str, seconds: float) -> None:
    async with Engine.from_file(path) as engine:
        watcher = asyncio.create_task(watch(engine))
        await asyncio.sleep(seconds)
        for camera in list(engine.cameras)[1:]:
            await engine.remove_camera(camera.camera_id)  # the first one's sessions lose no frame
        for metrics in engine.stats().sessions:
            print(f"{metrics.label}: {metrics.state.value}, {metrics.frames_sent} frames sent to {metrics.target}")
    await watcher


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    try:
        asyncio.run(main(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 10.0))
    except ConfigError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print("All sessions have been ended in order.")
