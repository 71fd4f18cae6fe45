"""Run camcast from a program without asyncio: the engine has a thread of its own, calls wait for their result.

python examples/embed_threads.py system_config.json [seconds]
"""

from __future__ import annotations

import sys
import time

from camcast import ConfigError, EngineThread


def main(path: str, seconds: float) -> None:
    with EngineThread.from_file(path, on_event=lambda event: print(event.text)) as engine:
        time.sleep(seconds)
        for metrics in engine.stats().sessions:
            print(f"{metrics.label}: {metrics.state.value}, {metrics.bytes_sent} bytes")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    try:
        main(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 10.0)
    except ConfigError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print("All sessions have been ended in order.")
