"""Threads for calls that may block, kept for a while: whoever calls a hundred times needs no hundred of them.

None of them holds up the program's end, as those of the standard library's pools do: one call that hangs is enough.
How many there are at once is for whoever uses them to bound.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

REST = 2.0
"""Seconds for which a thread without a call stays."""

Call = Callable[[], object]


class Daemons:
    """Of one user. From any thread."""

    def __init__(self, name: str, rest: float = REST) -> None:
        """`name`: of every thread."""
        self._name = name
        self._rest = rest
        self._idle: list[SimpleQueue[Call]] = []
        self._lock = threading.Lock()

    def run(self, call: Call) -> None:
        """Have `call`, which does not raise, made on a thread. Raises `RuntimeError` where none can be started."""
        with self._lock:
            todo = self._idle.pop() if self._idle else None
        if todo is not None:
            todo.put(call)
        else:
            todo = SimpleQueue()
            todo.put(call)
            threading.Thread(target=self._work, args=(todo,), name=self._name, daemon=True).start()

    def _work(self, todo: SimpleQueue[Call]) -> None:
        while True:
            try:
                call = todo.get(timeout=self._rest)
            except Empty:
                with self._lock:
                    if todo in self._idle:
                        self._idle.remove(todo)
                        return
                continue  # it was chosen in this very moment, and its call is on the way
            call()
            del call  # what it holds is not held while there is nothing to do
            with self._lock:
                self._idle.append(todo)
