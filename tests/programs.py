"""Programs that run beside a test."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


@contextmanager
def beside(command: Sequence[str], **settings: Any) -> Iterator[subprocess.Popen[str]]:
    """One that is killed where the block ends before it has.

    The block of `Popen` itself waits for it instead: for ever, where a test fails before it has ended the program.
    """
    with subprocess.Popen(command, text=True, **settings) as process:
        try:
            yield process
        finally:
            process.kill()
