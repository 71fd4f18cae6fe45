"""Modules that are executed when something of theirs is first asked for: what a library imports and we do not use.

    with postponed("library.resolver"):
        import library  # imports `library.resolver`

As `importlib.util.LazyLoader`, whose modules are executed as soon as somebody imports them.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any


@contextmanager
def postponed(name: str) -> Iterator[None]:
    """What is imported within may import the module `name`, and has it executed when it asks for anything of it.

    So has everybody else in this process, also afterwards. A package's own modules are not put off, but imported as
    `package.module`: `from package import module` asks for something of the package. Changes nothing where `name` has
    been imported already, or is not there.
    """
    if name not in sys.modules:
        _put_off(name)
    yield


def _put_off(name: str) -> None:
    parent, _, child = name.rpartition(".")
    try:
        package = import_module(parent) if parent else None
        spec = find_spec(name)
    except ImportError:
        return
    if spec is None or spec.loader is None:
        return
    module = module_from_spec(spec)
    vars(module)["__getattr__"] = _Execution(module, spec)
    sys.modules[name] = module
    if package is not None:
        setattr(package, child, module)


class _Execution:
    """Executes a module when it is asked for what it has not (PEP 562). From any thread."""

    def __init__(self, module: ModuleType, spec: ModuleSpec) -> None:
        self._module = module
        self._spec = spec
        self._lock = threading.RLock()
        self._begun = False

    def __call__(self, attribute: str) -> Any:
        own = vars(self._module)
        with self._lock:  # others wait until it is whole
            if not self._begun:
                self._execute()
            if attribute in own:
                return own[attribute]
        raise AttributeError(f"module {self._spec.name!r} has no attribute {attribute!r}")

    def _execute(self) -> None:
        assert self._spec.loader is not None
        self._begun = True
        try:
            self._spec.loader.exec_module(self._module)
        except BaseException:
            self._begun = False
            raise
        if vars(self._module).get("__getattr__") is self:
            del vars(self._module)["__getattr__"]
