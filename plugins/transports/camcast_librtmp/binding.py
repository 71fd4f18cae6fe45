"""Importing python-librtmp without what its import does to the process.

- It replaces the SIGINT handler, which Python allows on the main thread only, where the import would hold every camera:
  it is kept from that.
- It installs a log callback that formats into 2048 bytes without a bound (a long server answer overruns the stack)
  and calls into Python from whichever thread librtmp runs on. librtmp calls its callback unconditionally, so it is
  replaced by a function of librtmp's that looks at no argument and does nothing.
- The first session made initialises librtmp's TLS, without a lock: done here, before there are threads.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
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
    """Import python-librtmp, on any thread. Raises `MissingDependency`."""
    return Binding(sys.modules.get("librtmp") or _imported())


def _imported() -> Any:
    """The package, whose import leaves signals alone.

    It sets its handler by a function of its module `utils`, which is loaded before the rest and loses that function.
    """
    spec = importlib.util.find_spec("librtmp")
    if spec is None or spec.loader is None:
        raise MissingDependency(f"this transport needs python-librtmp: {_INSTALL}")
    package: Any = importlib.util.module_from_spec(spec)
    sys.modules["librtmp"] = package
    try:
        binary = importlib.import_module("librtmp._librtmp")
        package.ffi, package.librtmp = binary.ffi, binary.lib
        importlib.import_module("librtmp.utils").add_signal_handler = lambda: None  # type: ignore[attr-defined]
        spec.loader.exec_module(package)
    except BaseException as error:
        for name in [name for name in sys.modules if name.partition(".")[0] == "librtmp"]:
            del sys.modules[name]
        if isinstance(error, ImportError):
            raise MissingDependency(f"this transport needs python-librtmp ({error}): {_INSTALL}") from error
        raise
    return package
