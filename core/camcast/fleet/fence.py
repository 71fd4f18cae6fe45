"""A lease that the kernel keeps: at its end it ends this process, whatever the process is doing, or not doing.

A process that is frozen (SIGSTOP, a debugger, a container that is paused, a machine that sleeps) notices nothing, and
goes on where it was: in the middle of a packet, perhaps, of a camera that another member has by now. So the kernel is
asked beforehand, by a timer whose signal is SIGKILL. It ends stopped processes too, closes their connections, and so
frees the name at the receiver. CLOCK_BOOTTIME counts on while the machine sleeps; a timer that came due meanwhile is
carried out before any process runs again.

The first process of a PID namespace, as a container's usually is, gets no signal from within it that it does not
handle, and nobody handles SIGKILL: there the timer would do nothing.

Sources: timer_create(2), clock_getres(2), pid_namespaces(7).
"""

from __future__ import annotations

import ctypes
import os
import signal
import time

from camcast.errors import CamcastError

CLOCK_BOOTTIME = 7
_SIGEV_SIGNAL = 0
_TIMER_ABSTIME = 1


class _Sigevent(ctypes.Structure):
    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signo", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("_pad", ctypes.c_char * 48),
    )


class _Timespec(ctypes.Structure):
    _fields_ = (("sec", ctypes.c_long), ("nsec", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


def now() -> float:
    """Seconds of CLOCK_BOOTTIME."""
    return time.clock_gettime(CLOCK_BOOTTIME)


class KernelFence:
    """Ends this process at a time of `now`. A child that is forked has none."""

    def __init__(self) -> None:
        """Raises `CamcastError` where the kernel or the C library knows no such timer, or it would not end us."""
        if os.getpid() == 1:  # as in this process's own namespace: the last number of NSpid in /proc/self/status
            raise CamcastError(
                "the kernel keeps no lease for the first process of a container, which no SIGKILL from within ends: "
                "begin it under an init (the image's own entrypoint, tini, podman run --init), or with --hold forever"
            )
        self._c = ctypes.CDLL(None, use_errno=True)
        self._timer = ctypes.c_void_p()
        event = _Sigevent(signo=signal.SIGKILL, notify=_SIGEV_SIGNAL)
        try:
            failed = self._c.timer_create(CLOCK_BOOTTIME, ctypes.byref(event), ctypes.byref(self._timer))
        except AttributeError:
            raise CamcastError("this system's C library has no timer_create") from None
        if failed:
            raise CamcastError(f"the kernel keeps no lease: timer_create: {os.strerror(ctypes.get_errno())}")
        # The timer's id says nothing: glibc's first one is zero.
        self._open = True
        self.at: float | None = None

    def set(self, at: float | None) -> None:
        """When to end the process; None = never."""
        if at == self.at:
            return
        # All zeros switch a timer off, so a time that has come is one nanosecond after the beginning.
        value = _Timespec() if at is None else _Timespec(int(at), max(int(at % 1 * 1e9), 1))
        setting = _Itimerspec(value=value)
        if self._c.timer_settime(self._timer, _TIMER_ABSTIME, ctypes.byref(setting), None):
            raise CamcastError(f"the kernel keeps no lease: timer_settime: {os.strerror(ctypes.get_errno())}")
        self.at = at

    def close(self) -> None:
        """Never end the process any more."""
        if self._open:
            self._open = False
            self._c.timer_delete(self._timer)
