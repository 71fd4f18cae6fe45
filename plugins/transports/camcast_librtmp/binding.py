"""Importing python-librtmp without what its import does to the process.

- It replaces the SIGINT handler, which Python allows on the main thread only: imported there, and the handler restored.
- It installs a log callback that formats into 2048 bytes without a bound (a long server answer overruns the stack)
  and calls into Python from whichever thread librtmp runs on. librtmp calls its callback unconditionally, so it is
  replaced by a function of librtmp's that looks at no argument and does nothing.
- The first session made initialises librtmp's TLS, without a lock: done here, before there are threads.
"""

from __future__ import annotations

import signal
import sys
import threading
from typing import Any

from camcast.errors import MissingDependency

_INSTALL = "apt-get install librtmp-dev gcc && pip install 'camcast[librtmp]'"


class Binding:
    """The imported package: `lib` are librtmp's functions, `ffi` is cffi's."""

    def __init__(self, package: Any) -> None:
        self.lib = package.librtmp
        self.ffi = package.ffi
        self._package = package
        nothing = self.ffi.addressof(self.lib, "RTMP_LibVersion")
        self.lib.RTMP_LogSetCallback(self.ffi.cast("RTMP_LogCallback *", nothing))
        package.RTMP("rtmp://127.0.0.1/app")

    def session(self, url: str, options: dict[str, str]) -> Any:
        """A new `librtmp.RTMP` that writes. Opens nothing yet."""
        made = self._package.RTMP(url)
        for name, value in options.items():
            made.set_option(name, value)
        self.lib.RTMP_EnableWrite(made.rtmp)
        return made


def load() -> Binding:
    """Import python-librtmp. Raises `MissingDependency`.

    The first call in a process must be on the main thread; programs that run the engine on another one call it
    there beforehand.
    """
    if "librtmp" in sys.modules or threading.current_thread() is threading.main_thread():
        return Binding(_imported())
    raise MissingDependency(
        "python-librtmp can be imported on the main thread only (it sets a signal handler): call "
        "camcast_librtmp.binding.load() there before the engine starts"
    )


def _imported() -> Any:
    on_main_thread = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT) if on_main_thread else None
    try:
        import librtmp
    except ImportError as error:
        raise MissingDependency(f"this transport needs python-librtmp: {_INSTALL}") from error
    finally:
        if handler is not None:
            signal.signal(signal.SIGINT, handler)
    return librtmp
