"""What concerns all threads of a process, and is therefore done in those that are ours only.

The command line's is, and so is a worker process. In an embedder's process it is the embedder's to say.
"""

from __future__ import annotations

from camcast import garbage, heap
from camcast.interpreter import take_turns


def settle() -> None:
    """This process is ours: call it once, with the plugins loaded, and before any thread is started that will run for
    long."""
    take_turns()
    heap.share()
    garbage.leave_out()
