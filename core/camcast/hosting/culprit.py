"""Whose code a call is in: a plugin's, or nobody's that is known.

Told by the modules of a stack, so that a plugin is found that has called a library of somebody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import FrameType

from camcast.hosting.plugin import Plugin


def frames(innermost: FrameType | None) -> list[FrameType]:
    """A stack, innermost call first."""
    found = []
    while innermost is not None:
        found.append(innermost)
        innermost = innermost.f_back
    return found


def culprit(innermost: FrameType | None, plugins: Sequence[Plugin]) -> tuple[Plugin | None, str]:
    """The plugin whose code is nearest to the innermost call, and where: "file.py:12 in name".

    Without one, where is the innermost call itself; "" for no stack at all.
    """
    return culprit_of(frames(innermost), plugins)


def culprit_of(stack: Sequence[FrameType], plugins: Sequence[Plugin]) -> tuple[Plugin | None, str]:
    """As `culprit`, of a stack that is not linked, as that of a coroutine that waits; innermost call first."""
    owners = {package: plugin for plugin in plugins if (package := _package(plugin.module))}
    for frame in stack:
        plugin = owners.get(_top(frame.f_globals.get("__name__")))
        if plugin is not None:
            return plugin, _place(frame)
    return None, _place(stack[0]) if stack else ""


def _package(module: object) -> str:
    """The package that a plugin's code is in, whether the plugin is a module or an object."""
    name = getattr(module, "__module__", None) or getattr(module, "__name__", None)
    return _top(name)


def _top(name: object) -> str:
    return name.partition(".")[0] if isinstance(name, str) else ""


def _place(frame: FrameType) -> str:
    path = frame.f_code.co_filename.replace("\\", "/").rpartition("/")[2]
    return f"{path}:{frame.f_lineno} in {frame.f_code.co_name}"
