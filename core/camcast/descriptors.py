"""What a process may run out of: above all file descriptors. How many are needed, and what to say when none is left."""

from __future__ import annotations

import errno
import resource

RESERVE = 64
"""For libraries, look-ups, log files and what comes and goes."""
PER_SOURCE = 4
"""A camera over UDP: control, and a pair for each kind of media."""
PER_SESSION = 2
"""A connection, and a second one while it moves or stands by."""
PER_WORKER = 3
TRANSLATIONS = 8
"""Errors that one became in turn, at most."""
NO_THREAD = "can't start new thread"
"""What Python says then, in no error of its own."""


def limit() -> int:
    """How many this process may have open."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 2**31


def raise_limit() -> None:
    """Raise the soft limit to the hard one. For programs that own their process, such as the command line."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def shortfall(sources: int, sessions: int, workers: int = 1) -> str:
    """What is wrong with the limit for so many, spread over `workers` processes; "" when they fit."""
    share = -(-(sources * PER_SOURCE + sessions * PER_SESSION) // workers)
    wanted, most = RESERVE + share + PER_WORKER * (workers - 1), limit()
    if wanted <= most:
        return ""
    return (
        f"{sources} sources and {sessions} sessions may need about {wanted} file descriptors, and this process may "
        f"have {most}: raise the limit (ulimit -n {wanted}, or LimitNOFILE={wanted} in a systemd unit)"
    )


def exhausted(error: BaseException | None) -> str:
    """What an error means that says that something has run out: files, threads, memory; "" for every other error.

    It counts as well where it was translated: as "cannot connect", by whoever could not even open a socket.
    """
    for _ in range(TRANSLATIONS):
        if error is None:
            break
        if told := _run_out(error):
            return told
        error = error.__cause__ or error.__context__
    return ""


def _run_out(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "no memory is left: this process may have too little (ulimit -v, MemoryMax), or the machine has"
    if isinstance(error, RuntimeError) and str(error) == NO_THREAD:
        return "no thread can be started: raise the limit (ulimit -u, TasksMax in a systemd unit)"
    if not isinstance(error, OSError) or error.errno not in (errno.EMFILE, errno.ENFILE):
        return ""
    if error.errno == errno.ENFILE:
        return "the system has no file descriptors left"
    return f"no file descriptor is left: this process may have {limit()}; raise the limit (ulimit -n, LimitNOFILE=)"
