"""How a command ends whose output cannot be written: a full disk below stdout or stderr."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from camcast.cli.terminal import FAILED, fail

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


@contextmanager
def printing() -> Iterator[None]:
    """Within, a command prints. What stdout did not take is an error of one line and exit status 1.

    What stderr did not take nobody can be told: it changes nothing, the exit status neither.
    """
    try:
        try:
            yield
        finally:
            _flush(sys.stdout)
    except OSError as error:
        if error.errno not in FULL or error.filename is not None:
            raise
        fail(f"cannot write the output: {error.strerror}")
        raise SystemExit(FAILED) from None
    finally:
        with suppress(OSError):
            _flush(sys.stderr)


def _flush(stream: TextIO | None) -> None:
    """Raises `OSError`. None: the command was started without it."""
    if stream is None:
        return
    try:
        stream.flush()
    except OSError:
        # The interpreter would try the rest once more when it ends, and change the exit status.
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
        raise
