"""camcast beside a main loop of your own, such as Qt's, GTK's or a game's: nothing here waits for the network.

    python examples/in_main_loop.py system_config.json [seconds]

The engine has a thread of its own. Its events come in that thread, where a window must not be touched: they are handed
over in a queue, which the main loop empties on a timer. In Qt the loop below is `QApplication.exec()`, `tick` is
connected to a `QTimer` of 100 ms, and the rest stays as it is.
"""

from __future__ import annotations

import sys
import time
from collections import deque

from camcast import ConfigError, EngineThread
from camcast.events import Event

TICK = 0.1
"""Seconds from one look to the next."""


class Window:
    """What would be a window: it shows a line for each event, and how many outputs are healthy."""

    def __init__(self, path: str) -> None:
        self.news: deque[Event] = deque(maxlen=1000)
        self.engine = EngineThread.from_file(path, on_event=self.news.append)
        self.shown = ""

    def tick(self) -> None:
        """In the main loop's thread: here widgets may be changed."""
        self.show_news()
        sessions = self.engine.stats().sessions
        title = f"{sum(one.healthy for one in sessions)} of {len(sessions)} healthy"
        if title != self.shown:
            self.shown = title
            print(title)

    def show_news(self) -> None:
        while self.news:
            print(self.news.popleft().text)


def main(path: str, seconds: float) -> None:
    window = Window(path)
    with window.engine:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            window.tick()
            time.sleep(TICK)
    window.show_news()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    try:
        main(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 10.0)
    except ConfigError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print("All sessions have been ended in order.")
